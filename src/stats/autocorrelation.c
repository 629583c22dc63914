/* stats/autocorrelation.c - how values resemble themselves a while ago, and so their season. */
#include "moontide/base/err.h"
#include "moontide/stats/grid.h"
#include "moontide/stats/line.h"
#include "moontide/stats/percentile.h"
#include "moontide/stats/season.h"

#include <complex.h>
#include <stdlib.h>
#include <string.h>

enum { NATURALS = 3, SEASONS_MIN = 3 };

static const double PI = 3.14159265358979323846;
/* See season_find(). */
static const double PEAK_MIN = 0.3, PEAK_SIGMAS = 3.5, STRENGTH_MIN = 0.2, PEAK_SHARE = 0.9,
                    AGAIN_SHARE = 0.5, NEAR = 0.05, NEAR_LOSS = 0.05, CLIP_SIGMAS = 5,
                    MAD_SIGMAS = 1.4826;

/* In place, size a power of two. Source: J. Cooley, J. Tukey (1965), radix 2. */
static void transform(double complex *x, size_t size)
{
    for (size_t i = 1, j = 0; i < size; i++) {
        size_t bit = size >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i >= j) continue;
        double complex swapped = x[i];
        x[i] = x[j];
        x[j] = swapped;
    }
    for (size_t length = 2; length <= size; length <<= 1)
        for (size_t k = 0; k < length / 2; k++) {
            double complex turn = cexp(-2 * PI * I * (double)k / (double)length);
            for (size_t i = k; i < size; i += length) {
                double complex a = x[i], b = x[i + length / 2] * turn;
                x[i] = a + b;
                x[i + length / 2] = a - b;
            }
        }
}

/* x[lag] = sum over i of x[i] * x[i + lag], for a real x that is 0 in its second half. */
static void correlate(double complex *x, size_t size)
{
    transform(x, size);
    for (size_t i = 0; i < size; i++)
        x[i] = creal(x[i]) * creal(x[i]) + cimag(x[i]) * cimag(x[i]);
    transform(x, size);
    for (size_t i = 0; i < size; i++)
        x[i] /= (double)size;
}

static double mean_of(const double *values, size_t count)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) sum += values[i], n++;
    return n ? sum / (double)n : 0;
}

int season_autocorrelation(const double *values, size_t count, size_t lags, double *out)
{
    size_t size = 2;
    while (size < 2 * count)
        size *= 2;
    double complex *products = calloc(2 * size, sizeof *products), *pairs = products + size;
    if (!products) return ERR_NOMEM;
    double mean = mean_of(values, count);
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) {
            products[i] = values[i] - mean;
            pairs[i] = 1;
        }
    correlate(products, size);
    correlate(pairs, size);
    double variance = creal(products[0]) / creal(pairs[0]);
    for (size_t lag = 0; lag < lags; lag++) {
        bool any = lag < count && creal(pairs[lag]) > 0.5;
        out[lag] = !any ? NAN : creal(products[lag]) / creal(pairs[lag]) / variance;
        if (any && !(variance > 0)) out[lag] = lag == 0;
    }
    free(products);
    return OK;
}

/* Holds values[count] within CLIP_SIGMAS robust standard deviations of their median. scratch: count
 * doubles. */
static void clip(double *values, size_t count, double *scratch)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) scratch[n++] = values[i];
    double median = percentile_in_place(scratch, n, 50);
    for (size_t i = 0; i < n; i++)
        scratch[i] = fabs(scratch[i] - median);
    double bound = CLIP_SIGMAS * MAD_SIGMAS * percentile_in_place(scratch, n, 50);
    for (size_t i = 0; i < count; i++)
        if (bound > 0 && !isnan(values[i]))
            values[i] = fmin(fmax(values[i], median - bound), median + bound);
}

/* values without their line; held together before, so that no spike bends it, and after. */
static int flatten(const double *values, size_t count, double *out)
{
    double *scratch = malloc((count + 1) * sizeof *scratch);
    if (!scratch) return ERR_NOMEM;
    memcpy(out, values, count * sizeof *out);
    clip(out, count, scratch);
    struct trend trend = {.values = out, .count = count, .step_s = 1};
    struct line line = line_least_squares(trend, 0.95);
    for (size_t i = 0; i < count; i++)
        out[i] = values[i] - line_at(&line, (double)i);
    clip(out, count, scratch);
    free(scratch);
    return OK;
}

/* What repeats does so again: at twice the lag, or beside. */
static bool repeats(const double *acf, size_t lag)
{
    return fmax(acf[2 * lag], fmax(acf[2 * lag - 1], acf[2 * lag + 1])) >= AGAIN_SHARE * acf[lag];
}

static bool is_peak(const double *acf, size_t lag)
{
    return acf[lag] >= acf[lag - 1] && acf[lag] > acf[lag + 1] && repeats(acf, lag);
}

/* The lag of the highest peak within from .. to - 1; 0: none. */
static size_t highest_peak(const double *acf, size_t from, size_t to)
{
    size_t best = 0;
    for (size_t lag = from; lag < to; lag++)
        if (is_peak(acf, lag) && (best == 0 || acf[lag] > acf[best])) best = lag;
    return best;
}

/* The shortest whole part of a peak's lag that has a peak nearly as high: twice the season is as
 * good a lag as the season. */
