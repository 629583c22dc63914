/* What an engine keeps on disk: memo, alerts and journal in one batch a tick, through restarts and
 * through a store that fails for a while. */
#include "support/alloc_fail.h"
#include "support/engine_house.h"
#include "support/store_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct disk {
    struct house house;
    struct store_files *files;
};

static int setup(void **state)
{
    void *files = NULL;
    struct disk *disk = calloc(1, sizeof *disk);
    if (!disk || store_files_setup(&files) < 0) return -1;
    disk->files = files;
    house_init(&disk->house, disk->files->loop);
    disk->house.store = open_store(disk->files);
    house_open(&disk->house);
    *state = disk;
    return 0;
}

static void shut(struct disk *disk)
{
    house_close(&disk->house);
    store_close(disk->house.store);
    disk->house.store = NULL;
}

static int teardown(void **state)
{
    struct disk *disk = *state;
    shut(disk);
    house_done(&disk->house);
    void *files = disk->files;
    int rc = store_files_teardown(&files);
    free(disk);
    return rc;
}

/* Another process: everything in memory is gone. */
static void restart(struct disk *disk)
{
    shut(disk);
    disk->house.store = open_store(disk->files);
    house_open(&disk->house);
}

static void sql(struct disk *disk, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(disk->files->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void break_store(struct disk *disk)
{
    sql(disk, "ALTER TABLE memo RENAME TO memo_away; ALTER TABLE alert RENAME TO alert_away");
}

static void mend_store(struct disk *disk)
{
    sql(disk, "ALTER TABLE memo_away RENAME TO memo; ALTER TABLE alert_away RENAME TO alert");
}

static struct rule *one_target(struct house *house, const char *name, judge_fn *judge)
{
    struct rule *rule = house_rule(house, name, judge);
    rule->target_count = 1;
    return rule;
}

static void alerts_and_memo_come_back_after_a_restart(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_slow),
                *count = one_target(house, "count", judge_counts);
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(house_put(house, count), OK);
    assert_false(house_tick(house));
    assert_false(house_next_tick(house));

    restart(disk);
    rule->judge = judge_fails;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(house_put(house, count), OK);
    house_clear(house);
    house_next_tick(house);
    assert_string_equal(house->targets, "count/prod=healthy;web/prod=critical[slow];");
    assert_string_equal(count->memo, "{\"n\":2}");
    assert_string_equal(read_memo(house->store, "test"), "count/prod={\"n\":3};");
}

static void an_alert_that_fired_before_a_restart_is_not_raised_again(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_slow);
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    assert_int_equal(count_journal(house->store), 1);
    restart(disk);
    assert_int_equal(house_put(house, rule), OK);
    house_next_tick(house);
    assert_int_equal(count_journal(house->store), 1);
}

static bool note_row(void *data, const struct journal_row *row)
{
    char *text = data;
    size_t len = strlen(text);
    snprintf(text + len, 512 - len, "%s %s %.4s %s;", row->entry.what, row->entry.id,
             row->entry.policy_sha256, strstr(row->entry.json, "raised") ? "raised" : "resolved");
    return true;
}

static void an_issue_is_journaled_when_it_is_raised_and_when_it_ends(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_slow);
    struct fault fault;
    char text[512] = "", id[33] = "", wanted[512];
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    house_next_tick(house);
    house->world.value = 1;
    house_next_tick(house);
    assert_int_equal(
        store_each_journal(house->store, &(struct journal_filter){0}, note_row, text, &fault), OK);
    assert_int_equal(sscanf(text, "issue %32s", id), 1);
    snprintf(wanted, sizeof wanted, "issue %s 0000 resolved;issue %s 0000 raised;", id, id);
    assert_string_equal(text, wanted);
    assert_non_null(strstr(read_alerts(house->store, "test"), "web/prod/slow//resolved/"));
}

static int judge_wants(struct rule *rule, const struct evaluation_input *input, const char *target,
                       struct evaluation *out, struct fault *fault)
{
    (void)input, (void)target, (void)fault;
    *evaluation_decision(out) = (struct decision){
        .kind = "ecs_desired_count", .resource = "service/a/api", .wanted = rule->data};
    return OK;
}

static void the_same_proposal_is_journaled_once(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_wants);
    rule->data = (void *)"{\"count\":3}";
    assert_int_equal(house_put(house, rule), OK);
    for (int i = 0; i < 3; i++)
        house_next_tick(house);
    assert_int_equal(count_journal(house->store), 1);
    rule->data = (void *)"{\"count\":4}";
    for (int i = 0; i < 3; i++)
        house_next_tick(house);
    assert_int_equal(count_journal(house->store), 2);
    const char *last = read_journal(house->store, &(struct journal_filter){.limit = 1});
    assert_non_null(strstr(last, "\"wanted\":{\"count\":4}"));
    assert_non_null(strstr(last, "\"outcome\":\"proposed\",\"reason\":\"MODE\""));
}

