/* stats/exact_sum.h - a sum of doubles without rounding, so that no order and no grouping of the
 * additions changes a bit of it.
 *
 * A fixed-point number wide enough for every finite double times 2^64, in digits of 32 bits that
 * are kept in 64, so that carries may wait. Source: R. M. Neal, "Fast exact summation using small
 * and large superaccumulators" (2015), the small one.
 *
 * Rule 1: rounding happens once, in exact_sum_value(). */
#ifndef MOONTIDE_STATS_EXACT_SUM_H
#define MOONTIDE_STATS_EXACT_SUM_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From 2^-1074 to 2^(1024 + 64), and two digits for what carries beyond. */
enum { EXACT_SUM_DIGITS = (1074 + 1024 + 64) / 32 + 3 };

enum {
    EXACT_SUM_BLOCK = 2048, /* values that are added at once */
    EXACT_SUM_OCTAVES = 64, /* of which they may be: exponents from the least to the greatest */
};

/* Plain data; all zero is the sum of nothing. Digit i counts 2^(32 i - 1074). Single values wait in
 * two doubles, exactly: see exact_sum.c. */
struct exact_sum {
    double near, rest; /* of those that wait: start + their sum, and what that rounded off */
    double start;
    uint64_t least;   /* the bits of the least magnitude that may wait */
    uint32_t left;    /* additions until they may wait no more */
    uint32_t pending; /* additions to the digits since the carries were settled */
    int64_t digits[EXACT_SUM_DIGITS];
};

/* value must be finite. */
void exact_sum_add(struct exact_sum *sum, double value, uint64_t times);
/* The same, once, for a value that is neither denormal nor 0; quicker. */
void exact_sum_add_normal(struct exact_sum *sum, double value);
/* Adds magnitude * 2^(bit - 1074), or subtracts it; bit <= 2045 + 64. */
void exact_sum_add_bits(struct exact_sum *sum, uint64_t magnitude, unsigned bit, bool negative);
/* Adds values[count], or subtracts them. Each is normal and from low to high, which are positive
 * and finite, and whose exponents differ by less than EXACT_SUM_OCTAVES. count <= EXACT_SUM_BLOCK.
 */
void exact_sum_add_block(struct exact_sum *sum, const double *values, size_t count, double low,
                         double high, bool negative);
void exact_sum_merge(struct exact_sum *into, const struct exact_sum *from);

/* The nearest double, ties to even; an infinity where the sum is beyond the largest. */
double exact_sum_value(const struct exact_sum *sum);
/* The same divided by count > 0, without overflow on the way. */
double exact_sum_mean(const struct exact_sum *sum, uint64_t count);

/* The one way to write a sum down: its sign, and the digits of its absolute value, each below
 * 2^32. Equal sums give equal digits. */
struct exact_sum_digits {
    bool negative;
    uint32_t at[EXACT_SUM_DIGITS];
};
void exact_sum_write(const struct exact_sum *sum, struct exact_sum_digits *out);
void exact_sum_read(const struct exact_sum_digits *digits, struct exact_sum *out);

#endif