static size_t shortest_part(const double *acf, size_t from, size_t lag)
{
    for (size_t parts = lag / from; parts > 1; parts--) {
        double part = (double)lag / (double)parts;
        size_t low = (size_t)ceil(part * (1 - NEAR)), high = (size_t)floor(part * (1 + NEAR)) + 1,
               found = highest_peak(acf, low < from ? from : low, high);
        if (found && acf[found] >= PEAK_SHARE * acf[lag]) return found;
    }
    return lag;
}

/* The slots of an hour, a day or a week; 0 when that is no whole number of them. */
static size_t natural_slots(size_t i, double step_s)
{
    static const double natural_s[NATURALS] = {3600, 86400, 604800};
    double slots = step_s > 0 ? natural_s[i] / step_s : 0, whole = nearbyint(slots);
    bool fits = whole >= 2 && whole <= GRID_SLOTS_MAX && fabs(slots - whole) <= 1e-6 * slots;
    return fits ? (size_t)whole : 0;
}

static size_t snap(const double *acf, size_t lags, size_t lag, double step_s)
{
    for (size_t i = 0; i < NATURALS; i++) {
        size_t slots = natural_slots(i, step_s);
        if (slots == 0 || slots >= lags) continue;
        bool near = fabs((double)slots - (double)lag) <= NEAR * (double)slots;
        if (near && acf[slots] >= acf[lag] - NEAR_LOSS) return slots;
    }
    return lag;
}

/* The season by the peaks of an autocorrelation that reaches twice as far as the lags looked at. */
static size_t season_of_peaks(const double *acf, size_t lags, size_t n, double step_s)
{
    size_t from = 1;
    while (from < lags && !(acf[from] <= 0))
        from++;
    size_t lag = highest_peak(acf, from < 2 ? 2 : from, lags);
    if (lag == 0 || acf[lag] < PEAK_MIN || acf[lag] < PEAK_SIGMAS / sqrt((double)n)) return 0;
    return snap(acf, lags, shortest_part(acf, from < 2 ? 2 : from, lag), step_s);
}

static int find_peak(const double *flat, size_t count, size_t n, double step_s, size_t *out)
{
    size_t lags = count / SEASONS_MIN + 1; /* acf[2 * lags - 1] is its last */
    double *acf = malloc(2 * lags * sizeof *acf), *lists = NULL;
    int code = acf ? season_autocorrelation(flat, count, 2 * lags, acf) : ERR_NOMEM;
    if (code == OK) *out = season_of_peaks(acf, lags, n, step_s);
    free(acf);
    if (code < 0 || *out == 0) return code;
    lists = malloc(3 * count * sizeof *lists);
    if (!lists) return ERR_NOMEM;
    struct season_parts parts = {
        .trend = lists, .seasonal = lists + count, .remainder = lists + 2 * count};
    code = season_split(flat, count, *out, SEASON_ADDITIVE, &parts);
    if (!(parts.strength >= STRENGTH_MIN)) *out = 0;
    free(lists);
    return code;
}

/* *out: the autocorrelation at `period` of what the moving average over a period leaves; no level
 * shift or drift is in it. -1 where there are too few datapoints. lists: 3 times count. */
static int correlate_at(const double *values, size_t count, size_t period, double *lists,
                        double *out)
{
    struct season_parts parts = {
        .trend = lists, .seasonal = lists + count, .remainder = lists + 2 * count};
    int code = season_split(values, count, period, SEASON_ADDITIVE, &parts);
    if (code < 0) return code;
    for (size_t i = 0; i < count; i++)
        parts.remainder[i] = values[i] - parts.trend[i];
    code = flatten(parts.remainder, count, parts.seasonal);
    if (code < 0) return code;
    double products = 0, first = 0, second = 0;
    size_t n = 0;
    for (size_t i = 0; i + period < count; i++) {
        double a = parts.seasonal[i], b = parts.seasonal[i + period];
        if (isnan(a) || isnan(b)) continue;
        n++;
        products += a * b;
        first += a * a;
        second += b * b;
    }
    *out = n >= period && first > 0 && second > 0 ? products / sqrt(first * second) : -1;
    return OK;
}

static int find_natural(const double *values, size_t count, size_t n, double step_s, size_t *out)
{
    double *lists = malloc(3 * count * sizeof *lists), best = PEAK_MIN;
    int code = lists ? OK : ERR_NOMEM;
    for (size_t i = 0; i < NATURALS && code == OK; i++) {
        double found = -1;
        size_t period = natural_slots(i, step_s);
        if (period == 0 || SEASONS_MIN * period > count) continue;
        code = correlate_at(values, count, period, lists, &found);
        if (found < best || found < PEAK_SIGMAS / sqrt((double)n)) continue;
        best = found;
        *out = period;
    }
    free(lists);
    return code;
}

int season_find(const double *values, size_t count, double step_s, size_t *out)
{
    *out = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += isfinite(values[i]) != 0;
    if (count < 6 || n < 4) return OK;
    double *flat = malloc(count * sizeof *flat);
    int code = flat ? flatten(values, count, flat) : ERR_NOMEM;
    if (code == OK) code = find_peak(flat, count, n, step_s, out);
    free(flat);
    return code == OK && *out == 0 ? find_natural(values, count, n, step_s, out) : code;
}
