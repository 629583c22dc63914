/* Facts about opening a store: who may, which files it takes, and what it says about the others. */
#include "moontide/base/fs.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "support/store_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static void commit_one(struct store *s, const char *memo, store_done *done, void *data)
{
    struct store_batch *b = new_batch("aws", 1);
    store_batch_memo(b, "p", memo, memo);
    assert_int_equal(store_commit(s, b, done, data), OK);
}

/* ---- who may open it ---- */

static void the_file_is_for_its_owner_alone(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    commit_one(s, "a", NULL, NULL);
    loop_run(f->loop);
    struct stat st;
    char wal[300];
    snprintf(wal, sizeof wal, "%s-wal", f->path);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(wal, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_close(s);
}

static void a_second_writer_is_told_who_holds_it(void **state)
{
    struct store_files *f = *state;
    int ready[2], go[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *s;
        char c = 'x';
        if (store_open(NULL, f->path, &s, NULL) < 0) _exit(1);
        if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1) _exit(2);
        store_close(s);
        _exit(0);
    }
    char c, pid[32];
    assert_int_equal(read(ready[0], &c, 1), 1);
    struct store *s = NULL;
    struct fault fault;
    assert_int_equal(store_open(f->loop, f->path, &s, &fault), ERR_LOCKED);
    snprintf(pid, sizeof pid, "process %d", (int)child);
    assert_non_null(strstr(fault.text, pid));
    assert_non_null(strstr(fault.text, f->path));
    assert_int_equal(write(go[1], "x", 1), 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    store_close(open_store(f)); /* and is let in when the other has gone */
    close_pipe(ready);
    close_pipe(go);
}

static void a_second_open_in_the_same_process_is_refused_and_harms_nothing(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f), *second;
    struct fault fault;
    assert_int_equal(store_open(f->loop, f->path, &second, &fault), ERR_LOCKED);
    assert_int_equal(store_open(f->loop, f->path, &second, &fault), ERR_LOCKED);
    commit_one(s, "a", NULL, NULL);
    loop_run(f->loop);
    assert_string_equal(read_memo(s, "aws"), "p/a=a;");
    store_close(s);
}

static void a_reader_sees_each_commit_beside_the_writer(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f), *reader;
    struct fault fault;
    commit_one(s, "a", NULL, NULL);
    loop_run(f->loop);
    assert_int_equal(store_open_reader(f->path, &reader, &fault), OK);
    assert_string_equal(read_memo(reader, "aws"), "p/a=a;");
    commit_one(s, "b", NULL, NULL);
    loop_run(f->loop);
    assert_string_equal(read_memo(reader, "aws"), "p/a=a;p/b=b;");
    struct store_batch *b = new_batch("aws", 1);
    assert_int_equal(store_commit(reader, b, NULL, NULL), ERR_INVALID);
    store_close(s);
    assert_string_equal(read_memo(reader, "aws"), "p/a=a;p/b=b;"); /* after the writer went */
    store_close(reader);
    s = open_store(f);
    assert_string_equal(read_memo(s, "aws"), "p/a=a;p/b=b;");
    store_close(s);
}

static void a_reader_makes_no_file(void **state)
{
    struct store_files *f = *state;
    struct store *reader;
    struct fault fault;
    assert_int_equal(store_open_reader(f->path, &reader, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, f->path));
    assert_int_equal(access(f->path, F_OK), -1);
}

/* Root passes every permission check, so the child becomes nobody. */
static int open_as_nobody(const char *path, int mode_of_dir, const char *dir)
{
    assert_int_equal(chmod(dir, (mode_t)mode_of_dir), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *s;
        struct fault fault;
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)) _exit(1);
        int code = store_open(NULL, path, &s, &fault);
        _exit(code == ERR_DENIED && strstr(fault.text, path) ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(dir, 0700), 0);
    return status;
}

static void a_directory_that_cannot_be_written_is_named(void **state)
{
    struct store_files *f = *state;
    assert_int_equal(open_as_nobody(f->path, 0555, f->dir), 0);
    store_close(open_store(f));
    assert_int_equal(open_as_nobody(f->path, 0555, f->dir), 0);
}

