/* Facts about correlation: scipy.stats.pearsonr and spearmanr. */
#include "moontide/stats/correlation.h"

#include "moontide/base/err.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

static double spearman(const double *a, const double *b, size_t n)
{
    double rho = 0;
    assert_int_equal(correlation_spearman(a, b, n, &rho), OK);
    return rho;
}

static void known_values_are_met(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 5}, y[] = {2, 1, 4, 3, 7};
    const double tied[] = {1, 2, 2, 4}, other[] = {3, 1, 2, 5};
    assert_near(correlation_pearson(x, y, 5), 0.824163383692134, 1e-14);
    assert_near(spearman(tied, other, 4), 0.316227766016838, 1e-14);
}

static void a_line_is_one_and_any_rise_is_one_of_ranks(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4}, down[] = {-2, -4, -6, -8}, cubes[] = {1, 8, 27, 64};
    assert_near(correlation_pearson(x, down, 4), -1, 1e-15);
    assert_near(spearman(x, cubes, 4), 1, 0);
    assert_true(correlation_pearson(x, cubes, 4) < 1);
}

static void a_pair_with_nothing_on_one_side_is_left_out(void **state)
{
    (void)state;
    const double x[] = {1, NAN, 2, 3}, y[] = {2, 100, 4, 6};
    assert_near(correlation_pearson(x, y, 4), 1, 1e-15);
    assert_near(spearman(x, y, 4), 1, 1e-15);
}

static void what_is_undefined_is_no_number(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3}, flat[] = {5, 5, 5}, infinite[] = {1, INFINITY, 2};
    assert_true(isnan(correlation_pearson(x, flat, 3)));
    assert_true(isnan(correlation_pearson(x, x, 1)));
    assert_true(isnan(correlation_pearson(x, x, 0)));
    assert_true(isnan(correlation_pearson(x, infinite, 3)));
    assert_near(spearman(x, infinite, 3), 0.5, 1e-15);
    assert_true(isnan(spearman(x, flat, 3)));
    assert_true(isnan(spearman(x, flat, 0)));
}

static void huge_and_tiny_values_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    const double huge[] = {1e300, 2e300, 4e300}, tiny[] = {1e-300, 2e-300, 4e-300};
    assert_near(correlation_pearson(huge, tiny, 3), 1, 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values_are_met),
        cmocka_unit_test(a_line_is_one_and_any_rise_is_one_of_ranks),
        cmocka_unit_test(a_pair_with_nothing_on_one_side_is_left_out),
        cmocka_unit_test(what_is_undefined_is_no_number),
        cmocka_unit_test(huge_and_tiny_values_neither_overflow_nor_vanish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
