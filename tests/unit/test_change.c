/* Facts about change points and the time to a threshold. */
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/stats/change.h"
#include "moontide/stats/crossing.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

enum { COUNT = 60 };
static const double DAY_S = 86400;

/* Even noise of -0.5 .. 0.5, always the same. */
static double noise(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return (double)*seed / 4294967296.0 - 0.5;
}

static struct change change_of(const double *values, size_t count)
{
    struct trend trend = {.values = values, .count = count, .start_s = 1000, .step_s = 60};
    struct change change;
    assert_int_equal(change_find(trend, &change), OK);
    return change;
}

static void a_level_shift_is_found_where_it_is(void **state)
{
    (void)state;
    double values[COUNT];
    uint32_t seed = 7;
    for (size_t i = 0; i < COUNT; i++)
        values[i] = (i < 40 ? 10 : 13) + noise(&seed);
    struct change change = change_of(values, COUNT);
    assert_int_equal(change.index, 40);
    assert_near(change.time_s, 1000 + 40 * 60, 0);
    assert_near(change.before, 10, 0.3);
    assert_near(change.after, 13, 0.3);
    assert_true(change.confidence > 0.9999);
}

static void gaps_keep_the_index_of_the_values(void **state)
{
    (void)state;
    double values[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        values[i] = i % 5 == 2 ? NAN : i < 30 ? 1 : 2;
    struct change change = change_of(values, COUNT);
    assert_int_equal(change.index, 30);
    assert_near(change.confidence, 1, 1e-9);
}

static void a_spike_is_no_change_wherever_it_is(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT; at++) {
        double flat[COUNT] = {0}, rough[COUNT];
        uint32_t seed = 3;
        for (size_t i = 0; i < COUNT; i++)
            rough[i] = noise(&seed);
        flat[at] = rough[at] = 1e6;
        assert_true(change_of(flat, COUNT).confidence < 0.99);
        assert_true(change_of(rough, COUNT).confidence < 0.99);
    }
}

