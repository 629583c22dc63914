/* stats/trend.h - where values in time are going: line, forecast, moving average, rate.
 *
 * Rule 1: a NaN value is "no datapoint" and is left out.
 * Rule 2: no answer is NaN: too few datapoints is never zero. */
#ifndef MOONTIDE_STATS_TREND_H
#define MOONTIDE_STATS_TREND_H

#include <stddef.h>

/* Values in time, borrowed, the oldest first. times (seconds, ascending) may be NULL: then value i
 * is at start_s + i * step_s, as the slots of a series are. */
struct trend {
    const double *values; /* shape: [count] */
    const double *times;  /* shape: [count], or NULL */
    size_t count;
    double start_s, step_s;
};

/* The line of ordinary least squares: value = mean + slope * (time - centre). */
struct trend_line {
    double slope; /* a second */
    double centre_s, mean;
};
/* All NaN with fewer than two datapoints at different times. */
struct trend_line trend_line(struct trend trend);
double trend_slope(struct trend trend);
/* The line's value at a time, mostly one to come. */
double trend_forecast(struct trend trend, double at_s);

/* The exponentially weighted mean at the newest datapoint: each weighs 0.5^(age / half_life_s),
 * normalised, so that irregular times and gaps are right and the first value has no head start.
 * Source: pandas.DataFrame.ewm(halflife, times, adjust=True). NaN without datapoints, or unless
 * half_life_s > 0. */
double trend_ewma(struct trend trend, double half_life_s);

/* The increase of a counter a second, from its first to its last datapoint; a value smaller than
 * the one before means that it began again at zero. Source: Prometheus' rate(), without its
 * extrapolation to the edges of the window. NaN with fewer than two datapoints at different times.
 */
double trend_rate(struct trend trend);

#endif
