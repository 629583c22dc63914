/* Facts about the inner loops: each vector level does what the definition says, to the bit. The
 * AVX-512 ones run emulated where SIMDe is installed, and for real where the CPU has them. */
#include "stats/kernels.h"

#include "moontide/base/compiler.h"
#include "moontide/stats/cpu.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 400 };

static const struct set {
    const char *name;
    const struct kernels *kernels;
    enum cpu_level level;
} sets[] = {
    {"portable", &kernels_portable, CPU_PORTABLE},
#ifdef __x86_64__
    {"avx2", &kernels_avx2, CPU_AVX2},
    {"avx512", &kernels_avx512, CPU_AVX512},
#endif
#ifdef HAVE_SIMDE
    {"avx512 emulated", &kernels_emulated, CPU_PORTABLE},
#endif
};

static uint64_t seed;

static uint64_t next(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 33;
}

static double any_value(bool nan_too)
{
    static const double odd[] = {0.0,    -0.0,    INFINITY, -INFINITY,
                                 5e-324, -5e-324, 1.7e308,  -1.7e308};
    switch (next() % 8) {
    case 0: return odd[next() % COUNT_OF(odd)];
    case 1: return nan_too ? NAN : 3;
    case 2: return (double)(next() % 4);
    default: return (double)next() / 1e6 - 1000;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void each_set(void (*fact)(const struct kernels *))
{
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        if (!cpu_has(sets[i].level)) {
            print_message("%s: not on this CPU\n", sets[i].name);
            continue;
        }
        seed = 11;
        fact(sets[i].kernels);
    }
}

/* The first value of a key of that scale: of -32767 to 32767, as kernels compare to the one before.
 */
static double any_first(struct key_scale scale)
{
    const int infinity = 0x3ff80000;
    int units = 0;
    while (units <= 0 || units > infinity) {
        int key = next() % 4 == 0 ? (next() % 2 ? INT16_MAX : -INT16_MAX)
                                  : (int)(next() % (2 * INT16_MAX)) - INT16_MAX;
        units = scale.middle + key * (1 << scale.shift);
    }
    uint64_t bits = (uint64_t)units << 33;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void make_edges(struct edges *edges, unsigned count)
{
    const int one = 0x1ff80000; /* units of 1.0 */
    *edges = (struct edges){.count = count, .all_flip = next() % 2 == 0};
    edges->scale.shift = (int)(next() % 15);
    edges->scale.middle = one + (int)(next() % 2000 - 1000) * (1 << edges->scale.shift);
    edges->keyed = edges->all_flip && count % 2 == 1 && next() % 4 != 0;
    for (unsigned i = 0; i < count; i++) {
        edges->at[i] = edges->keyed ? any_first(edges->scale) : any_value(false);
        edges->flips[i] = edges->all_flip || next() % 2 == 0;
    }
    qsort(edges->at, count, sizeof edges->at[0], by_value);
}

/* Often next to an edge. Never so that a block is done again without keys. */
static double any_above_zero(const struct edges *edges)
{
    double x =
        fabs(edges->count && next() % 4 ? edges->at[next() % edges->count] : any_value(false));
    if (next() % 2) x = nextafter(x, next() % 2 ? INFINITY : 0);
    return isnan(x) ? 0 : x;
}

static void squeeze_once(const struct kernels *kernels, size_t n, unsigned edge_count)
{
    static double in[KERNEL_BLOCK], out[KERNEL_BLOCK + KERNEL_SLACK], wanted[KERNEL_BLOCK];
    struct edges edges;
    size_t reached[EDGES_MAX] = {0}, nans = 0, kept = 0;
    bool nan_too = next() % 2 == 0, keys_only = next() % 2 == 0;
    make_edges(&edges, edge_count);
    const bool keyed = edges.keyed;
    for (size_t i = 0; i < n; i++) {
        in[i] = keys_only ? any_above_zero(&edges) : any_value(nan_too);
        bool inside = false;
        for (unsigned e = 0; e < edge_count; e++) {
            bool above = in[i] >= edges.at[e];
            reached[e] += above;
            inside ^= above && edges.flips[e];
        }
        nans += isnan(in[i]) != 0;
        if (inside) wanted[kept++] = in[i];
    }
    assert_int_equal(kernels->squeeze(in, n, &edges, out), kept);
    assert_memory_equal(out, wanted, kept * sizeof *out);
    assert_memory_equal(edges.reached, reached, edge_count * sizeof *reached);
    assert_int_equal(edges.nans, nans);
    if (keyed && keys_only) assert_true(edges.keyed);
}

static void squeezes(const struct kernels *kernels)
{
    for (size_t n = 0; n < 100; n++)
        for (unsigned edges = 0; edges < 12; edges++)
            squeeze_once(kernels, n, edges);
    for (unsigned edges = 1; edges < 10; edges++)
        for (int i = 0; i < 10; i++)
            squeeze_once(kernels, KERNEL_BLOCK, edges);
    squeeze_once(kernels, KERNEL_BLOCK, EDGES_MAX);
}

static void a_pass_counts_and_collects_by_its_edges(void **state)
{
    (void)state;
    each_set(squeezes);
}

static void ranges(const struct kernels *kernels)
{
    double values[100];
    for (size_t n = 1; n < COUNT_OF(values); n++)
        for (int round = 0; round < 20; round++) {
            double low = INFINITY, high = -INFINITY, got_low, got_high;
            bool nan_too = next() % 2 == 0, has_nan = false;
            for (size_t i = 0; i < n; i++) {
                values[i] = any_value(nan_too);
                low = values[i] < low ? values[i] : low;
                high = values[i] > high ? values[i] : high;
                has_nan |= isnan(values[i]) != 0;
            }
            assert_int_equal(kernels->range(values, n, &got_low, &got_high), !has_nan);
            if (!has_nan) assert_true(got_low == low && got_high == high);
        }
}

static void a_range_is_the_least_and_the_greatest(void **state)
{
    (void)state;
    each_set(ranges);
}

static void bins_once(const struct kernels *kernels, size_t n, bool even)
{
    static double values[300], out[300 + KERNEL_SLACK], wanted[300];
    unsigned char bins[300];
    struct bin_scale scale = {.even = even, .low = -7, .factor = 255.0 / 32};
    scale.keys = (struct key_scale){.middle = 0x1ff80000, .shift = (int)(next() % 15)};
    const unsigned char of[] = {(unsigned char)next(), (unsigned char)next(), 255};
    size_t of_count = next() % 4, picked = 0;
    for (size_t i = 0; i < n; i++) {
        double part = (double)(next() % 65536) / 65536;
        uint64_t bits =
            ((uint64_t)(0x1ff80000 + (int)(part * (256 << scale.keys.shift))) << 33) + 9;
        memcpy(&values[i], &bits, sizeof bits);
        if (even) values[i] = -7 + 32 * part;
    }
    kernels->bin(values, n, &scale, bins);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(bins[i], bin_of(values[i], &scale));
        if (of_count && memchr(of, bins[i], of_count)) wanted[picked++] = values[i];
    }
    assert_int_equal(kernels->pick(values, bins, n, of, of_count, out), picked);
    assert_memory_equal(out, wanted, picked * sizeof *out);
}

static void bins(const struct kernels *kernels)
{
    for (size_t n = 0; n < 300; n++)
        for (int round = 0; round < 10; round++)
            bins_once(kernels, n, round % 2);
}

static void values_are_binned_and_picked_by_their_bins(void **state)
{
    (void)state;
    each_set(bins);
}

static void splits(const struct kernels *kernels)
{
    double values[300], above[300 + KERNEL_SLACK], low[300], high[300];
    for (size_t n = 0; n < 300; n++) {
        double pivot = any_value(false);
        size_t lows = 0, highs = 0;
        for (size_t i = 0; i < n; i++) {
            values[i] = any_value(false);
            if (values[i] < pivot)
                low[lows++] = values[i];
            else
                high[highs++] = values[i];
        }
        assert_int_equal(kernels->split(values, n, pivot, above), lows);
        assert_memory_equal(values, low, lows * sizeof *low);
        assert_memory_equal(above, high, highs * sizeof *high);
    }
}

static void a_split_keeps_the_order_of_both_sides(void **state)
{
    (void)state;
    each_set(splits);
}

static void sorts(const struct kernels *kernels)
{
    double values[SORT_MAX], sorted[SORT_MAX], out[SORT_MAX];
    size_t at[SORT_MAX];
    for (size_t i = 0; i < SORT_MAX; i++)
        at[i] = i;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t n = 1 + round % SORT_MAX;
        for (size_t i = 0; i < n; i++)
            sorted[i] = values[i] = any_value(false);
        qsort(sorted, n, sizeof *sorted, by_value);
        kernels->few(values, n, at, n, out);
        for (size_t i = 0; i < n; i++)
            assert_true(out[i] == sorted[i]);
    }
}

