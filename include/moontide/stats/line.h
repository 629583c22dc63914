/* stats/line.h - the straight line through values in time, with its confidence. */
#ifndef MOONTIDE_STATS_LINE_H
#define MOONTIDE_STATS_LINE_H

#include "moontide/base/compiler.h"
#include "moontide/stats/trend.h"

enum line_method { LINE_LEAST_SQUARES, LINE_THEIL_SEN, LINE_METHODS };
extern const char *const line_method_names[LINE_METHODS + 1]; /* ends with NULL */

/* value = level + slope * (time - centre_s). Plain data. */
struct line {
    size_t count;           /* datapoints */
    double slope;           /* a second; NaN: no line, fewer than two different times */
    double low, high;       /* the confidence interval of slope; NaN: fewer than three datapoints */
    double start_s;         /* the time of the first datapoint */
    double centre_s, level; /* a point of the line */
    /* Of least squares; NaN for Theil-Sen. */
    double error;   /* the standard error of slope */
    double r2;      /* the share of the variance that the line explains; NaN for a constant */
    double sigma;   /* the standard deviation around the line, of n - 2 degrees of freedom */
    double squares; /* the sum of (time - centre_s)^2 */
};

/* Ordinary least squares. low and high by Student's t distribution, confidence in 0..1 (exclusive).
 * Source: N. Draper, H. Smith, "Applied Regression Analysis", chapter 1; scipy.stats.linregress. */
struct line line_least_squares(struct trend trend, double confidence);

/* Theil and Sen: the slope is the median of those of all pairs of datapoints at different times, so
 * that up to 29 % of the datapoints may be anything. low and high are Sen's, from the variance of
 * Kendall's S with ties; level is the median of value - slope * time. Up to 200 datapoints
 * all pairs are made; beyond, they are counted, in O(n log n) and right up to rounding. Source: P.
 * K. Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau", JASA 63 (1968);
 * scipy.stats.theilslopes(method="joint"). ERR_NOMEM. */
MUST_CHECK int line_theil_sen(struct trend trend, double confidence, struct line *out);

MUST_CHECK int line_fit(struct trend trend, enum line_method method, double confidence,
                        struct line *out);

static inline double line_at(const struct line *line, double at_s)
{
    return line->level + line->slope * (at_s - line->centre_s);
}

/* What a new datapoint at at_s is expected to be, and the interval that holds it with probability
 * `level`: Student's t of sigma and of the line's own uncertainty (Draper and Smith, 3.1). For a
 * line of least squares. */
struct interval line_predict(const struct line *line, double at_s, double level);

#endif
