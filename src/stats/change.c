/* stats/change.c - where the level of values in time shifted, by cumulative sums. */
#include "moontide/stats/change.h"

#include "moontide/base/err.h"
#include "moontide/stats/distribution.h"
#include "moontide/stats/percentile.h"

#include <stdlib.h>
#include <string.h>

static const double CLIP_SIGMAS = 4, MAD_SIGMAS = 1.4826, MEAN_AD_SIGMAS = 1.2533,
                    CORRELATION_MAX = 0.98;

struct cut {
    size_t at;       /* the first datapoint of the right side */
    double sum;      /* the largest cumulative sum, anywhere */
    double means[2]; /* of the sides */
};

/* z[n]: distances from the median in robust standard deviations, within CLIP_SIGMAS. false when all
 * values are equal. */
static bool standardize(const double *values, size_t n, double *z, double *scratch)
{
    memcpy(scratch, values, n * sizeof *scratch);
    double median = percentile_in_place(scratch, n, 50), mean_ad = 0;
    for (size_t i = 0; i < n; i++) {
        scratch[i] = fabs(values[i] - median);
        mean_ad += scratch[i] / (double)n;
    }
    double sigma = MAD_SIGMAS * percentile_in_place(scratch, n, 50);
    if (!(sigma > 0)) sigma = MEAN_AD_SIGMAS * mean_ad;
    for (size_t i = 0; i < n; i++)
        z[i] = fmin(fmax((values[i] - median) / sigma, -CLIP_SIGMAS), CLIP_SIGMAS);
    return sigma > 0 && isfinite(sigma);
}

static struct cut cut_best(const double *z, size_t n)
{
    struct cut best = {.at = CHANGE_SIDE_MIN};
    double mean = 0, sum = 0, best_fit = -1, left = 0;
    for (size_t i = 0; i < n; i++)
        mean += z[i] / (double)n;
    for (size_t k = 1; k < n; k++) {
        sum += z[k - 1] - mean;
        best.sum = fmax(best.sum, fabs(sum));
        double fit = sum * sum / ((double)k * (double)(n - k));
        if (k < CHANGE_SIDE_MIN || n - k < CHANGE_SIDE_MIN || fit <= best_fit) continue;
        best_fit = fit;
        best.at = k;
        left = sum;
    }
    best.means[0] = mean + left / (double)best.at;
    best.means[1] = mean - left / (double)(n - best.at);
    return best;
}

/* The standard deviation that the sum of n of them divided by sqrt(n) has, the shift taken off. */
static double long_run_sigma(const double *z, size_t n, const struct cut *cut)
{
    double squares = 0, products = 0, before = 0;
    for (size_t i = 0; i < n; i++) {
        double rest = z[i] - cut->means[i >= cut->at];
        squares += rest * rest;
        products += rest * before;
        before = rest;
    }
    double r = squares > 0 ? products / squares : 0;
    /* The bias of r that M. Kendall (1954) gives, twice: two levels were fitted. */
    r = squares > 0 ? fmin(fmax(r + 2 * (1 + 3 * r) / (double)n, 0), CORRELATION_MAX) : 0;
    return sqrt(squares / (double)(n - 2) * (1 + r) / (1 - r));
}

/* scratch: n doubles. */
static double median_of(const double *values, size_t n, double *scratch)
{
    memcpy(scratch, values, n * sizeof *scratch);
    return percentile_in_place(scratch, n, 50);
}

/* values[n] without gaps; z and scratch: n doubles each. */
static void find(const double *values, size_t n, double *z, double *scratch, struct change *out)
{
    if (n < CHANGE_POINTS_MIN || !standardize(values, n, z, scratch)) return;
    struct cut cut = cut_best(z, n);
    double sigma = long_run_sigma(z, n, &cut);
    out->index = cut.at;
    out->before = median_of(values, cut.at, scratch);
    out->after = median_of(values + cut.at, n - cut.at, scratch);
    double shift = (cut.means[1] - cut.means[0]) * (out->after - out->before);
    /* Sides whose medians do not differ as their means do were told apart by a spike. */
    out->confidence = shift > 0 ? 1 - kolmogorov_tail(cut.sum / (sigma * sqrt((double)n))) : 0;
}

int change_find(struct trend trend, struct change *out)
{
    *out = (struct change){.time_s = NAN, .before = NAN, .after = NAN, .confidence = NAN};
    double *values = malloc((3 * trend.count + 1) * sizeof *values);
    if (!values) return ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < trend.count; i++)
        if (trend_has(&trend, i)) values[n++] = trend.values[i];
    find(values, n, values + trend.count, values + 2 * trend.count, out);
    size_t at = 0;
    for (size_t seen = 0; at < trend.count && !isnan(out->confidence); at++)
        if (trend_has(&trend, at) && seen++ == out->index) break;
    out->index = at;
    if (!isnan(out->confidence)) out->time_s = trend_time(&trend, at);
    free(values);
    return OK;
}
