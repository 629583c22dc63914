/* stats/select_keys.c - a window of 2^16 - 1 steps of a power of two around the edges, with steps
 * as wide as the narrowest range allows: then the window reaches far above the edges. */
#include "select_keys.h"

#include <math.h>

enum {
    KEY_MAX = INT16_MAX,  /* kernels compare to the key before an edge's: that has to be one, too */
    KEY_MIN = -INT16_MAX, /* of an edge */
    SHIFT_MAX = 14,       /* 2^16 steps are all there is */
    UNITS_END = 0x3ff80000 /* infinity */
};

/* No range becomes wider by more than a part in this of it, or, where it is open above, of the gap
 * below it. */
enum { WIDER = 16 };

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double first_of(int units)
{
    return of_bits((uint64_t)units << 33);
}

static double last_before(int units)
{
    return of_bits(((uint64_t)units << 33) - 1);
}

/* The widest step, in units, that these ranges allow. */
static int step_of(double ranges[][2], unsigned count, double least)
{
    int step = 1 << SHIFT_MAX, below = least > 0 ? units_of(least) : 0;
    for (unsigned i = 0; i < count; i++) {
        double low = ranges[i][0], high = ranges[i][1];
        if (!(low > 0) || isinf(high)) return 0;
        int allowed = isnan(high) ? (units_of(low) - below) / WIDER
                                  : (units_of(high) - units_of(low)) / (2 * WIDER);
        if (allowed < step) step = allowed;
        below = units_of(high);
    }
    return step;
}

bool keys_widen(double ranges[][2], unsigned count, double least, struct key_scale *scale)
{
    int step = step_of(ranges, count, least);
    if (step < 1) return false;
    int shift = 31 - __builtin_clz((unsigned)step);
    const double *end = ranges[count - 1];
    int first = units_of(ranges[0][0]) >> shift;
    int last = isnan(end[1]) ? units_of(end[0]) >> shift : (units_of(end[1]) >> shift) + 1;
    if (first == 0 || last - first >= KEY_MAX - KEY_MIN) return false;
    int middle = first - KEY_MIN, highest = (UNITS_END >> shift) - KEY_MAX;
    scale->middle = (middle < highest ? middle : highest) * (1 << shift);
    scale->shift = shift;
    for (unsigned i = 0; i < count; i++) {
        ranges[i][0] = first_of(units_of(ranges[i][0]) >> shift << shift);
        if (!isnan(ranges[i][1]))
            ranges[i][1] = last_before(((units_of(ranges[i][1]) >> shift) + 1) << shift);
    }
    return true;
}

double keys_top(struct key_scale scale)
{
    return first_of(scale.middle + KEY_MAX * (1 << scale.shift));
}
