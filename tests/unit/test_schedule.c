/* When policies are due: by the world's time, staggered, never in a burst, never in silence. The
 * manual clock decides; the loop turns until nothing more happens. */
#include "support/engine_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { HOUR_MS = 60 * MINUTE_MS, SECOND_MS = 1000 };

static struct rule *policy(struct house *house, const char *name, int64_t every_ms)
{
    struct rule *rule = house_rule(house, name, judge_healthy);
    rule->every_ms = every_ms;
    rule->target_count = 1;
    return rule;
}

static struct clock *clock_of(struct house *house)
{
    return &house->world.world.clock;
}

/* The timer of a manual clock looks every millisecond: let it look at least once, and let what it
 * began have its turns where each takes longer than that. */
static void settle(struct house *house)
{
    struct clock real = {0};
    int64_t until_ns = clock_mono_ns(&real) + 4 * 1000000;
    for (int turns = 0; turns < 5 || clock_mono_ns(&real) < until_ns; turns++)
        loop_turn(house->loop, true);
}

/* How many ticks there are in ms, looked at every step. */
static size_t ticks_in(struct house *house, int64_t ms, int64_t step_ms)
{
    size_t before = house->ticks;
    for (int64_t at = 0; at < ms; at += step_ms) {
        clock_advance(clock_of(house), step_ms);
        settle(house);
    }
    return house->ticks - before;
}

static void start(struct house *house)
{
    assert_int_equal(engine_start(house->engine), OK);
    settle(house);
}

static void every_policy_runs_at_once_and_then_each_on_its_own_every(void **state)
{
    struct house *house = *state;
    struct rule *fast = policy(house, "fast", MINUTE_MS),
                *slow = policy(house, "slow", 5 * MINUTE_MS);
    assert_int_equal(house_put(house, fast), OK);
    assert_int_equal(house_put(house, slow), OK);
    start(house);
    assert_int_equal(house->ticks, 1); /* one for both */
    assert_int_equal(fast->evaluated, 1);
    assert_int_equal(slow->evaluated, 1);
    ticks_in(house, 20 * MINUTE_MS, 10 * SECOND_MS);
    assert_int_equal(fast->evaluated, 21);
    assert_int_equal(slow->evaluated, 5);
}

static void policies_of_one_every_do_not_all_run_at_the_same_second(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    struct house *house = *state;
    struct rule *rules[6];
    for (size_t i = 0; i < 6; i++) {
        rules[i] = policy(house, names[i], MINUTE_MS);
        assert_int_equal(house_put(house, rules[i]), OK);
    }
    start(house);
    size_t ticks = ticks_in(house, MINUTE_MS, SECOND_MS);
    assert_true(ticks >= 4);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(rules[i]->evaluated, 2);
}

static void a_policy_keeps_its_place_in_the_minute(void **state)
{
    struct house *house = *state;
    struct rule *rule = policy(house, "web", MINUTE_MS);
    assert_int_equal(house_put(house, rule), OK);
    start(house);
    int64_t place = -1;
    for (int tick = 0; tick < 4; tick++) {
        while (ticks_in(house, SECOND_MS, SECOND_MS) == 0)
            ;
        int64_t now = clock_now_ms(clock_of(house)) / SECOND_MS % 60;
        if (place < 0) place = now;
        assert_int_equal(now, place);
    }
}

static void a_policy_that_comes_later_runs_at_once(void **state)
{
    struct house *house = *state;
    struct rule *first = policy(house, "first", HOUR_MS), *later = policy(house, "later", HOUR_MS);
    assert_int_equal(house_put(house, first), OK);
    start(house);
    assert_int_equal(house_put(house, later), OK);
    settle(house);
    assert_int_equal(later->evaluated, 1);
    assert_int_equal(first->evaluated, 1);
}

static void a_new_generation_may_change_how_often_it_runs(void **state)
{
    struct house *house = *state;
    struct rule *rule = policy(house, "web", HOUR_MS);
    assert_int_equal(house_put(house, rule), OK);
    start(house);
    rule->every_ms = MINUTE_MS;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(ticks_in(house, 10 * MINUTE_MS, 20 * SECOND_MS), 10);
}

static void note_skipped(void *data, const struct policy_status *status)
{
    *(uint64_t *)data = status->skipped;
}

static void an_overrun_skips_and_counts(void **state)
{
    struct house *house = *state;
    struct rule *rule = policy(house, "web", MINUTE_MS);
    uint64_t skipped = 0;
    rule->metric = "Latency";
    house->world.hold = true;
    assert_int_equal(house_put(house, rule), OK);
    start(house);
    ticks_in(house, 3 * MINUTE_MS, 10 * SECOND_MS);
    assert_int_equal(rule->evaluated, 0);
    engine_each_policy(house->engine, note_skipped, &skipped);
    assert_int_equal(skipped, 3);
    house->world.hold = false;
    world_answer(&house->world);
    settle(house);
    assert_int_equal(rule->evaluated, 1); /* nothing is caught up on */
    ticks_in(house, 3 * MINUTE_MS, 10 * SECOND_MS);
    assert_int_equal(rule->evaluated, 4);
}

