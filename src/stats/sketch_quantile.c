/* stats/sketch_quantile.c - questions about the order of what was counted. */
#include "moontide/stats/sketch.h"

#include "sketch_state.h"

#include <math.h>

/* The value number rank, from 0, in ascending order, within the bound. */
static double value_at(const struct sketch *sketch, uint64_t rank)
{
    const struct pages *negative = &sketch->sides[SIDE_NEGATIVE];
    if (rank < negative->total) {
        int32_t index = pages_at_rank(negative, negative->total - 1 - rank);
        return -sketch_middle(index, sketch->scale);
    }
    rank -= negative->total;
    if (rank < sketch->zeros) return 0;
    int32_t index = pages_at_rank(&sketch->sides[SIDE_POSITIVE], rank - sketch->zeros);
    return sketch_middle(index, sketch->scale);
}

double sketch_quantile(const struct sketch *sketch, double q)
{
    if (sketch->count == 0 || !(q >= 0 && q <= 1)) return NAN;
    uint64_t last = sketch->count - 1;
    double at = q * (double)last; /* as numpy computes it, so that 0.3 of 11 values is number 3 */
    uint64_t rank = at < (double)last ? (uint64_t)at : last;
    if (rank == 0) return sketch->min;
    if (rank == last) return sketch->max;
    double value = value_at(sketch, rank);
    if (value < sketch->min) return sketch->min;
    return value > sketch->max ? sketch->max : value;
}

/* How many values of one side have a magnitude below x > 0, and at x itself: those are told apart
 * by which of the two edges of a bucket belongs to it. */
static double share_below(const struct sketch *sketch, const struct pages *side, double x)
{
    uint64_t in_it;
    int32_t index = sketch_index(sketch_bits(x), sketch->scale);
    uint64_t below = pages_below(side, index, &in_it);
    double low = sketch_edge(index, sketch->scale), high = sketch_edge(index + 1, sketch->scale);
    double part = high > low ? (x - low) / (high - low) : 1;
    return (double)below + part * (double)in_it;
}

double sketch_rank(const struct sketch *sketch, double x)
{
    if (sketch->count == 0 || isnan(x)) return NAN;
    if (x >= sketch->max) return 1;
    if (x < sketch->min) return 0;
    double negative = (double)sketch->sides[SIDE_NEGATIVE].total, count = (double)sketch->count;
    if (x < 0) return (negative - share_below(sketch, &sketch->sides[SIDE_NEGATIVE], -x)) / count;
    double not_above = negative + (double)sketch->zeros;
    if (x > 0) not_above += share_below(sketch, &sketch->sides[SIDE_POSITIVE], x);
    return not_above / count;
}

/* ---- buckets ---- */

size_t sketch_buckets(const struct sketch *sketch)
{
    return (size_t)sketch->sides[SIDE_POSITIVE].used + sketch->sides[SIDE_NEGATIVE].used +
           (sketch->zeros > 0);
}

enum { PART_START, PART_NEGATIVE, PART_ZERO, PART_POSITIVE };

static bool next_negative(const struct sketch *sketch, struct sketch_cursor *cursor,
                          struct sketch_bucket *out)
{
    int32_t index;
    if (!pages_next_down(&sketch->sides[SIDE_NEGATIVE], cursor->index, &index, &out->count))
        return false;
    cursor->index = (int64_t)index - 1;
    out->low = -sketch_edge(index + 1, sketch->scale);
    out->high = -sketch_edge(index, sketch->scale);
    return true;
}

static bool next_positive(const struct sketch *sketch, struct sketch_cursor *cursor,
                          struct sketch_bucket *out)
{
    int32_t index;
    if (!pages_next_up(&sketch->sides[SIDE_POSITIVE], cursor->index, &index, &out->count))
        return false;
    cursor->index = (int64_t)index + 1;
    out->low = sketch_edge(index, sketch->scale);
    out->high = sketch_edge(index + 1, sketch->scale);
    return true;
}

bool sketch_next(const struct sketch *sketch, struct sketch_cursor *cursor,
                 struct sketch_bucket *out)
{
    if (cursor->part == PART_START) *cursor = (struct sketch_cursor){PART_NEGATIVE, INT64_MAX};
    if (cursor->part == PART_NEGATIVE) {
        if (next_negative(sketch, cursor, out)) return true;
        cursor->part = PART_ZERO;
    }
    if (cursor->part == PART_ZERO) {
        *cursor = (struct sketch_cursor){PART_POSITIVE, INT64_MIN};
        *out = (struct sketch_bucket){.count = sketch->zeros};
        if (sketch->zeros > 0) return true;
    }
    return next_positive(sketch, cursor, out);
}
