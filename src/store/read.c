/* store/read.c - what is read from the store at the start: what was kept; and the journal's names.
 */
#include "reader.h"

#include <string.h>

static const char *text_of(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

static const char *text_or_empty(sqlite3_stmt *statement, int column)
{
    const char *text = text_of(statement, column);
    return text ? text : "";
}

/* A statement of this text that was kept and is not in use; NULL: none. */
static sqlite3_stmt *kept_statement(const struct database *database, const char *sql)
{
    for (int i = 0; i < READS_KEPT; i++)
        if (database->reads[i] && !sqlite3_stmt_busy(database->reads[i]) &&
            strcmp(sqlite3_sql(database->reads[i]), sql) == 0)
            return database->reads[i];
    return NULL;
}

/* Kept for the next read of this text, while there is room. */
static void keep_statement(struct database *database, sqlite3_stmt *statement)
{
    sqlite3_reset(statement); /* repeats the error of the last step, which is known */
    sqlite3_clear_bindings(statement);
    for (int i = 0; i < READS_KEPT; i++) {
        if (database->reads[i] == statement) return;
        if (database->reads[i]) continue;
        database->reads[i] = statement;
        return;
    }
    sqlite3_finalize(statement);
}

/* Calls row(data, statement) for each row of sql until it answers false. parameters, shape
 * [count], are texts for ?1, ?2, ... */
static int each_row(struct store *store, const char *sql, const char *const *parameters, int count,
                    bool (*row)(void *data, sqlite3_stmt *statement), void *data,
                    struct fault *fault)
{
    struct database *database;
    sqlite3_stmt *statement = NULL;
    int rc = SQLITE_DONE, code = store_reader(store, &database, fault);
    if (code < 0) return code;
    statement = kept_statement(database, sql);
    if (!statement) code = database_prepare(database, sql, &statement, fault);
    for (int i = 0; i < count && code == OK; i++)
        if (sqlite3_bind_text(statement, i + 1, parameters[i], -1, SQLITE_STATIC))
            code = database_fault(database, fault);
    bool more = true;
    while (code == OK && more && (rc = sqlite3_step(statement)) == SQLITE_ROW)
        more = row(data, statement);
    if (code == OK && more && rc != SQLITE_DONE) code = database_fault(database, fault);
    if (statement) keep_statement(database, statement);
    return code;
}

struct memo_reading {
    store_memo_fn *each;
    void *data;
};

static bool memo_row(void *data, sqlite3_stmt *statement)
{
    const struct memo_reading *reading = data;
    reading->each(reading->data, text_or_empty(statement, 0), text_or_empty(statement, 1),
                  text_or_empty(statement, 2));
    return true;
}

int store_each_memo(struct store *store, const char *world, store_memo_fn *each, void *data,
                    struct fault *fault)
{
    struct memo_reading reading = {each, data};
    return each_row(store,
                    "SELECT policy, target, json FROM memo WHERE world = ?1"
                    " ORDER BY policy, target",
                    &world, 1, memo_row, &reading, fault);
}

struct alert_reading {
    store_alert_fn *each;
    void *data;
};

static bool alert_row(void *data, sqlite3_stmt *statement)
{
    const struct alert_reading *reading = data;
    reading->each(reading->data,
                  &(struct alert_row){.policy = text_or_empty(statement, 0),
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
                                      .flaps = sqlite3_column_int64(statement, 12)});
    return true;
}

int store_each_alert(struct store *store, const char *world, store_alert_fn *each, void *data,
                     struct fault *fault)
{
    struct alert_reading reading = {each, data};
    return each_row(store,
                    "SELECT policy, target, type, key, state, severity, since_ms,"
                    " raised_ms, gone_ms, description, recommendation, keep_firing_ms, flaps"
                    " FROM alert WHERE world = ?1 ORDER BY policy, target, type, key",
                    &world, 1, alert_row, &reading, fault);
}

struct resource_reading {
    store_resource_fn *each;
    void *data;
};

static bool resource_row(void *data, sqlite3_stmt *statement)
{
    const struct resource_reading *reading = data;
    reading->each(reading->data, &(struct resource_row){.kind = text_or_empty(statement, 0),
                                                        .resource = text_or_empty(statement, 1),
                                                        .region = text_or_empty(statement, 2),
                                                        .account = text_or_empty(statement, 3),
                                                        .json = text_or_empty(statement, 4)});
    return true;
}

int store_each_resource(struct store *store, const char *world, store_resource_fn *each, void *data,
                        struct fault *fault)
{
    struct resource_reading reading = {each, data};
    return each_row(store,
                    "SELECT kind, resource, region, account, json FROM resource"
                    " WHERE world = ?1 ORDER BY kind, resource, region, account",
                    &world, 1, resource_row, &reading, fault);
}

struct name_reading {
    store_name_fn *each;
    void *data;
    bool stopped;
};

static bool name_row(void *data, sqlite3_stmt *statement)
{
    struct name_reading *reading = data;
    reading->stopped = !reading->each(reading->data, text_or_empty(statement, 0));
    return !reading->stopped;
}

int store_each_world(struct store *store, store_name_fn *each, void *data, struct fault *fault)
{
    struct name_reading reading = {.each = each, .data = data};
    return each_row(store, "SELECT DISTINCT world FROM resource ORDER BY world", NULL, 0, name_row,
                    &reading, fault);
}

struct intent_reading {
    store_intent_fn *each;
    void *data;
};

static bool intent_row(void *data, sqlite3_stmt *statement)
{
    const struct intent_reading *reading = data;
    reading->each(reading->data, &(struct intent_row){.id = text_or_empty(statement, 0),
                                                      .at_ms = sqlite3_column_int64(statement, 1),
                                                      .json = text_or_empty(statement, 2)});
    return true;
}

int store_each_intent(struct store *store, const char *world, store_intent_fn *each, void *data,
                      struct fault *fault)
{
    struct intent_reading reading = {each, data};
    return each_row(store, "SELECT id, at_ms, json FROM intent WHERE world = ?1 ORDER BY seq",
                    &world, 1, intent_row, &reading, fault);
}

struct told_reading {
    store_told_fn *each;
    void *data;
};

static bool told_row(void *data, sqlite3_stmt *statement)
{
    const struct told_reading *reading = data;
    reading->each(reading->data, &(struct told_row){.group_key = text_or_empty(statement, 0),
                                                    .receiver = text_or_empty(statement, 1),
                                                    .json = text_or_empty(statement, 2)});
    return true;
}

int store_each_told(struct store *store, const char *world, store_told_fn *each, void *data,
                    struct fault *fault)
{
    struct told_reading reading = {each, data};
    return each_row(store,
                    "SELECT group_key, receiver, json FROM told WHERE world = ?1"
                    " ORDER BY group_key, receiver",
                    &world, 1, told_row, &reading, fault);
}

struct outbox_reading {
    store_outbox_fn *each;
    void *data;
};

static bool outbox_row(void *data, sqlite3_stmt *statement)
{
    const struct outbox_reading *reading = data;
    return reading->each(reading->data,
                         &(struct outbox_row){.seq = sqlite3_column_int64(statement, 0),
                                              .receiver = text_or_empty(statement, 1),
                                              .group_key = text_or_empty(statement, 2),
                                              .id = text_or_empty(statement, 3),
                                              .state = text_or_empty(statement, 4),
                                              .json = text_or_empty(statement, 5),
                                              .group = text_or_empty(statement, 6),
                                              .answer = text_or_empty(statement, 7),
                                              .put_ms = sqlite3_column_int64(statement, 8),
                                              .ended_ms = sqlite3_column_int64(statement, 9),
                                              .attempts = sqlite3_column_int64(statement, 10)});
}

/* The four ways to ask, so that the index of those that wait is used. */
static const char *outbox_sql(const char *state, bool newest)
{
#define OUTBOX_COLUMNS                                                                             \
    "SELECT seq, receiver, group_key, id, state, json, group_state, answer, put_ms, ended_ms,"     \
    " attempts FROM outbox WHERE world = ?1"
    if (!state)
        return newest ? OUTBOX_COLUMNS " ORDER BY seq DESC" : OUTBOX_COLUMNS " ORDER BY seq";
    if (strcmp(state, "sent") != 0)
        return newest ? OUTBOX_COLUMNS " AND state = ?2 AND state != 'sent' ORDER BY seq DESC"
                      : OUTBOX_COLUMNS " AND state = ?2 AND state != 'sent' ORDER BY seq";
    return newest ? OUTBOX_COLUMNS " AND state = ?2 ORDER BY seq DESC"
                  : OUTBOX_COLUMNS " AND state = ?2 ORDER BY seq";
#undef OUTBOX_COLUMNS
}

int store_each_outbox(struct store *store, const char *world, const char *state, bool newest,
                      store_outbox_fn *each, void *data, struct fault *fault)
{
    const char *const parameters[] = {world, state};
    struct outbox_reading reading = {each, data};
    return each_row(store, outbox_sql(state, newest), parameters, state ? 2 : 1, outbox_row,
                    &reading, fault);
}

/* ---- the names in the journal ---- */

/* A subject whose last entry went goes with it (schema.c), so each of these has entries. */
int store_each_name(struct store *store, store_name_fn *each, void *data, struct fault *fault)
{
    static const char *const queries[] = {
        "SELECT DISTINCT resource FROM journal_subject WHERE resource IS NOT NULL"
        " ORDER BY resource",
        "SELECT DISTINCT target FROM journal_subject WHERE target IS NOT NULL ORDER BY target"};
    struct name_reading reading = {.each = each, .data = data};
    int code = OK;
    for (size_t i = 0; i < COUNT_OF(queries) && code == OK && !reading.stopped; i++)
        code = each_row(store, queries[i], NULL, 0, name_row, &reading, fault);
    return code;
}
