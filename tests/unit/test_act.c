/* How a tick carries decisions out: what is read, what is on disk before a call and after it, and
 * what becomes of answers. */
#include "support/act_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* ---- the journal comes first ---- */

struct seen {
    struct act_house *act;
    char intents[256], journal[256];
    int times;
};

static void look_at_disk(void *data)
{
    struct seen *seen = data;
    seen->times++;
    snprintf(seen->intents, sizeof seen->intents, "%s", act_intents(seen->act));
    snprintf(seen->journal, sizeof seen->journal, "%s", act_journal(seen->act));
}

static void an_intent_is_on_disk_before_its_call_is_sent(void **state)
{
    struct act_house *act = *state;
    struct seen seen = {.act = act};
    act->fake.on_apply = look_at_disk;
    act->fake.data = &seen;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a applied:;");
    assert_int_equal(seen.times, 1);
    assert_string_equal(seen.intents, "a;");
    assert_string_equal(seen.journal, "intent;");
}

static void an_intent_is_closed_by_its_outcome_in_the_same_tick(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act_tick(act);
    assert_string_equal(act_intents(act), "");
    assert_string_equal(act_journal(act), "intent;outcome applied;");
    assert_string_equal(act_query(act, "SELECT count(DISTINCT id) FROM journal"), "1");
    assert_string_equal(act_query(act,
                                  "SELECT json_extract(json, '$.calls[0].request_id') FROM journal"
                                  " WHERE what = 'outcome'"),
                        "r-1");
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":3}");
}

static void a_decision_takes_its_steps_in_order(void **state)
{
    struct act_house *act = *state;
    act->fake.log_compares = true;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act_tick(act);
    assert_string_equal(act->fake.log, "read a;compare a;check a;apply a {\"count\":3};");
}

static void asked_again_with_nothing_changed_it_does_nothing(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act_tick(act);
    for (int i = 0; i < 3; i++)
        assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
    assert_int_equal(act->fake.applies, 1);
    assert_int_equal(act->fake.checks, 1);
    assert_string_equal(act_journal(act), "intent;outcome applied;");
}

static void the_first_decision_that_changes_nothing_is_no_news(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":2}");
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
    assert_string_equal(act_journal(act), "");
}

static void resources_of_a_tick_are_read_at_once(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = act_rule(act, "web");
    rule->target_count = 3;
    act->fake.others = "{\"count\":2}";
    wants_of(rule)->items[0] = (struct want){.resource = "r-%", .wanted = "{\"count\":2}"};
    assert_int_equal(house_put(&act->house, rule), OK);
    act_tick(act);
    assert_string_equal(act->fake.log, "read r-prod r-staging r-test;");
}

static void reports_keep_the_order_of_targets(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = act_rule(act, "web");
    rule->target_count = 4;
    act->fake.others = "{\"count\":2}";
    wants_of(rule)->items[0] =
        (struct want){.target = "staging", .resource = "r-%", .wanted = "{\"count\":3}"};
    assert_int_equal(house_put(&act->house, rule), OK);
    act_tick(act);
    assert_string_equal(act->house.targets, "web/prod=healthy;web/staging=healthy{applied:};"
                                            "web/test=healthy;web/dev=healthy;");
}

/* ---- failures ---- */

static void a_failed_apply_is_an_error_of_the_tick_and_closes_its_intent(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act->fake.apply_code = ERR_SERVER;
    act_count(act, "web", "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a failed:;");
    assert_true(act->house.failed);
    assert_non_null(strstr(act->house.errors, "decide.count a: apply fell over"));
    assert_string_equal(act_intents(act), "");
    assert_string_equal(act_journal(act), "intent;outcome failed;");
    act->fake.apply_code = OK;
    assert_string_equal(act_tick(act), "a applied:;");
    assert_false(act->house.failed);
}

static void after_a_failed_apply_nobody_knows_what_was_written(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    act_tick(act);
    act_want(rule, "{\"count\":3,\"note\":\"x\"}");
    act->fake.apply_code = ERR_SERVER;
    act_tick(act);
    fake_set(&act->fake, "a", "{\"count\":3,\"note\":\"half\"}"); /* some of it was done */
    act->fake.apply_code = OK;
    assert_string_equal(act_tick(act), "a applied:;"); /* and not: somebody else changed it */
}

