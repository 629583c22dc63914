/* Whether a change did what it was for: checks of a policy by name, what follows when one fails,
 * and how people end that. */
#include "support/act_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define VERIFY(on_failure) "{\"check\":\"better\",\"on_failure\":\"" on_failure "\",\"within\":600}"

/* The policy has set count of `a` from 2 to 3, to be verified within ten minutes. */
static struct rule *changed(struct act_house *act, const char *verify)
{
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_rule(act, "web");
    wants_of(rule)->items[0] =
        (struct want){.resource = "a", .wanted = "{\"count\":3}", .verify = verify};
    assert_int_equal(house_put(&act->house, rule), OK);
    assert_string_equal(act_tick(act), "a applied:;");
    return rule;
}

static const char *verifications(struct act_house *act)
{
    return act_query(act, "SELECT json_extract(json, '$.result') || ' ' ||"
                          " coalesce(json_extract(json, '$.text'), '') || ';'"
                          " FROM journal WHERE what = 'verification' ORDER BY seq");
}

static struct engine_actions actions_of(struct act_house *act)
{
    struct engine_actions actions;
    engine_actions(act->house.engine, &actions);
    return actions;
}

/* Ten minutes go by. */
static void time_goes_by(struct act_house *act)
{
    for (int i = 0; i < 10; i++)
        act_tick(act);
}

static void a_check_that_comes_true_ends_it(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("revert"));
    wants_of(rule)->check = VERDICT_FALSE;
    assert_int_equal(wants_of(rule)->checked, 0);
    act_tick(act);
    assert_int_equal(wants_of(rule)->checked, 1);
    assert_int_equal(actions_of(act).verifying, 1);
    wants_of(rule)->check = VERDICT_TRUE;
    act_tick(act);
    assert_string_equal(verifications(act), "passed ;");
    assert_int_equal(actions_of(act).verifying, 0);
    time_goes_by(act);
    assert_int_equal(wants_of(rule)->checked, 2);
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":3}");
    assert_string_equal(act_query(act, "SELECT count(DISTINCT id) FROM journal"), "1");
}

static void one_that_fails_is_an_issue_of_its_target(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("alert"));
    wants_of(rule)->check = VERDICT_FALSE;
    time_goes_by(act);
    assert_string_equal(verifications(act), "failed it did not come true in time;");
    assert_non_null(strstr(act->house.targets, "web/prod=critical[verification_failed]"));
    assert_int_equal(actions_of(act).frozen, 0);
    act_want(rule, "{\"count\":4}");
    assert_string_equal(act_tick(act), "a applied:;"); /* a new change is another matter */
    act_clear(act);
    act_tick(act);
    assert_null(strstr(act->house.targets, "verification_failed"));
}

static void one_that_fails_may_freeze_its_resource(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("freeze"));
    wants_of(rule)->check = VERDICT_FALSE;
    time_goes_by(act);
    act_want(rule, "{\"count\":4}");
    assert_string_equal(act_tick(act), "a refused:FROZEN;");
    assert_non_null(strstr(act->texts, "`moontide resume a` ends that"));
    assert_int_equal(actions_of(act).frozen, 1);
    act_restart(act);
    assert_string_equal(act_tick(act), "a refused:FROZEN;");
    assert_int_equal(engine_unfreeze(act->house.engine, "b"), 0);
    assert_int_equal(engine_unfreeze(act->house.engine, "a"), 1);
    assert_int_equal(engine_unfreeze(act->house.engine, "a"), 0);
    assert_string_equal(act_tick(act), "a applied:;");
    assert_string_equal(act_query(act, "SELECT count(*) FROM journal WHERE what = 'resume'"
                                       " AND resource = 'a' AND json LIKE '%the check%failed%'"),
                        "1");
    act_clear(act);
    act_tick(act);
    assert_null(strstr(act->house.targets, "verification_failed"));
    act_restart(act);
    assert_int_equal(actions_of(act).frozen, 0);
}

static void former_values_go_back_through_the_rails(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("revert"));
    wants_of(rule)->check = VERDICT_FALSE;
    for (int i = 0; i < 9; i++)
        act_tick(act);
    act_pause(act, "");
    act_tick(act);
    assert_string_equal(act->said, "a unchanged:NO_CHANGE;a refused:PAUSED;");
    act_pause(act, NULL);
    for (int i = 0; i < 8 && strcmp(fake_get(&act->fake, "a"), "{\"count\":2}") != 0; i++)
        act_tick(act);
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":2}");
    assert_string_equal(act_tick(act), "a refused:FROZEN;"); /* what the policy still wishes */
    assert_int_equal(act->fake.applies, 2);
    assert_non_null(strstr(act->house.targets, "verification_failed"));
    assert_string_equal(act_intents(act), "");
    engine_unfreeze(act->house.engine, "a");
    assert_string_equal(act_tick(act), "a applied:;");
}

