/* stats/rank.h - which of the sorted values a percentile needs, and what it makes of them; numpy's
 * arithmetic, rounding for rounding (numpy/lib/_function_base_impl.py: _compute_virtual_index,
 * _get_indexes, _lerp). */
#ifndef MOONTIDE_STATS_RANK_H
#define MOONTIDE_STATS_RANK_H

#include "moontide/stats/percentile.h"

/* The value at rank `at` of the sorted ones, or between it and the next when fraction is not 0. */
struct rank {
    size_t at;
    double fraction;
};

/* n > 0, p in 0..100. */
struct rank rank_of(enum percentile_method method, size_t n, double p);
/* numpy's _lerp, but for what numpy makes NaN of: between a number and an infinity it is the
 * infinity, and a span beyond the largest double does no harm. Between both infinities NaN, as
 * numpy. */
double rank_value(double low, double high, double fraction);

#endif
