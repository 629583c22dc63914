/* stats/weighted.c - sorts the pairs, cumulates the counts, and looks ranks up in them. */
#include "moontide/stats/weighted.h"

#include "moontide/base/err.h"

#include <math.h>
#include <stdlib.h>

struct weighted {
    double value, until; /* its count, then the cumulated count with it */
};

static int by_value(const void *a, const void *b)
{
    double x = ((const struct weighted *)a)->value, y = ((const struct weighted *)b)->value;
    return (x > y) - (x < y);
}

/* The virtual index of the p-th percentile among `total` datapoints, as percentile.h defines it. */
static double index_of(enum percentile_method method, double total, double p)
{
    double q = p / 100, last = total > 1 ? total - 1 : 0, h = last * q;
    switch (method) {
    case PERCENTILE_LOWER: h = floor(h); break;
    case PERCENTILE_HIGHER: h = ceil(h); break;
    case PERCENTILE_NEAREST: h = nearbyint(h); break;
    case PERCENTILE_HAZEN: h = total * q - 0.5; break;
    case PERCENTILE_WEIBULL: h = (total + 1) * q - 1; break;
    case PERCENTILE_MEDIAN_UNBIASED: h = (total + 1.0 / 3) * q + 1.0 / 3 - 1; break;
    default: break;
    }
    return h < 0 ? 0 : h > last ? last : h;
}

/* The first of n sorted whose cumulated count is more than k, else the last. */
static double value_at(const struct weighted *sorted, size_t n, double k)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle].until > k)
            high = middle;
        else
            low = middle + 1;
    }
    return sorted[low].value;
}

static double percentile_at(const struct weighted *sorted, size_t n, double h)
{
    double k = floor(h), t = h - k;
    double a = value_at(sorted, n, k);
    if (t == 0) return a;
    double b = value_at(sorted, n, k + 1), span = b - a;
    if (a == b) return a;
    if (!isfinite(span)) return a * (1 - t) + b * t;
    return t < 0.5 ? a + span * t : b - span * (1 - t);
}

/* The pairs that count, sorted; returns how many, or ERR_INVALID. */
static int64_t gather(const double *values, const double *counts, size_t n, struct weighted *to)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(counts[i] >= 0) || !isfinite(counts[i])) return ERR_INVALID;
        if (counts[i] > 0 && !isnan(values[i]))
            to[kept++] = (struct weighted){values[i], counts[i]};
    }
    qsort(to, kept, sizeof *to, by_value);
    for (size_t i = 1; i < kept; i++)
        to[i].until += to[i - 1].until;
    return kept > 0 && isfinite(to[kept - 1].until) ? (int64_t)kept : ERR_INVALID;
}

int weighted_percentiles(const double *values, const double *counts, size_t n,
                         enum percentile_method method, const double *ps, size_t p_count,
                         double *out)
{
    struct weighted *sorted = malloc((n ? n : 1) * sizeof *sorted);
    if (!sorted) return ERR_NOMEM;
    int64_t kept = gather(values, counts, n, sorted);
    for (size_t i = 0; kept > 0 && i < p_count; i++) {
        double h = index_of(method, sorted[kept - 1].until, ps[i]);
        out[i] = ps[i] >= 0 && ps[i] <= 100 ? percentile_at(sorted, (size_t)kept, h) : NAN;
    }
    free(sorted);
    return kept > 0 ? OK : (int)kept;
}
