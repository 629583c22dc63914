/* stats/kernels_exact.h - what an exact sum needs of a block of values (see exact_sum_block.c),
 * over the operations of a level (see kernels_body.h). */

#include <math.h>
#include <stddef.h>

/* Two of each, so that a vector seldom waits for the one before it. */
static void extremes(const double *values, size_t count, double *low, double *high)
{
    vec l[2], h[2];
    double lows[LANES], highs[LANES], least = INFINITY, greatest = -INFINITY;
    l[0] = l[1] = vec_all(least);
    h[0] = h[1] = vec_all(greatest);
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        vec a = vec_load(values + i), b = vec_load(values + i + LANES);
        l[0] = vec_min(a, l[0]); /* the second one where the first is NaN */
        l[1] = vec_min(b, l[1]);
        h[0] = vec_max(a, h[0]);
        h[1] = vec_max(b, h[1]);
    }
    vec_store(lows, vec_min(l[0], l[1]));
    vec_store(highs, vec_max(h[0], h[1]));
    for (size_t lane = 0; lane < LANES; lane++) {
        least = lows[lane] < least ? lows[lane] : least;
        greatest = highs[lane] > greatest ? highs[lane] : greatest;
    }
    for (; i < count; i++) {
        least = values[i] < least ? values[i] : least;
        greatest = values[i] > greatest ? values[i] : greatest;
    }
    *low = least;
    *high = greatest;
}

/* Eight sums side by side: the loop over the lanes is what compilers turn into vectors. */
static void add_small(const double *values, size_t count, double sums[8], double rests[8])
{
    double s[8], r[8];
    for (int lane = 0; lane < 8; lane++) {
        s[lane] = sums[lane];
        r[lane] = rests[lane];
    }
    for (size_t i = 0; i < count; i += 8)
        for (size_t lane = 0; lane < 8; lane++) {
            double x = values[i + lane], sum = s[lane] + x;
            r[lane] += x - (sum - s[lane]);
            s[lane] = sum;
        }
    for (int lane = 0; lane < 8; lane++) {
        sums[lane] = s[lane];
        rests[lane] = r[lane];
    }
}
