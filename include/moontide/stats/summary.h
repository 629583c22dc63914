/* stats/summary.h - count, minimum, maximum, sum, mean, deviation, skew and kurtosis in one pass.
 *
 * The mean and the squared deviations are Welford's (B. P. Welford, Technometrics 4, 1962), which
 * do not cancel; the third and fourth powers are updated by P. Pebay's formulas ("Formulas for
 * Robust, One-Pass Parallel Computation of Covariances and Arbitrary-Order Statistical Moments",
 * SAND2008-6212, section 3.1 with one new value); the sum is Neumaier's compensated one.
 *
 * Rule 1: NaN is "no datapoint" and is left out. */
#ifndef MOONTIDE_STATS_SUMMARY_H
#define MOONTIDE_STATS_SUMMARY_H

#include <stddef.h>

/* Plain data. While count is 0: min, max and mean are NaN, the sum is 0. */
struct summary {
    size_t count;
    double min, max, mean;
    double squares, cubes, fourths; /* the sums of (value - mean)^2, ^3 and ^4 */
    double sum, compensation;       /* read the sum through summary_sum() */
};

void summary_init(struct summary *summary);
void summary_add(struct summary *summary, double value);
struct summary summary_of(const double *values, size_t count);

double summary_sum(const struct summary *summary);
/* Of the population (divides by n), as Prometheus' stddev_over_time and numpy.std do: 0 for one
 * value, NaN for none. */
double summary_stddev(const struct summary *summary);
/* Of a sample (divides by n - 1): NaN for fewer than two values. */
double summary_sample_stddev(const struct summary *summary);

/* Those of scipy.stats.skew and kurtosis as they are by default: biased (of the population), and
 * the kurtosis in excess of the normal distribution's 3 (Fisher's). NaN where the values are equal,
 * or differ by no more than the mean's rounding. */
double summary_skew(const struct summary *summary);
double summary_kurtosis(const struct summary *summary);

#endif
