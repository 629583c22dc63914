/* Drift: a resource that somebody else changed since moontide's last write is recorded, held, and
 * taken up again. A write that is not to be seen yet is none. */
#include "support/act_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* count of `a` was set to 4 by the policy, which wants something else from now on. */
static struct rule *wrote(struct act_house *act, const char *then)
{
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":4}");
    assert_string_equal(act_tick(act), "a applied:;");
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
    act_want(rule, then);
    return rule;
}

static int drifts(struct act_house *act)
{
    int count = 0;
    sscanf(act_query(act, "SELECT count(*) FROM journal WHERE what = 'drift'"), "%d", &count);
    return count;
}

static void a_change_by_somebody_else_is_recorded_once_and_held(void **state)
{
    struct act_house *act = *state;
    wrote(act, "{\"count\":4}");
    fake_set(&act->fake, "a", "{\"count\":6}");
    for (int i = 0; i < 60; i++)
        assert_string_equal(act_tick(act), "a refused:DRIFT;");
    assert_non_null(strstr(act->texts, "count is 6 (moontide had written 4)"));
    assert_int_equal(drifts(act), 1);
    assert_string_equal(act_query(act, "SELECT json_extract(json, '$.fields[0].field') || ' ' ||"
                                       " json_extract(json, '$.fields[0].found') || ' ' ||"
                                       " json_extract(json, '$.fields[0].written')"
                                       " FROM journal WHERE what = 'drift'"),
                        "count 6 4");
    assert_int_equal(act->fake.applies, 1);
    act_tick(act); /* in is held by the stabilization too: what was wished before was the same */
    assert_null(strstr(act->said, "DRIFT"));
}