/* The 0-1 principle: a network that sorts every pattern of zeros and ones sorts everything. All
 * patterns of 64 are too many; those with one border, rotated, find a wrong exchange. */
static void sorts_borders(const struct kernels *kernels)
{
    for (size_t n = 1; n <= SORT_MAX; n++)
        for (size_t ones = 0; ones <= n; ones++)
            for (size_t turn = 0; turn < n; turn += 5) {
                double values[SORT_MAX], out[2];
                for (size_t i = 0; i < n; i++)
                    values[(i * 67 + turn) % n] = i < ones; /* 67 is prime */
                size_t zeros = 0;
                for (size_t i = 0; i < n; i++)
                    zeros += values[i] == 0;
                if (zeros == 0 || zeros == n) continue;
                const size_t at[] = {zeros - 1, zeros};
                kernels->few(values, n, at, 2, out);
                assert_true(out[0] == 0 && out[1] == 1);
            }
}

static void a_few_values_are_ranked_as_by_sorting(void **state)
{
    (void)state;
    each_set(sorts);
    each_set(sorts_borders);
}

static double first_sums[8], first_errors[8];
static bool has_first;

static void adds(const struct kernels *kernels)
{
    double values[800], sums[8] = {0}, errors[8] = {0};
    for (size_t i = 0; i < COUNT_OF(values); i++)
        values[i] = i % 9 == 0 ? NAN : (double)next() * pow(10, (double)(next() % 30));
    kernels->add(values, COUNT_OF(values), sums, errors);
    if (has_first) {
        assert_memory_equal(sums, first_sums, sizeof sums);
        assert_memory_equal(errors, first_errors, sizeof errors);
    }
    memcpy(first_sums, sums, sizeof sums);
    memcpy(first_errors, errors, sizeof errors);
    has_first = true;
}