static void a_failure_that_sent_nothing_keeps_what_was_written(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    act_tick(act);
    act_want(rule, "{\"count\":3,\"note\":\"x\"}");
    act->fake.apply_code = ERR_CONNECT;
    act->fake.unsent = true;
    assert_string_equal(act_tick(act), "a failed:;");
    assert_string_equal(act_intents(act), "");
    fake_set(&act->fake, "a", "{\"count\":9}");
    act->fake.apply_code = OK;
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
}

static void an_apply_that_does_not_start_is_a_failure_with_an_end(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act->fake.start_code = ERR_NOMEM;
    act_count(act, "web", "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a failed:;");
    assert_string_equal(act_intents(act), "");
    assert_string_equal(act_journal(act), "intent;outcome failed;");
}

static void a_resource_that_cannot_be_read_or_checked_is_an_error(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.read_code = ERR_TIMEOUT;
    assert_string_equal(act_tick(act), "a failed:;");
    assert_true(act->house.failed);
    act->fake.read_code = OK;
    act->fake.check_code = ERR_LUA;
    assert_string_equal(act_tick(act), "a failed:;");
    assert_non_null(strstr(act->texts, "it could not be checked: the check fell over"));
    assert_int_equal(act->fake.applies, 0);
}

static void a_kind_that_is_gone_is_a_failure_of_its_decisions_alone(void **state)
{
    struct act_house *act = *state;
    act->fake.no_kinds = true;
    act_count(act, "web", "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a failed:;");
    assert_non_null(strstr(act->texts, "there is no decision kind 'count' any more"));
}

static void what_does_not_exist_is_not_feasible(void **state)
{
    struct act_house *act = *state;
    act_count(act, "web", "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a refused:NOT_FEASIBLE;");
    assert_string_equal(act->texts, "a: the resource does not exist;");
    assert_int_equal(act->fake.checks, 0);
}

/* ---- a store that fails ---- */

static void without_its_intent_on_disk_nothing_is_applied(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act_break_store(act);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(act_tick(act), "a failed:;");
        assert_true(act->house.failed);
        assert_non_null(strstr(act->texts, "nothing was applied, as the journal could not be"));
        assert_non_null(strstr(act->house.errors, "nothing was applied"));
        assert_non_null(strstr(act->house.errors, "is not on disk"));
    }
    assert_int_equal(act->fake.applies, 0);
    act_mend_store(act);
    assert_string_equal(act_tick(act), "a applied:;");
    assert_string_equal(act_intents(act), "");
    assert_int_equal(act->fake.applies, 1);
    assert_string_equal(act_journal(act), "intent;outcome failed;intent;outcome failed;"
                                          "intent;outcome applied;");
}

static void an_outcome_that_cannot_be_written_comes_with_the_next_batch(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.hold_apply = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    act_break_store(act);
    act->fake.hold_apply = false;
    fake_answer(&act->fake, 0);
    act_end_tick(act);
    assert_string_equal(act->said, "a applied:;");
    assert_true(act->house.failed);
    act_mend_store(act);
    assert_string_equal(act_intents(act), "a;");
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
    assert_string_equal(act_intents(act), "");
    assert_int_equal(act->fake.applies, 1);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, act_setup, act_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(an_intent_is_on_disk_before_its_call_is_sent),
        FACT(an_intent_is_closed_by_its_outcome_in_the_same_tick),
        FACT(a_decision_takes_its_steps_in_order),
        FACT(asked_again_with_nothing_changed_it_does_nothing),
        FACT(the_first_decision_that_changes_nothing_is_no_news),
        FACT(resources_of_a_tick_are_read_at_once),
        FACT(reports_keep_the_order_of_targets),
        FACT(a_failed_apply_is_an_error_of_the_tick_and_closes_its_intent),
        FACT(after_a_failed_apply_nobody_knows_what_was_written),
        FACT(a_failure_that_sent_nothing_keeps_what_was_written),
        FACT(an_apply_that_does_not_start_is_a_failure_with_an_end),
        FACT(a_resource_that_cannot_be_read_or_checked_is_an_error),
        FACT(a_kind_that_is_gone_is_a_failure_of_its_decisions_alone),
        FACT(what_does_not_exist_is_not_feasible),
        FACT(without_its_intent_on_disk_nothing_is_applied),
        FACT(an_outcome_that_cannot_be_written_comes_with_the_next_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
