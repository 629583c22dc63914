/* stats/weighted.h - percentiles of values that occur many times, as Values and Counts of
 * CloudWatch's PutMetricData say it.
 *
 * The percentile of the multiset in which values[i] occurs counts[i] times: that of
 * numpy.percentile on numpy.repeat(values, counts), for every method and to the bit, without
 * expanding it.
 *
 * Rule 1: a NaN value is "no datapoint" and is left out with its count.
 * Rule 2: counts are whole numbers from 0, at most 2^53 together, so that each rank is exact. */
#ifndef MOONTIDE_STATS_WEIGHTED_H
#define MOONTIDE_STATS_WEIGHTED_H

#include "moontide/stats/percentile.h"

/* Shape out[p_count]: NaN where nothing is counted or p is outside 0..100. ERR_INVALID: a count is
 * negative, NaN or not whole. ERR_LIMIT: they are more than 2^53 together. ERR_NOMEM. On an error
 * out is untouched. */
MUST_CHECK int weighted_percentiles(const double *values, const double *counts, size_t count,
                                    enum percentile_method method, const double *ps, size_t p_count,
                                    double *out);

#endif
