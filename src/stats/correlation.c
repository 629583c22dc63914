/* stats/correlation.c - Pearson's r of values, and of their ranks. */
#include "moontide/stats/correlation.h"

#include "moontide/base/err.h"
#include "moontide/stats/summary.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static bool is_pair(double a, double b)
{
    return !isnan(a) && !isnan(b);
}

/* The larger distance of a summary's extremes from its mean, by which deviations are scaled so that
 * their squares neither overflow nor vanish. */
static double reach(const struct summary *s)
{
    return fmax(s->max - s->mean, s->mean - s->min);
}

double correlation_pearson(const double *a, const double *b, size_t n)
{
    struct summary of_a, of_b;
    summary_init(&of_a);
    summary_init(&of_b);
    for (size_t i = 0; i < n; i++) {
        if (!is_pair(a[i], b[i])) continue;
        summary_add(&of_a, a[i]);
        summary_add(&of_b, b[i]);
    }
    double reach_a = reach(&of_a), reach_b = reach(&of_b), aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_pair(a[i], b[i])) continue;
        double x = (a[i] - of_a.mean) / reach_a, y = (b[i] - of_b.mean) / reach_b;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    double r = ab / (sqrt(aa) * sqrt(bb));
    return of_a.count < 2 ? NAN : r > 1 ? 1 : r < -1 ? -1 : r;
}

struct ranked {
    double value;
    size_t at;
};

static int by_value(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;
    return (x > y) - (x < y);
}

/* The ranks of values[n], from 1, into ranks[n]; equal values have the mean of theirs. */
static void rank_all(const double *values, size_t n, struct ranked *sorted, double *ranks)
{
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct ranked){values[i], i};
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].value == sorted[i].value; end++)
            ;
        for (size_t j = i; j < end; j++)
            ranks[sorted[j].at] = (double)(i + 1 + end) / 2;
    }
}

int correlation_spearman(const double *a, const double *b, size_t n, double *out)
{
    double *ranks_a = malloc((n + 1) * sizeof *ranks_a);
    double *ranks_b = malloc((n + 1) * sizeof *ranks_b);
    struct ranked *sorted = malloc((n + 1) * sizeof *sorted);
    int rc = ranks_a && ranks_b && sorted ? OK : ERR_NOMEM;
    if (rc == OK) {
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            if (!is_pair(a[i], b[i])) continue;
            ranks_a[kept] = a[i];
            ranks_b[kept++] = b[i];
        }
        rank_all(ranks_a, kept, sorted, ranks_a);
        rank_all(ranks_b, kept, sorted, ranks_b);
        *out = correlation_pearson(ranks_a, ranks_b, kept);
    }
    free(ranks_a);
    free(ranks_b);
    free(sorted);
    return rc;
}
