/* Facts about percentiles of values with counts. */
#include "moontide/base/err.h"
#include "moontide/stats/weighted.h"
#include "support/alloc_fail.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

enum { VALUES = 40, COUNT_EACH = 9 };

static double of(const double *values, const double *counts, size_t count, double p)
{
    double out = 0;
    assert_int_equal(weighted_percentiles(values, counts, count, PERCENTILE_LINEAR, &p, 1, &out),
                     OK);
    return out;
}

static void it_is_the_percentile_of_the_repeated_values_by_every_method(void **state)
{
    (void)state;
    double values[VALUES], counts[VALUES], repeated[VALUES * COUNT_EACH];
    size_t n = 0;
    uint32_t seed = 7;
    for (size_t i = 0; i < VALUES; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (double)(seed >> 20);
        counts[i] = (double)(seed >> 8 & 7);
        for (size_t k = 0; k < (size_t)counts[i]; k++)
            repeated[n++] = values[i];
    }
    for (int method = 0; method < PERCENTILE_METHODS; method++)
        for (int half = 0; half <= 200; half++) {
            double p = half * 0.5, got, wanted;
            enum percentile_method by = (enum percentile_method)method;
            assert_int_equal(weighted_percentiles(values, counts, VALUES, by, &p, 1, &got), OK);
            assert_int_equal(percentile_many(repeated, n, by, &p, 1, &wanted), OK);
            assert_true(got == wanted);
        }
}

static void counts_up_to_two_to_the_53rd_are_exact(void **state)
{
    (void)state;
    const double values[] = {2, 1}, counts[] = {1, 9007199254740991.0},
                 more[] = {2, 9007199254740991.0};
    assert_true(of(values, counts, 2, 100) == 2);
    assert_true(of(values, counts, 2, 99.9) == 1);
    double p = 50, out = 5;
    assert_int_equal(weighted_percentiles(values, more, 2, PERCENTILE_LINEAR, &p, 1, &out),
                     ERR_LIMIT);
    const double huge[] = {1e308, 1e308};
    assert_int_equal(weighted_percentiles(values, huge, 2, PERCENTILE_LINEAR, &p, 1, &out),
                     ERR_LIMIT);
    assert_true(out == 5);
}

static void what_counts_nothing_is_refused(void **state)
{
    (void)state;
    static const double bad[] = {-1, 0.5, NAN, -INFINITY};
    const double value = 1, p = 50;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        double out = 5;
        assert_int_equal(weighted_percentiles(&value, &bad[i], 1, PERCENTILE_LINEAR, &p, 1, &out),
                         ERR_INVALID);
        assert_true(out == 5);
    }
}

static void no_value_has_no_percentile(void **state)
{
    (void)state;
    const double values[] = {NAN, 1, 2}, counts[] = {5, 0, 0}, one[] = {5, 0, 3};
    assert_true(isnan(of(NULL, NULL, 0, 50)));
    assert_true(isnan(of(values, counts, 3, 50)));
    assert_true(isnan(of(values, one, 3, 101)));
    assert_near(of(values, one, 3, 0), 2, 0);
}

static void without_memory_nothing_is_answered(void **state)
{
    (void)state;
    const double value = 1, p = 50;
    double out = 5;
    alloc_fail_at(1);
    int rc = weighted_percentiles(&value, &value, 1, PERCENTILE_LINEAR, &p, 1, &out);
    assert_true(alloc_fail_done());
    assert_int_equal(rc, ERR_NOMEM);
    assert_true(out == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_percentile_of_the_repeated_values_by_every_method),
        cmocka_unit_test(counts_up_to_two_to_the_53rd_are_exact),
        cmocka_unit_test(what_counts_nothing_is_refused),
        cmocka_unit_test(no_value_has_no_percentile),
        cmocka_unit_test(without_memory_nothing_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
