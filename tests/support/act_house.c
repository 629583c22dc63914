/* support/act_house.c - an engine house for decisions that are carried out. */
#include "support/act_house.h"

#include "moontide/base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const disk_files[] = {"", "-wal"};
enum { DISK_FILES = 2, DISK_BYTES_MAX = 64 * 1024 * 1024 };

static char answer[65536]; /* of act_query() */

static void add_text(char *text, size_t size, const char *format, ...)
{
    size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + len, size - len, format, args);
    va_end(args);
}

static void hear(struct house *house, const struct target_report *report)
{
    struct act_house *act = (struct act_house *)house;
    for (size_t i = 0; i < report->decision_count; i++) {
        const struct decision_report *d = &report->decisions[i];
        add_text(act->said, sizeof act->said, "%s %s:%s;", d->decision->resource,
                 outcome_names[d->outcome], d->reason);
        if (d->text)
            add_text(act->texts, sizeof act->texts, "%s: %s;", d->decision->resource, d->text);
    }
}

int act_setup(void **state)
{
    void *files = NULL;
    struct act_house *act = calloc(1, sizeof *act);
    if (!act || store_files_setup(&files) < 0) return -1;
    act->files = files;
    house_init(&act->house, act->files->loop);
    fake_init(&act->fake, act->files->loop);
    snprintf(act->paused_path, sizeof act->paused_path, "%s/PAUSED", act->files->dir);
    act->house.on_target = hear;
    act->house.options.mode = MODE_ACT;
    act->house.options.actor = &act->fake.actor;
    act->house.options.paused_path = act->paused_path;
    act->house.store = open_store(act->files);
    house_open(&act->house);
    *state = act;
    return 0;
}

static void shut(struct act_house *act)
{
    house_close(&act->house);
    store_close(act->house.store);
    act->house.store = NULL;
}

int act_teardown(void **state)
{
    struct act_house *act = *state;
    shut(act);
    house_done(&act->house);
    fake_done(&act->fake);
    for (size_t i = 0; i < act->want_count; i++)
        free(act->wants[i]);
    unlink(act->paused_path);
    void *files = act->files;
    int rc = store_files_teardown(&files);
    free(act);
    return rc;
}

/* ---- policies ---- */

struct wants *wants_of(const struct rule *rule)
{
    return rule->data;
}

static const char *resource_of(const struct want *want, const char *target, struct evaluation *out)
{
    const char *mark = strchr(want->resource, '%');
    char text[256];
    if (!mark) return want->resource;
    int n = snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - want->resource), want->resource,
                     target, mark + 1);
    return evaluation_text(out, text, (size_t)n);
}

static int judge_wants(struct rule *rule, const struct evaluation_input *input, const char *target,
                       struct evaluation *out, struct fault *fault)
{
    (void)input;
    const struct wants *wants = wants_of(rule);
    for (const struct want *want = wants->items; want->resource; want++) {
        if (want->target && strcmp(want->target, target) != 0) continue;
        const char *resource = resource_of(want, target, out);
        struct decision *decision = resource ? evaluation_decision(out) : NULL;
        if (!decision) return fault_set(fault, ERR_LIMIT, "no room for a decision");
        *decision = (struct decision){.kind = want->kind ? want->kind : "count",
                                      .resource = resource,
                                      .wanted = want->wanted,
                                      .rails = want->rails,
                                      .verify = want->verify};
    }
    struct unknown *unknown = wants->unknown ? evaluation_unknown(out) : NULL;
    if (unknown) *unknown = (struct unknown){"load", "no datapoint"};
    struct issue *issue = wants->issue ? evaluation_issue(out) : NULL;
    if (issue)
        *issue = (struct issue){.type = wants->issue,
                                .key = "",
                                .description = "it is full",
                                .recommendation = "",
                                .severity = wants->severity,
                                .when = VERDICT_TRUE};
    return OK;
}

static int check_wants(struct rule *rule, const char *target, const char *name, enum verdict *out,
                       struct fault *fault)
{
    (void)target, (void)name;
    struct wants *wants = wants_of(rule);
    wants->checked++;
    if (wants->check_code < 0) return fault_set(fault, wants->check_code, "the check fell over");
    *out = wants->check;
    return OK;
}

struct rule *act_rule(struct act_house *act, const char *name)
{
    static const char *const targets[] = {"prod", "staging", "test", "dev", "a", "b", "c", "d"};
    struct wants *wants = calloc(1, sizeof *wants);
    assert_non_null(wants);
    assert_true(act->want_count < WANTS_MAX);
    act->wants[act->want_count++] = wants;
    struct rule *rule = house_rule(&act->house, name, judge_wants);
    rule->targets = targets;
    rule->target_count = 1;
    rule->metric = NULL;
    rule->check = check_wants;
    rule->data = wants;
    wants->check = VERDICT_UNKNOWN;
    return rule;
}

