/* stats/percentile.h - exact percentiles by selection.
 *
 * Definition: linear interpolation between the two nearest ranks, numpy.percentile's default method
 * `linear`, Hyndman and Fan's type 7: h = (n-1) p/100 in the sorted values counted from 0. Source:
 * R. J. Hyndman, Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50
 * (1996). Selection is quickselect with a bound on bad pivots, so O(n) and never O(n^2).
 *
 * Rule 1: NaN is "no datapoint" and is left out. */
#ifndef MOONTIDE_STATS_PERCENTILE_H
#define MOONTIDE_STATS_PERCENTILE_H

#include "moontide/base/compiler.h"

#include <stddef.h>

/* The p-th percentile, p in 0..100, of values[count]. NaN when there is no value or p is outside.
 * Reorders values. */
double percentile_in_place(double *values, size_t count, double p);

/* The same without touching values: shape out[p_count], one for each of ps. Copies once. ERR_NOMEM:
 * out is untouched. */
MUST_CHECK int percentile_many(const double *values, size_t count, const double *ps, size_t p_count,
                               double *out);
/* The same for one p. */
MUST_CHECK int percentile_of(const double *values, size_t count, double p, double *out);

#endif