static void former_values_outlive_a_restart(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("revert"));
    wants_of(rule)->check = VERDICT_FALSE;
    act_pause(act, "");
    time_goes_by(act);
    act_pause(act, NULL);
    act_restart(act);
    for (int i = 0; i < 8 && strcmp(fake_get(&act->fake, "a"), "{\"count\":2}") != 0; i++)
        act_tick(act);
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":2}");
}

static void former_values_that_are_there_again_are_not_put_back_later(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("revert"));
    wants_of(rule)->check = VERDICT_FALSE;
    act_pause(act, "");
    time_goes_by(act);
    fake_set(&act->fake, "a", "{\"count\":2}"); /* a person was faster */
    act_tick(act);
    act_pause(act, NULL);
    act_restart(act);
    fake_set(&act->fake, "a", "{\"count\":5}"); /* and knows better now */
    act_later(act, 60 * MINUTE_MS);
    for (int i = 0; i < 70; i++)
        act_tick(act);
    assert_int_equal(act->fake.applies, 1);
}

static void former_values_do_not_undo_what_somebody_else_did_since(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("revert"));
    wants_of(rule)->check = VERDICT_FALSE;
    act_tick(act);
    fake_set(&act->fake, "a", "{\"count\":5}");
    time_goes_by(act);
    assert_string_equal(act->said, "a refused:FROZEN;a refused:DRIFT;");
}

static void a_former_value_that_was_none_cannot_be_put_back(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_rule(act, "web");
    wants_of(rule)->items[0] =
        (struct want){.resource = "a", .wanted = "{\"note\":\"x\"}", .verify = VERIFY("revert")};
    assert_int_equal(house_put(&act->house, rule), OK);
    act_tick(act);
    wants_of(rule)->check = VERDICT_FALSE;
    time_goes_by(act);
    act_tick(act);
    assert_string_equal(act->said, "a unchanged:NO_CHANGE;");
    assert_int_equal(actions_of(act).frozen, 1);
    assert_non_null(strstr(read_alerts(act->house.store, "test"), "it had no former values"));
}

static void without_data_nothing_is_changed_and_people_are_told(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("revert"));
    wants_of(rule)->check = VERDICT_UNKNOWN;
    time_goes_by(act);
    act_tick(act);
    assert_string_equal(verifications(act), "unknown it had no data to tell;");
    assert_int_equal(actions_of(act).frozen, 0);
    assert_int_equal(act->fake.applies, 1);
    assert_non_null(strstr(act->house.targets, "[verification_failed]"));
    assert_non_null(
        strstr(read_alerts(act->house.store, "test"), "is not known: the check better"));
}

static void a_check_that_falls_over_is_no_answer(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("revert"));
    wants_of(rule)->check_code = ERR_LUA;
    time_goes_by(act);
    assert_string_equal(verifications(act), "unknown the check fell over;");
    assert_int_equal(act->fake.applies, 1);
}

static void it_outlives_restart_and_reload(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("alert"));
    wants_of(rule)->check = VERDICT_FALSE;
    act_tick(act);
    act_restart(act);
    act_tick(act);
    assert_int_equal(house_put(&act->house, rule), OK);
    assert_int_equal(actions_of(act).verifying, 1);
    for (int i = 0; i < 8; i++)
        act_tick(act);
    assert_string_equal(verifications(act), "failed it did not come true in time;");
}

static void a_check_that_is_gone_after_a_reload_is_unknown(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("revert"));
    rule->check = NULL;
    assert_int_equal(house_put(&act->house, rule), OK);
    time_goes_by(act);
    assert_memory_equal(verifications(act), "unknown ", 8);
    assert_int_equal(act->fake.applies, 1);
}

static void one_whose_target_is_gone_ends_as_gone(void **state)
{
    struct act_house *act = *state;
    static const char *const others[] = {"staging"};
    struct rule *rule = changed(act, VERIFY("freeze"));
    assert_int_equal(house_put(&act->house, rule), OK);
    assert_int_equal(actions_of(act).verifying, 1); /* a reload alone ends nothing */
    rule->targets = others;
    rule->target_count = 1;
    wants_of(rule)->items[0].target = "nobody";
    assert_int_equal(house_put(&act->house, rule), OK);
    assert_int_equal(actions_of(act).verifying, 0);
    time_goes_by(act);
    assert_string_equal(verifications(act), "gone its target is gone;");
    assert_int_equal(actions_of(act).frozen, 0);
    assert_null(strstr(act->house.targets, "verification_failed"));
    assert_string_equal(act_query(act, "SELECT count(*) FROM resource WHERE json LIKE '%better%'"),
                        "0");
}

