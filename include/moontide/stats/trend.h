/* stats/trend.h - values in time: what line.h, ewma.h, rate.h, change.h, grid.h and crossing.h
 * take.
 *
 * Rule 1: a value that is not finite (NaN, an infinity) is "no datapoint" and is left out.
 * Rule 2: no answer is NaN: too few datapoints is never zero. */
#ifndef MOONTIDE_STATS_TREND_H
#define MOONTIDE_STATS_TREND_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Values in time, borrowed, the oldest first. times (seconds, ascending) may be NULL: then value i
 * is at start_s + i * step_s, as the slots of a series are. */
struct trend {
    const double *values; /* shape: [count] */
    const double *times;  /* shape: [count], or NULL */
    size_t count;
    double start_s, step_s;
};

static inline double trend_time(const struct trend *trend, size_t i)
{
    return trend->times ? trend->times[i] : trend->start_s + (double)i * trend->step_s;
}
static inline bool trend_has(const struct trend *trend, size_t i)
{
    return isfinite(trend->values[i]);
}
/* The index of the newest datapoint; count when there is none. */
size_t trend_newest(const struct trend *trend);

/* An answer and the interval that covers it at the confidence asked for. All NaN: no answer; low
 * and high alone NaN: too few datapoints for an interval. */
struct interval {
    double expected, low, high;
};

#endif