static int judge_remembers(struct rule *rule, const struct evaluation_input *input,
                           const char *target, struct evaluation *out, struct fault *fault)
{
    (void)rule, (void)input, (void)target, (void)fault;
    out->memo_json = evaluation_text(out, "{\"a\":1}", 7);
    return OK;
}

static void a_memo_that_did_not_change_is_not_written_again(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_remembers);
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    assert_string_equal(read_memo(house->store, "test"), "web/prod={\"a\":1};");
    sql(disk, "DELETE FROM memo");
    house_next_tick(house);
    assert_string_equal(read_memo(house->store, "test"), "");
}

static int judge_spoils(struct rule *rule, const struct evaluation_input *input, const char *target,
                        struct evaluation *out, struct fault *fault)
{
    judge_counts(rule, input, target, out, fault);
    return judge_fails(rule, input, target, out, fault);
}

static void a_failed_evaluation_does_not_change_the_memo(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_spoils);
    assert_int_equal(house_put(house, rule), OK);
    house_next_tick(house);
    rule->judge = judge_counts;
    house_next_tick(house);
    assert_string_equal(rule->memo, "{}"); /* what the failed one counted is undone */
    assert_string_equal(read_memo(house->store, "test"), "web/prod={\"n\":1};");
    rule->judge = judge_spoils;
    house_next_tick(house);
    rule->judge = judge_counts;
    house_next_tick(house);
    assert_string_equal(rule->memo, "{\"n\":1}");
    assert_string_equal(read_memo(house->store, "test"), "web/prod={\"n\":2};");
}

static void a_store_that_fails_is_an_error_of_every_tick_and_loses_nothing(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_slow),
                *count = one_target(house, "count", judge_counts);
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(house_put(house, count), OK);
    house_tick(house);

    break_store(disk);
    house->world.value = 500; /* raised and resolved while nothing can be written */
    assert_true(house_next_tick(house));
    house->world.value = 1;
    for (int i = 0; i < 3; i++) {
        assert_true(house_next_tick(house));
        assert_non_null(strstr(house->errors, "what this and earlier ticks found is not on disk"));
    }
    house->world.value = 500;
    assert_true(house_next_tick(house));

    mend_store(disk);
    house_next_tick(house); /* its report comes before its batch */
    assert_string_equal(read_memo(house->store, "test"), "count/prod={\"n\":7};");
    assert_non_null(strstr(read_alerts(house->store, "test"), "web/prod/slow//firing"));
    assert_int_equal(count_journal(house->store), 3);
    assert_false(house_next_tick(house));
    assert_string_equal(house->errors, "");
}

static void stopping_writes_what_no_tick_could(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_slow);
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    break_store(disk);
    assert_true(house_tick(house));
    mend_store(disk);
    house_close(house);
    assert_non_null(strstr(read_alerts(house->store, "test"), "web/prod/slow//firing"));
    assert_int_equal(count_journal(house->store), 1);
}

static void stop_done(void *data)
{
    ((struct house *)data)->stopped = true;
}

static void stop_after_the_first(struct house *house, const struct target_report *report)
{
    (void)report;
    engine_stop(house->engine, stop_done, house);
}

static void what_was_judged_before_the_stop_is_kept(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_counts);
    rule->target_count = 2;
    house->on_target = stop_after_the_first;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(engine_start(house->engine), OK);
    house_turn_until(house, &house->stopped);
    assert_string_equal(read_memo(house->store, "test"), "web/prod={\"n\":1};");
}

static void a_removed_policy_takes_its_alerts_and_leaves_its_memo(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_slow),
                *count = one_target(house, "count", judge_counts);
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(house_put(house, count), OK);
    house_tick(house);
    assert_true(read_alerts(house->store, "test")[0] != '\0');
    engine_remove(house->engine, "web");
    engine_remove(house->engine, "count");
    house_next_tick(house);
    assert_string_equal(read_alerts(house->store, "test"), "");
    assert_string_equal(read_memo(house->store, "test"), "count/prod={\"n\":1};");
    assert_int_equal(house_put(house, count), OK); /* the file comes back */
    house_next_tick(house);
    assert_string_equal(count->memo, "{\"n\":1}");
}

