/* stats/correlation.h - how two rows of values go together, from -1 to 1.
 *
 * Rule 1: NaN is "no datapoint": its pair is left out.
 * Rule 2: undefined (fewer than two pairs, one side all equal) is NaN, never zero. */
#ifndef MOONTIDE_STATS_CORRELATION_H
#define MOONTIDE_STATS_CORRELATION_H

#include "moontide/base/compiler.h"

#include <stddef.h>

/* Pearson's r of a[n] and b[n], in two passes; scipy.stats.pearsonr's statistic. */
double correlation_pearson(const double *a, const double *b, size_t n);

/* Spearman's rho: Pearson's r of the ranks, equal values sharing the mean of theirs;
 * scipy.stats.spearmanr's statistic. ERR_NOMEM: *out is untouched. */
MUST_CHECK int correlation_spearman(const double *a, const double *b, size_t n, double *out);

#endif
