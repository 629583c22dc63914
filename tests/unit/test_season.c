/* Facts about seasons: the grid they need, their length, and the parts of a series. */
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/stats/grid.h"
#include "moontide/stats/season.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

enum { COUNT = 200 };

static void assert_list(const double *got, const double *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(wanted[i]))
            assert_true(isnan(got[i]));
        else
            assert_near(got[i], wanted[i], 1e-12);
    }
}

/* ---- the grid ---- */

static void times_go_to_their_nearest_slot(void **state)
{
    (void)state;
    const double values[] = {1, 2, 4, 8, NAN, 16}, times[] = {1000, 1059, 1122, 1300, 1360, 1420};
    struct trend trend = {.values = values, .times = times, .count = 6};
    struct grid grid;
    assert_int_equal(grid_of(trend, 60, &grid), OK);
    assert_int_equal(grid.count, 8);
    assert_near(grid.start_s, 1000, 0);
    const double wanted[] = {1, 2, 4, NAN, NAN, 8, NAN, 16};
    assert_list(grid.values, wanted, 8);
    grid_done(&grid);
}

static void the_step_is_the_median_and_a_full_slot_has_the_mean(void **state)
{
    (void)state;
    const double values[] = {1, 3, 7, 9, 5}, times[] = {0, 10, 20, 21, 30};
    struct trend trend = {.values = values, .times = times, .count = 5};
    struct grid grid;
    assert_int_equal(grid_of(trend, 0, &grid), OK);
    assert_near(grid.step_s, 9.5, 0); /* of 1, 9, 10, 10 */
    grid_done(&grid);
    assert_int_equal(grid_of(trend, 10, &grid), OK);
    const double wanted[] = {1, 3, 8, 5};
    assert_int_equal(grid.count, 4);
    assert_list(grid.values, wanted, 4);
    grid_done(&grid);
}

static void slots_stay_as_they_are(void **state)
{
    (void)state;
    const double values[] = {NAN, 1, INFINITY, 2, NAN}, wanted[] = {NAN, 1, NAN, 2, NAN};
    struct grid grid;
    assert_int_equal(grid_of((struct trend){.values = values, .count = 5, .step_s = 60}, 0, &grid),
                     OK);
    assert_int_equal(grid.count, 5);
    assert_list(grid.values, wanted, 5);
    grid_done(&grid);
}

static void a_grid_has_a_limit(void **state)
{
    (void)state;
    const double values[] = {1, 2, 3}, times[] = {0, 1, 1e9};
    struct trend trend = {.values = values, .times = times, .count = 3};
    struct grid grid;
    assert_int_equal(grid_of(trend, 1, &grid), ERR_LIMIT);
    grid_done(&grid);
    assert_int_equal(grid_of(trend, 1e9 / (GRID_SLOTS_MAX - 1), &grid), OK);
    assert_int_equal(grid.count, GRID_SLOTS_MAX);
    grid_done(&grid);
}

static void nothing_is_an_empty_grid(void **state)
{
    (void)state;
    const double values[] = {NAN, NAN}, times[] = {5, 6};
    struct grid grid;
    assert_int_equal(
        grid_of((struct trend){.values = values, .times = times, .count = 2}, 0, &grid), OK);
    assert_int_equal(grid.count, 0);
    grid_done(&grid);
}

/* ---- its parts ---- */

struct lists {
    double trend[COUNT], seasonal[COUNT], remainder[COUNT];
};

static double split(const double *values, size_t count, size_t period, enum season_model model,
                    struct lists *lists)
{
    struct season_parts parts = {lists->trend, lists->seasonal, lists->remainder, NAN};
    assert_int_equal(season_split(values, count, period, model, &parts), OK);
    return parts.strength;
}

/* statsmodels.tsa.seasonal_decompose */
static void an_even_season_is_split_as_statsmodels_does(void **state)
{
    (void)state;
    const double values[] = {12, 20, 15, 13, 14, 22, 17, 15, 16, 24, 19, 17},
                 trend[] = {NAN,   NAN,   15.25, 15.75, 16.25, 16.75,
                            17.25, 17.75, 18.25, 18.75, NAN,   NAN},
                 season[] = {-2.25, 5.25, -0.25, -2.75};
    struct lists lists;
    assert_near(split(values, 12, 4, SEASON_ADDITIVE, &lists), 1, 1e-12);
    assert_list(lists.trend, trend, 12);
    assert_list(lists.seasonal, season, 4);
    assert_list(lists.seasonal + 8, season, 4);
    assert_near(lists.remainder[5], 0, 1e-12);
    assert_true(isnan(lists.remainder[1]));
}

static void an_odd_season_that_multiplies_is_too(void **state)
{
    (void)state;
    const double values[] = {10, 20, 15, 12, 24, 18, 14, 28, 21},
                 season[] = {0.7036117721510806, 1.334605313982524, 0.9617829138663955},
                 rest[] = {NAN, 0.9990469237340327, 0.9954915966033064, 1.0032270363856397};
    struct lists lists;
    assert_true(split(values, 9, 3, SEASON_MULTIPLICATIVE, &lists) > 0.99);
    assert_list(lists.seasonal, season, 3);
    assert_list(lists.remainder, rest, 4);
}

