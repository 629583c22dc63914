/* stats/trend.c - line, forecast, moving average, rate and anomaly of values in time. */
#include "moontide/stats/trend.h"

#include "moontide/stats/percentile.h"

#include <math.h>

/* Iglewicz and Hoaglin: 0.6745 is the 0.75 quantile of the normal distribution, which makes MAD an
 * estimate of sigma; 1.253314 = sqrt(pi/2) does it for the mean absolute deviation; beyond 3.5 is
 * an outlier. */
static const double MAD_SCALE = 0.6745, MEAN_AD_SCALE = 1.253314, OUTLIER_Z = 3.5;

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

/* The distance of x from the others in estimated standard deviations; scratch holds the others. */
static double robust_z(double x, double *scratch, size_t n)
{
    double median = percentile_in_place(scratch, n, 50), distance = fabs(x - median), mean_ad = 0;
    for (size_t i = 0; i < n; i++) {
        scratch[i] = fabs(scratch[i] - median);
        mean_ad += scratch[i] / (double)n;
    }
    double mad = percentile_in_place(scratch, n, 50);
    if (mad > 0) return MAD_SCALE * distance / mad;
    if (mean_ad > 0) return distance / (MEAN_AD_SCALE * mean_ad);
    return distance > 0 ? INFINITY : 0;
}

double trend_anomaly(const double *values, size_t count, double *scratch)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) scratch[n++] = values[i];
    if (n < TREND_ANOMALY_POINTS_MIN) return NAN;
    double z = robust_z(scratch[n - 1], scratch, n - 1);
    /* A z of 10^6 is 1 to twelve digits, and its square cannot overflow. */
    if (z > 1e6) return 1;
    return z * z / (z * z + OUTLIER_Z * OUTLIER_Z);
}
