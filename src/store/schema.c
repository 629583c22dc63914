/* store/schema.c - the store's tables, as migrations from each version to the next.
 *
 * The migrations that a file needs and its user_version are one transaction, so a crash leaves
 * either version whole, and a new file's pages are written once. */
#include "database.h"
#include "journal_id.h"

#include "moontide/base/clock.h"
#include "moontide/base/log.h"
#include "moontide/store/store.h"

#include <stdio.h>

/* migrations[v] leads from version v to v + 1. Never edit one that was released: add the next. */
static const char *const migrations[STORE_SCHEMA_VERSION] = {
    "CREATE TABLE memo ("
    "  world TEXT NOT NULL, policy TEXT NOT NULL, target TEXT NOT NULL,"
    "  json TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (world, policy, target)) STRICT;"
    "CREATE TABLE alert ("
    "  world TEXT NOT NULL, policy TEXT NOT NULL, target TEXT NOT NULL,"
    "  type TEXT NOT NULL, key TEXT NOT NULL,"
    "  state TEXT NOT NULL, description TEXT NOT NULL, recommendation TEXT NOT NULL,"
    "  severity INTEGER NOT NULL,"
    "  since_ms INTEGER NOT NULL, raised_ms INTEGER NOT NULL, gone_ms INTEGER NOT NULL,"
    "  keep_firing_ms INTEGER NOT NULL,"
    "  at_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (world, policy, target, type, key)) STRICT;"
    "CREATE TABLE journal ("
    "  seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, world TEXT NOT NULL,"
    "  id TEXT, what TEXT NOT NULL, policy TEXT, target TEXT, resource TEXT,"
    "  policy_sha256 TEXT, json TEXT NOT NULL) STRICT;"
    "CREATE INDEX journal_target ON journal (world, target);"
    "CREATE INDEX journal_resource ON journal (world, resource);"
    "CREATE INDEX journal_id ON journal (id);"
    "CREATE INDEX journal_at ON journal (at_ms);"
    "CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal"
    " BEGIN SELECT RAISE(ABORT, 'journal entries never change'); END;",

    /* Decisions that are carried out. The journal's indexes lose the world: it told few rows apart
     * and stood in each. An index ends with seq, so it gives rows in order. Of `what`, only the
     * rare ones are worth one: the others are found soon by reading backwards. */
    "CREATE TABLE resource ("
    "  world TEXT NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL,"
    "  region TEXT NOT NULL, account TEXT NOT NULL, json TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (world, kind, resource, region, account)) STRICT;"
    "CREATE TABLE intent ("
    "  seq INTEGER PRIMARY KEY, world TEXT NOT NULL, id TEXT NOT NULL,"
    "  json TEXT NOT NULL, at_ms INTEGER NOT NULL, UNIQUE (id, world)) STRICT;"
    "DROP INDEX journal_target; DROP INDEX journal_resource; DROP INDEX journal_id;"
    "CREATE INDEX journal_target ON journal (target) WHERE target IS NOT NULL;"
    "CREATE INDEX journal_resource ON journal (resource) WHERE resource IS NOT NULL;"
    "CREATE INDEX journal_id ON journal (id) WHERE id IS NOT NULL;"
    "CREATE INDEX journal_rare ON journal (what)"
    " WHERE what NOT IN ('decision', 'intent', 'outcome', 'issue', 'verification', 'policy');",

    /* The same entries, told apart without a table of their names (DATABASE_RARE). */
    "DROP INDEX journal_rare;"
    "CREATE INDEX journal_rare ON journal (what) WHERE " DATABASE_RARE ";",

    /* Notifications: what each receiver was told, and the queue. */
    "ALTER TABLE alert ADD COLUMN flaps INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE told ("
    "  world TEXT NOT NULL, group_key TEXT NOT NULL, receiver TEXT NOT NULL,"
    "  json TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (world, group_key, receiver)) STRICT;"
    "CREATE TABLE outbox ("
    "  world TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    "  receiver TEXT NOT NULL, group_key TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL,"
    "  json TEXT NOT NULL, group_state TEXT NOT NULL, answer TEXT NOT NULL,"
    "  put_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    "  PRIMARY KEY (world, seq)) STRICT;"
    "CREATE INDEX outbox_waiting ON outbox (world, state, seq) WHERE state != 'sent';",

    /* The journal's texts once each: (world, target, resource) and (policy, its source) are rows of
     * their own, which an entry names by number. Two indexes less, and half of the bytes. */
    "CREATE TABLE journal_subject ("
    "  id INTEGER PRIMARY KEY, world TEXT NOT NULL, target TEXT, resource TEXT) STRICT;"
    "CREATE INDEX journal_subject_resource ON journal_subject (resource, target, world);"
    "CREATE INDEX journal_subject_target ON journal_subject (target);"
    "CREATE TABLE journal_policy (id INTEGER PRIMARY KEY, policy TEXT, sha256 TEXT) STRICT;"
    "CREATE INDEX journal_policy_policy ON journal_policy (policy, sha256);"
    "CREATE TABLE journal_batch ("
    "  first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE journal_entry ("
    "  seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, subject INTEGER NOT NULL,"
    "  policy INTEGER, what TEXT NOT NULL, id ANY, json TEXT NOT NULL) STRICT;"
    "INSERT INTO journal_subject (world, target, resource)"
    "  SELECT DISTINCT world, target, resource FROM journal;"
    "INSERT INTO journal_policy (policy, sha256) SELECT DISTINCT policy, policy_sha256 FROM journal"
    "  WHERE policy IS NOT NULL OR policy_sha256 IS NOT NULL;"
    "INSERT INTO journal_batch SELECT min(seq), max(seq), at_ms FROM journal GROUP BY at_ms;"
    "INSERT INTO journal_entry SELECT seq, at_ms,"
    "  (SELECT s.id FROM journal_subject AS s WHERE s.resource IS j.resource"
    "   AND s.target IS j.target AND s.world = j.world),"
    "  (SELECT p.id FROM journal_policy AS p WHERE p.policy IS j.policy"
    "   AND p.sha256 IS j.policy_sha256),"
    "  what, moontide_packed(id), json FROM journal AS j ORDER BY seq;"
    "DROP TABLE journal;"
    "CREATE INDEX journal_subject_seq ON journal_entry (subject);"
    "CREATE INDEX journal_id ON journal_entry (id) WHERE id IS NOT NULL;"
    "CREATE INDEX journal_rare ON journal_entry (what) WHERE " DATABASE_RARE ";"
    "CREATE INDEX journal_at ON journal_batch (at_ms);"
    "CREATE VIEW journal AS SELECT e.seq AS seq, e.at_ms AS at_ms, s.world AS world,"
    "  " DATABASE_ID_TEXT " AS id, e.what AS what, p.policy AS policy, s.target AS target,"
    "  s.resource AS resource, p.sha256 AS policy_sha256, e.json AS json"
    "  FROM journal_entry AS e CROSS JOIN journal_subject AS s ON s.id = e.subject"
    "  LEFT JOIN journal_policy AS p ON p.id = e.policy;"
    "CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal_entry"
    " BEGIN SELECT RAISE(ABORT, 'journal entries never change'); END;"
    "CREATE TRIGGER journal_subject_never_changes BEFORE UPDATE ON journal_subject"
    " BEGIN SELECT RAISE(ABORT, 'journal entries never change'); END;"
    "CREATE TRIGGER journal_policy_never_changes BEFORE UPDATE ON journal_policy"
    " BEGIN SELECT RAISE(ABORT, 'journal entries never change'); END;"
    /* What no entry names any more goes with the last one. A policy's row stays: there are as many
     * as there were edits. */
    "CREATE TRIGGER journal_entry_gone AFTER DELETE ON journal_entry BEGIN"
    " DELETE FROM journal_subject WHERE id = OLD.subject"
    "  AND NOT EXISTS (SELECT 1 FROM journal_entry WHERE subject = OLD.subject);"
    " DELETE FROM journal_batch WHERE first_seq = (SELECT max(first_seq) FROM journal_batch"
    "  WHERE first_seq <= OLD.seq) AND NOT EXISTS (SELECT 1 FROM journal_entry"
    "  WHERE seq BETWEEN journal_batch.first_seq AND journal_batch.last_seq);"
    " END;",
};