static void running_sums_have_the_same_bits_at_every_level(void **state)
{
    (void)state;
    each_set(adds);
}

static void adds_small(const struct kernels *kernels)
{
    double values[800], sums[8], rests[8] = {0};
    double wanted_sums[8], wanted_rests[8] = {0};
    for (size_t i = 0; i < COUNT_OF(values); i++)
        values[i] = (double)next() * pow(10, (double)(next() % 20));
    values[797] = NAN;
    for (int lane = 0; lane < 8; lane++)
        wanted_sums[lane] = sums[lane] = 0x1p120;
    kernels->add_small(values, COUNT_OF(values), sums, rests);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        double before = wanted_sums[i % 8];
        wanted_sums[i % 8] += values[i];
        wanted_rests[i % 8] += values[i] - (wanted_sums[i % 8] - before);
    }
    for (size_t lane = 0; lane < 8; lane++)
        if (lane != 797 % 8)
            assert_true(sums[lane] == wanted_sums[lane] && rests[lane] == wanted_rests[lane]);
        else
            assert_true(isnan(rests[lane]));
}

static void what_an_addition_rounds_off_is_kept(void **state)
{
    (void)state;
    each_set(adds_small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pass_counts_and_collects_by_its_edges),
        cmocka_unit_test(a_range_is_the_least_and_the_greatest),
        cmocka_unit_test(values_are_binned_and_picked_by_their_bins),
        cmocka_unit_test(a_split_keeps_the_order_of_both_sides),
        cmocka_unit_test(a_few_values_are_ranked_as_by_sorting),
        cmocka_unit_test(running_sums_have_the_same_bits_at_every_level),
        cmocka_unit_test(what_an_addition_rounds_off_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
