/* stats/sketch_state.h - what a sketch is made of, for the files that are it. */
#ifndef MOONTIDE_STATS_SKETCH_STATE_H
#define MOONTIDE_STATS_SKETCH_STATE_H

#include "moontide/stats/exact_sum.h"
#include "sketch_index.h"
#include "sketch_pages.h"

#include <string.h>

enum { SIDE_POSITIVE, SIDE_NEGATIVE, SIDES };

struct sketch {
    struct sketch_memory memory;
    int scale, scale_new; /* now, and when it was made or reset */
    uint32_t buckets_max;
    uint64_t count, zeros;
    double min, max; /* +inf and -inf while empty */
    struct pages sides[SIDES];
    struct exact_sum sum;
};

static const uint64_t SKETCH_SIGN = (uint64_t)1 << 63;
static const uint64_t SKETCH_NORMAL = (uint64_t)1 << 52; /* the least magnitude that is normal */
static const uint64_t SKETCH_INFINITE = (uint64_t)0x7ff << 52;

static inline uint64_t sketch_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Brings all buckets to the next coarser scale. */
void sketch_halve(struct sketch *sketch);
/* Halves until the cap holds. */
void sketch_keep_cap(struct sketch *sketch);

#endif
