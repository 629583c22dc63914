/* stats/weighted.h - exact percentiles of values that stand for several datapoints each.
 *
 * CloudWatch's Values and Counts: value i was seen counts[i] times. The answer is the percentile of
 * the list in which each value is repeated so often (numpy.percentile of numpy.repeat), without
 * making that list. Counts that are not whole follow the same definition: the value at index k is
 * the smallest whose cumulated count is more than k. */
#ifndef MOONTIDE_STATS_WEIGHTED_H
#define MOONTIDE_STATS_WEIGHTED_H

#include "moontide/base/compiler.h"
#include "moontide/stats/percentile.h"

#include <stddef.h>

/* Shape: values[n], counts[n], out[p_count]; out is NaN where p is outside 0..100. A NaN value is
 * left out with its count. ERR_INVALID: a count is negative, NaN or infinite, or their total is 0;
 * ERR_NOMEM. On an error out is untouched. */
MUST_CHECK int weighted_percentiles(const double *values, const double *counts, size_t n,
                                    enum percentile_method method, const double *ps, size_t p_count,
                                    double *out);

#endif
