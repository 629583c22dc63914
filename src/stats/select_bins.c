/* stats/select_bins.c - the bins are steps of equal width or, for skewed values above 0, as
 * latencies are, steps of their bits. What was copied is treated in the same way, within its own
 * range, until it is few enough to be sorted. */
#include "select_bins.h"

#include "select_split.h"

#include <float.h>
#include <math.h>

enum {
    BINS = 1 << BIN_BITS,
    LOOKED_AT = 15, /* values, to choose the kind of bins */
    ROUNDS = 4
};

/* Whether most values lie in the lowest sixteenth of their range, where bins of equal width would
 * not tell them apart. */
static bool is_skewed(const double *values, size_t n, double low, double high)
{
    double end = low + (high - low) / 16;
    int below = 0;
    for (size_t i = 0; i < LOOKED_AT; i++)
        below += values[(2 * i + 1) * n / (2 * LOOKED_AT)] < end;
    return below > LOOKED_AT / 2;
}

/* False: no such scale. */
static bool scale_for(const double *values, size_t n, double low, double high,
                      struct bin_scale *scale)
{
    *scale = (struct bin_scale){.even = !(low > 0) || !is_skewed(values, n, low, high)};
    if (scale->even) {
        scale->low = low;
        scale->factor = (BINS - 1) / (high - low);
        return scale->factor > 0 && scale->factor <= DBL_MAX;
    }
    int width = units_of(high) - units_of(low);
    scale->keys.middle = units_of(low);
    while (width >> scale->keys.shift >= BINS)
        scale->keys.shift++;
    return true;
}

/* Neighbours in counters of their own, so that one that comes twice in a row need not be waited
 * for. */
static void count_bins(const unsigned char *bins, size_t n, unsigned short counts[BINS])
{
    unsigned short odd[BINS] = {0};
    size_t i = 0;
    memset(counts, 0, BINS * sizeof *counts);
    for (uint64_t eight; i + sizeof eight <= n; i += sizeof eight) {
        memcpy(&eight, bins + i, sizeof eight);
        for (unsigned bit = 0; bit < 64; bit += 16) {
            counts[eight >> bit & 255]++;
            odd[eight >> (bit + 8) & 255]++;
        }
    }
    for (; i < n; i++)
        counts[bins[i]]++;
    for (int b = 0; b < BINS; b++)
        counts[b] = (unsigned short)(counts[b] + odd[b]);
}

/* The bins of the wanted ranks, each once, and the ranks among the values of these bins. */
static size_t find_bins(const unsigned short counts[BINS], const struct wanted *wanted,
                        unsigned char found[WANTED_MAX], struct wanted *rest)
{
    size_t found_count = 0, below = 0, picked = 0;
    int b = 0;
    rest->count = wanted->count;
    for (unsigned w = 0; w < wanted->count; w++) {
        while (below + counts[b] <= wanted->at[w])
            below += counts[b++];
        if (found_count == 0 || found[found_count - 1] != b) {
            if (found_count > 0) picked += counts[found[found_count - 1]];
            found[found_count++] = (unsigned char)b;
        }
        rest->at[w] = picked + wanted->at[w] - below;
    }
    return found_count;
}

static void all_are(double value, struct wanted *wanted)
{
    for (unsigned i = 0; i < wanted->count; i++)
        wanted->value[i] = value;
}

/* Writes to `to`, then uses `values` and `to` in turn. */
static bool select_round(const double *values, size_t n, double *to, double *other,
                         struct wanted *wanted, int round)
{
    const struct kernels *kernels = kernels_now();
    double low, high;
    struct bin_scale scale;
    if (!kernels->range(values, n, &low, &high)) return false;
    if (low == high) {
        all_are(low, wanted);
        return true;
    }
    if (!isfinite(high - low) || !scale_for(values, n, low, high, &scale)) return false;
    unsigned char bins[BINNED_MAX], found[WANTED_MAX];
    unsigned short counts[BINS];
    struct wanted rest;
    kernels->bin(values, n, &scale, bins);
    count_bins(bins, n, counts);
    size_t found_count = find_bins(counts, wanted, found, &rest);
    size_t picked = kernels->pick(values, bins, n, found, found_count, to);
    if (picked <= SORT_MAX)
        kernels->few(to, picked, rest.at, rest.count, rest.value);
    else if (round == ROUNDS || !select_round(to, picked, other, to, &rest, round + 1))
        select_split(to, picked, other, &rest);
    memcpy(wanted->value, rest.value, rest.count * sizeof *rest.value);
    return true;
}

bool select_bins(const double *values, size_t n, double *to, double *other, struct wanted *wanted)
{
    return select_round(values, n, to, other, wanted, 1);
}
