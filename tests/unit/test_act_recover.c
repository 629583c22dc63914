/* Changes whose outcome nobody heard of: what a start makes of open intents, and what becomes of
 * answers that never came. No change is made twice, and none is lost. */
#include "support/act_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { BOUND_MS = 90 * 1000 };

/* A tick that is killed while its only call is under way. */
static struct rule *killed_in_apply(struct act_house *act, const char *wanted)
{
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_count(act, "web", "a", wanted);
    act->fake.hold_apply = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    act_kill(act);
    assert_string_equal(act_intents(act), "a;");
    return rule;
}

/* Turns until the recovery's outcome is on disk. */
static void until_recovered(struct act_house *act)
{
    for (int i = 0; i < TURNS_MAX && act_intents(act)[0]; i++)
        house_turns(&act->house, 10);
    assert_string_equal(act_intents(act), "");
}

static size_t open_intents(struct act_house *act)
{
    struct engine_actions actions;
    engine_actions(act->house.engine, &actions);
    return actions.open_intents;
}

static void a_change_that_was_made_is_found_and_not_made_again(void **state)
{
    struct act_house *act = *state;
    killed_in_apply(act, "{\"count\":3}");
    fake_set(&act->fake, "a", "{\"count\":3}");
    assert_int_equal(open_intents(act), 1);
    act_later(act, BOUND_MS);
    act_put_all(act);
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
    until_recovered(act);
    assert_string_equal(act_journal(act), "intent;outcome applied;");
    assert_int_equal(open_intents(act), 0);
    assert_int_equal(act->fake.applies, 1);
}

static void a_change_that_was_not_made_is_said_and_made_then(void **state)
{
    struct act_house *act = *state;
    killed_in_apply(act, "{\"count\":3}");
    act_later(act, BOUND_MS);
    assert_int_equal(engine_start(act->house.engine), OK);
    until_recovered(act);
    assert_string_equal(act_journal(act), "intent;outcome failed;");
    act_restart(act);
    assert_string_equal(act_tick(act), "a applied:;");
    assert_int_equal(act->fake.applies, 2);
    assert_string_equal(act_journal(act), "intent;outcome failed;intent;outcome applied;");
}

static void what_is_neither_as_it_was_nor_as_wanted_is_unknown(void **state)
{
    struct act_house *act = *state;
    killed_in_apply(act, "{\"count\":3}");
    fake_set(&act->fake, "a", "{\"count\":7}");
    act_later(act, BOUND_MS);
    assert_int_equal(engine_start(act->house.engine), OK);
    until_recovered(act);
    assert_string_equal(act_journal(act), "intent;outcome unknown;");
}

static void a_part_that_was_made_is_no_drift(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":1}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":2}");
    act_tick(act);
    act_want(rule, "{\"count\":4,\"note\":\"x\"}");
    act->fake.hold_apply = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    act_kill(act);
    fake_set(&act->fake, "a", "{\"count\":2,\"note\":\"x\"}");
    act_later(act, BOUND_MS);
    assert_int_equal(engine_start(act->house.engine), OK);
    until_recovered(act);
    assert_non_null(strstr(act_journal(act), "outcome unknown;"));
    act_restart(act);
    act_later(act, 10 * MINUTE_MS);
    assert_string_equal(act_tick(act), "a applied:;");
}

static void a_field_that_was_not_there_before_and_is_not_now_was_not_made(void **state)
{
    struct act_house *act = *state;
    killed_in_apply(act, "{\"note\":\"x\"}");
    act_later(act, BOUND_MS);
    assert_int_equal(engine_start(act->house.engine), OK);
    until_recovered(act);
    assert_string_equal(act_journal(act), "intent;outcome failed;");
}

static void until_a_request_can_not_be_under_way_any_more_its_resource_is_busy(void **state)
{
    struct act_house *act = *state;
    killed_in_apply(act, "{\"count\":3}");
    act_put_all(act);
    assert_string_equal(act_tick(act), "a refused:BUSY;");
    assert_string_equal(act_intents(act), "a;");
    assert_int_equal(act->fake.applies, 1);
}

static void a_look_that_fails_is_repeated(void **state)
{
    struct act_house *act = *state;
    killed_in_apply(act, "{\"count\":3}");
    act_later(act, BOUND_MS);
    act->fake.read_code = ERR_TIMEOUT;
    assert_int_equal(engine_start(act->house.engine), OK);
    while (act->fake.reads < 2) /* of the tick that was killed, and the look */
        house_turns(&act->house, 1);
    house_turns(&act->house, 10);
    assert_string_equal(act_intents(act), "a;");
    act->fake.read_code = OK;
    act_later(act, 31 * 1000);
    until_recovered(act);
    assert_string_equal(act_journal(act), "intent;outcome failed;");
}

static void an_answer_that_leaves_it_open_is_found_out_later(void **state)
{
    static const struct {
        const char *found, *journal;
    } cases[] = {
        {"{\"count\":3}", "intent;outcome applied;"},
        {"{\"count\":2}", "intent;outcome failed;"},
        {"{\"count\":6}", "intent;outcome unknown;"},
    };
    struct act_house *act = *state;
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        act_sql(act, "DELETE FROM resource");
        act_restart(act);
        size_t before = strlen(act_journal(act));
        fake_set(&act->fake, "a", "{\"count\":2}");
        act_want(rule, "{\"count\":3}");
        act->fake.apply_code = ERR_TIMEOUT;
        assert_string_equal(act_tick(act), "a unknown:;");
        assert_string_equal(act_intents(act), "a;");
        assert_string_equal(act_tick(act), "a refused:BUSY;");
        act->fake.apply_code = OK;
        fake_set(&act->fake, "a", cases[i].found);
        act_want(rule, cases[i].found);
        act_later(act, BOUND_MS);
        until_recovered(act);
        assert_string_equal(strstr(act_journal(act) + before, "outcome"), cases[i].journal + 7);
    }
}

