/* stats/kernels_exact.h - what an exact sum adds of a block of values: see exact_sum_block.c. */
#include <stddef.h>

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
