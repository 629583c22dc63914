/* Facts about the histogram that latencies go into. */
#include "../../src/aws/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void quantiles_are_good_to_four_percent(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    static struct histogram h;
    static int64_t values[COUNT];
    uint64_t random = 42;
    memset(&h, 0, sizeof h);
    for (int i = 0; i < COUNT; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        /* from a microsecond to an hour, evenly by order of magnitude */
        values[i] = (int64_t)exp((double)(random >> 11) * 0x1.0p-53 * log(3.6e9));
        histogram_add(&h, values[i]);
    }
    qsort(values, COUNT, sizeof values[0], ascending);
    static const double quantiles[] = {0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        double exact = (double)values[(int)ceil(quantiles[i] * COUNT) - 1];
        double found = histogram_quantile(&h, quantiles[i]);
        assert_true(fabs(found - exact) <= 0.04 * exact + 0.5);
    }
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (int64_t value = 0; value < 16; value++) {
        struct histogram h = {0};
        histogram_add(&h, value);
        assert_true(fabs(histogram_quantile(&h, 0.5) - (double)value) < 1e-9);
    }
}

static void nothing_has_a_quantile_of_zero(void **state)
{
    (void)state;
    struct histogram h = {0};
    assert_true(histogram_quantile(&h, 0.99) <= 0);
}

static void what_is_out_of_range_counts_at_its_end(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, -5);
    assert_true(histogram_quantile(&h, 1) <= 0);
    histogram_add(&h, INT64_MAX);
    histogram_add(&h, (1ll << HISTOGRAM_POWERS) - 1);
    assert_int_equal(h.count, 3);
    assert_true(histogram_quantile(&h, 1) > (double)(1ll << (HISTOGRAM_POWERS - 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_good_to_four_percent),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(nothing_has_a_quantile_of_zero),
        cmocka_unit_test(what_is_out_of_range_counts_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
