/* What a tick does in each mode, in a plan, with many decisions, and by clocks that jump. */
#include "support/act_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

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
        FACT(observe_does_not_even_read),
        FACT(recommend_proposes_what_it_has_read_and_checked),
        FACT(a_plan_changes_nothing_and_writes_nothing),
        FACT(the_command_line_raises_no_policy_unless_act_was_said),
        FACT(a_policy_that_is_swapped_in_mid_tick_acts_in_the_mode_it_was_judged_in),
        FACT(without_an_actor_decisions_are_proposed_as_they_are),
        FACT(many_decisions_leave_the_loop_its_turns),
        FACT(a_clock_that_jumps_changes_nothing_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
