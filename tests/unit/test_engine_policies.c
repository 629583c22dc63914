/* How policies come, are replaced and go: discovery of their targets, swaps of generations. */
#include "support/engine_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* ---- discovery ---- */

static void hear_swapped(void *data, const char *policy, int code)
{
    (void)policy;
    *(int *)data = code + 1000;
}

static void a_policy_whose_targets_cannot_be_found_is_an_error_until_they_can(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    struct fault fault;
    int swapped = 0;
    rule->discover_code = ERR_CONNECT;
    assert_int_equal(engine_put(house->engine, rule_load(rule), hear_swapped, &swapped, &fault),
                     OK);
    assert_int_equal(swapped, ERR_CONNECT + 1000);
    assert_true(house_tick(house));
    assert_string_equal(house->errors, "web|policies/web.lua|3|targets() fell over;");
    assert_int_equal(rule->discovered, 2); /* each tick tries again */
    rule->discover_code = OK;
    assert_false(house_tick(house));
    assert_int_equal(house->last.targets, 2);
    assert_false(house_tick(house));
    assert_int_equal(rule->discovered, 3);
}

static void a_tick_waits_for_the_discovery_of_a_new_policy(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    rule->hold_discover = true;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(engine_tick(house->engine, NULL, NULL, NULL), OK);
    house_turns(house, 20);
    assert_int_equal(house->ticks, 0);
    rule_answer(rule, OK);
    house_turns(house, 20);
    assert_int_equal(house->ticks, 1);
    assert_int_equal(house->last.targets, 2);
}

static void targets_are_found_again_when_discovery_is_due(void **state)
{
    static const char *const first[] = {"prod", "staging"}, *const others[] = {"staging", "dev"};
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    struct collector_stats stats;
    rule->discover_ms = 3 * MINUTE_MS;
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    rule->targets = others;
    house_next_tick(house);
    house_next_tick(house);
    assert_int_equal(rule->discovered, 1);
    house_clear(house);
    house_next_tick(house);
    assert_int_equal(rule->discovered, 2);
    assert_string_equal(house->targets, "web/staging=critical[slow];web/dev=critical[slow];");
    collector_stats(engine_collector(house->engine), &stats);
    assert_int_equal(stats.entries, 2);
    rule->targets = first; /* prod comes back without its alert: it was gone for good */
    house->world.value = 1;
    rule->judge = judge_fails;
    for (int i = 0; i < 3; i++)
        house_next_tick(house);
    house_clear(house);
    house_next_tick(house);
    assert_string_equal(house->targets, "web/prod=unknown;web/staging=critical[slow];");
}

static void a_discovery_that_fails_later_leaves_the_targets_as_they_were(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    rule->discover_ms = MINUTE_MS;
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    rule->discover_code = ERR_TIMEOUT;
    assert_true(house_next_tick(house));
    assert_int_equal(house->last.targets, 2);
    assert_string_equal(house->errors,
                        "web|policies/web.lua|3|discovery of targets: targets() fell over;");
}

static void a_discovery_that_never_ends_is_given_up(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    house_close(house);
    house->options.collect_ms = 20;
    house_open(house);
    rule->hold_discover = true;
    assert_int_equal(house_put(house, rule), OK);
    assert_true(house_tick(house));
    assert_string_equal(house->errors,
                        "web|policies/web.lua|0|targets() did not end within 20 ms;");
}

/* ---- swaps ---- */

static void a_swap_keeps_alerts_memo_and_series(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow),
                *counting = house_rule(house, "count", judge_counts);
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(house_put(house, counting), OK);
    house_tick(house);
    house_tick(house);
    assert_string_equal(counting->memo, "-"); /* the policy holds it */
    size_t calls = house->world.calls;

    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(house_put(house, counting), OK);
    assert_int_equal(rule->alive, 1);
    rule->judge = judge_fails; /* so that only a kept alert can be there */
    house_clear(house);
    house_tick(house);
    assert_string_equal(house->targets, "count/prod=healthy;count/staging=healthy;"
                                        "web/prod=critical[slow];web/staging=critical[slow];");
    assert_string_equal(counting->memo, "{\"n\":2}");
    assert_int_equal(house->world.calls, calls); /* nothing is asked again */
}