static void a_directory_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct store *s;
    struct fault fault;
    assert_int_equal(store_open(NULL, "/nonexistent/x/moontide.db", &s, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, "/nonexistent/x/moontide.db"));
    assert_true(store_open(NULL, "/tmp", &s, &fault) < 0);
    unlink("/tmp.lock");
}

/* ---- files that are not what they should be ---- */

static void expect_corrupt(struct store_files *f)
{
    struct store *s;
    struct fault fault;
    assert_int_equal(store_open(f->loop, f->path, &s, &fault), ERR_CORRUPT);
    assert_non_null(strstr(fault.text, f->path));
    assert_non_null(strstr(fault.text, "Move it away"));
    assert_non_null(strstr(fault.text, "journal"));
}

static void random_bytes_are_told_from_a_database(void **state)
{
    struct store_files *f = *state;
    char noise[20000];
    uint32_t x = 12345;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
    assert_int_equal(fs_write_file(f->path, noise, sizeof noise, 0600, NULL), OK);
    expect_corrupt(f);
    char *after;
    size_t len;
    assert_int_equal(fs_read_file(f->path, 1 << 20, &after, &len, NULL), OK);
    assert_int_equal(len, sizeof noise); /* and left alone */
    assert_memory_equal(after, noise, len);
    free(after);
}

static void fill(struct store_files *f, int entries)
{
    struct store *s = open_store(f);
    struct store_batch *b = new_batch("aws", 1);
    for (int i = 0; i < entries; i++)
        store_batch_journal(b, &(struct journal_entry){.what = "w", .json = "{\"some\":\"text\"}"});
    store_batch_memo(b, "p", "t", "1");
    assert_int_equal(commit(f, s, b), OK);
    store_close(s);
}

static void a_truncated_file_is_told_at_any_length(void **state)
{
    struct store_files *f = *state;
    fill(f, 300);
    char *whole;
    size_t len;
    assert_int_equal(fs_read_file(f->path, 1 << 20, &whole, &len, NULL), OK);
    assert_true(len > 20000);
    for (size_t cut = len - 1; cut > 0; cut = cut > 4001 ? cut - 4000 : cut / 2) {
        assert_int_equal(fs_write_file(f->path, whole, cut, 0600, NULL), OK);
        expect_corrupt(f);
    }
    assert_int_equal(fs_write_file(f->path, whole, len, 0600, NULL), OK);
    store_close(open_store(f));
    free(whole);
}

/* The pages after the first; the header stays good. */
static void damage_pages(struct store_files *f)
{
    char *bytes;
    size_t len;
    assert_int_equal(fs_read_file(f->path, 1 << 20, &bytes, &len, NULL), OK);
    for (size_t i = 8192; i < len; i++)
        bytes[i] = (char)(i * 7);
    assert_int_equal(fs_write_file(f->path, bytes, len, 0600, NULL), OK);
    free(bytes);
}

static void damage_behind_a_good_header_is_told_by_the_read_that_meets_it(void **state)
{
    struct store_files *f = *state;
    fill(f, 300);
    damage_pages(f);
    struct store *s = open_store(f);
    struct fault fault;
    char sink[8];
    assert_int_equal(store_each_memo(s, "aws", ignore_memo, sink, &fault), ERR_CORRUPT);
    assert_non_null(strstr(fault.text, f->path));
    struct store_batch *b = new_batch("aws", 1);
    store_batch_memo(b, "p", "u", "1");
    assert_int_equal(commit(f, s, b), ERR_CORRUPT);
    store_close(s);
}

static void after_a_crash_damage_is_told_at_the_start(void **state)
{
    struct store_files *f = *state;
    fill(f, 300);
    damage_pages(f);
    write_lock_file(f, "4242\n"); /* a pid that nobody locks: its owner died */
    expect_corrupt(f);
    write_lock_file(f, NULL); /* a file that was copied here without its lock file */
    expect_corrupt(f);
}