static void after_the_hold_the_policy_has_its_way(void **state)
{
    struct act_house *act = *state;
    wrote(act, "{\"count\":4,\"note\":\"x\"}");
    fake_set(&act->fake, "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    act_later(act, 60 * MINUTE_MS);
    assert_string_equal(act_tick(act), "a applied:;");
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
    assert_int_equal(drifts(act), 1);
}

static void another_change_during_the_hold_starts_it_anew(void **state)
{
    struct act_house *act = *state;
    wrote(act, "{\"count\":4}");
    fake_set(&act->fake, "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    act_later(act, 50 * MINUTE_MS);
    fake_set(&act->fake, "a", "{\"count\":2}");
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    assert_int_equal(drifts(act), 2);
    act_later(act, 50 * MINUTE_MS);
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    act_later(act, 10 * MINUTE_MS);
    assert_string_equal(act_tick(act), "a applied:;");
}

static void what_never_rests_beside_the_drift_does_not_start_it_anew(void **state)
{
    struct act_house *act = *state;
    char json[64];
    wrote(act, "{\"count\":4}");
    for (int i = 0; i < 30; i++) {
        snprintf(json, sizeof json, "{\"count\":3,\"running\":%d}", i);
        fake_set(&act->fake, "a", json);
        assert_string_equal(act_tick(act), "a refused:DRIFT;");
    }
    assert_int_equal(drifts(act), 1);
    act_later(act, 30 * MINUTE_MS);
    assert_string_equal(act_tick(act), "a applied:;");
}

static void own_changes_are_no_drift(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = wrote(act, "{\"count\":5}");
    assert_string_equal(act_tick(act), "a applied:;");
    act_want(rule, "{\"count\":5,\"note\":\"x\"}");
    assert_string_equal(act_tick(act), "a applied:;");
    act_restart(act);
    act_want(rule, "{\"count\":7,\"note\":\"y\"}");
    assert_string_equal(act_tick(act), "a applied:;");
    assert_int_equal(drifts(act), 0);
}

static void what_was_put_back_ends_the_hold(void **state)
{
    struct act_house *act = *state;
    wrote(act, "{\"count\":4,\"note\":\"x\"}");
    fake_set(&act->fake, "a", "{\"count\":6}");
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    fake_set(&act->fake, "a", "{\"count\":4}");
    assert_string_equal(act_tick(act), "a applied:;");
}

static void a_change_to_what_is_wanted_is_adopted(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = wrote(act, "{\"count\":6}");
    fake_set(&act->fake, "a", "{\"count\":6}");
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
    act_want(rule, "{\"count\":7}");
    assert_string_equal(act_tick(act), "a applied:;");
    assert_int_equal(drifts(act), 0);
}

/* What was compared before the adoption was compared with something else. */
static void after_an_adoption_a_return_to_the_state_of_before_is_drift(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = wrote(act, "{\"count\":5}");
    act->fake.busy = "just now";
    assert_string_equal(act_tick(act), "a refused:BUSY;"); /* compared: 4, as written */
    act->fake.busy = NULL;
    fake_set(&act->fake, "a", "{\"count\":5}");
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
    fake_set(&act->fake, "a", "{\"count\":4}");
    act_want(rule, "{\"count\":6}");
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
}

static void drift_outlives_a_restart_and_is_not_recorded_again(void **state)
{
    struct act_house *act = *state;
    wrote(act, "{\"count\":4}");
    fake_set(&act->fake, "a", "{\"count\":3}");
    act_tick(act);
    act_restart(act);
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    assert_int_equal(drifts(act), 1);
}

static void a_drift_while_nobody_ran_is_found(void **state)
{
    struct act_house *act = *state;
    wrote(act, "{\"count\":4}");
    fake_set(&act->fake, "a", "{\"count\":3}");
    act_later(act, 24 * 60 * MINUTE_MS);
    act_restart(act);
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
}

static void the_hold_is_the_policys_or_the_decisions_own(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = wrote(act, "{\"count\":4}");
    wants_of(rule)->items[0].rails = "{\"drift_hold\":\"2m\"}";
    fake_set(&act->fake, "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    assert_string_equal(act_tick(act), "a refused:COOLDOWN;"); /* of its own last change */
}

static void a_clock_that_goes_back_makes_no_hold_longer(void **state)
{
    struct act_house *act = *state;
    wrote(act, "{\"count\":4}");
    fake_set(&act->fake, "a", "{\"count\":3}");
    act_tick(act);
    act_later(act, -60 * MINUTE_MS);
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    act_later(act, 60 * MINUTE_MS);
    assert_string_equal(act_tick(act), "a applied:;");
}

/* ---- a write that is not to be seen yet ---- */

static void a_write_that_is_not_to_be_seen_is_waited_for(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act->fake.invisible = true;
    act_count(act, "web", "a", "{\"count\":4}");
    assert_string_equal(act_tick(act), "a applied:;");
    for (int i = 0; i < 4; i++)
        assert_string_equal(act_tick(act), "a refused:BUSY;");
    fake_show(&act->fake);
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
    assert_int_equal(act->fake.applies, 1);
    assert_int_equal(drifts(act), 0);
}

static void after_five_minutes_it_is_somebody_elses(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act->fake.invisible = true;
    act_count(act, "web", "a", "{\"count\":4}");
    act_tick(act);
    for (int i = 0; i < 4; i++)
        assert_string_equal(act_tick(act), "a refused:BUSY;");
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    assert_int_equal(drifts(act), 1);
}

static void nor_does_a_clock_that_goes_back_make_it_drift_or_wait_for_ever(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act->fake.invisible = true;
    act_count(act, "web", "a", "{\"count\":4}");
    act_tick(act);
    act_later(act, -60 * MINUTE_MS);
    for (int i = 0; i < 5; i++)
        assert_string_equal(act_tick(act), "a refused:BUSY;");
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
}

static void a_policy_that_only_recommends_shows_the_drift_and_waits_too(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = wrote(act, "{\"count\":4}");
    rule->has_mode = true;
    rule->mode = MODE_RECOMMEND;
    act_restart(act);
    fake_set(&act->fake, "a", "{\"count\":3}");
    assert_string_equal(act_tick(act), "a refused:DRIFT;");
    act_later(act, 60 * MINUTE_MS);
    assert_string_equal(act_tick(act), "a proposed:MODE;");
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, act_setup, act_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_change_by_somebody_else_is_recorded_once_and_held),
        FACT(after_the_hold_the_policy_has_its_way),
        FACT(another_change_during_the_hold_starts_it_anew),
        FACT(what_never_rests_beside_the_drift_does_not_start_it_anew),
        FACT(own_changes_are_no_drift),
        FACT(what_was_put_back_ends_the_hold),
        FACT(a_change_to_what_is_wanted_is_adopted),
        FACT(after_an_adoption_a_return_to_the_state_of_before_is_drift),
        FACT(drift_outlives_a_restart_and_is_not_recorded_again),
        FACT(a_drift_while_nobody_ran_is_found),
        FACT(the_hold_is_the_policys_or_the_decisions_own),
        FACT(a_clock_that_goes_back_makes_no_hold_longer),
        FACT(a_write_that_is_not_to_be_seen_is_waited_for),
        FACT(after_five_minutes_it_is_somebody_elses),
        FACT(nor_does_a_clock_that_goes_back_make_it_drift_or_wait_for_ever),
        FACT(a_policy_that_only_recommends_shows_the_drift_and_waits_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
