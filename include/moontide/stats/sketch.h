/* stats/sketch.h - percentiles of a stream in bounded memory, with a guarantee.
 *
 * A base-2 exponential histogram: at scale s, bucket i counts the values in (base^i, base^(i+1)]
 * with base = 2^(2^-s); negative values likewise by their absolute value; zero exactly. Source:
 * OpenTelemetry metrics data model, "ExponentialHistogram"; Prometheus native histograms have the
 * same buckets (schema = scale). A quantile answers the point of its bucket whose relative error to
 * both ends is equal, 2 low high / (low + high), so the error is at most
 * (base - 1) / (base + 1): 0.54 % at scale 6.
 *
 * Rule 1: count, sum, min and max are exact (the sum compensated).
 * Rule 2: a merge is exact: merged equals unmerged to the bit, in any order, over mixed scales
 * (all are brought to the coarser one).
 * Rule 3: no more buckets than the cap: when a value needs more, the resolution of all is halved
 * (scale - 1), and sketch_error() says the new bound. */
#ifndef MOONTIDE_STATS_SKETCH_H
#define MOONTIDE_STATS_SKETCH_H

#include "moontide/base/compiler.h"

#include <stddef.h>
#include <stdint.h>

enum { SKETCH_SCALE_DEFAULT = 6, SKETCH_SCALE_MIN = -10, SKETCH_SCALE_MAX = 20 };

struct sketch;

/* On success the caller owns *out; release with sketch_free(). ERR_RANGE-like codes: see err.h.
 * buckets_max: the cap on buckets in use, each sign; 0: the default. */
MUST_CHECK int sketch_new(int scale, uint32_t buckets_max, struct sketch **out);
void sketch_free(struct sketch *sketch);

/* Counts value n times. ERR_INVALID: NaN. ERR_LIMIT: the count would pass 2^64 - 1. On an error the
 * sketch is as it was. */
MUST_CHECK int sketch_add(struct sketch *sketch, double value, uint64_t n);
/* Counts values[count], each once. On ERR_INVALID *at (may be NULL) is the index of the NaN and
 * nothing was counted. */
MUST_CHECK int sketch_add_all(struct sketch *sketch, const double *values, size_t count,
                              size_t *at);

/* The q-quantile, q in 0..1; NaN when empty or q is outside. */
double sketch_quantile(const struct sketch *sketch, double q);
MUST_CHECK int sketch_merge(struct sketch *into, const struct sketch *from);
uint64_t sketch_count(const struct sketch *sketch);
/* The guaranteed bound of the relative error now. */
double sketch_error(const struct sketch *sketch);

#endif