static void a_target_that_is_gone_takes_alerts_and_memo_with_it(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_slow),
                *count = one_target(house, "count", judge_counts);
    rule->target_count = count->target_count = 2;
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(house_put(house, count), OK);
    house_tick(house);
    rule->target_count = count->target_count = 1;
    restart(disk); /* even when it went while nobody looked */
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(house_put(house, count), OK);
    house_tick(house);
    assert_null(strstr(read_alerts(house->store, "test"), "staging"));
    assert_non_null(strstr(read_alerts(house->store, "test"), "prod"));
    assert_string_equal(read_memo(house->store, "test"), "count/prod={\"n\":2};");
}

static void a_plan_reads_what_there_is_and_writes_nothing(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *rule = one_target(house, "web", judge_slow),
                *count = one_target(house, "count", judge_counts);
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(house_put(house, count), OK);
    house_tick(house);

    house->options.read_only = true;
    house->world.value = 1;
    restart(disk);
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(house_put(house, count), OK);
    assert_false(house_next_tick(house));
    assert_string_equal(count->memo, "{\"n\":1}");
    assert_string_equal(read_memo(house->store, "test"), "count/prod={\"n\":1};");
    assert_non_null(strstr(read_alerts(house->store, "test"), "web/prod/slow//firing"));
    assert_int_equal(count_journal(house->store), 1);
}

/* ---- want of memory ---- */

static void tick_ended(void *data, bool failed)
{
    struct house *house = data;
    house->ended = true;
    house->failed = failed;
}

/* Two policies, a tick, a swap, another tick; whatever memory allows of that. */
static void live_a_little(struct house *house, struct rule *slow, struct rule *count)
{
    for (int round = 0; round < 2; round++) {
        (void)house_put(house, slow);
        (void)house_put(house, count);
        house->world.value = round == 0 ? 500 : 1;
        clock_advance(&house->world.world.clock, MINUTE_MS);
        house->ended = false;
        if (engine_tick(house->engine, NULL, tick_ended, house) < 0) continue;
        house_turn_until(house, &house->ended);
    }
}

static void every_allocation_of_a_tick_may_fail_once(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        struct rule *slow = one_target(house, "slow", judge_slow);
        struct rule *count = one_target(house, "count", judge_counts);
        count->has_collect = true;
        alloc_fail_at(n);
        live_a_little(house, slow, count);
        failed = alloc_fail_done();
        if (!slow->alive) assert_int_equal(house_put(house, slow), OK);
        if (!count->alive) assert_int_equal(house_put(house, count), OK);
        house->world.value = 500;
        house_next_tick(house); /* with memory all is well again */
        assert_false(house_next_tick(house));
        assert_int_equal(house->last.by_status[STATUS_CRITICAL], 1);
        assert_int_equal(house->last.by_status[STATUS_HEALTHY], 1);
        house_close(house);
        sql(disk, "DELETE FROM memo; DELETE FROM alert; DELETE FROM journal_entry");
        house_open(house);
        assert_true(n < 2000);
    }
}

static void an_engine_that_finds_no_memory_does_not_begin(void **state)
{
    struct disk *disk = *state;
    struct house *house = &disk->house;
    struct rule *slow = one_target(house, "slow", judge_slow);
    struct rule *count = one_target(house, "count", judge_counts);
    house->world.value = 500;
    assert_int_equal(house_put(house, slow), OK);
    assert_int_equal(house_put(house, count), OK);
    house_tick(house);
    house_close(house);
    int rc = ERR_NOMEM;
    for (unsigned n = 1; rc < 0; n++) {
        struct fault fault;
        alloc_fail_at(n);
        rc = engine_new(&house->options, &house->engine, &fault);
        if (alloc_fail_done()) assert_int_equal(rc, ERR_NOMEM);
    }
    house->stopped = false;
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(alerts_and_memo_come_back_after_a_restart),
        FACT(an_alert_that_fired_before_a_restart_is_not_raised_again),
        FACT(an_issue_is_journaled_when_it_is_raised_and_when_it_ends),
        FACT(the_same_proposal_is_journaled_once),
        FACT(a_memo_that_did_not_change_is_not_written_again),
        FACT(a_failed_evaluation_does_not_change_the_memo),
        FACT(a_store_that_fails_is_an_error_of_every_tick_and_loses_nothing),
        FACT(stopping_writes_what_no_tick_could),
        FACT(what_was_judged_before_the_stop_is_kept),
        FACT(a_removed_policy_takes_its_alerts_and_leaves_its_memo),
        FACT(a_target_that_is_gone_takes_alerts_and_memo_with_it),
        FACT(a_plan_reads_what_there_is_and_writes_nothing),
        FACT(every_allocation_of_a_tick_may_fail_once),
        FACT(an_engine_that_finds_no_memory_does_not_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