static void a_spike_does_not_hide_a_change(void **state)
{
    (void)state;
    double values[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        values[i] = i < 30 ? 10 : 20;
    values[10] = 1e6;
    struct change change = change_of(values, COUNT);
    assert_int_equal(change.index, 30);
    assert_near(change.before, 10, 0);
    assert_true(change.confidence > 0.999);
}

static void what_swings_or_climbs_is_no_change(void **state)
{
    (void)state;
    double wave[4 * COUNT], climb[4 * COUNT];
    for (size_t i = 0; i < COUNT_OF(wave); i++) {
        wave[i] = sin((double)i * 0.26);
        climb[i] = (double)i;
    }
    assert_true(change_of(wave, COUNT_OF(wave)).confidence < 0.99);
    assert_true(change_of(climb, COUNT_OF(climb)).confidence < 0.99);
}

/* The test's level: of 1,000 series of noise about 1 % may pass 0.99. */
static void noise_is_seldom_a_change(void **state)
{
    (void)state;
    uint32_t seed = 99;
    int found = 0;
    for (int run = 0; run < 1000; run++) {
        double values[COUNT];
        for (size_t i = 0; i < COUNT; i++)
            values[i] = noise(&seed) + noise(&seed) + noise(&seed);
        found += change_of(values, COUNT).confidence >= 0.99;
    }
    assert_in_range(found, 1, 25);
}

static void too_little_or_always_the_same_has_no_answer(void **state)
{
    (void)state;
    double values[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        values[i] = i < 5 ? 1 : 2;
    assert_true(isnan(change_of(values, CHANGE_POINTS_MIN - 1).confidence));
    assert_false(isnan(change_of(values, CHANGE_POINTS_MIN).confidence));
    assert_true(isnan(change_of(values + 5, COUNT - 5).confidence));
    assert_true(isnan(change_of(values, 0).confidence));
}

/* ---- time to a threshold ---- */

static struct crossing crossing_of(const double *values, size_t count, double threshold,
                                   enum crossing_way way)
{
    struct trend trend = {.values = values, .count = count, .step_s = DAY_S / 4};
    struct crossing crossing;
    double now_s = (double)(count - 1) * trend.step_s;
    assert_int_equal(crossing_find(trend, threshold, way, now_s, 0.95, &crossing), OK);
    return crossing;
}

static void a_disk_that_fills_evenly_is_full_in_its_time(void **state)
{
    (void)state;
    double used[13]; /* 60 .. 84 %: 8 % a day, 2 days to go */
    for (size_t i = 0; i < COUNT_OF(used); i++)
        used[i] = 60 + 2 * (double)i;
    struct crossing full = crossing_of(used, COUNT_OF(used), 100, CROSSING_AS_TREND);
    assert_int_equal(full.state, CROSSING_AHEAD);
    assert_near(full.in_s.expected, 2 * DAY_S, 1e-6);
    assert_near(full.in_s.low, 2 * DAY_S, 1e-6);
    assert_near(full.in_s.high, 2 * DAY_S, 1e-6);
}

static void noise_and_a_spike_widen_the_interval(void **state)
{
    (void)state;
    double used[COUNT];
    uint32_t seed = 5;
    for (size_t i = 0; i < COUNT; i++)
        used[i] = 20 + (double)i + 4 * noise(&seed);
    used[COUNT - 2] = 99;
    struct crossing full = crossing_of(used, COUNT, 100, CROSSING_AS_TREND);
    assert_near(full.in_s.expected / DAY_S, 21.0 / 4, 0.3);
    assert_true(full.in_s.low < full.in_s.expected && full.in_s.expected < full.in_s.high);
    assert_true(full.in_s.high < 1.2 * full.in_s.low);
}

static void what_does_not_lead_there_never_comes(void **state)
{
    (void)state;
    double falls[12], stays[12], swings[12];
    for (size_t i = 0; i < 12; i++) {
        falls[i] = 50 - (double)i;
        stays[i] = 50;
        swings[i] = i % 2 ? 40 : 60;
    }
    assert_int_equal(crossing_of(falls, 12, 90, CROSSING_AS_TREND).state, CROSSING_NEVER);
    assert_int_equal(crossing_of(stays, 12, 90, CROSSING_AS_TREND).state, CROSSING_NEVER);
    assert_int_equal(crossing_of(swings, 12, 90, CROSSING_UP).state, CROSSING_NEVER);
    assert_true(isnan(crossing_of(falls, 12, 90, CROSSING_UP).in_s.expected));
}

static void what_is_past_is_past(void **state)
{
    (void)state;
    double grows[12], falls[12];
    for (size_t i = 0; i < 12; i++) {
        grows[i] = 50 + 5 * (double)i;
        falls[i] = 20 - (double)i;
    }
    struct crossing past = crossing_of(grows, 12, 90, CROSSING_AS_TREND);
    assert_int_equal(past.state, CROSSING_PAST);
    assert_near(past.in_s.expected, 0, 0);
    /* Below since before the first datapoint: only the way tells that this is past. */
    assert_int_equal(crossing_of(falls, 12, 30, CROSSING_AS_TREND).state, CROSSING_NEVER);
    assert_int_equal(crossing_of(falls, 12, 30, CROSSING_DOWN).state, CROSSING_PAST);
    assert_int_equal(crossing_of(falls, 12, 30, CROSSING_UP).state, CROSSING_NEVER);
}

static void two_datapoints_cannot_tell(void **state)
{
    (void)state;
    const double values[] = {1, 2, NAN};
    assert_int_equal(crossing_of(values, 3, 9, CROSSING_AS_TREND).state, CROSSING_UNKNOWN);
    assert_int_equal(crossing_of(values, 0, 9, CROSSING_UP).state, CROSSING_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_shift_is_found_where_it_is),
        cmocka_unit_test(gaps_keep_the_index_of_the_values),
        cmocka_unit_test(a_spike_is_no_change_wherever_it_is),
        cmocka_unit_test(a_spike_does_not_hide_a_change),
        cmocka_unit_test(what_swings_or_climbs_is_no_change),
        cmocka_unit_test(noise_is_seldom_a_change),
        cmocka_unit_test(too_little_or_always_the_same_has_no_answer),
        cmocka_unit_test(a_disk_that_fills_evenly_is_full_in_its_time),
        cmocka_unit_test(noise_and_a_spike_widen_the_interval),
        cmocka_unit_test(what_does_not_lead_there_never_comes),
        cmocka_unit_test(what_is_past_is_past),
        cmocka_unit_test(two_datapoints_cannot_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