static void a_tick_under_way_ends_with_the_generation_it_began_with(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    house->world.hold = true;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(engine_tick(house->engine, NULL, NULL, NULL), OK);
    house_turns(house, 5);
    rule->target_count = 1;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(rule->alive, 2);
    world_answer(&house->world);
    house_turns(house, 20);
    assert_int_equal(house->last.targets, 2);
    assert_int_equal(rule->alive, 1);
    house->world.hold = false;
    house_tick(house);
    assert_int_equal(house->last.targets, 1);
}

static void a_newer_file_supersedes_one_that_is_still_discovering(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    struct fault fault;
    int first = 0, second = 0;
    rule->hold_discover = true;
    assert_int_equal(engine_put(house->engine, rule_load(rule), hear_swapped, &first, &fault), OK);
    assert_int_equal(engine_tick(house->engine, NULL, NULL, NULL), OK);
    house_turns(house, 5);
    assert_int_equal(engine_put(house->engine, rule_load(rule), hear_swapped, &second, &fault), OK);
    assert_int_equal(first, ERR_CANCELED + 1000);
    assert_int_equal(rule->alive, 1);
    house_turns(house, 5);
    rule_answer(rule, OK);
    assert_int_equal(second, OK + 1000);
    house_turns(house, 20);
    assert_int_equal(house->last.targets, 2);
}

static void a_name_belongs_to_the_file_that_had_it_first(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow),
                *thief = house_rule(house, "web", judge_fails);
    struct fault fault;
    thief->file = "policies/thief->lua";
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(engine_put(house->engine, rule_load(thief), NULL, NULL, &fault), ERR_EXISTS);
    assert_non_null(strstr(fault.text, "policies/thief->lua"));
    assert_non_null(strstr(fault.text, "policies/web.lua"));
    assert_int_equal(thief->alive, 0);
    assert_false(house_tick(house));
}

static void a_policy_that_is_renamed_in_its_file_leaves_nothing_behind(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    assert_int_equal(house_put(house, rule), OK);
    rule->name = "www";
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(rule->alive, 1);
    house_tick(house);
    assert_string_equal(house->targets, "www/prod=healthy;www/staging=healthy;");
}

static void a_thousand_swaps_leave_one_generation(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    struct collector_stats stats;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(rule->alive, 1);
    collector_stats(engine_collector(house->engine), &stats);
    assert_int_equal(stats.entries, 2);
}

static void a_removed_policy_is_gone_at_once(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    engine_remove(house->engine, "nobody");
    engine_remove(house->engine, "web");
    assert_int_equal(rule->alive, 0);
    house_tick(house);
    assert_int_equal(house->last.targets, 0);
}

static void a_policy_may_be_removed_in_any_phase_of_its_tick(void **state)
{
    struct house *house = *state;
    for (int phase = 0; phase < 4; phase++) {
        struct rule *rule = house_rule(house, "web", judge_slow);
        rule->hold_discover = phase == 0;
        rule->has_collect = rule->hold_collect = phase == 2;
        house->world.hold = phase == 1;
        assert_int_equal(house_put(house, rule), OK);
        assert_int_equal(engine_tick(house->engine, NULL, NULL, NULL), OK);
        if (phase < 3) house_turns(house, 10);
        engine_remove(house->engine, "web");
        world_answer(&house->world);
        house_turns(house, 20);
        assert_int_equal(rule->alive, 0);
        assert_int_equal(house->ticks, phase + 1);
        assert_int_equal(house->last.targets, 0);
    }
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_policy_whose_targets_cannot_be_found_is_an_error_until_they_can),
        FACT(a_tick_waits_for_the_discovery_of_a_new_policy),
        FACT(targets_are_found_again_when_discovery_is_due),
        FACT(a_discovery_that_fails_later_leaves_the_targets_as_they_were),
        FACT(a_discovery_that_never_ends_is_given_up),
        FACT(a_swap_keeps_alerts_memo_and_series),
        FACT(a_tick_under_way_ends_with_the_generation_it_began_with),
        FACT(a_newer_file_supersedes_one_that_is_still_discovering),
        FACT(a_name_belongs_to_the_file_that_had_it_first),
        FACT(a_policy_that_is_renamed_in_its_file_leaves_nothing_behind),
        FACT(a_thousand_swaps_leave_one_generation),
        FACT(a_removed_policy_is_gone_at_once),
        FACT(a_policy_may_be_removed_in_any_phase_of_its_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