static void verification_begins_for_a_change_that_was_found_made(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = act_rule(act, "web");
    fake_set(&act->fake, "a", "{\"count\":2}");
    wants_of(rule)->items[0] =
        (struct want){.resource = "a",
                      .wanted = "{\"count\":3}",
                      .verify = "{\"check\":\"better\",\"on_failure\":\"alert\",\"within\":600}"};
    assert_int_equal(house_put(&act->house, rule), OK);
    act->fake.hold_apply = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    act_kill(act);
    fake_set(&act->fake, "a", "{\"count\":3}");
    act_later(act, BOUND_MS);
    assert_int_equal(engine_start(act->house.engine), OK);
    until_recovered(act);
    struct engine_actions actions;
    engine_actions(act->house.engine, &actions);
    assert_int_equal(actions.verifying, 1);
    wants_of(rule)->check = VERDICT_TRUE;
    act_restart(act);
    act_tick(act);
    assert_non_null(strstr(act_journal(act), "verification passed;"));
}

/* ---- kinds that cannot be read ---- */

static struct rule *calls(struct act_house *act)
{
    struct rule *rule = act_rule(act, "web");
    wants_of(rule)->items[0] =
        (struct want){.resource = "q", .kind = "call", .wanted = "{\"key\":\"1\"}"};
    assert_int_equal(house_put(&act->house, rule), OK);
    return rule;
}

static void a_call_is_made_once(void **state)
{
    struct act_house *act = *state;
    calls(act);
    assert_string_equal(act_tick(act), "q applied:;");
    assert_string_equal(act_tick(act), "q unchanged:NO_CHANGE;");
    act_restart(act);
    assert_string_equal(act_tick(act), "q unchanged:NO_CHANGE;");
    assert_int_equal(act->fake.applies, 1);
}

static void a_call_that_was_cut_off_is_unknown_and_never_repeated(void **state)
{
    struct act_house *act = *state;
    calls(act);
    act->fake.hold_apply = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    act_kill(act);
    act_later(act, BOUND_MS);
    assert_int_equal(engine_start(act->house.engine), OK);
    until_recovered(act);
    assert_string_equal(act_journal(act), "intent;outcome unknown;");
    act_restart(act);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(act_tick(act), "q unknown:BUSY;");
        act_later(act, 60 * MINUTE_MS);
        act_restart(act);
    }
    assert_int_equal(act->fake.applies, 1);
}

static void a_call_that_failed_with_an_effect_in_doubt_is_not_repeated(void **state)
{
    struct act_house *act = *state;
    calls(act);
    act->fake.apply_code = ERR_SERVER;
    assert_string_equal(act_tick(act), "q failed:;");
    act->fake.apply_code = OK;
    assert_string_equal(act_tick(act), "q unknown:BUSY;");
    act_restart(act);
    assert_string_equal(act_tick(act), "q unknown:BUSY;");
    assert_int_equal(act->fake.applies, 1);
}

static void a_call_of_which_nothing_was_sent_is_made_the_next_time(void **state)
{
    struct act_house *act = *state;
    calls(act);
    act->fake.apply_code = ERR_SERVER;
    act->fake.unsent = true;
    assert_string_equal(act_tick(act), "q failed:;");
    act->fake.apply_code = OK;
    assert_string_equal(act_tick(act), "q applied:;");
}

/* ---- the clock ---- */

static void a_clock_that_goes_back_makes_no_intent_wait_for_longer(void **state)
{
    struct act_house *act = *state;
    killed_in_apply(act, "{\"count\":3}");
    act_later(act, -60 * MINUTE_MS);
    act_restart(act);
    assert_int_equal(engine_start(act->house.engine), OK);
    act_later(act, BOUND_MS);
    /* The schedule has begun, so the policy states its decision again meanwhile, with an intent of
     * its own: only the open one of before is waited for. */
    for (int i = 0; i < TURNS_MAX && open_intents(act) > 0; i++)
        loop_turn(act->house.loop, true);
    assert_int_equal(open_intents(act), 0);
}

static void nor_one_whose_answer_did_not_come(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.apply_code = ERR_TIMEOUT;
    act_tick(act);
    act_later(act, -60 * MINUTE_MS);
    act_tick(act);
    act_later(act, BOUND_MS);
    until_recovered(act);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, act_setup, act_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_change_that_was_made_is_found_and_not_made_again),
        FACT(a_change_that_was_not_made_is_said_and_made_then),
        FACT(what_is_neither_as_it_was_nor_as_wanted_is_unknown),
        FACT(a_part_that_was_made_is_no_drift),
        FACT(a_field_that_was_not_there_before_and_is_not_now_was_not_made),
        FACT(until_a_request_can_not_be_under_way_any_more_its_resource_is_busy),
        FACT(a_look_that_fails_is_repeated),
        FACT(an_answer_that_leaves_it_open_is_found_out_later),
        FACT(verification_begins_for_a_change_that_was_found_made),
        FACT(a_call_is_made_once),
        FACT(a_call_that_was_cut_off_is_unknown_and_never_repeated),
        FACT(a_call_that_failed_with_an_effect_in_doubt_is_not_repeated),
        FACT(a_call_of_which_nothing_was_sent_is_made_the_next_time),
        FACT(a_clock_that_goes_back_makes_no_intent_wait_for_longer),
        FACT(nor_one_whose_answer_did_not_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
