/* stats/kernels_body.h - the inner loops, written once over the vector operations of a level.
 *
 * The file that includes this defines LANES, the types vec, mask and tally, and
 *   vec_load, vec_store, vec_all(x), vec_min, vec_max,
 *   vec_lanes_xor(x, bits): lane i takes lane i ^ bits,
 *   vec_blend(a, b, upper): b in the lanes that have the bit `upper`, else a,
 *   mask_none(), mask_xor(a, b), mask_or(a, b), mask_any(m),
 *   vec_reached(x, edge): x >= edge, false for a NaN; vec_unordered(a, b): a NaN in either,
 *   tally_none(), tally_add(t, m): one more where m is set, tally_total(t),
 *   vec_compress(to, x, m): stores the lanes that m names at to[0..], returns how many; may write
 *   LANES of them,
 *   vec_split(rest, to, x, m): the same, and the other lanes to rest[0..],
 * and, where it defines KEYS, what kernels_keys.h asks. */
#include "kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

/* Two vectors a round, so that one test for NaN serves both. With a constant number of edges all
 * that flip, everything stays in registers. */
ALWAYS_INLINE size_t squeeze_with(const double *in, size_t count, struct edges *edges, double *out,
                                  unsigned n, bool all_flip)
{
    vec at[EDGES_MAX];
    tally reached[EDGES_MAX];
    for (unsigned e = 0; e < n; e++) {
        at[e] = vec_all(edges->at[e]);
        reached[e] = tally_none();
    }
    mask unordered = mask_none();
    double *to = out;
    for (size_t i = 0; i < count; i += 2 * LANES) {
        vec a = vec_load(in + i), b = vec_load(in + i + LANES);
        mask from_a = mask_none(), from_b = mask_none();
        unordered = mask_or(unordered, vec_unordered(a, b));
        UNROLL
        for (unsigned e = 0; e < n; e++) {
            mask in_a = vec_reached(a, at[e]), in_b = vec_reached(b, at[e]);
            reached[e] = tally_add(tally_add(reached[e], in_a), in_b);
            if (all_flip || edges->flips[e]) {
                from_a = mask_xor(from_a, in_a);
                from_b = mask_xor(from_b, in_b);
            }
        }
        to += vec_compress(to, a, from_a);
        to += vec_compress(to, b, from_b);
    }
    for (unsigned e = 0; e < n; e++)
        edges->reached[e] += tally_total(reached[e]);
    if (mask_any(unordered))
        for (size_t i = 0; i < count; i++)
            edges->nans += isnan(in[i]);
    return (size_t)(to - out);
}

ALWAYS_INLINE size_t squeeze_by(const double *in, size_t count, struct edges *edges, double *out,
                                size_t (*with)(const double *, size_t, struct edges *, double *,
                                               unsigned, bool))
{
    switch (edges->count) {
    case 1: return with(in, count, edges, out, 1, true);
    case 2: return with(in, count, edges, out, 2, true);
    case 3: return with(in, count, edges, out, 3, true);
    case 4: return with(in, count, edges, out, 4, true);
    case 5: return with(in, count, edges, out, 5, true);
    case 6: return with(in, count, edges, out, 6, true);
    case 7: return with(in, count, edges, out, 7, true);
    case 8: return with(in, count, edges, out, 8, true);
    default: return with(in, count, edges, out, edges->count, true);
    }
}

static size_t squeeze_any(const double *in, size_t count, struct edges *edges, double *out)
{
    if (!edges->all_flip) return squeeze_with(in, count, edges, out, edges->count, false);
    return squeeze_by(in, count, edges, out, squeeze_with);
}

#ifdef KEYS
#include "kernels_keys.h"
#endif

/* The last values of in that fill no two vectors go through the same loop from a copy padded with
 * NaNs, which no edge counts. */
static size_t squeeze_last(const double *in, size_t count, struct edges *edges, double *out)
{
    double padded[2 * LANES], kept[2 * LANES + KERNEL_SLACK];
    for (size_t i = 0; i < 2 * LANES; i++)
        padded[i] = i < count ? in[i] : NAN;
    size_t collected = squeeze_any(padded, 2 * LANES, edges, kept);
    edges->nans -= 2 * LANES - count;
    for (size_t i = 0; i < collected; i++)
        out[i] = kept[i];
    return collected;
}

static size_t squeeze(const double *in, size_t count, struct edges *edges, double *out)
{
    size_t collected = 0, done = 0, whole = count - count % (2 * LANES);
#ifdef KEYS
    if (edges->keyed) {
        collected = squeeze_keys(in, count, edges, out);
        done = count - count % WORD;
    }
#endif
    if (done < whole) collected += squeeze_any(in + done, whole - done, edges, out + collected);
    if (whole < count) collected += squeeze_last(in + whole, count - whole, edges, out + collected);
    return collected;
}

/* See kernels.h. What stays is written behind what is read. */
static size_t split(double *values, size_t count, double pivot, double *above)
{
    double *low = values, *high = above;
    vec edge = vec_all(pivot);
    size_t whole = count - count % LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        vec x = vec_load(values + i);
        size_t reached = vec_split(low, high, x, vec_reached(x, edge));
        high += reached;
        low += LANES - reached;
    }
    for (size_t i = whole; i < count; i++) {
        double x = values[i];
        *low = x;
        *high = x;
        low += x < pivot;
        high += x >= pivot;
    }
    return (size_t)(low - values);
}