static void a_policy_that_waits_does_not_hold_up_another(void **state)
{
    struct house *house = *state;
    struct rule *waits = policy(house, "waits", MINUTE_MS),
                *runs = policy(house, "runs", MINUTE_MS);
    waits->has_collect = waits->hold_collect = true;
    assert_int_equal(house_put(house, waits), OK);
    assert_int_equal(house_put(house, runs), OK);
    start(house);
    ticks_in(house, 3 * MINUTE_MS, 10 * SECOND_MS);
    assert_int_equal(runs->evaluated, 4);
    assert_int_equal(waits->evaluated, 0);
}

static void a_clock_set_ahead_gives_one_tick_and_no_burst(void **state)
{
    struct house *house = *state;
    struct rule *rule = policy(house, "web", MINUTE_MS);
    assert_int_equal(house_put(house, rule), OK);
    start(house);
    clock_of(house)->wall_ms += 24 * HOUR_MS;
    settle(house);
    settle(house);
    assert_int_equal(rule->evaluated, 2);
    assert_int_equal(ticks_in(house, 5 * MINUTE_MS, 10 * SECOND_MS), 5);
}

static void a_clock_set_back_gives_no_long_silence(void **state)
{
    struct house *house = *state;
    struct rule *rule = policy(house, "web", MINUTE_MS);
    assert_int_equal(house_put(house, rule), OK);
    start(house);
    clock_of(house)->wall_ms -= HOUR_MS;
    settle(house);
    assert_int_equal(rule->evaluated, 1);
    size_t ticks = ticks_in(house, 2 * MINUTE_MS, 10 * SECOND_MS);
    assert_true(ticks >= 1 && ticks <= 2);
    assert_int_equal(ticks_in(house, 5 * MINUTE_MS, 10 * SECOND_MS), 5);
}

static void a_clock_that_is_slewed_gives_no_second_tick(void **state)
{
    struct house *house = *state;
    struct rule *rule = policy(house, "web", MINUTE_MS);
    assert_int_equal(house_put(house, rule), OK);
    start(house);
    for (int i = 0; i < 600; i++) { /* wall time loses a fiftieth against monotonic time */
        clock_advance(clock_of(house), SECOND_MS);
        clock_of(house)->wall_ms -= SECOND_MS / 50;
        settle(house);
    }
    assert_true(rule->evaluated >= 10 && rule->evaluated <= 11);
}

static void an_engine_without_policies_waits_for_nothing(void **state)
{
    struct house *house = *state;
    assert_int_equal(engine_start(house->engine), OK);
    assert_false(loop_turn(house->loop, false));
}

static void a_day_at_ten_thousand_times_the_speed_keeps_its_minutes(void **state)
{
    struct house *house = *state;
    struct rule *rule = policy(house, "web", MINUTE_MS);
    struct clock real = {0};
    uint64_t skipped = 0;
    house_close(house);
    clock_init_scaled(clock_of(house), 1700000000000, 10000);
    house_open(house);
    assert_int_equal(house_put(house, rule), OK);
    int64_t begun = clock_now_ms(clock_of(house)), until = clock_mono_ns(&real) + 300 * 1000000;
    assert_int_equal(engine_start(house->engine), OK);
    while (clock_mono_ns(&real) < until)
        loop_turn(house->loop, true);
    int64_t minutes = (clock_now_ms(clock_of(house)) - begun) / MINUTE_MS;
    engine_each_policy(house->engine, note_skipped, &skipped);
    assert_true(rule->evaluated + (int)skipped <= minutes + 2); /* no burst */
    assert_true(rule->evaluated >= 3); /* and no silence, on however slow a machine */
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(every_policy_runs_at_once_and_then_each_on_its_own_every),
        FACT(policies_of_one_every_do_not_all_run_at_the_same_second),
        FACT(a_policy_keeps_its_place_in_the_minute),
        FACT(a_policy_that_comes_later_runs_at_once),
        FACT(a_new_generation_may_change_how_often_it_runs),
        FACT(an_overrun_skips_and_counts),
        FACT(a_policy_that_waits_does_not_hold_up_another),
        FACT(a_clock_set_ahead_gives_one_tick_and_no_burst),
        FACT(a_clock_set_back_gives_no_long_silence),
        FACT(a_clock_that_is_slewed_gives_no_second_tick),
        FACT(an_engine_without_policies_waits_for_nothing),
        FACT(a_day_at_ten_thousand_times_the_speed_keeps_its_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
