/* store/database.h - one SQLite connection to the store's file, its schema, and its errors.
 *
 * A connection belongs to one thread at a time. Every failure leaves through database_fault(), so
 * that it names the file and, where it is damaged, what to do. */
#ifndef MOONTIDE_STORE_DATABASE_H
#define MOONTIDE_STORE_DATABASE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <sqlite3.h>
#include <stdbool.h>

enum database_kind { DATABASE_WRITER, DATABASE_READER };

/* The statements of a batch (batch.c), prepared at first use and kept. */
enum statement {
    STATEMENT_MEMO,
    STATEMENT_MEMO_END,
    STATEMENT_ALERT,
    STATEMENT_ALERT_END,
    STATEMENT_JOURNAL,
    STATEMENT_COUNT
};

struct database {
    sqlite3 *sqlite;
    char *path;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* A writer makes the file and its schema, or migrates it; `check` reads the whole file when it is
 * small enough to (see store.h). A reader takes the file as it is. Errors as store_open(). */
MUST_CHECK int database_open(const char *path, enum database_kind kind, bool check,
                             struct database **out, struct fault *fault);
/* Returns whether SQLite closed in order. NULL is allowed. */
bool database_close(struct database *database);

/* The fault of the call that just failed on this connection; returns its code. */
int database_fault(struct database *database, struct fault *fault);

MUST_CHECK int database_prepare(struct database *database, const char *sql, sqlite3_stmt **out,
                                struct fault *fault);
MUST_CHECK int database_exec(struct database *database, const char *sql, struct fault *fault);

#endif
