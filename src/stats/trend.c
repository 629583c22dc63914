/* stats/trend.c - line, forecast, moving average and rate of values in time. */
#include "moontide/stats/trend.h"

#include <math.h>

static double time_of(const struct trend *trend, size_t i)
{
    return trend->times ? trend->times[i] : trend->start_s + (double)i * trend->step_s;
}

struct trend_line trend_line(struct trend trend)
{
    const struct trend_line none = {NAN, NAN, NAN};
    /* Two passes around the means: epoch seconds squared would eat the digits of a double. */
    double time_sum = 0, value_sum = 0, origin = 0;
    size_t n = 0;
    for (size_t i = 0; i < trend.count; i++) {
        if (isnan(trend.values[i])) continue;
        if (n++ == 0) origin = time_of(&trend, i);
        time_sum += time_of(&trend, i) - origin;
        value_sum += trend.values[i];
    }
    if (n < 2) return none;
    double centre = time_sum / (double)n, mean = value_sum / (double)n, tt = 0, tv = 0;
    for (size_t i = 0; i < trend.count; i++) {
        if (isnan(trend.values[i])) continue;
        double t = time_of(&trend, i) - origin - centre;
        tt += t * t;
        tv += t * (trend.values[i] - mean);
    }
    if (!(tt > 0)) return none;
    return (struct trend_line){.slope = tv / tt, .centre_s = origin + centre, .mean = mean};
}

double trend_slope(struct trend trend)
{
    return trend_line(trend).slope;
}

double trend_forecast(struct trend trend, double at_s)
{
    struct trend_line line = trend_line(trend);
    return line.mean + line.slope * (at_s - line.centre_s);
}

double trend_ewma(struct trend trend, double half_life_s)
{
    if (!(half_life_s > 0)) return NAN;
    double weighted = 0, weights = 0, before = 0;
    for (size_t i = 0; i < trend.count; i++) {
        if (isnan(trend.values[i])) continue;
        /* What came before fades by the time that went by; the newest weighs 1. */
        double now = time_of(&trend, i),
               fade = weights > 0 ? exp2((before - now) / half_life_s) : 0;
        weighted = weighted * fade + trend.values[i];
        weights = weights * fade + 1;
        before = now;
    }
    return weights > 0 ? weighted / weights : NAN;
}

double trend_rate(struct trend trend)
{
    double first = 0, last = 0, before = 0, increase = 0;
    size_t n = 0;
    for (size_t i = 0; i < trend.count; i++) {
        double value = trend.values[i];
        if (isnan(value)) continue;
        last = time_of(&trend, i);
        if (n++ == 0)
            first = last;
        else
            increase += value >= before ? value - before : value;
        before = value;
    }
    return n >= 2 && last > first ? increase / (last - first) : NAN;
}
