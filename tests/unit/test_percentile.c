/* Facts about percentiles: numpy's `linear`, by selection. */
#include "moontide/base/err.h"
#include "moontide/stats/percentile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/near.h"

static const double NO_VALUE = NAN;

static double of(const double *values, size_t count, double p)
{
    double out = 0;
    assert_int_equal(percentile_of(values, count, p, &out), OK);
    return out;
}

/* numpy.percentile(values, p), also the example table of Hyndman and Fan's type 7. */
static void known_vectors_are_met(void **state)
{
    (void)state;
    static const double five[] = {15, 20, 35, 40, 50};
    static const double ten[] = {3, 6, 7, 8, 8, 10, 13, 15, 16, 20};
    static const struct {
        const double *values;
        size_t count;
        double p, wanted;
    } table[] = {
        {five, 5, 0, 15},    {five, 5, 5, 16},  {five, 5, 30, 23},   {five, 5, 40, 29},
        {five, 5, 50, 35},   {five, 5, 75, 40}, {five, 5, 90, 46},   {five, 5, 100, 50},
        {ten, 10, 25, 7.25}, {ten, 10, 50, 9},  {ten, 10, 75, 14.5}, {ten, 10, 99, 19.64},
        {five, 1, 99, 15},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        assert_near(of(table[i].values, table[i].count, table[i].p), table[i].wanted, 1e-12);
}

static void the_order_of_values_does_not_matter(void **state)
{
    (void)state;
    double values[] = {50, 15, 40, 20, 35};
    assert_near(of(values, 5, 40), 29, 1e-12);
    assert_near(values[0], 50, 0); /* untouched */
}

static void no_datapoint_is_left_out(void **state)
{
    (void)state;
    const double values[] = {NO_VALUE, 1, NO_VALUE, 3, NO_VALUE};
    assert_near(of(values, 5, 50), 2, 0);
}

static void nothing_and_nonsense_have_no_percentile(void **state)
{
    (void)state;
    const double values[] = {1, 2};
    assert_true(isnan(of(NULL, 0, 50)));
    assert_true(isnan(of(&NO_VALUE, 1, 50)));
    assert_true(isnan(of(values, 2, -0.1)));
    assert_true(isnan(of(values, 2, 100.1)));
    assert_true(isnan(of(values, 2, NAN)));
}

static void infinities_do_not_become_nan(void **state)
{
    (void)state;
    const double values[] = {-INFINITY, 1, 2, INFINITY};
    assert_near(of(values, 4, 50), 1.5, 0);
    assert_true(of(values, 4, 100) == INFINITY);
    assert_true(of(values, 4, 90) == INFINITY);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The definition itself, on a sorted copy. */
static double by_sorting(const double *values, size_t n, double p)
{
    double *sorted = malloc(n * sizeof *sorted);
    assert_non_null(sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = values[i];
    qsort(sorted, n, sizeof *sorted, by_value);
    double h = (double)(n - 1) * p / 100;
    size_t k = (size_t)h;
    double low = sorted[k], high = sorted[k + 1 < n ? k + 1 : k];
    free(sorted);
    return low + (high - low) * (h - (double)k);
}

enum { SHAPE_RANDOM, SHAPE_ASCENDING, SHAPE_DESCENDING, SHAPE_EQUAL, SHAPE_ORGAN_PIPE, SHAPES };

static double shaped(int shape, size_t i, size_t n, uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    switch (shape) {
    case SHAPE_RANDOM: return (double)(*seed >> 8);
    case SHAPE_ASCENDING: return (double)i;
    case SHAPE_DESCENDING: return (double)(n - i);
    case SHAPE_EQUAL: return 7;
    default: return (double)(i < n / 2 ? i : n - i);
    }
}

static void selection_agrees_with_sorting_for_every_shape_and_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 15, 17, 256, 257, 5000};
    static const double ps[] = {0, 1, 33.3, 50, 90, 99, 99.9, 100};
    uint32_t seed = 1;
    for (int shape = 0; shape < SHAPES; shape++)
        for (size_t s = 0; s < COUNT_OF(sizes); s++) {
            size_t n = sizes[s];
            double *values = malloc(n * sizeof *values), out[COUNT_OF(ps)];
            assert_non_null(values);
            for (size_t i = 0; i < n; i++)
                values[i] = shaped(shape, i, n, &seed);
            assert_int_equal(percentile_many(values, n, PERCENTILE_LINEAR, ps, COUNT_OF(ps), out),
                             OK);
            for (size_t i = 0; i < COUNT_OF(ps); i++)
                assert_near(out[i], by_sorting(values, n, ps[i]), 1e-6);
            free(values);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors_are_met),
        cmocka_unit_test(the_order_of_values_does_not_matter),
        cmocka_unit_test(no_datapoint_is_left_out),
        cmocka_unit_test(nothing_and_nonsense_have_no_percentile),
        cmocka_unit_test(infinities_do_not_become_nan),
        cmocka_unit_test(selection_agrees_with_sorting_for_every_shape_and_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
