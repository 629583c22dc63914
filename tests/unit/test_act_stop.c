/* What ends while a tick acts: the engine, the policy, or only the turn of another tick. */
#include "support/act_house.h"

#include "moontide/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the engine stops ---- */

static void a_stop_lets_a_call_end(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.hold_apply = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    engine_stop(act->house.engine, NULL, NULL);
    house_turns(&act->house, 100);
    assert_false(act->house.ended);
    fake_answer(&act->fake, 0);
    act_end_tick(act);
    assert_string_equal(act->said, "a applied:;");
    act->house.stopped = true;
    house_turns(&act->house, 100);
    assert_string_equal(act_intents(act), "");
    assert_int_equal(act->fake.canceled, 0);
}

static void a_stop_that_no_answer_ends_leaves_the_intent_open(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = act_rule(act, "web");
    rule->target_count = 8;
    rule->rails = "{\"max_share\":1,\"max_actions_per_tick\":20}";
    for (int i = 0; i < 2; i++) /* 16 actions, of which 8 are sent at once */
        wants_of(rule)->items[i] =
            (struct want){.resource = i == 0 ? "r-%" : "s-%", .wanted = "{\"count\":3}"};
    act->fake.others = "{\"count\":2}";
    assert_int_equal(house_put(&act->house, rule), OK);
    act->fake.hold_apply = true;
    act_begin_tick(act);
    act_until_held(act, 8);
    engine_stop(act->house.engine, NULL, NULL);
    act_end_tick(act); /* four seconds of real time */
    act->house.stopped = true;
    assert_null(strstr(act->said, "proposed"));
    assert_int_equal(act->fake.canceled, 8);
    assert_int_equal(act->fake.applies, 8);
    assert_non_null(strstr(act->said, "r-prod unknown:;s-prod unknown:;"));
    assert_non_null(strstr(act->said, "r-d failed:;s-d failed:;"));
    house_turns(&act->house, 100);
    assert_string_equal(act_query(act, "SELECT count(*) FROM intent"), "8");
}

/* Closes the engine. A stop is no failure: whatever it cuts short, the log has no error of it. */
static void close_without_an_error(struct act_house *act)
{
    char *said = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&said, &len);
    assert_non_null(stream);
    log_open(stream, LOG_INFO, LOG_JSON, false, NULL);
    house_close(&act->house);
    log_open(NULL, LOG_OFF, LOG_TEXT, false, NULL);
    fclose(stream);
    assert_non_null(strstr(said, "tick.cut_short"));
    assert_null(strstr(said, "\"level\":\"error\""));
    free(said);
}

static void a_stop_while_resources_are_read_ends_the_tick(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.hold_read = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    close_without_an_error(act);
    assert_string_equal(act->said, "a failed:;");
    assert_int_equal(act->fake.canceled, 1);
}

static void a_stop_while_something_is_checked_ends_the_tick(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.hold_check = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    close_without_an_error(act);
    assert_string_equal(act->said, "a failed:;");
    assert_int_equal(act->fake.applies, 0);
    assert_string_equal(act_intents(act), "");
}

/* ---- the policy goes ---- */

static void a_policy_that_goes_in_mid_tick_sends_nothing_more(void **state)
{
    struct act_house *act = *state;
    for (int held = 0; held < 2; held++) {
        fake_set(&act->fake, "a", "{\"count\":2}");
        struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
        act->fake.hold_read = held == 0;
        act->fake.hold_check = held == 1;
        act_begin_tick(act);
        act_until_held(act, 1);
        engine_remove(act->house.engine, "web");
        act->fake.hold_read = act->fake.hold_check = false;
        fake_answer(&act->fake, 0);
        act_end_tick(act);
        assert_string_equal(act->said, "a failed:;");
        assert_non_null(strstr(act->texts, "the policy went before it was carried out"));
        assert_int_equal(act->fake.applies, 0);
        rule->target_count = 0;
    }
}

static void the_wishes_of_a_policy_that_went_in_mid_tick_are_forgotten(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":4}");
    act->fake.hold_read = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    engine_remove(act->house.engine, "web");
    act->fake.hold_read = false;
    fake_answer(&act->fake, 0);
    act_end_tick(act);
    act_count(act, "other", "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a applied:;");
}

static void a_call_under_way_when_its_policy_goes_is_heard_and_journaled(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.hold_apply = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    engine_remove(act->house.engine, "web");
    fake_answer(&act->fake, 0);
    act_end_tick(act);
    assert_string_equal(act->said, "a applied:;");
    assert_string_equal(act_intents(act), "");
    assert_string_equal(act_journal(act), "intent;outcome applied;");
}

static void an_intent_of_a_policy_that_is_gone_is_found_out_all_the_same(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.apply_code = ERR_TIMEOUT;
    act_tick(act);
    engine_remove(act->house.engine, "web");
    act_later(act, 90 * 1000);
    for (int i = 0; i < TURNS_MAX && act_intents(act)[0]; i++)
        house_turns(&act->house, 10);
    assert_string_equal(act_journal(act), "intent;outcome failed;");
}

/* ---- two ticks at once ---- */

static void set_true(void *data, bool failed)
{
    (void)failed;
    *(bool *)data = true;
}

static void what_another_tick_changes_just_now_is_busy(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2,\"note\":\"o\"}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.hold_apply = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    act_count(act, "zone", "a", "{\"note\":\"x\"}");
    bool first = false;
    assert_int_equal(engine_tick(act->house.engine, "zone", set_true, &first), OK);
    house_turn_until(&act->house, &first);
    assert_string_equal(act->said, "a refused:BUSY;");
    act->fake.hold_apply = false;
    fake_answer(&act->fake, 0);
    act_end_tick(act);
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;a applied:;");
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, act_setup, act_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_stop_lets_a_call_end),
        FACT(a_stop_that_no_answer_ends_leaves_the_intent_open),
        FACT(a_stop_while_resources_are_read_ends_the_tick),
        FACT(a_stop_while_something_is_checked_ends_the_tick),
        FACT(a_policy_that_goes_in_mid_tick_sends_nothing_more),
        FACT(the_wishes_of_a_policy_that_went_in_mid_tick_are_forgotten),
        FACT(a_call_under_way_when_its_policy_goes_is_heard_and_journaled),
        FACT(an_intent_of_a_policy_that_is_gone_is_found_out_all_the_same),
        FACT(what_another_tick_changes_just_now_is_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
