/* More than one decision in a tick: who gives way, and how much changes at once. */
#include "support/act_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* ---- two policies ---- */

static struct rule *second(struct act_house *act, const char *wanted)
{
    struct rule *rule = act_rule(act, "zone");
    wants_of(rule)->items[0] = (struct want){.resource = "a", .wanted = wanted};
    rule->has_mode = true;
    rule->mode = MODE_ACT;
    assert_int_equal(house_put(&act->house, rule), OK);
    return rule;
}

static void of_two_policies_the_largest_capacity_wins(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    second(act, "{\"count\":5}");
    assert_string_equal(act_tick(act), "a refused:CONFLICT;a applied:;");
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":5}");
    assert_string_equal(act_tick(act), "a refused:CONFLICT;a unchanged:NO_CHANGE;");
    assert_int_equal(act->fake.applies, 1);
}

static void capacity_is_taken_away_only_when_all_agree(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":8}");
    struct rule *web = act_count(act, "web", "a", "{\"count\":5}");
    struct rule *zone = second(act, "{\"count\":8}");
    web->rails = zone->rails = "{\"stabilization_in\":0,\"tolerance\":0}";
    act_restart(act);
    assert_string_equal(act_tick(act), "a refused:CONFLICT;a unchanged:NO_CHANGE;");
    act_want(zone, "{\"count\":6}");
    assert_string_equal(act_tick(act), "a refused:CONFLICT;a applied:;");
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":6}");
}

static void another_wish_for_one_field_refuses_both(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"note\":\"o\"}");
    act_count(act, "web", "a", "{\"note\":\"x\"}");
    second(act, "{\"note\":\"y\"}");
    assert_string_equal(act_tick(act), "a refused:CONFLICT;a refused:CONFLICT;");
}

static void who_recommends_does_not_hold_up_who_acts(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":4}");
    struct rule *zone = second(act, "{\"count\":9}");
    zone->mode = MODE_RECOMMEND;
    act_count(act, "web", "a", "{\"count\":6}");
    act_restart(act);
    assert_string_equal(act_tick(act), "a applied:;a refused:BUSY;");
    struct rule *web = act->house.rules;
    act_want(web, "{\"count\":2}");
    act_restart(act);
    act_later(act, 20 * MINUTE_MS);
    for (int i = 0; i < 7; i++) /* its own wish of before is over then */
        act_tick(act);
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":2}");
}

static void a_plan_shows_the_conflicts_that_a_tick_would_see(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":4}");
    struct rule *zone = second(act, "{\"count\":9}");
    zone->mode = MODE_RECOMMEND;
    act_count(act, "web", "a", "{\"count\":6}");
    act->house.options.read_only = true;
    act_restart(act);
    assert_string_equal(act_tick(act), "a proposed:PLAN;a proposed:MODE;");
}

static void two_decisions_of_one_evaluation_are_two_wishes(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    wants_of(rule)->items[1] = (struct want){.resource = "a", .wanted = "{\"count\":4}"};
    assert_string_equal(act_tick(act), "a refused:CONFLICT;a applied:;");
    wants_of(rule)->items[1].wanted = "{\"count\":3}";
    act_want(rule, "{\"count\":3}");
    act_tick(act);
    assert_int_equal(act->fake.applies, 1);
    assert_string_equal(act_query(act, "SELECT count(*) FROM journal WHERE what = 'intent'"), "1");
}

static void one_thing_decided_twice_is_done_once(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    wants_of(rule)->items[1] = (struct want){.resource = "a", .wanted = "{\"count\":3}"};
    assert_string_equal(act_tick(act), "a applied:;a refused:CONFLICT;");
    assert_int_equal(act->fake.applies, 1);
}

/* Neither knows of the other's field, so no wish gives way. */
static void two_changes_of_one_resource_are_made_one_after_the_other(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2,\"note\":\"o\"}");
    act_count(act, "web", "a", "{\"count\":3}");
    second(act, "{\"note\":\"x\"}");
    assert_string_equal(act_tick(act), "a applied:;a refused:BUSY;");
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;a applied:;");
}

/* ---- how much at once ---- */

static size_t times(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, word)); at++)
        count++;
    return count;
}

static void no_more_targets_of_a_policy_change_at_once_than_its_share(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = act_rule(act, "web");
    rule->target_count = 8;
    for (int i = 0; i < 2; i++)
        wants_of(rule)->items[i] =
            (struct want){.resource = i == 0 ? "r-%" : "s-%", .wanted = "{\"count\":3}"};
    act->fake.others = "{\"count\":2}";
    assert_int_equal(house_put(&act->house, rule), OK);
    act_tick(act); /* two of eight targets, with both resources of each */
    assert_non_null(strstr(act->said, "r-prod applied:;s-prod applied:;"));
    assert_non_null(
        strstr(act->said, "r-staging applied:;s-staging applied:;r-test refused:BLAST"));
    assert_int_equal(times(act->said, "applied"), 4);
    assert_int_equal(times(act->said, "BLAST_RADIUS"), 12);
}

static void a_tick_takes_no_more_actions_than_allowed_over_all_policies(void **state)
{
    struct act_house *act = *state;
    for (int i = 0; i < 2; i++) {
        struct rule *rule = act_rule(act, i == 0 ? "web" : "zone");
        rule->target_count = 8;
        rule->rails = "{\"max_share\":1,\"max_actions_per_tick\":10}";
        wants_of(rule)->items[0] =
            (struct want){.resource = i == 0 ? "r-%" : "s-%", .wanted = "{\"count\":3}"};
        assert_int_equal(house_put(&act->house, rule), OK);
    }
    act->fake.others = "{\"count\":2}";
    act_tick(act);
    assert_int_equal(times(act->said, "applied"), 10);
    assert_int_equal(times(act->said, "BLAST_RADIUS"), 6);
    assert_int_equal(act->fake.applies, 10);
}

static void proposals_take_nothing_from_those_that_act(void **state)
{
    struct act_house *act = *state;
    for (int plan = 0; plan < 2; plan++) {
        act->fake.others = "{\"count\":2}";
        for (int i = 0; i < 2 && plan == 0; i++) {
            struct rule *rule = act_rule(act, i == 0 ? "acts" : "a-recommends");
            rule->target_count = 8;
            rule->rails = "{\"max_share\":1,\"max_actions_per_tick\":8}";
            rule->has_mode = true;
            rule->mode = i == 0 ? MODE_ACT : MODE_RECOMMEND;
            wants_of(rule)->items[0] =
                (struct want){.resource = i == 0 ? "r-%" : "s-%", .wanted = "{\"count\":3}"};
        }
        act->house.options.read_only = plan == 0;
        act_restart(act);
        act_tick(act);
        assert_int_equal(times(act->said, "MODE"), 8);
        assert_int_equal(times(act->said, plan == 0 ? "PLAN" : "applied"), 8);
    }
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, act_setup, act_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(of_two_policies_the_largest_capacity_wins),
        FACT(capacity_is_taken_away_only_when_all_agree),
        FACT(another_wish_for_one_field_refuses_both),
        FACT(who_recommends_does_not_hold_up_who_acts),
        FACT(a_plan_shows_the_conflicts_that_a_tick_would_see),
        FACT(two_decisions_of_one_evaluation_are_two_wishes),
        FACT(one_thing_decided_twice_is_done_once),
        FACT(two_changes_of_one_resource_are_made_one_after_the_other),
        FACT(no_more_targets_of_a_policy_change_at_once_than_its_share),
        FACT(a_tick_takes_no_more_actions_than_allowed_over_all_policies),
        FACT(proposals_take_nothing_from_those_that_act),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
