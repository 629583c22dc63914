/* stats/theil_sen.c - the line whose slope is the median of those of all pairs. */
#include "moontide/base/err.h"
#include "moontide/stats/distribution.h"
#include "moontide/stats/line.h"
#include "moontide/stats/percentile.h"
#include "pairs.h"

#include <stdlib.h>
#include <string.h>

/* 19,900 slopes: up to here it is as fast to make them all. */
enum { DIRECT_MAX = 200 };

/* What runs of equal values in a sorted list take off the variance of Kendall's S. */
static double ties_of(const double *sorted, size_t count)
{
    double sum = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && sorted[end] == sorted[i];)
            end++;
        double k = (double)(end - i);
        if (k > 1) sum += k * (k - 1) * (2 * k + 5);
    }
    return sum;
}

static int compare_doubles(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The standard deviation of Kendall's S. scratch: count doubles. */
static double kendall_sigma(const struct points *points, double *scratch)
{
    double n = (double)points->count;
    memcpy(scratch, points->values, points->count * sizeof *scratch);
    qsort(scratch, points->count, sizeof *scratch, compare_doubles);
    double variance = n * (n - 1) * (2 * n + 5) - ties_of(points->times, points->count) -
                      ties_of(scratch, points->count);
    return sqrt(fmax(0, variance / 18));
}

/* Median, low and high of all slopes, made one by one. */
static int select_direct(const struct points *points, uint64_t pairs, const uint64_t ranks[2],
                         double out[3])
{
    double *slopes = malloc((size_t)pairs * sizeof *slopes);
    if (!slopes) return ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < points->count; i++)
        for (size_t j = i + 1; j < points->count; j++)
            if (points->times[j] > points->times[i])
                slopes[n++] =
                    (points->values[j] - points->values[i]) / (points->times[j] - points->times[i]);
    double last = fmax(1, (double)n - 1);
    double ps[] = {100 * (double)ranks[0] / last, 100 * (double)ranks[1] / last};
    percentile_select(slopes, n, PERCENTILE_NEAREST, ps, 2, out + 1);
    out[0] = percentile_in_place(slopes, n, 50);
    free(slopes);
    return OK;
}

static int select_slopes(const struct points *points, uint64_t pairs, const uint64_t ranks[2],
                         double out[3])
{
    if (points->count <= DIRECT_MAX) return select_direct(points, pairs, ranks, out);
    const uint64_t all[] = {(pairs - 1) / 2, pairs / 2, ranks[0], ranks[1]};
    double found[4];
    int code = pairs_select(points, pairs, all, 4, found);
    if (code < 0) return code;
    out[0] = (found[0] + found[1]) / 2;
    out[1] = found[2];
    out[2] = found[3];
    return OK;
}

/* Sen's ranks of the ends of the interval, rounded as scipy does. */
static void interval_ranks(uint64_t pairs, double sigma, double confidence, uint64_t out[2])
{
    double width = normal_width(confidence) * sigma, n = (double)pairs;
    out[0] = (uint64_t)fmax(nearbyint((n - width) / 2) - 1, 0);
    out[1] = (uint64_t)fmin(nearbyint((n + width) / 2), n - 1);
}

static int fit(struct points *points, double confidence, double *scratch, struct line *line)
{
    uint64_t pairs = pairs_order(points), ranks[2];
    if (pairs == 0) return OK;
    interval_ranks(pairs, kendall_sigma(points, scratch), confidence, ranks);
    double slopes[3];
    int code = select_slopes(points, pairs, ranks, slopes);
    if (code < 0) return code;
    line->slope = slopes[0];
    if (points->count > 2) {
        line->low = slopes[1];
        line->high = slopes[2];
    }
    for (size_t i = 0; i < points->count; i++)
        scratch[i] = points->values[i] - line->slope * points->times[i];
    line->level = percentile_in_place(scratch, points->count, 50);
    return OK;
}

int line_theil_sen(struct trend trend, double confidence, struct line *out)
{
    struct points points = {0};
    int code = points_of(trend, &points);
    if (code < 0) return code;
    struct line line = {.count = points.count,
                        .start_s = points.origin_s,
                        .centre_s = points.origin_s,
                        .slope = NAN,
                        .low = NAN,
                        .high = NAN,
                        .level = NAN,
                        .error = NAN,
                        .r2 = NAN,
                        .sigma = NAN,
                        .squares = NAN};
    double *scratch = malloc((points.count + 1) * sizeof *scratch);
    code = scratch ? fit(&points, confidence, scratch, &line) : ERR_NOMEM;
    if (code == OK) *out = line;
    free(scratch);
    points_done(&points);
    return code;
}
