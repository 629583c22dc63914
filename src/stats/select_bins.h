/* stats/select_bins.h - the values at a few ranks of at most some thousand values: all are counted
 * into 256 bins, those in the bins of the ranks are copied and sorted. */
#ifndef MOONTIDE_STATS_SELECT_BINS_H
#define MOONTIDE_STATS_SELECT_BINS_H

#include "select_plan.h"

enum { BINNED_MAX = 4096 /* values; each has a byte on the stack */ };

/* Answers wanted for values[n], 0 < n <= BINNED_MAX. `to` and `other` have room for n values and
 * KERNEL_SLACK more, and are lost; other may be values. False, with values as they were: not all of
 * them are finite. */
bool select_bins(const double *values, size_t n, double *to, double *other, struct wanted *wanted);

#endif
