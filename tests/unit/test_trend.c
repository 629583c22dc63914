/* Facts about trends: line, forecast, moving average, rate. */
#include "moontide/base/compiler.h"
#include "moontide/stats/ewma.h"
#include "moontide/stats/line.h"
#include "moontide/stats/rate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

static const double EPOCH = 1767225600; /* 2026-01-01 */

static struct trend grid(const double *values, size_t count, double step_s)
{
    return (struct trend){.values = values, .count = count, .start_s = EPOCH, .step_s = step_s};
}

static double slope_of(struct trend trend)
{
    return line_least_squares(trend, 0.95).slope;
}

static double forecast_of(struct trend trend, double at_s)
{
    struct line line = line_least_squares(trend, 0.95);
    return line_predict(&line, at_s, 0.95).expected;
}

static void a_straight_line_has_its_slope_a_second(void **state)
{
    (void)state;
    const double values[] = {10, 13, 16, 19};
    assert_near(slope_of(grid(values, 4, 60)), 3.0 / 60, 1e-15);
}

static void a_gap_does_not_bend_the_line(void **state)
{
    (void)state;
    const double values[] = {10, NAN, NAN, 19, 22, NAN};
    assert_near(slope_of(grid(values, 6, 60)), 3.0 / 60, 1e-15);
}

/* By hand: times - 2.75, values - 4: 29 / 28.75, and 4 - 2.75 x that. */
static void a_noisy_line_is_the_least_squares_one(void **state)
{
    (void)state;
    const double values[] = {1, 4, 2, 9}, times[] = {EPOCH, EPOCH + 1, EPOCH + 3, EPOCH + 7};
    struct trend trend = {.values = values, .times = times, .count = 4};
    assert_near(slope_of(trend), 1.008695652173913, 1e-12);
    assert_near(forecast_of(trend, EPOCH), 1.2260869565217392, 1e-9);
}

static void a_forecast_follows_the_line(void **state)
{
    (void)state;
    const double values[] = {10, 13, 16, 19};
    assert_near(forecast_of(grid(values, 4, 60), EPOCH + 600), 40, 1e-9);
}

static void one_datapoint_has_no_slope_no_rate_and_no_forecast(void **state)
{
    (void)state;
    const double values[] = {NAN, 5, NAN};
    struct trend trend = grid(values, 3, 60);
    assert_true(isnan(slope_of(trend)));
    assert_true(isnan(rate_of(trend)));
    assert_true(isnan(forecast_of(trend, EPOCH)));
}

/* pandas: Series([1, 5]).ewm(halflife="60s", times=[t, t + 60]).mean() = (0.5 * 1 + 5) / 1.5 */
static void a_half_life_halves_the_weight(void **state)
{
    (void)state;
    const double values[] = {1, 5};
    assert_near(ewma_of(grid(values, 2, 60), 60), 5.5 / 1.5, 1e-12);
}

static void a_gap_ages_what_came_before_it(void **state)
{
    (void)state;
    const double values[] = {1, NAN, 5, NAN};
    assert_near(ewma_of(grid(values, 4, 60), 60), (0.25 * 1 + 5) / 1.25, 1e-12);
}

static void the_average_of_a_constant_is_that_constant(void **state)
{
    (void)state;
    const double values[] = {4, 4, 4, 4};
    assert_near(ewma_of(grid(values, 4, 60), 90), 4, 1e-12);
    assert_true(isnan(ewma_of(grid(values, 4, 60), 0)));
    assert_true(isnan(ewma_of(grid(values, 0, 60), 60)));
}

static void a_counter_that_starts_again_does_not_go_backwards(void **state)
{
    (void)state;
    const double values[] = {100, 160, NAN, 30, 90}; /* +60, reset: +30, +60 in 240 s */
    assert_near(rate_of(grid(values, 5, 60)), 150.0 / 240, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_straight_line_has_its_slope_a_second),
        cmocka_unit_test(a_gap_does_not_bend_the_line),
        cmocka_unit_test(a_noisy_line_is_the_least_squares_one),
        cmocka_unit_test(a_forecast_follows_the_line),
        cmocka_unit_test(one_datapoint_has_no_slope_no_rate_and_no_forecast),
        cmocka_unit_test(a_half_life_halves_the_weight),
        cmocka_unit_test(a_gap_ages_what_came_before_it),
        cmocka_unit_test(the_average_of_a_constant_is_that_constant),
        cmocka_unit_test(a_counter_that_starts_again_does_not_go_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
