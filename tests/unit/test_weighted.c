/* Facts about percentiles of values with counts. */
#include "moontide/stats/weighted.h"

#include "moontide/base/err.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

static const double VALUES[] = {40, 10, 20}, COUNTS[] = {2, 1, 3}, PS[] = {0, 20, 50, 75, 100};

/* numpy.percentile(numpy.repeat(VALUES, COUNTS), PS, method) */
static void they_are_those_of_the_repeated_values(void **state)
{
    (void)state;
    static const double wanted[PERCENTILE_METHODS][5] = {
        [PERCENTILE_LINEAR] = {10, 20, 20, 35, 40},
        [PERCENTILE_LOWER] = {10, 20, 20, 20, 40},
        [PERCENTILE_HIGHER] = {10, 20, 20, 40, 40},
        [PERCENTILE_NEAREST] = {10, 20, 20, 40, 40},
        [PERCENTILE_HAZEN] = {10, 17, 20, 40, 40},
        [PERCENTILE_WEIBULL] = {10, 14, 20, 40, 40},
        [PERCENTILE_MEDIAN_UNBIASED] = {10, 16, 20, 40, 40},
    };
    for (int method = 0; method < PERCENTILE_METHODS; method++) {
        double out[5];
        assert_int_equal(
            weighted_percentiles(VALUES, COUNTS, 3, (enum percentile_method)method, PS, 5, out),
            OK);
        for (int i = 0; i < 5; i++)
            assert_near(out[i], wanted[method][i], 1e-12);
    }
}

static void a_value_that_was_never_seen_does_not_count(void **state)
{
    (void)state;
    const double values[] = {1, 5, NAN, -3}, counts[] = {0, 2, 9, 2}, ps[] = {0, 100};
    double out[2];
    assert_int_equal(weighted_percentiles(values, counts, 4, PERCENTILE_LINEAR, ps, 2, out), OK);
    assert_near(out[0], -3, 0);
    assert_near(out[1], 5, 0);
}

static void counts_that_are_none_are_refused(void **state)
{
    (void)state;
    static const double wrong[][3] = {{1, -1, 1}, {1, NAN, 1}, {1, INFINITY, 1}, {0, 0, 0}};
    const double p = 50;
    double out = 123;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(weighted_percentiles(VALUES, wrong[i], 3, PERCENTILE_LINEAR, &p, 1, &out),
                         ERR_INVALID);
    assert_int_equal(weighted_percentiles(VALUES, COUNTS, 0, PERCENTILE_LINEAR, &p, 1, &out),
                     ERR_INVALID);
    assert_near(out, 123, 0);
}

static void a_percentile_outside_is_no_number(void **state)
{
    (void)state;
    const double ps[] = {-1, 101, NAN};
    double out[3];
    assert_int_equal(weighted_percentiles(VALUES, COUNTS, 3, PERCENTILE_LINEAR, ps, 3, out), OK);
    assert_true(isnan(out[0]) && isnan(out[1]) && isnan(out[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_those_of_the_repeated_values),
        cmocka_unit_test(a_value_that_was_never_seen_does_not_count),
        cmocka_unit_test(counts_that_are_none_are_refused),
        cmocka_unit_test(a_percentile_outside_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
