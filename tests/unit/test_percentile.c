/* Facts about percentiles: numpy's methods, by selection, the same at every vector level. Against
 * numpy itself: tests/integration/test_stats_percentile.py. */
#include "moontide/base/err.h"
#include "moontide/stats/cpu.h"
#include "moontide/stats/percentile.h"
#include "stats/select_plan.h"
#include "support/alloc_fail.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

/* numpy.percentile([1, 2, 4, 8, 16, 32, 64], [5, 30, 62.5, 95], method=...) */
static void every_method_is_numpys(void **state)
{
    (void)state;
    static const double values[] = {64, 1, 32, 2, 16, 4, 8}, ps[] = {5, 30, 62.5, 95};
    static const double wanted[PERCENTILE_METHODS][4] = {
        [PERCENTILE_LINEAR] = {1.3, 3.6, 14, 54.4},
        [PERCENTILE_LOWER] = {1, 2, 8, 32},
        [PERCENTILE_HIGHER] = {2, 4, 16, 64},
        [PERCENTILE_NEAREST] = {1, 4, 16, 64},
        [PERCENTILE_HAZEN] = {1, 3.2, 15, 64},
        [PERCENTILE_WEIBULL] = {1, 2.8, 16, 64},
        [PERCENTILE_MEDIAN_UNBIASED] = {1, 2 + 16.0 / 15, 16 - 8.0 / 24 * 2, 64},
    };
    for (int method = 0; method < PERCENTILE_METHODS; method++) {
        double out[4];
        assert_int_equal(percentile_many(values, 7, (enum percentile_method)method, ps, 4, out),
                         OK);
        for (size_t i = 0; i < 4; i++)
            assert_near(out[i], wanted[method][i], 1e-12);
    }
}

enum shape {
    SHAPE_RANDOM,
    SHAPE_ASCENDING,
    SHAPE_DESCENDING,
    SHAPE_EQUAL,
    SHAPE_TWO_VALUES,
    SHAPE_ORGAN_PIPE,
    SHAPE_DENORMAL,
    SHAPE_INFINITE,
    SHAPE_WITH_GAPS,
    SHAPE_NEARLY_ALL_GAPS,
    SHAPE_ZEROS,
    SHAPE_CLOSE,
    SHAPE_BOTH_SIGNS,
    SHAPE_FEW_GAPS,
    SHAPE_SKEWED,
    SHAPE_FAR_OUTLIERS,
    SHAPES
};

static double shaped(int shape, size_t i, size_t n, uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    double random = (double)(*seed >> 8);
    switch (shape) {
    case SHAPE_ASCENDING: return (double)i;
    case SHAPE_DESCENDING: return (double)(n - i);
    case SHAPE_EQUAL: return 7;
    case SHAPE_TWO_VALUES: return (double)(*seed >> 31);
    case SHAPE_ORGAN_PIPE: return (double)(i < n / 2 ? i : n - i);
    case SHAPE_DENORMAL: return random * 5e-324;
    case SHAPE_INFINITE: return *seed >> 30 == 0 ? INFINITY : *seed >> 30 == 1 ? -INFINITY : random;
    case SHAPE_WITH_GAPS: return *seed >> 30 == 0 ? NAN : random;
    case SHAPE_NEARLY_ALL_GAPS: return *seed >> 22 == 0 ? random : NAN;
    case SHAPE_ZEROS: return *seed >> 31 ? 0.0 : -0.0;
    case SHAPE_CLOSE: return 1e9 + random * 1e-6; /* one by the upper half of their bits */
    case SHAPE_BOTH_SIGNS: return random - 1e7;
    case SHAPE_SKEWED: return exp2(random * 0x1p-18 - 20);
    case SHAPE_FAR_OUTLIERS: return *seed >> 24 == 0 ? 1e300 : *seed >> 24 == 1 ? 1e-300 : random;
    case SHAPE_FEW_GAPS: return *seed >> 20 == 0 ? NAN : exp2(random * 0x1p-20);
    default: return random;
    }
}

static double *shaped_values(int shape, size_t n)
{
    uint32_t seed = (uint32_t)(n * SHAPES) + (uint32_t)shape;
    double *values = malloc((n + 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++)
        values[i] = shaped(shape, i, n, &seed);
    return values;
}

/* The definition itself, on a sorted copy; both values of a pair that is infinite apart are right.
 */
static void agrees_with_sorting(double *sorted, size_t n, double p, double got)
{
    double h = (double)(n - 1) * (p / 100), t = h - floor(h);
    double low = sorted[(size_t)h], high = sorted[(size_t)h + 1 < n ? (size_t)h + 1 : (size_t)h];
    if (isinf(low) || isinf(high)) {
        assert_true((low <= got && got <= high) || (isnan(got) && low < high));
        return;
    }
    double wanted = t < 0.5 ? low + (high - low) * t : high - (high - low) * (1 - t);
    assert_true(got == wanted);
}

static const double ps[] = {0, 1, 17, 33.3, 50, 67, 82, 90, 99, 99.9, 100};

static void every_level_agrees(int shape, size_t n)
{
    double *values = shaped_values(shape, n), out[COUNT_OF(ps)], first[COUNT_OF(ps)];
    for (int level = 0; level < CPU_LEVELS; level++) {
        if (!cpu_has((enum cpu_level)level)) continue;
        cpu_level_set((enum cpu_level)level);
        assert_int_equal(percentile_many(values, n, PERCENTILE_LINEAR, ps, COUNT_OF(ps), out), OK);
        if (level > 0) assert_memory_equal(out, first, sizeof out);
        memcpy(first, out, sizeof out);
    }
    size_t numbers = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i])) values[numbers++] = values[i];
    qsort(values, numbers, sizeof *values, by_value);
    for (size_t i = 0; i < COUNT_OF(ps) && numbers > 0; i++)
        agrees_with_sorting(values, numbers, ps[i], out[i]);
    free(values);
}

