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

/* ---- single values, quickly ---- */

static bool same_sums(const struct exact_sum *a, const struct exact_sum *b)
{
    struct exact_sum_digits x, y;
    exact_sum_write(a, &x);
    exact_sum_write(b, &y);
    for (size_t i = 0; i < EXACT_SUM_DIGITS; i++)
        if (x.at[i] != y.at[i]) return false;
    return x.negative == y.negative;
}

static double any_significand(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return 1 + (double)(*seed >> 12) * 0x1p-52;
}

/* Adds to both, in each of the ways, and compares. */
struct pair {
    struct exact_sum quick, slow;
};

static void add_both(struct pair *pair, double value)
{
    exact_sum_add_normal(&pair->quick, value);
    exact_sum_add(&pair->slow, value, 1);
}

static void assert_pair(const struct pair *pair, const char *what, int i)
{
    if (!same_sums(&pair->quick, &pair->slow)) fail_msg("%s %d", what, i);
}

static void quick_additions_are_exact_over_all_magnitudes(void **state)
{
    (void)state;
    uint64_t seed = 29;
    for (int exponent = -1022; exponent <= 1023; exponent++) {
        struct pair pair = {0};
        for (int i = 0; i < 600; i++) {
            int far = exponent + (int)(seed >> 40) % 50 - 25;
            if (far < -1022 || far > 1023) far = exponent;
            double value = ldexp(any_significand(&seed), far);
            add_both(&pair, seed >> 20 & 1 ? value : -value);
        }
        assert_pair(&pair, "around 2^", exponent);
    }
}

/* After 1, each value rounds off as much as it can, always to the same side, with a last place as
 * low as it can be: of one octave more there would be no exact sum. */
static void what_quick_additions_round_off_is_exact(void **state)
{
    (void)state;
    for (int i = 0; i < 40 * 40; i++) {
        int half = -8 - i / 40, least = -1 - i % 40;
        struct pair up = {0}, down = {0};
        double value = ldexp(1, least) + ldexp(1, half) - ldexp(0x1p-52, least);
        add_both(&up, 1);
        add_both(&down, -1);
        for (int k = 0; k < 600; k++) {
            add_both(&up, value);
            add_both(&down, -value);
        }
        assert_pair(&up, "upwards", i);
        assert_pair(&down, "downwards", i);
    }
}

static void quick_additions_all_to_one_side_are_exact(void **state)
{
    (void)state;
    for (int octaves = -40; octaves <= 40; octaves++)
        for (int sign = -1; sign <= 1; sign += 2) {
            struct pair pair = {0};
            add_both(&pair, 1);
            for (int k = 0; k < 700; k++)
                add_both(&pair, sign * ldexp(2 - DBL_EPSILON, octaves));
            assert_pair(&pair, "octaves", octaves);
        }
}

static void what_waits_is_merged_and_written(void **state)
{
    (void)state;
    uint64_t seed = 31;
    for (int i = 0; i < 300; i++) {
        struct pair a = {0}, b = {0};
        for (int k = 0; k < i; k++) {
            add_both(&a, any_significand(&seed) * 1e10);
            add_both(&b, -any_significand(&seed) * 1e-10);
        }
        exact_sum_merge(&a.quick, &b.quick);
        exact_sum_merge(&a.slow, &b.slow);
        assert_pair(&a, "merged after", i);
        assert_same(exact_sum_value(&a.quick), exact_sum_value(&a.slow));
        struct exact_sum_digits digits;
        struct pair again;
        exact_sum_write(&a.quick, &digits);
        exact_sum_read(&digits, &again.quick);
        exact_sum_read(&digits, &again.slow);
        add_both(&again, 0.1);
        add_both(&a, 0.1);
        assert_pair(&again, "read after", i);
        assert_true(same_sums(&again.quick, &a.slow));
    }
}

/* ---- blocks ---- */

/* Into sums that begin as the same one. */
static bool block_is_one_by_one(const double *values, size_t count, bool negative)
{
    struct exact_sum block = {0}, single = {0};
    double low = INFINITY, high = 0;
    exact_sum_add(&block, -0.7, 1);
    exact_sum_add(&single, -0.7, 1);
    for (size_t i = 0; i < count; i++) {
        exact_sum_add(&single, negative ? -values[i] : values[i], 1);
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    exact_sum_add_block(&block, values, count, low, high, negative);
    return same_sums(&block, &single);
}

enum { SHAPES = 5 };

/* A block whose exponents are from `exponent` to `exponent + span`. Of shape 0 what a sum of great
 * values rounds off is as much as it can be, with a last place as low as it can be, and always to
 * the same side: with more octaves than are added on a grid such rests have no exact sum. */
static void fill_block(double *values, int exponent, int span, int shape, uint64_t *seed)
{
    const double last = ldexp(0x1p-52, exponent), half = ldexp(0x1p-44, exponent + span);
    for (size_t i = 0; i < EXACT_SUM_BLOCK; i++) {
        int octave = (int)(*seed >> 40) % (span + 1);
        switch (shape) {
        case 0: values[i] = ldexp(1, exponent) + half - last; break;
        case 1: values[i] = ldexp(any_significand(seed), exponent + octave); break;
        case 2: values[i] = ldexp(2 - DBL_EPSILON, exponent + span); break;
        case 3: values[i] = ldexp(1 + DBL_EPSILON, exponent + octave); break;
        default: values[i] = ldexp(any_significand(seed), exponent + (i % 8 ? 0 : span));
        }
        if (values[i] >= ldexp(2, exponent + span)) values[i] = ldexp(1, exponent);
    }
    values[0] = ldexp(1.5, exponent + span);
    values[3] = ldexp(1, exponent);
}

static void a_block_is_its_values_one_by_one(void **state)
{
    (void)state;
    static double values[EXACT_SUM_BLOCK];
    static const int spans[] = {0, 1, 30, 35, 36, 37, 38, 39, 40, 45, 52, 62, 63};
    static const size_t counts[] = {4, 7, 8, 9, 16, 2040, 2041, 2047, EXACT_SUM_BLOCK};
    uint64_t seed = 17;
    for (size_t s = 0; s < COUNT_OF(spans); s++) {
        const int exponents[] = {-1022,           -1000,          -20, 0, 900, 1013 - spans[s],
                                 1014 - spans[s], 1023 - spans[s]};
        for (size_t e = 0; e < COUNT_OF(exponents) * SHAPES; e++) {
            int exponent = exponents[e / SHAPES], shape = (int)(e % SHAPES);
            fill_block(values, exponent, spans[s], shape, &seed);
            for (size_t c = 0; c < COUNT_OF(counts); c++)
                if (!block_is_one_by_one(values, counts[c], c % 2))
                    fail_msg("2^%d and %d octaves, shape %d, %zu values", exponent, spans[s], shape,
                             counts[c]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cancels_leaves_the_rest),
        cmocka_unit_test(it_rounds_once_and_ties_to_even),
        cmocka_unit_test(a_sum_beyond_all_doubles_is_infinite_and_comes_back),
        cmocka_unit_test(no_order_and_no_grouping_changes_a_bit),
        cmocka_unit_test(times_are_additions),
        cmocka_unit_test(quick_additions_are_exact_over_all_magnitudes),
        cmocka_unit_test(what_quick_additions_round_off_is_exact),
        cmocka_unit_test(quick_additions_all_to_one_side_are_exact),
        cmocka_unit_test(what_waits_is_merged_and_written),
        cmocka_unit_test(a_block_is_its_values_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
