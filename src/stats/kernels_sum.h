/* stats/kernels_sum.h - eight running sums side by side, each with its error (see sum.h). The loop
 * over the lanes is what compilers turn into vectors; no order of additions is left to them. */
#include <stddef.h>

static void add(const double *values, size_t count, double sums[8], double errors[8])
{
    double s[8], e[8];
    for (int lane = 0; lane < 8; lane++) {
        s[lane] = sums[lane];
        e[lane] = errors[lane];
    }
    for (size_t i = 0; i < count; i += 8)
        for (int lane = 0; lane < 8; lane++) {
            double x = values[i + (size_t)lane];
            x = x == x ? x : 0;
            double sum = s[lane] + x, back = sum - s[lane];
            e[lane] += (s[lane] - (sum - back)) + (x - back);
            s[lane] = sum;
        }
    for (int lane = 0; lane < 8; lane++) {
        sums[lane] = s[lane];
        errors[lane] = e[lane];
    }
}