static void run_sql(struct store_files *f, const char *sql)
{
    sqlite3 *raw;
    assert_int_equal(sqlite3_open(f->path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(raw);
}

static void a_newer_version_is_refused_and_left_alone(void **state)
{
    struct store_files *f = *state;
    fill(f, 1);
    run_sql(f, "PRAGMA user_version = 99");
    struct store *s;
    struct fault fault;
    assert_int_equal(store_open(f->loop, f->path, &s, &fault), ERR_VERSION);
    assert_non_null(strstr(fault.text, "99"));
    assert_non_null(strstr(fault.text, f->path));
    assert_int_equal(store_open_reader(f->path, &s, &fault), ERR_VERSION);
    run_sql(f, "PRAGMA user_version = 5");
    s = open_store(f);
    assert_string_equal(read_memo(s, "aws"), "p/t=1;");
    store_close(s);
}

/* As version 1 made it, and what it wrote. Frozen: it is what stands on disks out there. */
static const char version_1[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE memo (world TEXT NOT NULL, policy TEXT NOT NULL, target TEXT NOT NULL,"
    "  json TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (world, policy, target)) STRICT;"
    "CREATE TABLE alert (world TEXT NOT NULL, policy TEXT NOT NULL, target TEXT NOT NULL,"
    "  type TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, description TEXT NOT NULL,"
    "  recommendation TEXT NOT NULL, severity INTEGER NOT NULL, since_ms INTEGER NOT NULL,"
    "  raised_ms INTEGER NOT NULL, gone_ms INTEGER NOT NULL, keep_firing_ms INTEGER NOT NULL,"
    "  at_ms INTEGER NOT NULL, PRIMARY KEY (world, policy, target, type, key)) STRICT;"
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, world TEXT NOT NULL,"
    "  id TEXT, what TEXT NOT NULL, policy TEXT, target TEXT, resource TEXT,"
    "  policy_sha256 TEXT, json TEXT NOT NULL) STRICT;"
    "CREATE INDEX journal_target ON journal (world, target);"
    "CREATE INDEX journal_resource ON journal (world, resource);"
    "CREATE INDEX journal_id ON journal (id);"
    "CREATE INDEX journal_at ON journal (at_ms);"
    "CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal"
    " BEGIN SELECT RAISE(ABORT, 'journal entries never change'); END;"
    "INSERT INTO memo VALUES ('aws', 'p', 't', '{}', 7);"
    "INSERT INTO alert VALUES ('aws', 'p', 't', 'x', '', 'firing', 'd', 'r', 2, 1, 2, 3, 4, 5);"
    "INSERT INTO journal VALUES (1, 10, 'aws', 'a', 'decision', 'p', 't', 'r', 'ff', '{}');"
    "INSERT INTO journal VALUES (2, 11, 'sim', NULL, 'policy', NULL, NULL, NULL, NULL, '{}');"
    "PRAGMA application_id = 1836019566; PRAGMA user_version = 1";

static void a_database_of_version_1_is_brought_up_to_date_and_keeps_all(void **state)
{
    struct store_files *f = *state;
    struct store *reader;
    struct fault fault;
    run_sql(f, version_1);
    assert_int_equal(store_open_reader(f->path, &reader, &fault), ERR_VERSION);
    assert_non_null(strstr(fault.text, "older"));
    for (int round = 0; round < 2; round++) {
        struct store *s = open_store(f);
        assert_string_equal(read_memo(s, "aws"), "p/t={};");
        assert_string_equal(read_alerts(s, "aws"), "p/t/x//firing/2/1/2/3/d/r;");
        assert_string_equal(read_journal(s, &(struct journal_filter){.resource = "r"}),
                            "1@10 aws a decision p t r ff {};");
        assert_int_equal(count_journal(s), round + 2);
        struct store_batch *b = new_batch("aws", 12);
        store_batch_resource(b, &(struct resource_row){.kind = "k", .resource = "r", .json = "1"});
        store_batch_intent(b, "a", "{}");
        store_batch_journal(b, &(struct journal_entry){.what = "w"});
        assert_int_equal(commit(f, s, b), OK);
        assert_string_equal(read_resources(s, "aws"), "k/r//=1;");
        assert_string_equal(read_intents(s, "aws"), "a@12={};");
        store_close(s);
    }
    assert_int_equal(store_open_reader(f->path, &reader, &fault), OK);
    store_close(reader);
}

/* As version 2 changed it. Frozen, too. */
static const char version_2[] =
    "BEGIN;"
    "CREATE TABLE resource (world TEXT NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL,"
    "  region TEXT NOT NULL, account TEXT NOT NULL, json TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (world, kind, resource, region, account)) STRICT;"
    "CREATE TABLE intent (seq INTEGER PRIMARY KEY, world TEXT NOT NULL, id TEXT NOT NULL,"
    "  json TEXT NOT NULL, at_ms INTEGER NOT NULL, UNIQUE (id, world)) STRICT;"
    "DROP INDEX journal_target; DROP INDEX journal_resource; DROP INDEX journal_id;"
    "CREATE INDEX journal_target ON journal (target) WHERE target IS NOT NULL;"
    "CREATE INDEX journal_resource ON journal (resource) WHERE resource IS NOT NULL;"
    "CREATE INDEX journal_id ON journal (id) WHERE id IS NOT NULL;"
    "CREATE INDEX journal_rare ON journal (what)"
    " WHERE what NOT IN ('decision', 'intent', 'outcome', 'issue', 'verification', 'policy');"
    "INSERT INTO resource VALUES ('aws', 'k', 'r', '', '', '{}', 12);"
    "INSERT INTO intent VALUES (1, 'aws', 'a', '{}', 12);"
    "INSERT INTO journal VALUES (3, 12, 'aws', NULL, 'pause', NULL, NULL, NULL, NULL, '{}');"
    "PRAGMA user_version = 2; COMMIT";

/* The first column of the first row. */
static int64_t ask_sql(struct store_files *f, const char *sql)
{
    sqlite3 *raw;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(f->path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(raw, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(raw);
    return value;
}

static void a_database_of_version_2_is_brought_up_to_date_and_keeps_all(void **state)
{
    struct store_files *f = *state;
    struct journal_filter pauses = {.what = "pause"};
    run_sql(f, "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL");
    run_sql(f, version_1);
    run_sql(f, version_2);
    for (int round = 0; round < 2; round++) {
        struct store *s = open_store(f);
        assert_string_equal(read_memo(s, "aws"), "p/t={};");
        assert_string_equal(read_resources(s, "aws"), "k/r//={};");
        assert_string_equal(read_intents(s, "aws"), "a@12={};");
        assert_int_equal(count_journal(s), 3 + round);
        assert_string_equal(read_journal(s, &pauses),
                            round ? "4@13 aws - pause - - - - {};3@12 aws - pause - - - - {};"
                                  : "3@12 aws - pause - - - - {};");
        struct store_batch *b = new_batch("aws", 13);
        store_batch_journal(b, &(struct journal_entry){.what = round ? "decision" : "pause"});
        assert_int_equal(commit(f, s, b), OK);
        store_close(s);
    }
    assert_int_equal(ask_sql(f, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
    assert_int_equal(ask_sql(f, "PRAGMA page_size"), 4096); /* no VACUUM of what is there */
    assert_int_equal(ask_sql(f, "SELECT count(*) FROM journal_entry INDEXED BY journal_rare WHERE"
                                " what <> 'decision' AND what <> 'outcome' AND what <> 'intent'"
                                " AND what <> 'issue' AND what <> 'verification'"
                                " AND what <> 'policy'"),
                     2);
}

/* As versions 3 and 4 changed it. Frozen, too. */
static const char version_4[] =
    "BEGIN; DROP INDEX journal_rare;"
    "CREATE INDEX journal_rare ON journal (what) WHERE what <> 'decision' AND what <> 'outcome'"
    "  AND what <> 'intent' AND what <> 'issue' AND what <> 'verification' AND what <> 'policy';"
    "ALTER TABLE alert ADD COLUMN flaps INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE told (world TEXT NOT NULL, group_key TEXT NOT NULL, receiver TEXT NOT NULL,"
    "  json TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (world, group_key, receiver)) "
    "STRICT;"
    "CREATE TABLE outbox (world TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    "  receiver TEXT NOT NULL, group_key TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL,"
    "  json TEXT NOT NULL, group_state TEXT NOT NULL, answer TEXT NOT NULL,"
    "  put_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    "  PRIMARY KEY (world, seq)) STRICT;"
    "CREATE INDEX outbox_waiting ON outbox (world, state, seq) WHERE state != 'sent';"
    "INSERT INTO journal VALUES"
    "  (7, 20, 'aws', '0199aabbccdd0011223344556677abcd', 'decision', 'p', 't', 'r', 'ff', '{}'),"
    "  (8, 20, 'aws', '0199AABBCCDD0011223344556677ABCD', 'decision', 'p', 't', NULL, 'ff', '{}'),"
    "  (9, 19, 'aws', '0199aabbccdd0011223344556677abcd', 'outcome', 'p', 't', 'r', 'ee', '{}'),"
    "  (10, 20, 'sim', 'a', 'issue', NULL, '', 'r', 'ff', '{\"n\":1}');"
    "PRAGMA user_version = 4; COMMIT";

static const char version_4_entries[] =
    "10@20 sim a issue -  r ff {\"n\":1};"
    "9@19 aws 0199aabbccdd0011223344556677abcd outcome p t r ee {};"
    "8@20 aws 0199AABBCCDD0011223344556677ABCD decision p t - ff {};"
    "7@20 aws 0199aabbccdd0011223344556677abcd decision p t r ff {};"
    "3@12 aws - pause - - - - {};"
    "2@11 sim - policy - - - - {};"
    "1@10 aws a decision p t r ff {};";

static void a_database_of_version_4_keeps_each_entry_and_its_number(void **state)
{
    struct store_files *f = *state;
    struct journal_filter all = {0}, of_r = {.resource = "r", .world = "aws"},
                          chain = {.id = "0199aabbccdd0011223344556677abcd", .what = "outcome"},
                          young = {.since_ms = 19, .target = "t"}, of_a = {.id = "a"};
    run_sql(f, version_1);
    run_sql(f, version_2);
    run_sql(f, version_4);
    for (int round = 0; round < 2; round++) {
        struct store *s = open_store(f);
        assert_string_equal(read_journal(s, &all), version_4_entries);
        assert_string_equal(read_journal(s, &of_r),
                            "9@19 aws 0199aabbccdd0011223344556677abcd outcome p t r ee {};"
                            "7@20 aws 0199aabbccdd0011223344556677abcd decision p t r ff {};"
                            "1@10 aws a decision p t r ff {};");
        assert_string_equal(read_journal(s, &chain),
                            "9@19 aws 0199aabbccdd0011223344556677abcd outcome p t r ee {};");
        assert_string_equal(read_journal(s, &young),
                            "9@19 aws 0199aabbccdd0011223344556677abcd outcome p t r ee {};"
                            "8@20 aws 0199AABBCCDD0011223344556677ABCD decision p t - ff {};"
                            "7@20 aws 0199aabbccdd0011223344556677abcd decision p t r ff {};");
        assert_string_equal(read_journal(s, &of_a), "10@20 sim a issue -  r ff {\"n\":1};"
                                                    "1@10 aws a decision p t r ff {};");
        store_close(s);
    }
    assert_int_equal(ask_sql(f, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
    /* The view has what the table had, for who reads it with another program. */
    assert_int_equal(ask_sql(f, "SELECT count(*) FROM journal WHERE policy_sha256 = 'ff' AND"
                                " id = '0199aabbccdd0011223344556677abcd' AND resource = 'r'"),
                     1);
}

/* What made a third of an insert's time once: the names of a partial index, as a table made anew.
 */
static void an_insert_into_the_journal_makes_no_table_of_its_own(void **state)
{
    struct store_files *f = *state;
    sqlite3 *raw;
    sqlite3_stmt *statement;
    int opcodes = 0;
    fill(f, 1);
    assert_int_equal(sqlite3_open(f->path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(raw,
                                        "EXPLAIN INSERT INTO journal_entry (at_ms, subject, what,"
                                        " json) VALUES (1, 1, 'w', '{}')",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *opcode = (const char *)sqlite3_column_text(statement, 1);
        assert_string_not_equal(opcode, "OpenEphemeral");
        opcodes++;
    }
    assert_true(opcodes > 20);
    sqlite3_finalize(statement);
    sqlite3_close(raw);
    assert_int_equal(ask_sql(f, "PRAGMA page_size"), 8192);
}

/* A migration that cannot end (the process dies, the disk is full) leaves the old version whole. */
static void a_migration_that_fails_leaves_version_1_as_it_was(void **state)
{
    struct store_files *f = *state;
    struct store *s;
    struct fault fault;
    run_sql(f, version_1);
    run_sql(f, "CREATE TABLE intent (x)"); /* in the way of one that is to be made */
    assert_true(store_open(f->loop, f->path, &s, &fault) < 0);
    run_sql(f, "DROP TABLE intent; DROP INDEX journal_target;"
               "CREATE INDEX journal_target ON journal (world, target)");
    s = open_store(f);
    assert_int_equal(count_journal(s), 2);
    store_close(s);
}

static void the_database_of_another_program_is_left_alone(void **state)
{
    struct store_files *f = *state;
    run_sql(f, "CREATE TABLE theirs (x)");
    expect_corrupt(f);
    run_sql(f, "INSERT INTO theirs VALUES (1)");
}

static void a_missing_table_is_damage(void **state)
{
    struct store_files *f = *state;
    fill(f, 1);
    run_sql(f, "DROP TABLE memo");
    struct store *s = open_store(f);
    struct fault fault;
    char sink[8];
    assert_int_equal(store_each_memo(s, "aws", ignore_memo, sink, &fault), ERR_CORRUPT);
    store_close(s);
}

static void an_empty_file_is_a_new_one(void **state)
{
    struct store_files *f = *state;
    assert_int_equal(fs_write_file(f->path, "", 0, 0600, NULL), OK);
    struct store *reader;
    struct fault fault;
    assert_int_equal(store_open_reader(f->path, &reader, &fault), ERR_NOT_FOUND);
    fill(f, 1);
}

#define STORE_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, store_files_setup, store_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_file_is_for_its_owner_alone),
        STORE_TEST(a_second_writer_is_told_who_holds_it),
        STORE_TEST(a_second_open_in_the_same_process_is_refused_and_harms_nothing),
        STORE_TEST(a_reader_sees_each_commit_beside_the_writer),
        STORE_TEST(a_reader_makes_no_file),
        STORE_TEST(a_directory_that_cannot_be_written_is_named),
        STORE_TEST(a_directory_that_is_not_there_is_named),
        STORE_TEST(random_bytes_are_told_from_a_database),
        STORE_TEST(a_truncated_file_is_told_at_any_length),
        STORE_TEST(damage_behind_a_good_header_is_told_by_the_read_that_meets_it),
        STORE_TEST(after_a_crash_damage_is_told_at_the_start),
        STORE_TEST(a_newer_version_is_refused_and_left_alone),
        STORE_TEST(a_database_of_version_1_is_brought_up_to_date_and_keeps_all),
        STORE_TEST(a_database_of_version_2_is_brought_up_to_date_and_keeps_all),
        STORE_TEST(a_database_of_version_4_keeps_each_entry_and_its_number),
        STORE_TEST(an_insert_into_the_journal_makes_no_table_of_its_own),
        STORE_TEST(a_migration_that_fails_leaves_version_1_as_it_was),
        STORE_TEST(the_database_of_another_program_is_left_alone),
        STORE_TEST(a_missing_table_is_damage),
        STORE_TEST(an_empty_file_is_a_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
