/* stats/kernels_keys.h - the pass of kernels_body.h over keys: 16 bits stand for a double, so that
 * a vector holds four times as many.
 *
 * Above 0 doubles are in the order of their bits. A window of these, cut into 2^16 - 1 steps, is
 * laid around the edges; a value's key is its step, or the end of the window that it is beyond. The
 * edges are at ends of steps (select_keys.c sees to that), so that to compare keys is to compare
 * values. Negative numbers and NaN look like the greatest values; where the last interval is
 * collected they are among what was collected, and the block is done again.
 *
 * The file that includes this defines, besides what kernels_body.h asks, the type keys of KEY_LANES
 * integers of 16 bits, and
 *   keys_of(from, scale): those of from[KEY_LANES], in an order of the level's,
 *   keys_all(key), keys_none(),
 *   keys_above(a, b): -1 where a > b, else 0, keys_minus(a, b), keys_xor(a, b), keys_total(a),
 *   keys_bits(a, b): a bit for each of their lanes, in the order of the values, those of a first,
 *   bit_count(bits). */
#include "kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    WORD = 64,         /* values with a bit each in a word */
    COPIED_AT_ONCE = 8 /* <= KERNEL_SLACK */
};

/* 8 KiB, two pages: the CPU looks ahead by itself, but not beyond the page. Where the values come
 * from memory that is a third of the time. */
static const uintptr_t AHEAD = 8192;

/* Copies the values of from[WORD] that have a bit. Eight at a time, needed or not: where a loop
 * over the bits ends is something that no CPU guesses right. */
ALWAYS_INLINE size_t copy_named(const double *from, uint64_t bits, double *to)
{
    const uint64_t last = (uint64_t)1 << (WORD - 1);
    size_t count = (size_t)bit_count(bits), copied = 0;
    do {
        UNROLL
        for (size_t i = 0; i < COPIED_AT_ONCE; i++) {
            to[copied + i] = from[__builtin_ctzll(bits | last)];
            bits &= bits - 1;
        }
        copied += COPIED_AT_ONCE;
    } while (copied < count);
    return count;
}

static bool all_above_zero(const double *values, size_t count)
{
    int others = 0;
    for (size_t i = 0; i < count; i++)
        others |= !(values[i] > 0);
    return !others;
}

ALWAYS_INLINE size_t squeeze_keys_with(const double *in, size_t count, struct edges *edges,
                                       double *out, unsigned n, bool all_flip)
{
    keys at[EDGES_MAX], reached[EDGES_MAX];
    uint64_t collected[KERNEL_BLOCK / WORD];
    const struct key_scale scale = edges->scale;
    for (unsigned e = 0; e < n; e++) {
        at[e] = keys_all(key_of(edges->at[e], scale) - 1);
        reached[e] = keys_none();
    }
    for (size_t i = 0; i < count; i += WORD) {
        uint64_t bits = 0;
        for (size_t j = 0; j < WORD; j += 2 * KEY_LANES) {
            const double *from = in + i + j;
            for (size_t line = 0; line < 2 * KEY_LANES; line += 8)
                __builtin_prefetch((const void *)((uintptr_t)(from + line) + AHEAD));
            keys a = keys_of(from, scale), b = keys_of(from + KEY_LANES, scale);
            keys from_a = keys_none(), from_b = keys_none();
            UNROLL
            for (unsigned e = 0; e < n; e++) {
                keys in_a = keys_above(a, at[e]), in_b = keys_above(b, at[e]);
                reached[e] = keys_minus(keys_minus(reached[e], in_a), in_b);
                from_a = keys_xor(from_a, in_a);
                from_b = keys_xor(from_b, in_b);
            }
            bits |= (uint64_t)keys_bits(from_a, from_b) << j;
        }
        collected[i / WORD] = bits;
    }
    double *to = out;
    for (size_t i = 0; i < count; i += WORD)
        to += copy_named(in + i, collected[i / WORD], to);
    if (!all_above_zero(out, (size_t)(to - out))) {
        edges->keyed = false;
        return squeeze_with(in, count, edges, out, n, all_flip);
    }
    for (unsigned e = 0; e < n; e++)
        edges->reached[e] += keys_total(reached[e]);
    return (size_t)(to - out);
}

/* The first values of in, as many as fill words. Returns how many it collected. */
static size_t squeeze_keys(const double *in, size_t count, struct edges *edges, double *out)
{
    return squeeze_by(in, count - count % WORD, edges, out, squeeze_keys_with);
}
