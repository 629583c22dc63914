/* stats/exact_sum.c - digits of 32 bits whose carries wait.
 *
 * Single values are not added to the digits one by one, which is three of them each, but first to
 * a double, `near`, as exact_sum_block.c does it with blocks: it starts at 1.5 * 2^k, so great that
 * it stays from 2^k to 2^(k+1), where every double is a multiple of u = 2^(k-52). What an addition
 * rounds off is then known exactly and is added to `rest`. Both stay exact:
 *
 * - At most 2^WAIT_BITS values below 2^(e+1) wait, of both signs, so k = e + 2 + WAIT_BITS is
 *   enough for `near`.
 * - What is rounded off is at most u / 2 = 2^(k-53) each time, so `rest` is at most
 *   2^(k-53+WAIT_BITS). It is a multiple of the last place of the least value, 2^(f-52), of which a
 *   double holds any number up to 2^53. So e - f <= 52 - 2 WAIT_BITS.
 *
 * Values of other magnitudes go to the digits at once. After 2^WAIT_BITS additions, of whichever
 * kind, those that wait go there too, and the magnitudes that may wait are chosen anew. */
#include "moontide/stats/exact_sum.h"

#include <float.h>
#include <math.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "an addition of doubles rounds to a double");

__extension__ typedef unsigned __int128 wide;

/* Each addition moves a digit by less than 2^32, so 2^30 of them leave room for the sign. */
enum { PENDING_MAX = 1 << 30 };

enum {
    WAIT_BITS = 8,
    WAIT_OCTAVES = 53 - 2 * WAIT_BITS,        /* from f to e */
    WAIT_EXPONENT_MAX = 2045 - 2 - WAIT_BITS, /* biased, of e: 2^(k+1) must be a double */
};

static const uint64_t DIGIT_MASK = 0xffffffff;
static const uint64_t HIDDEN_BIT = (uint64_t)1 << 52;

static void settle(struct exact_sum *sum)
{
    int64_t carry = 0;
    for (size_t i = 0; i + 1 < EXACT_SUM_DIGITS; i++) {
        int64_t digit = sum->digits[i] + carry;
        carry = digit >> 32;
        sum->digits[i] = (int64_t)((uint64_t)digit & DIGIT_MASK);
    }
    sum->digits[EXACT_SUM_DIGITS - 1] += carry;
    sum->pending = 1;
}

static inline void add_bits(struct exact_sum *sum, uint64_t magnitude, unsigned bit, bool negative)
{
    wide shifted = (wide)magnitude << (bit & 31);
    /* Volatile, so that no compiler joins two digits in one store: the next addition, a digit
     * beside, would have to wait for it. */
    volatile int64_t *digit = sum->digits + bit / 32;
    int64_t low = (int64_t)((uint64_t)shifted & DIGIT_MASK);
    int64_t middle = (int64_t)((uint64_t)(shifted >> 32) & DIGIT_MASK);
    int64_t high = (int64_t)(shifted >> 64);
    digit[0] += negative ? -low : low;
    digit[1] += negative ? -middle : middle;
    digit[2] += negative ? -high : high;
    if (++sum->pending >= PENDING_MAX) settle(sum);
}

void exact_sum_add_bits(struct exact_sum *sum, uint64_t magnitude, unsigned bit, bool negative)
{
    add_bits(sum, magnitude, bit, negative);
}

static void add_times(struct exact_sum *sum, double value, uint64_t times)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bool negative = bits >> 63;
    unsigned exponent = (unsigned)(bits >> 52) & 0x7ff;
    uint64_t mantissa = bits & (HIDDEN_BIT - 1);
    unsigned bit = 0;
    if (exponent > 0) {
        mantissa |= HIDDEN_BIT;
        bit = exponent - 1;
    }
    if (times == 1) {
        add_bits(sum, mantissa, bit, negative);
        return;
    }
    wide product = (wide)mantissa * times;
    add_bits(sum, (uint64_t)product, bit, negative);
    add_bits(sum, (uint64_t)(product >> 64), bit + 64, negative);
}

void exact_sum_add(struct exact_sum *sum, double value, uint64_t times)
{
    add_times(sum, value, times);
}

/* ---- values that wait ---- */

static void add_waiting(struct exact_sum *into, const struct exact_sum *from)
{
    if (from->near != from->start) add_times(into, from->near - from->start, 1);
    if (from->rest != 0) add_times(into, from->rest, 1);
}

