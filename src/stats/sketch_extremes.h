/* stats/sketch_extremes.h - the least and the greatest of many doubles, two at a time, and whether
 * one was NaN. With SSE2, which every x86-64 has, six instructions a pair; the same answers
 * without.
 */
#ifndef MOONTIDE_STATS_SKETCH_EXTREMES_H
#define MOONTIDE_STATS_SKETCH_EXTREMES_H

#include <stdbool.h>

enum { EXTREMES_LANES = 2 };

#ifdef __SSE2__
#include <emmintrin.h>

struct extremes {
    __m128d low, high, nan;
};

static inline void extremes_init(struct extremes *e, double low, double high)
{
    *e = (struct extremes){_mm_set1_pd(low), _mm_set1_pd(high), _mm_setzero_pd()};
}

static inline void extremes_take(struct extremes *e, const double *pair)
{
    __m128d values = _mm_loadu_pd(pair);
    e->low = _mm_min_pd(values, e->low);
    e->high = _mm_max_pd(values, e->high);
    e->nan = _mm_or_pd(e->nan, _mm_cmpunord_pd(values, values));
}

/* False: there was a NaN, and the rest is worth nothing. */
static inline bool extremes_done(const struct extremes *e, double *low, double *high)
{
    double lows[EXTREMES_LANES], highs[EXTREMES_LANES];
    _mm_storeu_pd(lows, e->low);
    _mm_storeu_pd(highs, e->high);
    *low = lows[0] < lows[1] ? lows[0] : lows[1];
    *high = highs[0] > highs[1] ? highs[0] : highs[1];
    return _mm_movemask_pd(e->nan) == 0;
}
#else
struct extremes {
    double low, high;
    bool nan;
};

static inline void extremes_init(struct extremes *e, double low, double high)
{
    *e = (struct extremes){low, high, false};
}

static inline void extremes_take(struct extremes *e, const double *pair)
{
    for (int lane = 0; lane < EXTREMES_LANES; lane++) {
        double value = pair[lane];
        if (value < e->low) e->low = value;
        if (value > e->high) e->high = value;
        if (value != value) e->nan = true;
    }
}

/* False: there was a NaN, and the rest is worth nothing. */
static inline bool extremes_done(const struct extremes *e, double *low, double *high)
{
    *low = e->low;
    *high = e->high;
    return !e->nan;
}
#endif

#endif