struct rule *act_count(struct act_house *act, const char *policy, const char *resource,
                       const char *wanted)
{
    struct rule *rule = act_rule(act, policy);
    wants_of(rule)->items[0] = (struct want){.resource = resource, .wanted = wanted};
    assert_int_equal(house_put(&act->house, rule), OK);
    return rule;
}

void act_want(struct rule *rule, const char *wanted)
{
    wants_of(rule)->items[0].wanted = wanted;
}

/* ---- processes ---- */

void act_put_all(struct act_house *act)
{
    for (struct rule *rule = act->house.rules; rule; rule = rule->next)
        assert_int_equal(house_put(&act->house, rule), OK);
}

static void open_again(struct act_house *act)
{
    act->house.store = open_store(act->files);
    house_open(&act->house);
}

void act_restart(struct act_house *act)
{
    shut(act);
    open_again(act);
    act_put_all(act);
}

static void disk_path(const struct act_house *act, size_t i, char path[128])
{
    snprintf(path, 128, "%s%s", act->files->path, disk_files[i]);
}

void act_kill(struct act_house *act)
{
    char *saved[DISK_FILES] = {NULL};
    size_t len[DISK_FILES];
    struct fault fault;
    struct fake_actor *fake = &act->fake;
    char path[128];
    for (size_t i = 0; i < DISK_FILES; i++) {
        disk_path(act, i, path);
        (void)!fs_read_file(path, DISK_BYTES_MAX, &saved[i], &len[i], &fault);
    }
    fake->hold_read = fake->hold_check = fake->hold_apply = false;
    int code = fake->apply_code;
    fake->apply_code = ERR_CLOSED; /* nobody hears of it, and it has no effect */
    fake_answer(fake, 0);
    shut(act);
    fake->apply_code = code;
    store_files_clear(act->files);
    for (size_t i = 0; i < DISK_FILES; i++) {
        disk_path(act, i, path);
        if (saved[i]) assert_int_equal(fs_write_file(path, saved[i], len[i], 0600, NULL), OK);
        free(saved[i]);
    }
    open_again(act);
}

/* ---- the disk ---- */

void act_sql(struct act_house *act, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(act->files->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000); /* a batch may be under way */
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void act_break_store(struct act_house *act)
{
    act_sql(act, "ALTER TABLE intent RENAME TO intent_away");
}

void act_mend_store(struct act_house *act)
{
    act_sql(act, "ALTER TABLE intent_away RENAME TO intent");
}

const char *act_query(struct act_house *act, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    answer[0] = '\0';
    assert_int_equal(sqlite3_open_v2(act->files->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        add_text(answer, sizeof answer, "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return answer;
}

const char *act_intents(struct act_house *act)
{
    return act_query(act, "SELECT json_extract(json, '$.resource') || ';' FROM intent");
}

const char *act_journal(struct act_house *act)
{
    return act_query(act, "SELECT what || coalesce(' ' || json_extract(json, '$.outcome'),"
                          " ' ' || json_extract(json, '$.result'), '') || ';'"
                          " FROM journal ORDER BY seq");
}

void act_pause(struct act_house *act, const char *text)
{
    if (!text)
        unlink(act->paused_path);
    else
        assert_int_equal(fs_write_file(act->paused_path, text, strlen(text), 0600, NULL), OK);
}

/* ---- ticks ---- */

static void ended(void *data, bool failed)
{
    struct house *house = data;
    house->ended = true;
    house->failed = failed;
}

void act_later(struct act_house *act, int64_t ms)
{
    act->house.world.world.clock.wall_ms += ms;
}

void act_clear(struct act_house *act)
{
    act->said[0] = act->texts[0] = '\0';
    house_clear(&act->house);
}

void act_begin_tick(struct act_house *act)
{
    act_later(act, MINUTE_MS);
    act_clear(act);
    act->house.ended = false;
    assert_int_equal(engine_tick(act->house.engine, NULL, ended, &act->house), OK);
}

void act_end_tick(struct act_house *act)
{
    house_turn_until(&act->house, &act->house.ended);
}

const char *act_tick(struct act_house *act)
{
    act_begin_tick(act);
    act_end_tick(act);
    return act->said;
}

void act_until_held(struct act_house *act, size_t count)
{
    for (int i = 0; i < TURNS_MAX && fake_held(&act->fake) != count; i++)
        loop_turn(act->house.loop, true);
    assert_int_equal(fake_held(&act->fake), count);
}
