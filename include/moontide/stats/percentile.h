/* stats/percentile.h - exact percentiles by selection.
 *
 * Definitions: those of numpy.percentile, by its names; Hyndman and Fan's types in brackets. With n
 * sorted values counted from 0, the p-th percentile lies at the virtual index h, between the values
 * at floor(h) and floor(h) + 1, interpolated as numpy does. Source: R. J. Hyndman, Y. Fan, "Sample
 * Quantiles in Statistical Packages", The American Statistician 50 (1996).
 *
 * Rule 1: NaN is "no datapoint" and is left out. */
#ifndef MOONTIDE_STATS_PERCENTILE_H
#define MOONTIDE_STATS_PERCENTILE_H

#include "moontide/base/compiler.h"

#include <stddef.h>

enum percentile_method {
    PERCENTILE_LINEAR,          /* [7] h = (n-1) p/100; numpy's default */
    PERCENTILE_LOWER,           /* the value at floor(h) of linear */
    PERCENTILE_HIGHER,          /* at ceil(h) */
    PERCENTILE_NEAREST,         /* at the nearer; the even one of two as near */
    PERCENTILE_HAZEN,           /* [5] h = n p/100 - 1/2, kept within 0..n-1 */
    PERCENTILE_WEIBULL,         /* [6] h = (n+1) p/100 - 1, kept within */
    PERCENTILE_MEDIAN_UNBIASED, /* [8] h = (n+1/3) p/100 + 1/3 - 1, kept within */
    PERCENTILE_METHODS
};
extern const char *const percentile_method_names[PERCENTILE_METHODS + 1]; /* ends with NULL */

/* The p-th percentile (linear), p in 0..100, of values[count]. NaN when there is no value or p is
 * outside. Reorders values. */
double percentile_in_place(double *values, size_t count, double p);

/* Shape out[p_count], one for each of ps (in any order). Reorders values. Several percentiles of
 * one call share the work. */
void percentile_select(double *values, size_t count, enum percentile_method method,
                       const double *ps, size_t p_count, double *out);

/* The same without touching values. Large inputs are not copied. ERR_NOMEM: out is untouched. */
MUST_CHECK int percentile_many(const double *values, size_t count, enum percentile_method method,
                               const double *ps, size_t p_count, double *out);
/* The same for one p, linear. */
MUST_CHECK int percentile_of(const double *values, size_t count, double p, double *out);

#endif