/* The text of an entry's id as it lies in the file; NULL stays NULL. */
static void packed(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    unsigned char bytes[JOURNAL_ID_BYTES];
    const char *id = (const char *)sqlite3_value_text(values[0]);
    if (id && journal_id_pack(id, bytes))
        sqlite3_result_blob(context, bytes, sizeof bytes, SQLITE_TRANSIENT);
    else
        sqlite3_result_value(context, values[0]);
}

static int add_function(struct database *database, struct fault *fault)
{
    if (sqlite3_create_function_v2(database->sqlite, "moontide_packed", 1,
                                   SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                   packed, NULL, NULL, NULL))
        return database_fault(database, fault);
    return OK;
}

static int migrate(struct database *database, int64_t from, struct fault *fault)
{
    char mark[96];
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             DATABASE_APPLICATION_ID, STORE_SCHEMA_VERSION);
    database_cache(database, true); /* a long journal may be written anew */
    int code = database_exec(database, "BEGIN IMMEDIATE", fault);
    for (int64_t version = from; version < STORE_SCHEMA_VERSION && code == OK; version++)
        code = database_exec(database, migrations[version], fault);
    if (code == OK) code = database_exec(database, mark, fault);
    if (code == OK) code = database_exec(database, "COMMIT", fault);
    if (code < 0 && !sqlite3_get_autocommit(database->sqlite))
        sqlite3_exec(database->sqlite, "ROLLBACK", NULL, NULL, NULL);
    database_cache(database, false);
    return code;
}

static int64_t now_ns(void)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real);
}

/* A long journal takes its time, in which nothing else is heard of; so it is said before as well.
 */
int database_migrate(struct database *database, int64_t from, struct fault *fault)
{
    if (from == STORE_SCHEMA_VERSION) return OK;
    int code = add_function(database, fault);
    if (code < 0) return code;
    if (from == 0) return migrate(database, from, fault);
    int64_t begun_ns = now_ns();
    log_event(LOG_INFO, "store.migrating", LOG_S("file", database->path), LOG_I("from", from),
              LOG_I("to", STORE_SCHEMA_VERSION));
    code = migrate(database, from, fault);
    if (code == OK)
        log_event(LOG_INFO, "store.migrated", LOG_S("file", database->path),
                  LOG_I("ms", (now_ns() - begun_ns) / 1000000));
    return code;
}