static void a_gap_does_not_bend_trend_or_season(void **state)
{
    (void)state;
    double values[48], whole[48];
    static const double shape[] = {-3, 1, 5, -3};
    for (size_t i = 0; i < 48; i++) {
        whole[i] = 100 + 0.5 * (double)i + shape[i % 4];
        values[i] = i == 13 || i == 14 || i == 30 ? NAN : whole[i];
    }
    struct lists lists;
    assert_true(split(values, 48, 4, SEASON_ADDITIVE, &lists) > 0.99);
    for (size_t i = 2; i < 46; i++)
        assert_near(lists.trend[i] + lists.seasonal[i], whole[i], 0.35);
    assert_true(isnan(lists.remainder[13]));
}

static void fewer_than_two_seasons_have_no_parts(void **state)
{
    (void)state;
    const double values[] = {1, 2, 3, 1, 2, 3, 0}, hole[] = {1, NAN, 3, 1, NAN, 3, 1, NAN, 3};
    struct lists lists;
    assert_true(isnan(split(values, 5, 3, SEASON_ADDITIVE, &lists)));
    assert_false(isnan(split(values, 6, 3, SEASON_ADDITIVE, &lists)));
    assert_true(isnan(split(values, 7, 3, SEASON_MULTIPLICATIVE, &lists))); /* a 0 */
    assert_true(isnan(split(hole, 9, 3, SEASON_ADDITIVE, &lists)));
    assert_true(isnan(lists.trend[4]) && isnan(lists.seasonal[4]));
    assert_true(isnan(split(values, 0, 0, SEASON_ADDITIVE, &lists)));
}

/* ---- its length ---- */

static size_t found(const double *values, size_t count, double step_s)
{
    size_t season = 99;
    assert_int_equal(season_find(values, count, step_s, &season), OK);
    return season;
}

/* Noise of -0.5 .. 0.5, always the same. */
static double noise(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return (double)*seed / 4294967296.0 - 0.5;
}

static void a_season_is_found_through_noise_trend_gaps_and_spikes(void **state)
{
    (void)state;
    double values[COUNT];
    uint32_t seed = 1;
    for (size_t i = 0; i < COUNT; i++)
        values[i] = (double)i + 3 * sin((double)i * 2 * 3.14159265 / 24) + noise(&seed);
    assert_int_equal(found(values, COUNT, 0), 24);
    values[50] = 1e5;
    for (size_t i = 100; i < 110; i++)
        values[i] = NAN;
    assert_int_equal(found(values, COUNT, 0), 24);
}

static void a_day_that_a_level_shift_hides_is_found(void **state)
{
    (void)state;
    double values[COUNT];
    uint32_t seed = 2;
    for (size_t i = 0; i < COUNT; i++)
        values[i] = (i < 120 ? 0 : 40) + 3 * sin((double)i * 2 * 3.14159265 / 24) + noise(&seed);
    assert_int_equal(found(values, COUNT, 3600), 24);
}

static void noise_constants_and_lines_have_no_season(void **state)
{
    (void)state;
    double rough[COUNT], flat[COUNT], line[COUNT], empty[COUNT];
    uint32_t seed = 3;
    for (size_t i = 0; i < COUNT; i++) {
        rough[i] = noise(&seed);
        flat[i] = 7;
        line[i] = (double)i * 0.1;
        empty[i] = NAN;
    }
    assert_int_equal(found(rough, COUNT, 3600), 0);
    assert_int_equal(found(flat, COUNT, 3600), 0);
    assert_int_equal(found(line, COUNT, 3600), 0);
    assert_int_equal(found(empty, COUNT, 3600), 0);
    assert_int_equal(found(rough, 3, 0), 0);
    assert_int_equal(found(rough, 0, 0), 0);
}

/* By the definition, sums over the pairs there are. */
static void the_autocorrelation_leaves_gaps_out(void **state)
{
    (void)state;
    const double values[] = {1, 3, NAN, 2, 6};
    double acf[6], mean = 3, variance = (4 + 0 + 1 + 9) / 4.0;
    assert_int_equal(season_autocorrelation(values, 5, 6, acf), OK);
    assert_near(acf[0], 1, 1e-14);
    assert_near(acf[1], ((1 - mean) * (3 - mean) + (2 - mean) * (6 - mean)) / 2 / variance, 1e-14);
    assert_near(acf[2], (3 - mean) * (2 - mean) / variance, 1e-14);
    assert_near(acf[4], (1 - mean) * (6 - mean) / variance, 1e-14);
    assert_true(isnan(acf[5]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_go_to_their_nearest_slot),
        cmocka_unit_test(the_step_is_the_median_and_a_full_slot_has_the_mean),
        cmocka_unit_test(slots_stay_as_they_are),
        cmocka_unit_test(a_grid_has_a_limit),
        cmocka_unit_test(nothing_is_an_empty_grid),
        cmocka_unit_test(an_even_season_is_split_as_statsmodels_does),
        cmocka_unit_test(an_odd_season_that_multiplies_is_too),
        cmocka_unit_test(a_gap_does_not_bend_trend_or_season),
        cmocka_unit_test(fewer_than_two_seasons_have_no_parts),
        cmocka_unit_test(a_season_is_found_through_noise_trend_gaps_and_spikes),
        cmocka_unit_test(a_day_that_a_level_shift_hides_is_found),
        cmocka_unit_test(noise_constants_and_lines_have_no_season),
        cmocka_unit_test(the_autocorrelation_leaves_gaps_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
