/* store/batch.c - the writes of one transaction: gathered on the loop, applied on a worker thread.
 *
 * A batch copies every text into one buffer and remembers where; offsets, not pointers, as the
 * buffer moves while it grows. Its statements all bind in the same order: the world, the time, the
 * texts, the numbers. */
#include "batch.h"
#include "entries.h"

#include "moontide/base/strbuf.h"

#include <stdlib.h>
#include <string.h>

enum { TEXTS_MAX = 7, NUMBERS_MAX = 6, FIRST_WRITES = 16, LARGE_BATCH = 500 };

/* SQL's ?1 is the world, ?2 the time, ?3 the first text; numbers follow the texts. */
static const struct shape {
    const char *sql;
    int texts, numbers;
} shapes[STATEMENT_COUNT] = {
    [STATEMENT_MEMO] = {"INSERT INTO memo (world, at_ms, policy, target, json)"
                        " VALUES (?1, ?2, ?3, ?4, ?5)"
                        " ON CONFLICT DO UPDATE SET json = excluded.json, at_ms = excluded.at_ms",
                        3, 0},
    [STATEMENT_MEMO_END] = {"DELETE FROM memo WHERE world = ?1 AND policy = ?3 AND target = ?4", 2,
                            0},
    [STATEMENT_ALERT] = {"INSERT OR REPLACE INTO alert (world, at_ms, policy, target, type, key,"
                         " state, description, recommendation, severity, since_ms, raised_ms,"
                         " gone_ms, keep_firing_ms, flaps) VALUES"
                         " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                         7, 6},
    [STATEMENT_ALERT_END] = {"DELETE FROM alert WHERE world = ?1 AND policy = ?3 AND target = ?4"
                             " AND type = ?5 AND key = ?6",
                             4, 0},
    [STATEMENT_RESOURCE] = {"INSERT INTO resource (world, at_ms, kind, resource, region, account,"
                            " json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE"
                            " SET json = excluded.json, at_ms = excluded.at_ms",
                            5, 0},
    [STATEMENT_RESOURCE_END] = {"DELETE FROM resource WHERE world = ?1 AND kind = ?3"
                                " AND resource = ?4 AND region = ?5 AND account = ?6",
                                4, 0},
    [STATEMENT_INTENT] = {"INSERT INTO intent (world, at_ms, id, json) VALUES (?1, ?2, ?3, ?4)"
                          " ON CONFLICT DO UPDATE SET json = excluded.json, at_ms = excluded.at_ms",
                          2, 0},
    [STATEMENT_INTENT_END] = {"DELETE FROM intent WHERE world = ?1 AND id = ?3", 1, 0},
    [STATEMENT_TOLD] = {"INSERT INTO told (world, at_ms, group_key, receiver, json)"
                        " VALUES (?1, ?2, ?3, ?4, ?5)"
                        " ON CONFLICT DO UPDATE SET json = excluded.json, at_ms = excluded.at_ms",
                        3, 0},
    [STATEMENT_TOLD_END] = {"DELETE FROM told WHERE world = ?1 AND group_key = ?3"
                            " AND receiver = ?4",
                            2, 0},
    [STATEMENT_OUTBOX] = {"INSERT OR REPLACE INTO outbox (world, at_ms, receiver, group_key, id,"
                          " state, json, group_state, answer, seq, put_ms, ended_ms, attempts)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                          7, 4},
    [STATEMENT_OUTBOX_STATE] = {"UPDATE outbox SET at_ms = ?2, state = ?3, group_state = ?4,"
                                " answer = ?5, ended_ms = ?7, attempts = ?8"
                                " WHERE world = ?1 AND seq = ?6",
                                3, 3},
};

static const size_t NO_TEXT = SIZE_MAX;
static const int64_t NO_NUMBERS[NUMBERS_MAX] = {0};

struct write {
    enum statement statement;
    size_t texts[TEXTS_MAX]; /* offsets into the batch's texts, or NO_TEXT for NULL */
    int64_t numbers[NUMBERS_MAX];
};

struct store_batch {
    struct batch_link link;
    char *world;
    int64_t at_ms;
    struct strbuf texts; /* each NUL-terminated */
    struct write *writes;
    size_t count, cap;
    struct entries entries; /* the journal's, which are many */
    int status;             /* the first failure sticks */
};

int store_batch_new(const char *world, int64_t at_ms, struct store_batch **out)
{
    struct store_batch *batch = calloc(1, sizeof *batch);
    if (!batch || !(batch->world = strdup(world))) {
        free(batch);
        return ERR_NOMEM;
    }
    batch->at_ms = at_ms;
    strbuf_init(&batch->texts, STORE_BATCH_BYTES_MAX);
    *out = batch;
    return OK;
}

void store_batch_free(struct store_batch *batch)
{
    if (!batch) return;
    strbuf_done(&batch->texts);
    entries_done(&batch->entries);
    free(batch->writes);
    free(batch->world);
    free(batch);
}

bool store_batch_empty(const struct store_batch *batch)
{
    return batch->count == 0 && batch->entries.count == 0 && batch->status == OK;
}

struct batch_link *batch_link(struct store_batch *batch)
{
    return &batch->link;
}

int batch_status(const struct store_batch *batch)
{
    return batch->status;
}

/* ---- gathering ---- */

static struct write *add_write(struct store_batch *batch)
{
    if (batch->count == batch->cap) {
        size_t cap = batch->cap ? batch->cap * 2 : FIRST_WRITES;
        struct write *writes = realloc(batch->writes, cap * sizeof *writes);
        if (!writes) return NULL;
        batch->writes = writes;
        batch->cap = cap;
    }
    return &batch->writes[batch->count];
}

static size_t add_text(struct store_batch *batch, const char *text)
{
    if (!text) return NO_TEXT;
    size_t at = batch->texts.len;
    strbuf_add(&batch->texts, text, strlen(text) + 1);
    return at;
}

/* texts and numbers have the statement's shape; the first `required` texts must be there. */
static void add(struct store_batch *batch, enum statement statement, const char *const *texts,
                int required, const int64_t *numbers)
{
    if (batch->status < 0) return;
    for (int i = 0; i < required && batch->status == OK; i++)
        if (!texts[i]) batch->status = ERR_INVALID;
    struct write *write = batch->status == OK ? add_write(batch) : NULL;
    if (!write) {
        if (batch->status == OK) batch->status = ERR_NOMEM;
        return;
    }
    write->statement = statement;
    for (int i = 0; i < shapes[statement].texts; i++)
        write->texts[i] = add_text(batch, texts[i]);
    for (int i = 0; i < shapes[statement].numbers; i++)
        write->numbers[i] = numbers[i];
    batch->status = strbuf_status(&batch->texts);
    if (batch->status == OK) batch->count++;
}

void store_batch_memo(struct store_batch *batch, const char *policy, const char *target,
                      const char *json)
{
    const char *texts[] = {policy, target, json};
    if (json)
        add(batch, STATEMENT_MEMO, texts, 3, NO_NUMBERS);
    else
        add(batch, STATEMENT_MEMO_END, texts, 2, NO_NUMBERS);
}

void store_batch_alert(struct store_batch *batch, const struct alert_row *row)
{
    const char *texts[] = {row->policy,
                           row->target,
                           row->type,
                           row->key ? row->key : "",
                           row->state,
                           row->description ? row->description : "",
                           row->recommendation ? row->recommendation : ""};
    int64_t numbers[] = {row->severity, row->since_ms,       row->raised_ms,
                         row->gone_ms,  row->keep_firing_ms, row->flaps};
    add(batch, STATEMENT_ALERT, texts, 7, numbers);
}

void store_batch_alert_end(struct store_batch *batch, const char *policy, const char *target,
                           const char *type, const char *key)
{
    const char *texts[] = {policy, target, type, key ? key : ""};
    add(batch, STATEMENT_ALERT_END, texts, 4, NO_NUMBERS);
}

void store_batch_resource(struct store_batch *batch, const struct resource_row *row)
{
    const char *texts[] = {row->kind, row->resource, row->region ? row->region : "",
                           row->account ? row->account : "", row->json};
    if (row->json)
        add(batch, STATEMENT_RESOURCE, texts, 5, NO_NUMBERS);
    else
        add(batch, STATEMENT_RESOURCE_END, texts, 4, NO_NUMBERS);
}

void store_batch_intent(struct store_batch *batch, const char *id, const char *json)
{
    const char *texts[] = {id, json};
    add(batch, STATEMENT_INTENT, texts, 2, NO_NUMBERS);
}

void store_batch_intent_end(struct store_batch *batch, const char *id)
{
    add(batch, STATEMENT_INTENT_END, &id, 1, NO_NUMBERS);
}

void store_batch_told(struct store_batch *batch, const struct told_row *row)
{
    const char *texts[] = {row->group_key, row->receiver, row->json};
    if (row->json)
        add(batch, STATEMENT_TOLD, texts, 3, NO_NUMBERS);
    else
        add(batch, STATEMENT_TOLD_END, texts, 2, NO_NUMBERS);
}

void store_batch_outbox(struct store_batch *batch, const struct outbox_row *row)
{
    const char *texts[] = {row->receiver,
                           row->group_key,
                           row->id,
                           row->state,
                           row->json,
                           row->group ? row->group : "",
                           row->answer ? row->answer : ""};
    int64_t numbers[] = {row->seq, row->put_ms, row->ended_ms, row->attempts};
    add(batch, STATEMENT_OUTBOX, texts, 7, numbers);
}

void store_batch_outbox_state(struct store_batch *batch, const struct outbox_row *row)
{
    const char *texts[] = {row->state, row->group ? row->group : "",
                           row->answer ? row->answer : ""};
    int64_t numbers[] = {row->seq, row->ended_ms, row->attempts};
    add(batch, STATEMENT_OUTBOX_STATE, texts, 3, numbers);
}

void store_batch_journal(struct store_batch *batch, const struct journal_entry *entry)
{
    if (batch->status == OK && !entry->what) batch->status = ERR_INVALID;
    if (batch->status == OK) batch->status = entries_add(&batch->entries, &batch->texts, entry);
}

/* ---- writing ---- */

static int bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    return text ? sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC)
                : sqlite3_bind_null(statement, at);
}

