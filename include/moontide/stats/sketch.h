/* stats/sketch.h - percentiles of a stream in bounded memory, with a guarantee.
 *
 * A base-2 exponential histogram: at scale s, bucket i counts the values in (base^i, base^(i+1)]
 * with base = 2^(2^-s); negative values likewise by their absolute value; zero exactly. Source:
 * OpenTelemetry metrics data model, "ExponentialHistogram"; Prometheus native histograms have the
 * same buckets (schema = scale; its bucket i is i - 1 here). A quantile answers the point of its
 * bucket whose relative error to both ends is equal, 2 low high / (low + high), so the error is at
 * most (base - 1) / (base + 1), 0.54 % at scale 6, but for the rounding of the answer to a double:
 * two units in its last place, which only matter among denormals.
 *
 * Rule 1: count, sum, min and max are exact; the sum is rounded once, when it is asked for.
 * Rule 2: a merge is exact: merged equals unmerged to the bit, in any order, over mixed scales
 * (all are brought to the coarser one) and mixed caps (the smaller one stays).
 * Rule 3: no more buckets in use than the cap: when a value needs more, the resolution of all is
 * halved (scale - 1), and sketch_error() says the new bound. From scale 9 on the same happens when
 * the smallest and the largest magnitude are more than 2^20 buckets apart.
 * Rule 4: NaN and the infinities are refused: no bucket has an error bound for them. -0 is 0. */
#ifndef MOONTIDE_STATS_SKETCH_H
#define MOONTIDE_STATS_SKETCH_H

#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SKETCH_SCALE_DEFAULT = 6,
    SKETCH_SCALE_MIN = -10,
    SKETCH_SCALE_MAX = 20,
    /* 64 octaves at the default scale: 1 ns to 500 years. */
    SKETCH_BUCKETS_DEFAULT = 4096,
    SKETCH_BUCKETS_MIN = 16,
    SKETCH_BUCKETS_MAX = 1 << 18,  /* every double at scale 6 */
    SKETCH_ENCODED_MAX = 32 << 20, /* bytes: more is no sketch */
};

struct sketch;

/* Where a sketch's memory comes from. resize(data, block, before, after) is as Lua's allocator:
 * block NULL makes, after 0 frees. */
struct sketch_memory {
    void *(*resize)(void *data, void *block, size_t before, size_t after);
    void *data;
};

/* On success the caller owns *out; release with sketch_free(). ERR_INVALID: scale or buckets_max
 * outside of the limits above. buckets_max: the cap on buckets in use, each sign; 0: the default.
 * ERR_NOMEM. */
MUST_CHECK int sketch_new(int scale, uint32_t buckets_max, struct sketch **out);
/* The same with memory from elsewhere (NULL: malloc), which must outlive the sketch. */
MUST_CHECK int sketch_new_in(const struct sketch_memory *memory, int scale, uint32_t buckets_max,
                             struct sketch **out);
void sketch_free(struct sketch *sketch); /* NULL is allowed */
/* An equal one, with memory from the same place. ERR_NOMEM. */
MUST_CHECK int sketch_copy(const struct sketch *sketch, struct sketch **out);
/* As when it was made: empty, and at its first scale. Keeps the memory. */
void sketch_reset(struct sketch *sketch);
size_t sketch_bytes(const struct sketch *sketch); /* the memory it holds */

/* Counts value n times. ERR_INVALID: NaN or infinite. ERR_LIMIT: the count would pass 2^64 - 1.
 * ERR_NOMEM. On an error the sketch is as it was. */
MUST_CHECK int sketch_add(struct sketch *sketch, double value, uint64_t n);
/* Counts value once if its bucket has a count already, as that of most values has: then neither
 * memory nor the resolution changes, and nothing can fail. False: nothing was done, and
 * sketch_add() tells whether it can be. */
bool sketch_add_known(struct sketch *sketch, double value);
/* Counts values[count], each once, or on an error none of them. On ERR_INVALID *at (may be NULL) is
 * the index of the first NaN or infinity. */
MUST_CHECK int sketch_add_all(struct sketch *sketch, const double *values, size_t count,
                              size_t *at);
/* Counts what `from` did. ERR_LIMIT and ERR_NOMEM: `into` is as it was. */
MUST_CHECK int sketch_merge(struct sketch *into, const struct sketch *from);

/* The q-quantile, q in 0..1: within sketch_error() of the value number floor(q (count - 1)) in
 * ascending order, from 0 (numpy's method "lower"); the first is min and the last is max exactly.
 * NaN when empty or q is outside. */
double sketch_quantile(const struct sketch *sketch, double q);
/* The share of values <= x: exact where x is the upper end of a bucket of positive values; in
 * between a bucket's values count as if spread evenly over it. NaN when empty or x is NaN. */
double sketch_rank(const struct sketch *sketch, double x);

uint64_t sketch_count(const struct sketch *sketch);
uint64_t sketch_zeros(const struct sketch *sketch);
/* 0 when empty; an infinity beyond the largest double. */
double sketch_sum(const struct sketch *sketch);
/* NaN when empty. */
double sketch_min(const struct sketch *sketch);
double sketch_max(const struct sketch *sketch);
double sketch_mean(const struct sketch *sketch);
int sketch_scale(const struct sketch *sketch);
uint32_t sketch_buckets_max(const struct sketch *sketch);
/* The guaranteed bound of the relative error now. */
double sketch_error(const struct sketch *sketch);

/* The doubles in (low, high], or [low, high) where negative, or the zeros: low and high are the
 * greatest doubles that are not beyond the true edges. */
struct sketch_bucket {
    double low, high;
    uint64_t count;
};
/* Goes through the buckets in use in ascending order; begin with all zero. */
struct sketch_cursor {
    int part;
    int64_t index;
};
bool sketch_next(const struct sketch *sketch, struct sketch_cursor *cursor,
                 struct sketch_bucket *out);
/* Buckets in use, of zero and both signs together. */
size_t sketch_buckets(const struct sketch *sketch);

/* Appends the bytes of a sketch, the same for equal ones: the format is at the top of
 * sketch_codec.c. Failures are the buffer's. */
void sketch_encode(const struct sketch *sketch, struct strbuf *out);
/* ERR_PARSE: *reason (may be NULL) says why; ERR_VERSION: of a later program; ERR_NOMEM. */
MUST_CHECK int sketch_decode(const struct sketch_memory *memory, const void *bytes, size_t len,
                             struct sketch **out, const char **reason);

#endif
