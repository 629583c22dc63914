/* stats/trend.c - the newest of values in time, and how unusual it is. */
#include "moontide/stats/trend.h"

#include "moontide/stats/percentile.h"

#include <math.h>

/* Iglewicz and Hoaglin: 0.6745 is the 0.75 quantile of the normal distribution, which makes MAD an
 * estimate of sigma; 1.253314 = sqrt(pi/2) does it for the mean absolute deviation; beyond 3.5 is
 * an outlier. */
static const double MAD_SCALE = 0.6745, MEAN_AD_SCALE = 1.253314, OUTLIER_Z = 3.5;

size_t trend_newest(const struct trend *trend)
{
    for (size_t i = trend->count; i > 0; i--)
        if (trend_has(trend, i - 1)) return i - 1;
    return trend->count;
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
