/* stats/rate.h - how fast a counter counts. */
#ifndef MOONTIDE_STATS_RATE_H
#define MOONTIDE_STATS_RATE_H

#include "moontide/stats/trend.h"

/* The increase of a counter a second, from its first to its last datapoint; a value smaller than
 * the one before means that it began again at zero. Source: Prometheus' rate(), without its
 * extrapolation to the edges of the window. NaN with fewer than two datapoints at different times.
 */
double rate_of(struct trend trend);

#endif
