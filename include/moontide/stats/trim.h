/* stats/trim.h - means without the extremes, and the share of values within bounds.
 *
 * Definitions: those of CloudWatch's TM, WM and PR (Amazon CloudWatch User Guide, "CloudWatch
 * statistics definitions"). Bounds in percent cut the sorted values by their mass, each being 1/n
 * of it: a value that a bound cuts counts by the part inside, so that the answer moves steadily
 * with the bound. Where the bounds fall between values this is scipy.stats.trim_mean and the mean
 * of scipy.stats.mstats.winsorize; 25 and 75 give the interquartile mean (IQM). Bounds in values
 * are exclusive below and inclusive above, as in TM(150:1000).
 *
 * Rule 1: NaN is "no datapoint" and is left out. Nothing within the bounds has no mean: NaN. */
#ifndef MOONTIDE_STATS_TRIM_H
#define MOONTIDE_STATS_TRIM_H

#include "moontide/base/compiler.h"

#include <stddef.h>

/* What becomes of the values outside of the bounds. */
enum trim {
    TRIM_DROP,  /* trimmed mean: they are left out */
    TRIM_CLAMP, /* winsorized mean: each counts as the value at its edge */
};

/* Of values[count] between the low-th and the high-th percent, 0 <= low < high <= 100 (else
 * ERR_INVALID). ERR_NOMEM. On an error *out is untouched. */
MUST_CHECK int trim_mean(enum trim trim, const double *values, size_t count, double low,
                         double high, double *out);
/* Of the values in (above, upto]. */
double trim_mean_between(enum trim trim, const double *values, size_t count, double above,
                         double upto);

/* The percentage of values in (above, upto]. With above = -INFINITY it includes that, and is
 * scipy.stats.percentileofscore(kind = "weak"). */
double percentile_rank(const double *values, size_t count, double above, double upto);

#endif
