/* stats/histogram.h - how many values lie between edges, by numpy.histogram's definition.
 *
 * Bin i holds the values in [edges[i], edges[i + 1]); the last one holds its upper edge too. NaN
 * and what lies outside of all bins is not counted. */
#ifndef MOONTIDE_STATS_HISTOGRAM_H
#define MOONTIDE_STATS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* bins of one width from low to high, both finite, low <= high: numpy.linspace(low, high, bins +
 * 1). When low is high the range is half to either side. Shape: edges[bins + 1], bins > 0. */
void histogram_edges(double low, double high, size_t bins, double *edges);

/* Adds to counts[bins]. edges[bins + 1] do not descend. */
void histogram_count(const double *values, size_t count, const double *edges, size_t bins,
                     uint64_t *counts);

#endif
