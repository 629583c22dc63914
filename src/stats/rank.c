/* stats/rank.c - virtual indexes and the interpolation between two values. */
#include "rank.h"

#include <math.h>

const char *const percentile_method_names[PERCENTILE_METHODS + 1] = {
    "linear", "lower", "higher", "nearest", "hazen", "weibull", "median_unbiased", NULL};

/* numpy's _compute_virtual_index */
static double virtual_index(double n, double q, double alpha, double beta)
{
    return n * q + (alpha + q * (1 - alpha - beta)) - 1;
}

static double index_of(enum percentile_method method, double n, double q)
{
    switch (method) {
    case PERCENTILE_LOWER: return floor((n - 1) * q);
    case PERCENTILE_HIGHER: return ceil((n - 1) * q);
    case PERCENTILE_NEAREST: return rint((n - 1) * q);
    case PERCENTILE_HAZEN: return virtual_index(n, q, 0.5, 0.5);
    case PERCENTILE_WEIBULL: return virtual_index(n, q, 0, 0);
    case PERCENTILE_MEDIAN_UNBIASED: return virtual_index(n, q, 1 / 3.0, 1 / 3.0);
    default: return (n - 1) * q;
    }
}

struct rank rank_of(enum percentile_method method, size_t n, double p)
{
    double h = index_of(method, (double)n, p / 100);
    if (h >= (double)(n - 1)) return (struct rank){n - 1, 0};
    if (h < 0) return (struct rank){0, 0};
    double below = floor(h);
    return (struct rank){(size_t)below, h - below};
}

double rank_value(double low, double high, double fraction)
{
    /* -0.0 becomes 0.0: which of the two stands at a rank depends on the way of selection. */
    if (fraction == 0 || low == high) return low + 0.0;
    double span = high - low;
    if (!isfinite(span)) return low * (1 - fraction) + high * fraction;
    return (fraction < 0.5 ? low + span * fraction : high - span * (1 - fraction)) + 0.0;
}
