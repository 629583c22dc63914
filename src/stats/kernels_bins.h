/* stats/kernels_bins.h - the loops of select_bins.c: the range of the values, a bin of 8 bits for
 * each, and a copy of those in a few bins.
 *
 * The file that includes this defines, besides what kernels_body.h and kernels_keys.h ask,
 *   keys_even(from, low, factor): (from[i] - low) * factor, KEY_LANES of them, cut to integers,
 *   keys_store(a, b, to): 2 * KEY_LANES keys of 0 to 255 as bytes,
 *   bytes_found(from, of, count): a bit for each of from[WORD] that is one of of[count]. */
#include "kernels.h"

/* See kernels.h. Two vectors of each, so that one seldom waits for the one before it. */
static bool range(const double *values, size_t count, double *low, double *high)
{
    vec l[2], h[2];
    mask unordered = mask_none();
    double lows[LANES], highs[LANES];
    size_t i = 0;
    l[0] = l[1] = vec_all(INFINITY);
    h[0] = h[1] = vec_all(-INFINITY);
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        vec a = vec_load(values + i), b = vec_load(values + i + LANES);
        unordered = mask_or(unordered, vec_unordered(a, b));
        l[0] = vec_min(l[0], a);
        l[1] = vec_min(l[1], b);
        h[0] = vec_max(h[0], a);
        h[1] = vec_max(h[1], b);
    }
    vec_store(lows, vec_min(l[0], l[1]));
    vec_store(highs, vec_max(h[0], h[1]));
    int nans = mask_any(unordered);
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t lane = 0; lane < LANES; lane++) {
        *low = lows[lane] < *low ? lows[lane] : *low;
        *high = highs[lane] > *high ? highs[lane] : *high;
    }
    for (; i < count; i++) {
        nans |= isnan(values[i]) != 0;
        *low = values[i] < *low ? values[i] : *low;
        *high = values[i] > *high ? values[i] : *high;
    }
    return !nans;
}

/* See kernels.h. */
static void bin(const double *values, size_t count, const struct bin_scale *scale,
                unsigned char *bins)
{
    size_t i = 0;
#ifdef KEYS
    const struct bin_scale s = *scale;
    if (s.even)
        for (; i + 2 * KEY_LANES <= count; i += 2 * KEY_LANES)
            keys_store(keys_even(values + i, s.low, s.factor),
                       keys_even(values + i + KEY_LANES, s.low, s.factor), bins + i);
    else
        for (; i + 2 * KEY_LANES <= count; i += 2 * KEY_LANES)
            keys_store(keys_of(values + i, s.keys), keys_of(values + i + KEY_LANES, s.keys),
                       bins + i);
#endif
    for (; i < count; i++)
        bins[i] = (unsigned char)bin_of(values[i], scale);
}

/* See kernels.h. */
static size_t pick(const double *values, const unsigned char *bins, size_t count,
                   const unsigned char *of, size_t of_count, double *out)
{
    size_t i = 0, picked = 0;
#ifdef KEYS
    for (; i + WORD <= count; i += WORD)
        picked += copy_named(values + i, bytes_found(bins + i, of, of_count), out + picked);
#endif
    bool is_of[1 << BIN_BITS] = {false};
    for (size_t k = 0; k < of_count; k++)
        is_of[of[k]] = true;
    for (; i < count; i++) {
        out[picked] = values[i];
        picked += is_of[bins[i]];
    }
    return picked;
}
