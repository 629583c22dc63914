/* stats/trim.c - the two edge values by selection, then one pass; nothing is sorted. */
#include "moontide/stats/trim.h"

#include "moontide/base/err.h"
#include "moontide/stats/percentile.h"
#include "moontide/stats/summary.h"

#include <math.h>

/* The part of [from, to] that lies in [low, high]. */
static double overlap(double from, double to, double low, double high)
{
    double begin = from > low ? from : low, end = to < high ? to : high;
    return end > begin ? end - begin : 0;
}

/* How the values lie to the two edges, a <= b. */
struct split {
    double below, at_a, between, at_b; /* counts: less than a, equal to it, inside, equal to b */
    struct summary inside;
};

static struct split split_at(const double *values, size_t count, double a, double b)
{
    struct split split = {0};
    summary_init(&split.inside);
    for (size_t i = 0; i < count; i++) {
        double v = values[i];
        if (v < a)
            split.below++;
        else if (v == a)
            split.at_a++;
        else if (v == b)
            split.at_b++;
        else if (v < b)
            summary_add(&split.inside, v);
    }
    split.between = (double)split.inside.count;
    return split;
}

static size_t count_numbers(const double *values, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += !isnan(values[i]);
    return n;
}

/* The values that stand at two ranks, from 0, of n sorted ones. */
static int values_at(const double *values, size_t count, size_t n, const double ranks[2],
                     double out[2])
{
    double last = n > 1 ? (double)(n - 1) : 1;
    double ps[2] = {100 * ranks[0] / last, 100 * ranks[1] / last};
    return percentile_many(values, count, PERCENTILE_NEAREST, ps, 2, out);
}

int trim_mean(enum trim trim, const double *values, size_t count, double low, double high,
              double *out)
{
    if (!(low >= 0 && low < high && high <= 100)) return ERR_INVALID;
    size_t n = count_numbers(values, count);
    double mass = (double)n, from = mass * low / 100, to = mass * high / 100;
    if (n == 0) {
        *out = NAN;
        return OK;
    }
    double ranks[2] = {fmin(floor(from), mass - 1), fmax(ceil(to) - 1, 0)}, edges[2];
    int rc = values_at(values, count, n, ranks, edges);
    if (rc < 0) return rc;

    double a = edges[0], b = edges[1];
    struct split split = split_at(values, count, a, b);
    double until_a = split.below + split.at_a, from_b = until_a + split.between;
    double weight_a = overlap(split.below, until_a, from, to);
    double weight_b = overlap(from_b, from_b + split.at_b, from, to);
    if (trim == TRIM_CLAMP) {
        weight_a += from;
        *(a == b ? &weight_a : &weight_b) += mass - to;
    }
    double sum = split.between > 0 ? summary_sum(&split.inside) : 0;
    if (weight_a > 0) sum += a * weight_a;
    if (weight_b > 0) sum += b * weight_b;
    *out = sum / (weight_a + split.between + weight_b);
    return OK;
}

double trim_mean_between(enum trim trim, const double *values, size_t count, double above,
                         double upto)
{
    struct summary summary;
    summary_init(&summary);
    for (size_t i = 0; i < count; i++) {
        double v = values[i];
        if (v > above && v <= upto)
            summary_add(&summary, v);
        else if (trim == TRIM_CLAMP && !isnan(v))
            summary_add(&summary, v > upto ? upto : above);
    }
    return summary.mean;
}

double percentile_rank(const double *values, size_t count, double above, double upto)
{
    size_t n = 0, within = 0;
    for (size_t i = 0; i < count; i++) {
        n += !isnan(values[i]);
        within += (values[i] > above || above == -INFINITY) && values[i] <= upto;
    }
    return n == 0 ? NAN : 100 * (double)within / (double)n;
}
