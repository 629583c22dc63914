/* stats/weighted.c - ranks among running totals of counts. */
#include "moontide/stats/weighted.h"

#include "moontide/base/err.h"
#include "rank.h"

#include <math.h>
#include <stdlib.h>

/* 2^53: up to here every whole number is a double. */
static const double COUNT_MAX = 9007199254740992.0;

/* A value and how many are at or below it. */
struct step {
    double value;
    double upto;
};

static int by_value(const void *a, const void *b)
{
    double x = ((const struct step *)a)->value, y = ((const struct step *)b)->value;
    return (x > y) - (x < y);
}

/* steps: shape [count]; *used: how many of them have a value and are counted. */
static int fill_steps(const double *values, const double *counts, size_t count, struct step *steps,
                      size_t *used)
{
    *used = 0;
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(counts[i] >= 0) || counts[i] != floor(counts[i])) return ERR_INVALID;
        if (isnan(values[i]) || counts[i] == 0) continue;
        if (counts[i] > COUNT_MAX - total) return ERR_LIMIT;
        total += counts[i];
        steps[(*used)++] = (struct step){values[i], counts[i]};
    }
    if (*used > 1) qsort(steps, *used, sizeof *steps, by_value);
    for (size_t i = 1; i < *used; i++)
        steps[i].upto += steps[i - 1].upto;
    return OK;
}

static double value_at(const struct step *steps, size_t used, size_t rank)
{
    size_t low = 0, high = used - 1; /* the step is in low..high */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (steps[middle].upto > (double)rank)
            high = middle;
        else
            low = middle + 1;
    }
    return steps[low].value;
}

static double answer(const struct step *steps, size_t used, enum percentile_method method, double p)
{
    if (used == 0 || !(p >= 0 && p <= 100)) return NAN;
    struct rank rank = rank_of(method, (size_t)steps[used - 1].upto, p);
    double low = value_at(steps, used, rank.at);
    double high = rank.fraction > 0 ? value_at(steps, used, rank.at + 1) : low;
    return rank_value(low, high, rank.fraction);
}

int weighted_percentiles(const double *values, const double *counts, size_t count,
                         enum percentile_method method, const double *ps, size_t p_count,
                         double *out)
{
    struct step *steps = malloc((count + 1) * sizeof *steps);
    if (!steps) return ERR_NOMEM;
    size_t used;
    int rc = fill_steps(values, counts, count, steps, &used);
    for (size_t i = 0; rc == OK && i < p_count; i++)
        out[i] = answer(steps, used, method, ps[i]);
    free(steps);
    return rc;
}
