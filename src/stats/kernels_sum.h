/* stats/kernels_sum.h - eight running sums side by side, each with what it rounds off. The loops
 * over the lanes are what compilers turn into vectors; no order of additions is left to them. */
#include <stddef.h>
#include <string.h>

enum { SUMS = 8 };

/* See sum.h. */
static void add(const double *values, size_t count, double sums[SUMS], double errors[SUMS])
{
    double s[SUMS], e[SUMS];
    memcpy(s, sums, sizeof s);
    memcpy(e, errors, sizeof e);
    for (size_t i = 0; i < count; i += SUMS)
        for (size_t lane = 0; lane < SUMS; lane++) {
            double x = values[i + lane];
            x = x == x ? x : 0;
            double sum = s[lane] + x, back = sum - s[lane];
            e[lane] += (s[lane] - (sum - back)) + (x - back);
            s[lane] = sum;
        }
    memcpy(sums, s, sizeof s);
    memcpy(errors, e, sizeof e);
}

/* See exact_sum_block.c. */
static void add_small(const double *values, size_t count, double sums[SUMS], double rests[SUMS])
{
    double s[SUMS], r[SUMS];
    memcpy(s, sums, sizeof s);
    memcpy(r, rests, sizeof r);
    for (size_t i = 0; i < count; i += SUMS)
        for (size_t lane = 0; lane < SUMS; lane++) {
            double x = values[i + lane], sum = s[lane] + x;
            r[lane] += x - (sum - s[lane]);
            s[lane] = sum;
        }
    memcpy(sums, s, sizeof s);
    memcpy(rests, r, sizeof r);
}
