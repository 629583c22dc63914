/* store/prune.c - retention: the oldest journal entries and notifications go, in steps that no tick
 * waits long for.
 *
 * A step is one transaction of at most STORE_PRUNE_ROWS entries, and then, when nothing is left to
 * delete, some pages given back to the file system. Giving back moves pages, so it is not done for
 * each hole: only while the file is larger than it may be, or more than a quarter of it is empty.
 * Until then later entries fill the holes. */
#include "batch.h"

enum { PAGES_BACK = 1000 /* of one step: 8 MiB moved at most */, HOLES_MIN_PAGES = 256 };

/* An entry of an open intent stays: its outcome is still to come, and must find its beginning. */
#define NOT_OPEN " (e.id IS NULL OR " DATABASE_ID_TEXT " NOT IN (SELECT id FROM intent))"

static const char by_age[] =
    "DELETE FROM journal_entry WHERE seq IN (SELECT e.seq FROM journal_batch AS b"
    " INDEXED BY journal_at CROSS JOIN journal_entry AS e ON e.seq BETWEEN b.first_seq AND"
    " b.last_seq WHERE b.at_ms < ?1 AND e.at_ms < ?1 AND" NOT_OPEN " ORDER BY b.at_ms LIMIT ?2)";
static const char by_size[] = "DELETE FROM journal_entry WHERE seq IN (SELECT e.seq FROM"
                              " journal_entry AS e WHERE" NOT_OPEN " ORDER BY e.seq LIMIT ?2)";

/* Notifications that were sent or given up. Looked at from the first one on, and no more of them
 * than a step has: rows are in the order of their puts, and none waits for longer than a day, so
 * those that may go are at the beginning. An index of ended_ms would cost each notification. */
static const char by_end[] = "DELETE FROM outbox WHERE rowid IN (SELECT rowid FROM"
                             " (SELECT rowid, state, ended_ms FROM outbox ORDER BY rowid LIMIT ?2)"
                             " WHERE state <> 'queued' AND ended_ms < ?1)";

struct size {
    int64_t page_bytes, pages, holes;
};

static int read_size(struct database *database, struct size *out, struct fault *fault)
{
    int code = database_int(database, "PRAGMA page_size", &out->page_bytes, fault);
    if (code == OK) code = database_int(database, "PRAGMA page_count", &out->pages, fault);
    if (code == OK) code = database_int(database, "PRAGMA freelist_count", &out->holes, fault);
    return code;
}

/* Answers how many entries went. */
static int delete_rows(struct database *database, enum statement which, const char *sql,
                       int64_t below, struct fault *fault)
{
    sqlite3_stmt *statement;
    int code = database_statement(database, which, sql, &statement, fault);
    if (code < 0) return code;
    int rc = sqlite3_bind_int64(statement, 1, below);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 2, STORE_PRUNE_ROWS);
    if (rc == SQLITE_OK) rc = sqlite3_step(statement);
    code = rc == SQLITE_DONE ? sqlite3_changes(database->sqlite) : database_fault(database, fault);
    sqlite3_reset(statement);
    return code;
}

/* Answers 1 when pages were given back and there are more. A file of before version 2 has no
 * auto_vacuum: then this does nothing, and its holes are only filled. */
static int give_back(struct database *database, int64_t max_bytes, struct fault *fault)
{
    struct size before, after;
    int code = read_size(database, &before, fault);
    if (code < 0) return code;
    bool large = max_bytes > 0 && before.pages * before.page_bytes > max_bytes;
    bool hollow = before.holes > HOLES_MIN_PAGES && before.holes > before.pages / 4;
    if (before.holes == 0 || (!large && !hollow)) return OK;
    char sql[64];
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA incremental_vacuum(%d)", PAGES_BACK);
    code = database_exec(database, sql, fault);
    if (code == OK) code = read_size(database, &after, fault);
    if (code < 0) return code;
    return after.pages < before.pages && after.holes > 0;
}

static int step(struct database *database, const struct store_retention *retention, int64_t now_ms,
                struct fault *fault)
{
    int gone = 0;
    if (retention->keep_ms > 0)
        gone =
            delete_rows(database, STATEMENT_PRUNE_AGE, by_age, now_ms - retention->keep_ms, fault);
    if (gone == 0 && retention->keep_ms > 0)
        gone = delete_rows(database, STATEMENT_PRUNE_OUTBOX, by_end, now_ms - retention->keep_ms,
                           fault);
    if (gone == 0 && retention->max_bytes > 0) {
        struct size size;
        int code = read_size(database, &size, fault);
        if (code < 0) return code;
        if ((size.pages - size.holes) * size.page_bytes > retention->max_bytes)
            gone = delete_rows(database, STATEMENT_PRUNE_SIZE, by_size, 0, fault);
    }
    if (gone != 0) return gone < 0 ? gone : 1;
    return give_back(database, retention->max_bytes, fault);
}

int prune_step(struct database *database, const struct store_retention *retention, int64_t now_ms,
               struct fault *fault)
{
    database_cache(database, true);
    int code = step(database, retention, now_ms, fault);
    database_cache(database, false);
    return code;
}
