/* stats/pairs.h - the slopes of all pairs of datapoints at different times, by rank. */
#ifndef MOONTIDE_SRC_STATS_PAIRS_H
#define MOONTIDE_SRC_STATS_PAIRS_H

#include "points.h"

#include <stdint.h>

/* Sorts the values at each time, which pairs_select() wants. Answers how many pairs there are. */
uint64_t pairs_order(struct points *points);

/* out[i] is the slope of rank ranks[i] (from 0) among the `pairs` of them, shape of both: [count],
 * found by counting, so right up to rounding, in O(n log n). Source: the search of J. Matousek,
 * "Randomized Optimal Algorithm for Slope Selection", Inf. Process. Lett. 39 (1991), with samples
 * that are always the same. There must be a pair. ERR_NOMEM. */
MUST_CHECK int pairs_select(const struct points *points, uint64_t pairs, const uint64_t *ranks,
                            size_t count, double *out);

#endif
