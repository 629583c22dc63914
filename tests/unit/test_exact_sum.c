/* Facts about sums without rounding. */
#include "moontide/base/compiler.h"
#include "moontide/stats/exact_sum.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_same(double got, double wanted)
{
    if (got != wanted) fail_msg("%a, not %a", got, wanted);
}

static double sum_of(const double *values, size_t count)
{
    struct exact_sum sum = {0};
    for (size_t i = 0; i < count; i++)
        exact_sum_add(&sum, values[i], 1);
    return exact_sum_value(&sum);
}

static void what_cancels_leaves_the_rest(void **state)
{
    (void)state;
    const double values[] = {1e308, 1, 1e308, -1e308, 0x1p-1074, -1e308, -1};
    assert_same(sum_of(values, COUNT_OF(values)), 0x1p-1074);
    assert_same(sum_of(values, 0), 0);
    assert_same(sum_of((double[]){-3, 1}, 2), -2);
}

static void it_rounds_once_and_ties_to_even(void **state)
{
    (void)state;
    assert_same(sum_of((double[]){1, 0x1p-53}, 2), 1);
    assert_same(sum_of((double[]){1, 0x1p-53, 0x1p-1074}, 3), 1 + DBL_EPSILON);
    assert_same(sum_of((double[]){1 + DBL_EPSILON, 0x1p-53}, 2), 1 + 2 * DBL_EPSILON);
    assert_same(sum_of((double[]){-1, -0x1p-53, -0x1p-1074}, 3), -1 - DBL_EPSILON);
    assert_same(sum_of((double[]){0.1, 0.2, 0.3}, 3), 0.6000000000000000055);
}

static void a_sum_beyond_all_doubles_is_infinite_and_comes_back(void **state)
{
    (void)state;
    struct exact_sum sum = {0};
    exact_sum_add(&sum, DBL_MAX, UINT64_MAX);
    assert_true(isinf(exact_sum_value(&sum)));
    assert_same(exact_sum_mean(&sum, UINT64_MAX), DBL_MAX);
    exact_sum_add(&sum, -DBL_MAX, UINT64_MAX - 1);
    assert_same(exact_sum_value(&sum), DBL_MAX);
}

static double noise(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    double mantissa = (double)(int64_t)*seed;
    return ldexp(mantissa, (int)(*seed >> 33 & 1023) - 512);
}

enum { MANY = 3000 };

static void no_order_and_no_grouping_changes_a_bit(void **state)
{
    (void)state;
    static double values[MANY];
    uint64_t seed = 7;
    for (size_t i = 0; i < MANY; i++)
        values[i] = noise(&seed);
    double forward = sum_of(values, MANY);
    struct exact_sum parts[3] = {0}, backward = {0};
    for (size_t i = MANY; i-- > 0;)
        exact_sum_add(&parts[i % 3], values[i], 1);
    for (size_t i = 0; i < 3; i++)
        exact_sum_merge(&backward, &parts[i]);
    assert_same(exact_sum_value(&backward), forward);
    struct exact_sum_digits digits;
    struct exact_sum again;
    exact_sum_write(&backward, &digits);
    exact_sum_read(&digits, &again);
    assert_same(exact_sum_value(&again), forward);
}

static void times_are_additions(void **state)
{
    (void)state;
    struct exact_sum sum = {0}, times = {0};
    for (int i = 0; i < 1000; i++)
        exact_sum_add(&sum, -0.1, 1);
    exact_sum_add(&times, -0.1, 1000);
    assert_same(exact_sum_value(&sum), exact_sum_value(&times));
    assert_same(exact_sum_value(&sum), -100.00000000000000555);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cancels_leaves_the_rest),
        cmocka_unit_test(it_rounds_once_and_ties_to_even),
        cmocka_unit_test(a_sum_beyond_all_doubles_is_infinite_and_comes_back),
        cmocka_unit_test(no_order_and_no_grouping_changes_a_bit),
        cmocka_unit_test(times_are_additions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
