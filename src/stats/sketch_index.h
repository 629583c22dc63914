/* stats/sketch_index.h - the buckets of a base-2 exponential histogram, of positive finite doubles.
 *
 * Bucket i of scale s holds (2^(i / 2^s), 2^((i+1) / 2^s)]. A bucket of one scale is the union of
 * two of the next finer one: i >> 1 is its index there. */
#ifndef MOONTIDE_STATS_SKETCH_INDEX_H
#define MOONTIDE_STATS_SKETCH_INDEX_H

#include "moontide/stats/sketch.h"

#include <float.h>

enum {
    SKETCH_TABLE_SCALE = 6,
    SKETCH_SLOT_BITS = 7,
    SKETCH_SLOTS = 1 << SKETCH_SLOT_BITS,
    SKETCH_OCTAVE_KEYS = 1 << SKETCH_TABLE_SCALE,
};

static const uint64_t SKETCH_MANTISSA = ((uint64_t)1 << 52) - 1;

extern const uint64_t sketch_steps[SKETCH_SLOTS];

/* The bucket at the table's scale, counted from 0, for the bits of a double that is not denormal:
 * of those with exponent e (biased) it is from e * SKETCH_OCTAVE_KEYS, where only the power of two
 * itself is, to (e + 1) * SKETCH_OCTAVE_KEYS. */
static inline uint64_t sketch_key(uint64_t bits)
{
    uint64_t slot = bits >> (52 - SKETCH_SLOT_BITS) & (SKETCH_SLOTS - 1);
    return (bits + sketch_steps[slot]) >> (52 - SKETCH_TABLE_SCALE);
}

/* The bucket of a key, at a scale up to the table's. */
static inline int32_t sketch_key_index(uint64_t key, int scale)
{
    return ((int32_t)key - 1023 * SKETCH_OCTAVE_KEYS - 1) >> (SKETCH_TABLE_SCALE - scale);
}

/* The bucket of a value by its bits, at any scale. */
int32_t sketch_index(uint64_t bits, int scale);
/* The largest double not above the lower edge of a bucket, so that exactly the greater doubles lie
 * beyond it; DBL_MAX where the edge is, 0 where it is less than any double. */
double sketch_edge(int32_t index, int scale);
/* The point of a bucket whose relative error to both ends is equal. */
double sketch_middle(int32_t index, int scale);

#endif