static void every_shape_and_size_agrees_with_sorting_to_the_bit_at_every_level(void **state)
{
    (void)state;
    static const size_t sizes[] = {1000, 2047, 4096, 4097, 5000, 70000};
    enum cpu_level before = cpu_level();
    for (int shape = 0; shape < SHAPES; shape++) {
        for (size_t n = 1; n <= 300; n += shape == SHAPE_RANDOM ? 1 : 7)
            every_level_agrees(shape, n);
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            every_level_agrees(shape, sizes[i]);
    }
    every_level_agrees(SHAPE_RANDOM, 1000000);
    every_level_agrees(SHAPE_TWO_VALUES, 2200000); /* by two passes in one */
    every_level_agrees(SHAPE_WITH_GAPS, 2200000);
    cpu_level_set(before);
}

/* Wherever the sample looks it finds values above all others, which are rare. */
static void a_misleading_sample_costs_a_pass_but_no_exactness(void **state)
{
    (void)state;
    static const size_t sizes[] = {5000, 9000, 100000, 2200000};
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        size_t n = sizes[s], size = sample_size(n);
        double *values = shaped_values(SHAPE_RANDOM, n), out[COUNT_OF(ps)], *at = malloc(n * 8);
        assert_non_null(at);
        for (size_t i = 0; i < n; i++)
            at[i] = (double)i;
        double *sample = malloc(size * sizeof *sample);
        assert_non_null(sample);
        assert_int_equal(sample_take(at, n, sample, size), size);
        for (size_t i = 0; i < size; i++)
            values[(size_t)sample[i]] = 1e9 + (double)i;
        assert_int_equal(percentile_many(values, n, PERCENTILE_LINEAR, ps, COUNT_OF(ps), out), OK);
        qsort(values, n, sizeof *values, by_value);
        for (size_t i = 0; i < COUNT_OF(ps); i++)
            agrees_with_sorting(values, n, ps[i], out[i]);
        free(sample);
        free(at);
        free(values);
    }
}

static void more_percentiles_than_share_a_pass_may_come_in_any_order(void **state)
{
    (void)state;
    enum { COUNT = 3001, ASKED = 101 };
    double *values = shaped_values(SHAPE_RANDOM, COUNT), many[ASKED], out[ASKED];
    for (size_t i = 0; i < ASKED; i++)
        many[i] = (double)(i * 37 % 101);
    many[5] = NAN;
    many[6] = 101;
    assert_int_equal(percentile_many(values, COUNT, PERCENTILE_LINEAR, many, ASKED, out), OK);
    qsort(values, COUNT, sizeof *values, by_value);
    assert_true(isnan(out[5]) && isnan(out[6]));
    for (size_t i = 7; i < ASKED; i++)
        agrees_with_sorting(values, COUNT, many[i], out[i]);
    free(values);
}

static void without_memory_out_is_untouched_and_selection_in_place_still_works(void **state)
{
    (void)state;
    enum { COUNT = 500000 }; /* its sample needs memory, too */
    double *values = shaped_values(SHAPE_WITH_GAPS, COUNT), wanted[2], out[2];
    const double two[] = {99, 50};
    assert_int_equal(percentile_many(values, COUNT, PERCENTILE_LINEAR, two, 2, wanted), OK);
    unsigned n = 1;
    for (;; n++) {
        out[0] = out[1] = 5;
        alloc_fail_at(n);
        int rc = percentile_many(values, COUNT, PERCENTILE_LINEAR, two, 2, out);
        if (!alloc_fail_done()) break;
        assert_int_equal(rc, ERR_NOMEM);
        assert_true(out[0] == 5 && out[1] == 5);
    }
    assert_true(n > 2);
    alloc_fail_at(1);
    percentile_select(values, COUNT, PERCENTILE_LINEAR, two, 2, out);
    assert_true(alloc_fail_done());
    assert_memory_equal(out, wanted, sizeof out);
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors_are_met),
        cmocka_unit_test(the_order_of_values_does_not_matter),
        cmocka_unit_test(no_datapoint_is_left_out),
        cmocka_unit_test(nothing_and_nonsense_have_no_percentile),
        cmocka_unit_test(infinities_do_not_become_nan),
        cmocka_unit_test(every_method_is_numpys),
        cmocka_unit_test(every_shape_and_size_agrees_with_sorting_to_the_bit_at_every_level),
        cmocka_unit_test(a_misleading_sample_costs_a_pass_but_no_exactness),
        cmocka_unit_test(more_percentiles_than_share_a_pass_may_come_in_any_order),
        cmocka_unit_test(without_memory_out_is_untouched_and_selection_in_place_still_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