/* Around the value, as far as there are such doubles. */
static void choose_waiting(struct exact_sum *sum, uint64_t magnitude)
{
    add_waiting(sum, sum);
    int highest = (int)(magnitude >> 52) + WAIT_OCTAVES / 2;
    if (highest < WAIT_OCTAVES) highest = WAIT_OCTAVES;
    if (highest > WAIT_EXPONENT_MAX) highest = WAIT_EXPONENT_MAX;
    uint64_t start = (uint64_t)(highest + 2 + WAIT_BITS) << 52 | HIDDEN_BIT >> 1;
    memcpy(&sum->start, &start, sizeof start);
    sum->near = sum->start;
    sum->rest = 0;
    sum->least = (uint64_t)(highest - WAIT_OCTAVES + 1) << 52;
    sum->left = 1 << WAIT_BITS;
}

/* What does not wait, or not yet. */
static COLD void add_apart(struct exact_sum *sum, double value, uint64_t magnitude)
{
    if (sum->left > 0) {
        sum->left--;
        add_times(sum, value, 1);
        return;
    }
    choose_waiting(sum, magnitude);
    exact_sum_add_normal(sum, value);
}

void exact_sum_add_normal(struct exact_sum *sum, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t magnitude = bits & ~((uint64_t)1 << 63);
    if (sum->left == 0 || magnitude - sum->least >= (uint64_t)WAIT_OCTAVES << 52) {
        add_apart(sum, value, magnitude);
        return;
    }
    sum->left--;
    double near = sum->near + value;
    sum->rest += value - (near - sum->near);
    sum->near = near;
}

/* ---- whole sums ---- */

void exact_sum_merge(struct exact_sum *into, const struct exact_sum *from)
{
    if (from->pending >= PENDING_MAX - into->pending) {
        struct exact_sum settled = *from;
        settle(&settled);
        settle(into);
        exact_sum_merge(into, &settled);
        return;
    }
    for (size_t i = 0; i < EXACT_SUM_DIGITS; i++)
        into->digits[i] += from->digits[i];
    into->pending += from->pending;
    add_waiting(into, from);
}

void exact_sum_write(const struct exact_sum *sum, struct exact_sum_digits *out)
{
    struct exact_sum work = *sum;
    add_waiting(&work, sum);
    settle(&work);
    out->negative = work.digits[EXACT_SUM_DIGITS - 1] < 0;
    if (out->negative) {
        for (size_t i = 0; i < EXACT_SUM_DIGITS; i++)
            work.digits[i] = -work.digits[i];
        settle(&work);
    }
    for (size_t i = 0; i < EXACT_SUM_DIGITS; i++)
        out->at[i] = (uint32_t)work.digits[i];
}

void exact_sum_read(const struct exact_sum_digits *digits, struct exact_sum *out)
{
    *out = (struct exact_sum){.pending = 1};
    for (size_t i = 0; i < EXACT_SUM_DIGITS; i++)
        out->digits[i] = digits->negative ? -(int64_t)digits->at[i] : (int64_t)digits->at[i];
}

/* The absolute value as fraction * 2^*exponent, the fraction a whole number of at most 53 bits,
 * rounded to nearest, ties to even. Below 2^-1022 nothing is cut: all digits are multiples of
 * 2^-1074. */
static double nearest(const struct exact_sum_digits *digits, int *exponent)
{
    int top = EXACT_SUM_DIGITS - 1;
    while (top > 0 && digits->at[top] == 0)
        top--;
    wide window = 0;
    for (int i = top; i > top - 4 && i >= 0; i--)
        window |= (wide)digits->at[i] << (32 * (3 - top + i));
    bool sticky = false;
    for (int i = 0; i <= top - 4; i++)
        sticky |= digits->at[i] != 0;
    *exponent = 32 * (top - 3) - 1074;

    int cut = 0; /* of the window's 97 to 128 bits all but 53 */
    while (cut < 76 && window >> cut >> 53)
        cut++;
    if (window == 0) return 0;
    wide half = cut ? (wide)1 << (cut - 1) : 0, rest = window & (((wide)1 << cut) - 1);
    uint64_t whole = (uint64_t)(window >> cut);
    if (cut && (rest > half || (rest == half && (sticky || (whole & 1))))) whole++;
    *exponent += cut;
    return (double)whole;
}

double exact_sum_value(const struct exact_sum *sum)
{
    struct exact_sum_digits digits;
    int exponent;
    exact_sum_write(sum, &digits);
    double whole = nearest(&digits, &exponent), value = ldexp(whole, exponent);
    return digits.negative ? -value : value;
}

double exact_sum_mean(const struct exact_sum *sum, uint64_t count)
{
    struct exact_sum_digits digits;
    int exponent;
    exact_sum_write(sum, &digits);
    double whole = nearest(&digits, &exponent), mean = ldexp(whole / (double)count, exponent);
    return digits.negative ? -mean : mean;
}
