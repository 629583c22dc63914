/* stats/select_split.c - quickselect for several ranks with a partition that compresses. The pivot
 * comes from a sample and stands where the widest stretch without a wanted rank is cut off. */
#include "select_split.h"

#include "quickselect.h"

#include <math.h>
#include <string.h>

enum { PIVOT_SAMPLE = 32 };

/* Wanted ranks at[count] of a part of the values that begins at rank `first`. */
struct part {
    double *values;
    size_t n, first;
    const size_t *at;
    double *out;
    unsigned count;
};

/* The rank to split at: what is below (or above) it is wanted by none, but for a margin. */
static double pivot_rank(const struct part *part)
{
    double n = (double)part->n, first = (double)part->first;
    double low = (double)part->at[0] - first, high = (double)part->at[part->count - 1] - first;
    double widest = low, rank = low, margin = -1;
    for (unsigned i = 1; i < part->count; i++) {
        double gap = (double)(part->at[i] - part->at[i - 1]);
        if (gap <= widest) continue;
        widest = gap;
        rank = (double)part->at[i - 1] - first + gap / 2;
        margin = 0;
    }
    if (n - 1 - high > widest) {
        rank = high;
        margin = 1;
    }
    return rank + margin * (n / PIVOT_SAMPLE + sqrt(rank * fmax(n - rank, 0) / PIVOT_SAMPLE));
}

static double pivot_of(const struct part *part)
{
    double sample[PIVOT_SAMPLE], pivot;
    size_t size = sample_take(part->values, part->n, sample, PIVOT_SAMPLE);
    double at = pivot_rank(part) / (double)part->n * PIVOT_SAMPLE;
    size_t rank = at < 1 ? 1 : at > PIVOT_SAMPLE - 1 ? PIVOT_SAMPLE - 1 : (size_t)at;
    kernels_now()->few(sample, size, &rank, 1, &pivot);
    return pivot;
}

static void finish(const struct part *part)
{
    size_t at[WANTED_MAX];
    for (unsigned i = 0; i < part->count; i++)
        at[i] = part->at[i] - part->first;
    if (part->n <= SORT_MAX) {
        kernels_now()->few(part->values, part->n, at, part->count, part->out);
        return;
    }
    quickselect(part->values, part->n, at, part->count);
    for (unsigned i = 0; i < part->count; i++)
        part->out[i] = part->values[at[i]];
}

/* Cuts off what is below the pivot; the rest stays in part. */
static struct part cut_below(struct part *part, double pivot, double *spare)
{
    size_t low = kernels_now()->split(part->values, part->n, pivot, spare);
    memcpy(part->values + low, spare, (part->n - low) * sizeof *spare);
    struct part below = *part;
    below.n = low;
    below.count = 0;
    while (below.count < part->count && part->at[below.count] < part->first + low)
        below.count++;
    part->values += low;
    part->first += low;
    part->n -= low;
    part->at += below.count;
    part->out += below.count;
    part->count -= below.count;
    return below;
}

static void select_part(struct part part, double *spare, int rounds)
{
    while (part.count > 0) {
        if (part.n <= SORT_MAX || rounds-- == 0) {
            finish(&part);
            return;
        }
        double pivot = pivot_of(&part);
        struct part below = cut_below(&part, pivot, spare);
        if (below.n == 0) {
            /* The pivot is the smallest: its equals are cut off, each the answer of its rank. */
            struct part equal = cut_below(&part, nextafter(pivot, INFINITY), spare);
            for (unsigned i = 0; i < equal.count; i++)
                equal.out[i] = pivot;
        } else {
            select_part(below, spare, rounds);
        }
    }
}

void select_split(double *values, size_t n, double *spare, struct wanted *wanted)
{
    int rounds = 8; /* bad splits allowed: 8 + 2 log2(n) */
    for (size_t m = n; m > 1; m /= 2)
        rounds += 2;
    struct part part = {values, n, 0, wanted->at, wanted->value, wanted->count};
    select_part(part, spare, rounds);
}