static int bind(const struct store_batch *batch, const struct write *write, sqlite3_stmt *statement)
{
    const struct shape *shape = &shapes[write->statement];
    const char *texts = strbuf_cstr(&batch->texts);
    int at = 1;
    int rc = bind_text(statement, at++, batch->world);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, at++, batch->at_ms);
    for (int i = 0; i < shape->texts && rc == SQLITE_OK; i++) {
        size_t offset = write->texts[i];
        rc = bind_text(statement, at++, offset == NO_TEXT ? NULL : texts + offset);
    }
    for (int i = 0; i < shape->numbers && rc == SQLITE_OK; i++)
        rc = sqlite3_bind_int64(statement, at++, write->numbers[i]);
    return rc;
}

static int write_one(const struct store_batch *batch, const struct write *write,
                     struct database *database, struct fault *fault)
{
    sqlite3_stmt *statement;
    int code = database_statement(database, write->statement, shapes[write->statement].sql,
                                  &statement, fault);
    if (code < 0) return code;
    int rc = bind(batch, write, statement);
    if (rc == SQLITE_OK) rc = sqlite3_step(statement);
    code = rc == SQLITE_OK || rc == SQLITE_DONE ? OK : database_fault(database, fault);
    sqlite3_reset(statement); /* says again what the step said */
    sqlite3_clear_bindings(statement);
    return code;
}

int batch_write(struct store_batch *batch, struct database *database, struct fault *fault)
{
    bool large = batch->count + batch->entries.count >= LARGE_BATCH;
    if (batch->count + batch->entries.count == 0) return OK;
    if (large) database_cache(database, true);
    int code = database_exec(database, "BEGIN IMMEDIATE", fault);
    for (size_t i = 0; i < batch->count && code == OK; i++)
        code = write_one(batch, &batch->writes[i], database, fault);
    if (code == OK)
        code = entries_write(&batch->entries, strbuf_cstr(&batch->texts), batch->world,
                             batch->at_ms, database, fault);
    if (code == OK) code = database_exec(database, "COMMIT", fault);
    /* Some errors have rolled back already; then there is nothing open any more. */
    if (code < 0 && !sqlite3_get_autocommit(database->sqlite))
        sqlite3_exec(database->sqlite, "ROLLBACK", NULL, NULL, NULL);
    if (large) database_cache(database, false);
    return code;
}
