/* Facts about means without the extremes, and about ranks. */
#include "moontide/stats/trim.h"

#include "moontide/base/err.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

static const double TEN[] = {10, 1, 9, 2, 8, 3, 7, 4, 6, 5};

static double within(enum trim trim, const double *values, size_t count, double low, double high)
{
    double mean = 0;
    assert_int_equal(trim_mean(trim, values, count, low, high, &mean), OK);
    return mean;
}

/* scipy.stats.trim_mean(x, 0.1); the mean of scipy.stats.mstats.winsorize(x, (0.1, 0.2)) */
static void bounds_between_values_are_scipys(void **state)
{
    (void)state;
    assert_near(within(TRIM_DROP, TEN, 10, 10, 90), 5.5, 1e-15);
    assert_near(within(TRIM_CLAMP, TEN, 10, 10, 80), 5.3, 1e-15);
    assert_near(within(TRIM_DROP, TEN, 10, 0, 100), 5.5, 1e-15);
}

/* Of 1, 2, 3, 4, 5 the interquartile mean holds 3/4 of 2, 3, and 3/4 of 4. */
static void a_value_on_a_bound_counts_by_its_part(void **state)
{
    (void)state;
    const double five[] = {5, 4, 3, 2, 1}, skewed[] = {100, 1, 2, 3, 4};
    assert_near(within(TRIM_DROP, five, 5, 25, 75), 3, 1e-15);
    assert_near(within(TRIM_DROP, skewed, 5, 0, 90), (1 + 2 + 3 + 4 + 50) / 4.5, 1e-14);
    assert_near(within(TRIM_CLAMP, skewed, 5, 0, 80), (1 + 2 + 3 + 4 + 4) / 5.0, 1e-15);
    assert_near(within(TRIM_DROP, five, 5, 45, 50), 3, 1e-15);
}

static void equal_values_are_their_own_mean(void **state)
{
    (void)state;
    const double equal[] = {4, 4, 4, NAN, 4};
    assert_near(within(TRIM_DROP, equal, 5, 30, 60), 4, 1e-15);
    assert_near(within(TRIM_CLAMP, equal, 5, 30, 60), 4, 1e-15);
    assert_near(within(TRIM_CLAMP, equal, 1, 30, 60), 4, 1e-15);
}

static void infinities_outside_do_no_harm(void **state)
{
    (void)state;
    const double values[] = {INFINITY, 1, 2, 3, -INFINITY};
    assert_near(within(TRIM_DROP, values, 5, 20, 80), 2, 1e-15);
    assert_near(within(TRIM_CLAMP, values, 5, 20, 80), 2, 1e-15);
    assert_true(within(TRIM_DROP, values, 5, 20, 100) == INFINITY);
}

static void bounds_that_are_none_are_refused(void **state)
{
    (void)state;
    double out = 1;
    assert_int_equal(trim_mean(TRIM_DROP, TEN, 10, 50, 50, &out), ERR_INVALID);
    assert_int_equal(trim_mean(TRIM_DROP, TEN, 10, -1, 50, &out), ERR_INVALID);
    assert_int_equal(trim_mean(TRIM_DROP, TEN, 10, 1, 101, &out), ERR_INVALID);
    assert_int_equal(trim_mean(TRIM_DROP, TEN, 10, NAN, 50, &out), ERR_INVALID);
    assert_true(isnan(within(TRIM_DROP, TEN, 0, 0, 100)));
}

/* The User Guide's example: "removing all data points that are lower than or equal to 150, or
 * higher than 1000". */
static void bounds_in_values_exclude_the_lower_one(void **state)
{
    (void)state;
    const double values[] = {149, 150, 151, 1000, 1001, NAN};
    assert_near(trim_mean_between(TRIM_DROP, values, 6, 150, 1000), 575.5, 1e-12);
    assert_near(trim_mean_between(TRIM_CLAMP, values, 6, 150, 1000), 490.2, 1e-12);
    assert_true(isnan(trim_mean_between(TRIM_DROP, values, 6, 2000, 3000)));
}

static void a_rank_is_a_percentage(void **state)
{
    (void)state;
    const double values[] = {1, 2, 2, 3, NAN, -INFINITY};
    assert_near(percentile_rank(values, 4, -INFINITY, 2), 75, 0);
    assert_near(percentile_rank(values, 4, 1, 2), 50, 0);
    assert_near(percentile_rank(values, 6, -INFINITY, 0), 20, 0);
    assert_true(isnan(percentile_rank(values + 4, 1, -INFINITY, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_between_values_are_scipys),
        cmocka_unit_test(a_value_on_a_bound_counts_by_its_part),
        cmocka_unit_test(equal_values_are_their_own_mean),
        cmocka_unit_test(infinities_outside_do_no_harm),
        cmocka_unit_test(bounds_that_are_none_are_refused),
        cmocka_unit_test(bounds_in_values_exclude_the_lower_one),
        cmocka_unit_test(a_rank_is_a_percentage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
