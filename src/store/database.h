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
#include <stdint.h>

enum database_kind { DATABASE_WRITER, DATABASE_READER };

/* The statements of a batch (batch.c, entries.c) and of pruning (prune.c), prepared at first use
 * and kept. */
enum statement {
    STATEMENT_MEMO,
    STATEMENT_MEMO_END,
    STATEMENT_ALERT,
    STATEMENT_ALERT_END,
    STATEMENT_RESOURCE,
    STATEMENT_RESOURCE_END,
    STATEMENT_INTENT,
    STATEMENT_INTENT_END,
    STATEMENT_TOLD,
    STATEMENT_TOLD_END,
    STATEMENT_OUTBOX,
    STATEMENT_OUTBOX_STATE,
    STATEMENT_SUBJECT,
    STATEMENT_SUBJECT_NEW,
    STATEMENT_POLICY,
    STATEMENT_POLICY_NEW,
    STATEMENT_JOURNAL,
    STATEMENT_JOURNAL_BATCH,
    STATEMENT_PRUNE_AGE,
    STATEMENT_PRUNE_SIZE,
    STATEMENT_PRUNE_OUTBOX,
    STATEMENT_COUNT
};

/* Of journal_entry.what: those with an index of their own, and so what a query must say to use it.
 * Part of the schema: a change takes a migration. Not as NOT IN: of a list of more than two SQLite
 * makes a table anew for each insert, which was a third of an insert's time. */
#define DATABASE_RARE                                                                              \
    "what <> 'decision' AND what <> 'outcome' AND what <> 'intent' AND what <> 'issue'"            \
    " AND what <> 'verification' AND what <> 'policy'"

/* The text of an entry's id, of journal_entry AS e; see journal_id.h. */
#define DATABASE_ID_TEXT "CASE typeof(e.id) WHEN 'blob' THEN lower(hex(e.id)) ELSE e.id END"

enum { DATABASE_APPLICATION_ID = 0x6d6f6f6e /* "moon" */ };
enum { READS_KEPT = 8 };
enum { LOG_BYTES_MAX = 4 * 1024 * 1024 /* of the write-ahead log, then it is time to copy it */ };

struct database {
    sqlite3 *sqlite;
    int64_t page_bytes;
    int64_t log_bytes; /* in the write-ahead log at the last commit */
    char *path;
    const struct entries_source *entries; /* of the batch that is being written, or NULL */
    const char *lost;                     /* what is lost without the file, in words */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    sqlite3_stmt *reads[READS_KEPT]; /* of read.c, found by their text */
};

/* A writer makes the file and its schema, or migrates it; `check` reads the whole file when it is
 * small enough to (see store.h). A reader takes the file as it is. Errors as store_open(). */
MUST_CHECK int database_open(const char *path, enum database_kind kind, bool check,
                             struct database **out, struct fault *fault);
/* The same for a file with another schema, which is the caller's: nothing in it is looked at.
 * `lost` lives as long as the connection. */
MUST_CHECK int database_connect(const char *path, enum database_kind kind, const char *lost,
                                struct database **out, struct fault *fault);
/* schema.c: from one version to this one's, whole or not at all. */
MUST_CHECK int database_migrate(struct database *database, int64_t from, struct fault *fault);
/* A large transaction changes more pages than the cache ordinarily holds, and each that must make
 * way is written, read and written again: it gets room, and gives it back. */
void database_cache(struct database *database, bool large);
/* Copies the write-ahead log into the file, as far as no reader needs it. What does not succeed
 * (a full disk) is tried again later: nothing is lost meanwhile. */
void database_checkpoint(struct database *database);
/* Returns whether SQLite closed in order. NULL is allowed. */
bool database_close(struct database *database);

/* The first column of the first row; *out stays as it is when there is none. */
MUST_CHECK int database_int(struct database *database, const char *sql, int64_t *out,
                            struct fault *fault);
/* The fault of the call that just failed on this connection; returns its code. */
int database_fault(struct database *database, struct fault *fault);

MUST_CHECK int database_prepare(struct database *database, const char *sql, sqlite3_stmt **out,
                                struct fault *fault);
/* The kept statement, prepared at first use. */
MUST_CHECK int database_statement(struct database *database, enum statement which, const char *sql,
                                  sqlite3_stmt **out, struct fault *fault);
MUST_CHECK int database_exec(struct database *database, const char *sql, struct fault *fault);

#endif
