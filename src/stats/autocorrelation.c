/* stats/autocorrelation.c - how values resemble themselves a while ago, and so their season. */
#include "moontide/base/err.h"
#include "moontide/stats/line.h"
#include "moontide/stats/percentile.h"
#include "moontide/stats/season.h"

#include <complex.h>
#include <stdlib.h>

static const double PI = 3.14159265358979323846;
/* See season_find(). */
static const double PEAK_MIN = 0.3, PEAK_SIGMAS = 2.58, PEAK_SHARE = 0.9, NEAR = 0.02,
                    NEAR_LOSS = 0.05, CLIP_SIGMAS = 5, MAD_SIGMAS = 1.4826;

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

/* values without their line, held within CLIP_SIGMAS of it. */
static int flatten(const double *values, size_t count, double *out)
{
    double *scratch = malloc((count + 1) * sizeof *scratch);
    if (!scratch) return ERR_NOMEM;
    struct trend trend = {.values = values, .count = count, .step_s = 1};
    struct line line = line_least_squares(trend, 0.95);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        out[i] = values[i] - line_at(&line, (double)i);
        if (!isnan(out[i])) scratch[n++] = fabs(out[i]);
    }
    double bound = CLIP_SIGMAS * MAD_SIGMAS * percentile_in_place(scratch, n, 50);
    for (size_t i = 0; i < count; i++)
        if (bound > 0 && fabs(out[i]) > bound) out[i] = copysign(bound, out[i]);
    free(scratch);
    return OK;
}

/* The shortest lag whose local maximum is at least `least`; 0: none. *highest: of all of them. */
static size_t first_peak(const double *acf, size_t lags, double least, double *highest)
{
    size_t lag = 1, found = 0;
    while (lag < lags && !(acf[lag] <= 0))
        lag++;
    *highest = -1;
    for (; lag + 1 < lags; lag++) {
        if (!(acf[lag] >= acf[lag - 1] && acf[lag] > acf[lag + 1])) continue;
        if (acf[lag] > *highest) *highest = acf[lag];
        if (!found && acf[lag] >= least) found = lag;
    }
    return found;
}

static size_t snap(const double *acf, size_t lags, size_t lag, double step_s)
{
    static const double natural_s[] = {3600, 86400, 604800};
    for (size_t i = 0; i < sizeof natural_s / sizeof *natural_s && step_s > 0; i++) {
        double slots = natural_s[i] / step_s, whole = nearbyint(slots);
        if (fabs(slots - (double)lag) > NEAR * slots || fabs(slots - whole) > 1e-6 * slots)
            continue;
        if (whole < (double)lags && acf[(size_t)whole] >= acf[lag] - NEAR_LOSS)
            return (size_t)whole;
    }
    return lag;
}

static size_t longest_peak(const double *acf, size_t lags, size_t n, double step_s)
{
    double highest;
    (void)first_peak(acf, lags, 2, &highest);
    if (highest < PEAK_MIN || highest < PEAK_SIGMAS / sqrt((double)n)) return 0;
    size_t lag = first_peak(acf, lags, PEAK_SHARE * highest, &highest);
    return snap(acf, lags, lag, step_s);
}

int season_find(const double *values, size_t count, double step_s, size_t *out)
{
    *out = 0;
    size_t lags = count / 2 + 2, n = 0;
    for (size_t i = 0; i < count; i++)
        n += isfinite(values[i]) != 0;
    if (count < 6 || n < 4) return OK;
    double *flat = malloc(count * sizeof *flat), *acf = malloc(lags * sizeof *acf);
    int code = flat && acf ? flatten(values, count, flat) : ERR_NOMEM;
    if (code == OK) code = season_autocorrelation(flat, count, lags, acf);
    if (code == OK) *out = longest_peak(acf, lags, n, step_s);
    free(flat);
    free(acf);
    return code;
}