static void one_whose_policy_is_removed_ends_as_gone(void **state)
{
    struct act_house *act = *state;
    struct rule *other = house_rule(&act->house, "other", judge_healthy);
    assert_int_equal(house_put(&act->house, other), OK);
    changed(act, VERIFY("revert"));
    engine_remove(act->house.engine, "other");
    assert_int_equal(actions_of(act).verifying, 1); /* it is not that one's */
    assert_int_equal(house_put(&act->house, other), OK);
    engine_remove(act->house.engine, "web");
    assert_int_equal(actions_of(act).verifying, 0);
    act_tick(act);
    assert_string_equal(verifications(act), "gone its policy is gone;");
    assert_int_equal(act->fake.applies, 1);
}

/* The file went while nobody ran; one that cannot be loaded may be it. */
static void one_whose_policy_is_not_there_after_a_start_ends_with_the_first_tick(void **state)
{
    struct act_house *act = *state;
    struct rule *other = house_rule(&act->house, "other", judge_healthy);
    struct fault fault;
    changed(act, VERIFY("freeze"));
    house_close(&act->house);
    house_open(&act->house);
    assert_int_equal(house_put(&act->house, other), OK);
    fault_set(&fault, ERR_LUA, "it does not load");
    assert_int_equal(engine_file_fault(act->house.engine, "web.lua", "", &fault), OK);
    act_tick(act);
    assert_int_equal(actions_of(act).verifying, 1);
    assert_int_equal(engine_file_fault(act->house.engine, "web.lua", "", NULL), OK);
    act_tick(act);
    assert_int_equal(actions_of(act).verifying, 0);
    act_tick(act);
    assert_string_equal(verifications(act), "gone its policy is gone;");
}

static void a_later_change_overtakes_it(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("revert"));
    wants_of(rule)->check = VERDICT_FALSE;
    act_want(rule, "{\"count\":4}");
    assert_string_equal(act_tick(act), "a applied:;");
    assert_string_equal(verifications(act), "unknown a later change overtook it;");
    time_goes_by(act);
    assert_string_equal(verifications(act), "unknown a later change overtook it;"
                                            "failed it did not come true in time;");
}

static void it_is_asked_for_its_own_target_alone(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("alert"));
    rule->target_count = 3;
    wants_of(rule)->items[0].target = "prod";
    assert_int_equal(house_put(&act->house, rule), OK);
    wants_of(rule)->check = VERDICT_FALSE;
    act_tick(act);
    assert_int_equal(wants_of(rule)->checked, 1);
}

static void a_change_that_was_not_made_is_not_verified(void **state)
{
    struct act_house *act = *state;
    act->fake.apply_code = ERR_SERVER;
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_rule(act, "web");
    wants_of(rule)->items[0] =
        (struct want){.resource = "a", .wanted = "{\"count\":3}", .verify = VERIFY("freeze")};
    assert_int_equal(house_put(&act->house, rule), OK);
    act_tick(act);
    assert_int_equal(actions_of(act).verifying, 0);
}

static void a_failure_is_shown_for_a_day(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = changed(act, VERIFY("alert"));
    wants_of(rule)->check = VERDICT_FALSE;
    time_goes_by(act);
    act_later(act, 23 * 60 * MINUTE_MS);
    act_tick(act);
    assert_non_null(strstr(act->house.targets, "[verification_failed]"));
    act_later(act, 60 * MINUTE_MS);
    act_tick(act);
    act_tick(act);
    assert_null(strstr(act->house.targets, "[verification_failed]"));
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, act_setup, act_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_check_that_comes_true_ends_it),
        FACT(one_that_fails_is_an_issue_of_its_target),
        FACT(one_that_fails_may_freeze_its_resource),
        FACT(former_values_go_back_through_the_rails),
        FACT(former_values_outlive_a_restart),
        FACT(former_values_that_are_there_again_are_not_put_back_later),
        FACT(former_values_do_not_undo_what_somebody_else_did_since),
        FACT(a_former_value_that_was_none_cannot_be_put_back),
        FACT(without_data_nothing_is_changed_and_people_are_told),
        FACT(a_check_that_falls_over_is_no_answer),
        FACT(it_outlives_restart_and_reload),
        FACT(a_check_that_is_gone_after_a_reload_is_unknown),
        FACT(one_whose_target_is_gone_ends_as_gone),
        FACT(one_whose_policy_is_removed_ends_as_gone),
        FACT(one_whose_policy_is_not_there_after_a_start_ends_with_the_first_tick),
        FACT(a_later_change_overtakes_it),
        FACT(it_is_asked_for_its_own_target_alone),
        FACT(a_change_that_was_not_made_is_not_verified),
        FACT(a_failure_is_shown_for_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
