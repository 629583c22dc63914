/* base/number.c - decimal text as the nearest double.
 *
 * Clinger's fast path ("How to Read Floating Point Numbers Accurately", PLDI 1990): a mantissa
 * below 2^53 and a power of ten up to 10^22 are both exact, so one operation rounds once. Beyond
 * it, a 64-bit mantissa times or by a power of ten below 2^64 is an exact 128-bit integer, with the
 * remainder as the sticky bit, and is rounded by hand. */
#include "moontide/base/number.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DIGITS_MAX = 19 /* any so long fit into 64 bits */, EXACT_POWER_MAX = 19, POWER_MAX = 22 };

__extension__ typedef unsigned __int128 wide_int;

/* What a text says, as far as it is kept: +-mantissa 10^exponent. */
struct decimal {
    bool negative, rest; /* rest: more digits than DIGITS_MAX, so that the mantissa is not all */
    uint64_t mantissa;
    int exponent;
};

static const double powers[POWER_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                             1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                             1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Reads digits at *at into the mantissa; returns how many there were. */
static size_t read_digits(const char **at, const char *end, struct decimal *decimal, int *kept)
{
    const char *p = *at;
    uint64_t mantissa = decimal->mantissa;
    int count = *kept;
    for (; p < end && is_digit(*p); p++) {
        if (count < DIGITS_MAX) {
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
            count += mantissa != 0;
        } else {
            decimal->rest = true;
        }
    }
    size_t n = (size_t)(p - *at);
    decimal->mantissa = mantissa;
    *kept = count;
    *at = p;
    return n;
}

/* [e [+-] digits] up to the end. */
static bool read_exponent(const char *at, const char *end, int *exponent)
{
    if (at == end) return true;
    if ((*at | 0x20) != 'e') return false;
    at++;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end) return false;
    int n = 0;
    for (; at < end; at++) {
        if (!is_digit(*at)) return false;
        if (n < 100000) n = n * 10 + (*at - '0');
    }
    *exponent += negative ? -n : n;
    return true;
}

static bool read_decimal(const char *at, const char *end, struct decimal *decimal)
{
    int kept = 0;
    size_t digits = read_digits(&at, end, decimal, &kept);
    if (at < end && *at == '.') {
        at++;
        size_t fraction = read_digits(&at, end, decimal, &kept);
        digits += fraction;
        decimal->exponent = -(int)fraction;
    }
    return digits > 0 && read_exponent(at, end, &decimal->exponent);
}

/* wide, which is above 2^53, times 2^scale, rounded to the nearest double; sticky: something
 * follows below. */
static double round_wide(wide_int wide, int scale, bool sticky)
{
    uint64_t high = (uint64_t)(wide >> 64), low = (uint64_t)wide;
    int bits = high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll(low);
    int drop = bits - 53;
    uint64_t kept = (uint64_t)(wide >> drop);
    wide_int below = wide & (((wide_int)1 << drop) - 1);
    wide_int half = (wide_int)1 << (drop - 1);
    if (below > half || (below == half && (sticky || (kept & 1)))) kept++;
    return ldexp((double)kept, scale + drop);
}

/* mantissa > 0, |exponent| <= EXACT_POWER_MAX. */
static double by_integers(uint64_t mantissa, int exponent)
{
    if (exponent >= 0) return round_wide((wide_int)mantissa * (uint64_t)powers[exponent], 0, false);
    /* The top bit is moved to 2^127, so that the quotient has at least 64 bits. */
    int shift = 64 + __builtin_clzll(mantissa);
    wide_int wide = (wide_int)mantissa << shift;
    uint64_t by = (uint64_t)powers[-exponent];
    return round_wide(wide / by, -shift, wide % by != 0);
}

/* The C library rounds correctly; this program leaves LC_NUMERIC at "C". */
static double by_strtod(const char *text, size_t len)
{
    char copy[NUMBER_TEXT_MAX + 1];
    memcpy(copy, text, len);
    copy[len] = '\0';
    return strtod(copy, NULL);
}

static bool parse_word(const char *at, size_t len, double *out)
{
    if ((len == 3 && strncasecmp(at, "inf", 3) == 0) ||
        (len == 8 && strncasecmp(at, "infinity", 8) == 0))
        *out = INFINITY;
    else if (len == 3 && strncasecmp(at, "nan", 3) == 0)
        *out = NAN;
    else
        return false;
    return true;
}

bool number_parse(const char *text, size_t len, double *out)
{
    struct decimal decimal = {0};
    const char *at = text, *end = text + len;
    if (len == 0 || len > NUMBER_TEXT_MAX) return false;
    decimal.negative = *at == '-';
    at += *at == '-' || *at == '+';
    double value;
    if (!read_decimal(at, end, &decimal)) {
        if (!parse_word(at, (size_t)(end - at), &value)) return false;
    } else if (decimal.mantissa == 0) {
        value = 0;
    } else if (decimal.rest || abs(decimal.exponent) > POWER_MAX ||
               (abs(decimal.exponent) > EXACT_POWER_MAX && decimal.mantissa >> 53)) {
        value = by_strtod(at, (size_t)(end - at));
    } else if (decimal.mantissa >> 53) {
        value = by_integers(decimal.mantissa, decimal.exponent);
    } else if (decimal.exponent < 0) {
        value = (double)decimal.mantissa / powers[-decimal.exponent];
    } else {
        value = (double)decimal.mantissa * powers[decimal.exponent];
    }
    *out = decimal.negative ? -value : value;
    return true;
}
