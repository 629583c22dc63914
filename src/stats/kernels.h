/* stats/kernels.h - the inner loops, one set a vector level. See kernels_body.h for their code and
 * cpu.c for the choice. */
#ifndef MOONTIDE_STATS_KERNELS_H
#define MOONTIDE_STATS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    SORT_MAX = 64,
    EDGES_MAX = 40,     /* of one pass */
    KERNEL_SLACK = 8,   /* doubles after the end that a compressing store may write */
    KERNEL_BLOCK = 2048 /* values of one call, so that counts are seldom summed up; 16 KiB */
};

/* The upper 31 bits of a double: above 0 they are in the order of the values, in which 2^19 of
 * these units are an octave. */
static inline int units_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (int)(bits >> 33);
}

/* Doubles above 0, from one step of 2^shift units to the next, in few bits: see kernels_keys.h. */
struct key_scale {
    int middle, shift;
};

static inline int key_of(double value, struct key_scale scale)
{
    return (units_of(value) - scale.middle) >> scale.shift;
}

enum { BIN_BITS = 8 };

/* How a value becomes a bin, of 2^BIN_BITS that are in the values' order: `even`, by its distance
 * from low, else by its bits, as a key from 0 on. */
struct bin_scale {
    bool even;
    double low, factor;
    struct key_scale keys;
};

static inline int bin_of(double value, const struct bin_scale *scale)
{
    return scale->even ? (int)((value - scale->low) * scale->factor) : key_of(value, scale->keys);
}

/* Ascending values that cut the line: edge i begins the interval [at[i], at[i+1]). A NaN is above
 * all. The values of an interval are either collected or only counted. */
struct edges {
    unsigned count;
    bool all_flip; /* flips[] are all true */
    bool keyed;    /* at[] are above 0, each the first of its key, which has 16 bits; all_flip; the
                      last interval is collected. Cleared when a value was seen that has no key */
    struct key_scale scale;
    double at[EDGES_MAX];
    bool flips[EDGES_MAX];     /* collecting begins or ends here; none is collected below at[0] */
    size_t reached[EDGES_MAX]; /* how many values >= at[i] were seen */
    size_t nans;
};

struct kernels {
    /* Adds to the counts of edges and writes the values to collect to out, which has room for
     * count + KERNEL_SLACK and does not overlap in. Returns how many. count <= KERNEL_BLOCK. */
    size_t (*squeeze)(const double *in, size_t count, struct edges *edges, double *out);
    /* Moves the values below pivot to the front, the others to above, which has room for count +
     * KERNEL_SLACK. Returns how many are in front. No NaN. */
    size_t (*split)(double *values, size_t count, double pivot, double *above);
    /* out[i]: the at[i]-th smallest of values[count], no NaN among them, 0 < count <= SORT_MAX. */
    void (*few)(const double *values, size_t count, const size_t *at, size_t at_count, double *out);
    /* The least and the greatest of values[count]; false when one is a NaN. */
    bool (*range)(const double *values, size_t count, double *low, double *high);
    /* bins[i] is bin_of(values[i]), which is in the range of a bin. */
    void (*bin)(const double *values, size_t count, const struct bin_scale *scale,
                unsigned char *bins);
    /* Copies the values whose bin is one of of[of_count] to out, which has room for them and
     * KERNEL_SLACK more and does not overlap values. Returns how many. */
    size_t (*pick)(const double *values, const unsigned char *bins, size_t count,
                   const unsigned char *of, size_t of_count, double *out);
    /* Adds values i, i + 8, ... to sum i with its error: see sum.h. count: a multiple of 8. */
    void (*add)(const double *values, size_t count, double sums[8], double errors[8]);
    /* Adds values i, i + 8, ... to sum i, which is the greater at each addition, and what that
     * rounds off to rest i. No NaN. count: a multiple of 8. */
    void (*add_small)(const double *values, size_t count, double sums[8], double rests[8]);
};

extern const struct kernels kernels_portable, kernels_avx2, kernels_avx512;
extern const struct kernels kernels_emulated; /* of the tests: kernels_avx512.c over SIMDe */

/* Those of the level in use. */
const struct kernels *kernels_now(void);

#endif
