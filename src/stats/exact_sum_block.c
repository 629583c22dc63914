/* stats/exact_sum_block.c - many values alike into an exact sum, without a digit for each.
 *
 * Each lane has a running sum that starts at a power of two 2^k so great that it never reaches
 * 2^(k+1): all doubles there are multiples of one unit, u = 2^(k-52). What an addition rounds off
 * its value is then known exactly, as the difference of two doubles, and goes into a second sum,
 * of the rests. Both are exact:
 *
 * - With values below 2^(e+1), of which a lane takes at most 2^TERMS_BITS, the sum stays within
 *   2^k and 2^(k+1) for k = e + 1 + TERMS_BITS, and every sum of multiples of u there is a double.
 * - A rest is at most u / 2 = 2^(k-53), so all rests of a lane together, and any part of them, at
 *   most 2^(k-53+TERMS_BITS). They are multiples of the last place of the least value, 2^(f-52)
 *   with f its exponent (and the denormals have no less), of which a double holds any number up to
 *   2^53. So k - 53 + TERMS_BITS <= f + 1, or e - f <= 53 - 2 TERMS_BITS.
 *
 * Wider blocks are summed as mantissas, one integer for each exponent. */
#include "moontide/stats/exact_sum.h"

#include "kernels.h"

#include <float.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "an addition of doubles rounds to a double");

enum {
    LANES = 8, /* enough that no addition waits for the one before it */
    TERMS_BITS = 8,
    OCTAVES_MAX = 53 - 2 * TERMS_BITS,
    EXPONENT_MAX = 2045 - 1 - TERMS_BITS, /* biased: 2^(k+1) must be a double */
    SCATTER_LANES = 2, /* neighbours share an exponent, and would wait for each other's sum */
};
_Static_assert(EXACT_SUM_BLOCK == LANES << TERMS_BITS, "a lane takes 2^TERMS_BITS values");

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static unsigned exponent_of(double value)
{
    return (unsigned)(bits_of(value) >> 52) & 0x7ff;
}

static double power_of_two(unsigned exponent)
{
    uint64_t bits = (uint64_t)exponent << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void add_on_grid(struct exact_sum *sum, const double *values, size_t count,
                        unsigned exponent, bool negative)
{
    double start = power_of_two(exponent + 1 + TERMS_BITS);
    double sums[LANES], rests[LANES] = {0}, last[LANES] = {0};
    size_t whole = count - count % LANES;
    for (size_t lane = 0; lane < LANES; lane++)
        sums[lane] = start;
    kernels_now()->add_small(values, whole, sums, rests);
    memcpy(last, values + whole, (count - whole) * sizeof *values);
    kernels_now()->add_small(last, LANES, sums, rests);
    for (size_t lane = 0; lane < LANES; lane++) {
        double grown = sums[lane] - start;
        exact_sum_add(sum, negative ? -grown : grown, 1);
        exact_sum_add(sum, negative ? -rests[lane] : rests[lane], 1);
    }
}

/* Of 53-bit mantissas none of a block's sums overflows. */
static void add_scattered(struct exact_sum *sum, const double *values, size_t count, unsigned low,
                          unsigned high, bool negative)
{
    const uint64_t hidden = (uint64_t)1 << 52;
    uint64_t mantissas[SCATTER_LANES][EXACT_SUM_OCTAVES] = {0};
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = bits_of(values[i]);
        mantissas[i % SCATTER_LANES][(bits >> 52) % EXACT_SUM_OCTAVES] +=
            (bits & (hidden - 1)) | hidden;
    }
    for (unsigned e = low; e <= high; e++)
        for (int lane = 0; lane < SCATTER_LANES; lane++) {
            uint64_t mantissa = mantissas[lane][e % EXACT_SUM_OCTAVES];
            if (mantissa) exact_sum_add_bits(sum, mantissa, e - 1, negative);
        }
}

void exact_sum_add_block(struct exact_sum *sum, const double *values, size_t count, double low,
                         double high, bool negative)
{
    unsigned from = exponent_of(low), to = exponent_of(high);
    if (to - from <= OCTAVES_MAX && to <= EXPONENT_MAX)
        add_on_grid(sum, values, count, to, negative);
    else
        add_scattered(sum, values, count, from, to, negative);
}
