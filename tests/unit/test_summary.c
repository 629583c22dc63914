/* Facts about summaries. */
#include "moontide/stats/summary.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

static void a_summary_of_known_values_is_right(void **state)
{
    (void)state;
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct summary s = summary_of(values, 8);
    assert_int_equal(s.count, 8);
    assert_near(s.min, 2, 0);
    assert_near(s.max, 9, 0);
    assert_near(s.mean, 5, 1e-15);
    assert_near(summary_sum(&s), 40, 0);
    assert_near(summary_stddev(&s), 2, 1e-15);
}

static void nothing_has_no_mean_and_is_not_zero(void **state)
{
    (void)state;
    const double values[] = {NAN, NAN};
    struct summary s = summary_of(values, 2);
    assert_int_equal(s.count, 0);
    assert_true(isnan(s.min) && isnan(s.max) && isnan(s.mean));
    assert_true(isnan(summary_stddev(&s)));
    assert_near(summary_sum(&s), 0, 0);
}

static void one_value_does_not_deviate(void **state)
{
    (void)state;
    const double value = 3;
    struct summary s = summary_of(&value, 1);
    assert_near(summary_stddev(&s), 0, 0);
}

static void a_large_offset_does_not_eat_the_deviation(void **state)
{
    (void)state;
    const double values[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
    struct summary s = summary_of(values, 4);
    assert_near(summary_stddev(&s), sqrt(22.5), 1e-9);
}

static void small_values_are_not_lost_beside_a_large_one(void **state)
{
    (void)state;
    const double values[] = {1, 1e100, 1, -1e100};
    struct summary s = summary_of(values, 4);
    assert_near(summary_sum(&s), 2, 0);
}

static void an_infinite_sum_stays_infinite(void **state)
{
    (void)state;
    const double values[] = {DBL_MAX, DBL_MAX};
    struct summary s = summary_of(values, 2);
    assert_true(summary_sum(&s) == INFINITY);
}

/* scipy.stats.skew and kurtosis of the same values. */
static void skew_and_kurtosis_are_scipys(void **state)
{
    (void)state;
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct summary s = summary_of(values, 8);
    assert_near(summary_skew(&s), 0.65625, 1e-14);
    assert_near(summary_kurtosis(&s), -0.21875, 1e-14);
    assert_near(summary_sample_stddev(&s), 2.138089935299395, 1e-14);
}

static void equal_values_have_no_shape(void **state)
{
    (void)state;
    const double equal[] = {7, 7, 7}, nearly[] = {1e17, 1e17, 1e17 + 16};
    struct summary s = summary_of(equal, 3), near = summary_of(nearly, 3),
                   one = summary_of(equal, 1);
    assert_true(isnan(summary_skew(&s)) && isnan(summary_kurtosis(&s)));
    assert_true(isnan(summary_skew(&near)) && isnan(summary_kurtosis(&near)));
    assert_true(isnan(summary_sample_stddev(&one)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_summary_of_known_values_is_right),
        cmocka_unit_test(nothing_has_no_mean_and_is_not_zero),
        cmocka_unit_test(one_value_does_not_deviate),
        cmocka_unit_test(a_large_offset_does_not_eat_the_deviation),
        cmocka_unit_test(small_values_are_not_lost_beside_a_large_one),
        cmocka_unit_test(an_infinite_sum_stays_infinite),
        cmocka_unit_test(skew_and_kurtosis_are_scipys),
        cmocka_unit_test(equal_values_have_no_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
