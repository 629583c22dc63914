/* stats/summary.h - count, minimum, maximum, sum, mean and standard deviation in one pass.
 *
 * The mean and the squared deviations are Welford's (B. P. Welford, Technometrics 4, 1962), which
 * do not cancel; the sum is Neumaier's compensated one.
 *
 * Rule 1: NaN is "no datapoint" and is left out. */
#ifndef MOONTIDE_STATS_SUMMARY_H
#define MOONTIDE_STATS_SUMMARY_H

#include <stddef.h>

/* Plain data. While count is 0: min, max and mean are NaN, the sum is 0. */
struct summary {
    size_t count;
    double min, max, mean;
    double squares;           /* the sum of (value - mean)^2 */
    double sum, compensation; /* read the sum through summary_sum() */
};

void summary_init(struct summary *summary);
void summary_add(struct summary *summary, double value);
struct summary summary_of(const double *values, size_t count);

double summary_sum(const struct summary *summary);
/* Of the population (divides by n), as Prometheus' stddev_over_time and numpy.std do: 0 for one
 * value, NaN for none. */
double summary_stddev(const struct summary *summary);

#endif
