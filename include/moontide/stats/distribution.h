/* stats/distribution.h - quantiles of the distributions that intervals and tests are read from. */
#ifndef MOONTIDE_STATS_DISTRIBUTION_H
#define MOONTIDE_STATS_DISTRIBUTION_H

/* How many standard deviations each side of the mean hold the share `confidence` (in 0..1,
 * exclusive) of a normal distribution: 1.96 for 0.95. */
double normal_width(double confidence);
/* The same of Student's t distribution with `freedom` degrees of freedom (1 or more). */
double student_width(double confidence, double freedom);

/* P(K > x) of Kolmogorov's distribution, that of the largest absolute value of a Brownian bridge:
 * 0.05 at 1.358, 0.01 at 1.628. Source: A. Kolmogorov (1933); both series in W. Feller, "On the
 * Kolmogorov-Smirnov Limit Theorems", Ann. Math. Statist. 19 (1948). */
double kolmogorov_tail(double x);

#endif
