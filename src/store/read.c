/* store/read.c - what is read from the store: memo and alerts at the start, the journal later. */
#include "reader.h"

#include "moontide/base/strbuf.h"

enum { JOURNAL_LIMIT = 1000, SQL_BYTES_MAX = 1024 };

static const char *text_of(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

static const char *text_or_empty(sqlite3_stmt *statement, int column)
{
    const char *text = text_of(statement, column);
    return text ? text : "";
}

static int prepare_for_world(struct database *database, const char *sql, const char *world,
                             sqlite3_stmt **out, struct fault *fault)
{
    int code = database_prepare(database, sql, out, fault);
    if (code == OK && sqlite3_bind_text(*out, 1, world, -1, SQLITE_STATIC))
        code = database_fault(database, fault);
    return code;
}

int store_each_memo(struct store *store, const char *world, store_memo_fn *each, void *data,
                    struct fault *fault)
{
    struct database *database;
    sqlite3_stmt *statement = NULL;
    int rc = SQLITE_DONE, code = store_reader(store, &database, fault);
    if (code < 0) return code;
    code = prepare_for_world(database,
                             "SELECT policy, target, json FROM memo WHERE world = ?1"
                             " ORDER BY policy, target",
                             world, &statement, fault);
    while (code == OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
        each(data, text_or_empty(statement, 0), text_or_empty(statement, 1),
             text_or_empty(statement, 2));
    if (code == OK && rc != SQLITE_DONE) code = database_fault(database, fault);
    sqlite3_finalize(statement);
    return code;
}

int store_each_alert(struct store *store, const char *world, store_alert_fn *each, void *data,
                     struct fault *fault)
{
    struct database *database;
    sqlite3_stmt *statement = NULL;
    int rc = SQLITE_DONE, code = store_reader(store, &database, fault);
    if (code < 0) return code;
    code = prepare_for_world(
        database,
        "SELECT policy, target, type, key, state, severity, since_ms,"
        " raised_ms, gone_ms, description, recommendation, keep_firing_ms FROM alert"
        " WHERE world = ?1 ORDER BY policy, target, type, key",
        world, &statement, fault);
    while (code == OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct alert_row row = {
            .policy = text_or_empty(statement, 0),
            .target = text_or_empty(statement, 1),
            .type = text_or_empty(statement, 2),
            .key = text_or_empty(statement, 3),
            .state = text_or_empty(statement, 4),
            .severity = sqlite3_column_int(statement, 5),
            .since_ms = sqlite3_column_int64(statement, 6),
            .raised_ms = sqlite3_column_int64(statement, 7),
            .gone_ms = sqlite3_column_int64(statement, 8),
            .description = text_or_empty(statement, 9),
            .recommendation = text_or_empty(statement, 10),
            .keep_firing_ms = sqlite3_column_int64(statement, 11),
        };
        each(data, &row);
    }
    if (code == OK && rc != SQLITE_DONE) code = database_fault(database, fault);
    sqlite3_finalize(statement);
    return code;
}

/* ---- the journal ---- */

/* Only the fields that are asked for become conditions, so that SQLite can choose an index. A unary
 * plus keeps it from one that would not help: without target or resource, `world` picks nearly
 * every row, and reading backwards from the newest ends at the limit. */
static int journal_sql(const struct journal_filter *filter, struct strbuf *sql)
{
    bool narrow = filter->target || filter->resource;
    strbuf_adds(sql, "SELECT seq, at_ms, world, id, what, policy, target, resource, policy_sha256,"
                     " json FROM journal WHERE 1");
    if (filter->since_ms) strbuf_adds(sql, " AND at_ms >= ?1");
    if (filter->world) strbuf_adds(sql, narrow ? " AND world = ?3" : " AND +world = ?3");
    if (filter->policy) strbuf_adds(sql, " AND policy = ?4");
    if (filter->target) strbuf_adds(sql, " AND target = ?5");
    if (filter->resource) strbuf_adds(sql, " AND resource = ?6");
    if (filter->id) strbuf_adds(sql, " AND id = ?7");
    strbuf_adds(sql, " ORDER BY seq DESC LIMIT ?2");
    return strbuf_status(sql);
}

static int prepare_journal(struct database *database, const struct journal_filter *filter,
                           sqlite3_stmt **out, struct fault *fault)
{
    const char *const values[] = {filter->world, filter->policy, filter->target, filter->resource,
                                  filter->id};
    struct strbuf sql;
    strbuf_init(&sql, SQL_BYTES_MAX);
    int code = journal_sql(filter, &sql);
    if (code < 0)
        fault_set(fault, code, "%s: %s", database->path, err_text(code));
    else
        code = database_prepare(database, strbuf_cstr(&sql), out, fault);
    strbuf_done(&sql);
    if (code < 0) return code;

    int rc = filter->since_ms ? sqlite3_bind_int64(*out, 1, filter->since_ms) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(*out, 2, filter->limit ? filter->limit : JOURNAL_LIMIT);
    for (int i = 0; i < (int)COUNT_OF(values) && rc == SQLITE_OK; i++)
        if (values[i]) rc = sqlite3_bind_text(*out, i + 3, values[i], -1, SQLITE_STATIC);
    return rc == SQLITE_OK ? OK : database_fault(database, fault);
}

int store_each_journal(struct store *store, const struct journal_filter *filter,
                       store_journal_fn *each, void *data, struct fault *fault)
{
    struct database *database;
    sqlite3_stmt *statement = NULL;
    int rc = SQLITE_DONE, code = store_reader(store, &database, fault);
    if (code < 0) return code;
    code = prepare_journal(database, filter, &statement, fault);
    while (code == OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct journal_row row = {
            .seq = sqlite3_column_int64(statement, 0),
            .at_ms = sqlite3_column_int64(statement, 1),
            .world = text_or_empty(statement, 2),
            .entry = {.id = text_of(statement, 3),
                      .what = text_or_empty(statement, 4),
                      .policy = text_of(statement, 5),
                      .target = text_of(statement, 6),
                      .resource = text_of(statement, 7),
                      .policy_sha256 = text_of(statement, 8),
                      .json = text_or_empty(statement, 9)},
        };
        rc = SQLITE_DONE;
        if (!each(data, &row)) break;
    }
    if (code == OK && rc != SQLITE_DONE) code = database_fault(database, fault);
    sqlite3_finalize(statement);
    return code;
}
