/* stats/sum.h - sums whose bits do not depend on the CPU.
 *
 * Eight running sums, of values i, i + 8, i + 16, ..., each with the error of its additions
 * (D. E. Knuth's TwoSum, The Art of Computer Programming 2, 4.2.2), joined in the order of i. The
 * result is as good as a sum in twice the precision that is rounded once.
 *
 * Rule 1: NaN is "no datapoint" and is left out. */
#ifndef MOONTIDE_STATS_SUM_H
#define MOONTIDE_STATS_SUM_H

#include <stddef.h>

/* 0 for none. Infinite when an infinity is among the values or a running sum overflows; NaN when
 * both infinities are. */
double sum_of(const double *values, size_t count);

#endif
