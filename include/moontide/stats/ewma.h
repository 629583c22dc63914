/* stats/ewma.h - the exponentially weighted mean by half-life. */
#ifndef MOONTIDE_STATS_EWMA_H
#define MOONTIDE_STATS_EWMA_H

#include "moontide/stats/trend.h"

/* At the newest datapoint: each weighs 0.5^(age / half_life_s), normalised, so that irregular times
 * and gaps are right and the first value has no head start. Source:
 * pandas.DataFrame.ewm(halflife, times, adjust=True). NaN without datapoints, or unless
 * half_life_s > 0. */
double ewma_of(struct trend trend, double half_life_s);

#endif
