/* How a tick carries decisions out: what is read, what is on disk before a call and after it, what
 * becomes of answers, and what a tick that may not act leaves alone. */
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

/* ---- modes ---- */

static void observe_does_not_even_read(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    rule->mode = MODE_OBSERVE;
    rule->has_mode = true;
    assert_int_equal(house_put(&act->house, rule), OK);
    assert_string_equal(act_tick(act), "a refused:MODE;");
    assert_string_equal(act->fake.log, "");
}

static void recommend_proposes_what_it_has_read_and_checked(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act->house.options.mode = MODE_RECOMMEND;
    act_count(act, "web", "a", "{\"count\":3}");
    act_restart(act);
    assert_string_equal(act_tick(act), "a proposed:MODE;");
    assert_string_equal(act->fake.log, "read a;check a;");
    assert_string_equal(act_journal(act), "decision proposed;");
    assert_string_equal(act_intents(act), "");
}

static void a_plan_changes_nothing_and_writes_nothing(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act->house.options.read_only = true;
    act_count(act, "web", "a", "{\"count\":3}");
    act_restart(act);
    assert_string_equal(act_tick(act), "a proposed:PLAN;");
    assert_int_equal(act->fake.applies, 0);
    assert_string_equal(act_query(act, "SELECT count(*) FROM journal"), "0");
    assert_string_equal(act_query(act, "SELECT count(*) FROM resource"), "0");
}

static void the_command_line_raises_no_policy_unless_act_was_said(void **state)
{
    static const struct {
        enum policy_mode policy, command;
        bool up;
        const char *said;
    } cases[] = {
        {MODE_RECOMMEND, MODE_ACT, false, "a proposed:MODE;"},
        {MODE_RECOMMEND, MODE_ACT, true, "a applied:;"},
        {MODE_ACT, MODE_RECOMMEND, false, "a proposed:MODE;"},
        {MODE_ACT, MODE_OBSERVE, false, "a refused:MODE;"},
        {MODE_OBSERVE, MODE_RECOMMEND, false, "a refused:MODE;"},
    };
    struct act_house *act = *state;
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    rule->has_mode = true;
    act->house.options.mode_override = true;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fake_set(&act->fake, "a", "{\"count\":2}");
        rule->mode = cases[i].policy;
        act->house.options.mode = cases[i].command;
        act->house.options.override_up = cases[i].up;
        act_sql(act, "DELETE FROM resource");
        act_restart(act);
        assert_string_equal(act_tick(act), cases[i].said);
    }
}

static void a_policy_that_is_swapped_in_mid_tick_acts_in_the_mode_it_was_judged_in(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    rule->has_mode = true;
    rule->mode = MODE_RECOMMEND;
    assert_int_equal(house_put(&act->house, rule), OK);
    act->fake.hold_read = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    rule->mode = MODE_ACT;
    assert_int_equal(house_put(&act->house, rule), OK);
    act->fake.hold_read = false;
    fake_answer(&act->fake, 0);
    act_end_tick(act);
    assert_string_equal(act->said, "a proposed:MODE;");
    assert_string_equal(act_tick(act), "a applied:;");
}

static void without_an_actor_decisions_are_proposed_as_they_are(void **state)
{
    struct act_house *act = *state;
    act->house.options.actor = NULL;
    act_count(act, "web", "a", "{\"count\":3}");
    act_restart(act);
    assert_string_equal(act_tick(act), "a proposed:MODE;");
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

/* ---- much at once ---- */

static struct rule *ten_thousand(struct act_house *act)
{
    enum { COUNT = 10000, ID_MAX = 8 };
    static char ids[COUNT][ID_MAX];
    static const char *targets[COUNT];
    struct rule *rule = act_rule(act, "web");
    for (int i = 0; i < COUNT; i++) {
        snprintf(ids[i], ID_MAX, "t%d", i);
        targets[i] = ids[i];
    }
    rule->targets = targets;
    rule->target_count = COUNT;
    wants_of(rule)->items[0] = (struct want){.resource = "r-%", .wanted = "{\"count\":3}"};
    act->fake.others = "{\"count\":2}";
    act->house.options.slice_ms = 1;
    act->house.options.policy_wall_ms = 60 * 1000; /* it is the decisions that are looked at */
    return rule;
}

static void many_decisions_leave_the_loop_its_turns(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = ten_thousand(act);
    rule->mode = MODE_ACT;
    act_restart(act);
    act->fake.hold_read = true;
    act->house.on_target = NULL;
    act_begin_tick(act);
    act_until_held(act, 1);
    act->fake.hold_read = false;
    fake_answer(&act->fake, 0);
    int turns = 0;
    for (; !act->house.ended && turns < TURNS_MAX; turns++)
        loop_turn(act->house.loop, true);
    assert_true(act->house.ended);
    assert_true(turns > 20);
    assert_int_equal(act->fake.applies, 10); /* as many as a tick may */
    assert_int_equal(act->fake.reads, 1);
}

static void a_clock_that_jumps_changes_nothing_by_itself(void **state)
{
    static const int jumps[] = {60, -60, -60, 120, 1, -61, 60};
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a applied:;");
    for (size_t i = 0; i < COUNT_OF(jumps); i++) {
        act_later(act, (int64_t)jumps[i] * MINUTE_MS);
        assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
    }
    act_want(rule, "{\"count\":5}");
    assert_string_equal(act_tick(act), "a applied:;");
    act_later(act, -60 * MINUTE_MS); /* what was just done is not forgotten, nor held for longer */
    act_want(rule, "{\"count\":2}");
    assert_string_equal(act_tick(act), "a refused:STABILIZING;");
    for (int i = 0; i < 8; i++)
        act_tick(act);
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":2}");
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
        FACT(observe_does_not_even_read),
        FACT(recommend_proposes_what_it_has_read_and_checked),
        FACT(a_plan_changes_nothing_and_writes_nothing),
        FACT(the_command_line_raises_no_policy_unless_act_was_said),
        FACT(a_policy_that_is_swapped_in_mid_tick_acts_in_the_mode_it_was_judged_in),
        FACT(without_an_actor_decisions_are_proposed_as_they_are),
        FACT(a_failed_apply_is_an_error_of_the_tick_and_closes_its_intent),
        FACT(after_a_failed_apply_nobody_knows_what_was_written),
        FACT(a_failure_that_sent_nothing_keeps_what_was_written),
        FACT(an_apply_that_does_not_start_is_a_failure_with_an_end),
        FACT(a_resource_that_cannot_be_read_or_checked_is_an_error),
        FACT(a_kind_that_is_gone_is_a_failure_of_its_decisions_alone),
        FACT(what_does_not_exist_is_not_feasible),
        FACT(without_its_intent_on_disk_nothing_is_applied),
        FACT(an_outcome_that_cannot_be_written_comes_with_the_next_batch),
        FACT(many_decisions_leave_the_loop_its_turns),
        FACT(a_clock_that_jumps_changes_nothing_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
