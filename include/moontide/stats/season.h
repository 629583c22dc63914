/* stats/season.h - what repeats in values on a grid: how long it is, what it looks like.
 *
 * values[count] are the slots of a grid (grid.h), NaN where there is no datapoint. */
#ifndef MOONTIDE_STATS_SEASON_H
#define MOONTIDE_STATS_SEASON_H

#include "moontide/base/compiler.h"

#include <stddef.h>

/* The length of the season in slots, 0 when there is none, by this rule. The values are held within
 * 5 robust standard deviations of their median, before and after their line of least squares is
 * taken off. Peaks are the local maxima of the autocorrelation after it has first fallen to 0, at
 * lags up to a third of the values, that are followed by at least their half at twice the lag. The
 * highest must be 0.3 or more, and over 3.5 / sqrt(n); the answer is its lag, or the shortest whole
 * part of that which has, within 5 %, a peak of at least 0.9 of the highest. When step_s is the
 * seconds of a slot and an hour, a day or a week is within 5 %, with an autocorrelation within
 * 0.05, it is that (step_s 0: no such). A season whose strength (below) is under 0.2 is none. Where
 * level shifts or drift hide all that, an hour, a day or a week is the answer when what its moving
 * average leaves has such an autocorrelation at its lag. All want three seasons. Source: the
 * autocorrelation by FFT (G. Box, G. Jenkins, "Time Series Analysis", chapter 2), with gaps left
 * out of both its sums. ERR_NOMEM. */
MUST_CHECK int season_find(const double *values, size_t count, double step_s, size_t *out);

/* out[lag] for lag 0 .. lags - 1: the autocorrelation of values around their mean; NaN where no two
 * datapoints are so far apart. All 0 beside lag 0 for a constant. ERR_NOMEM. */
MUST_CHECK int season_autocorrelation(const double *values, size_t count, size_t lags, double *out);

enum season_model { SEASON_ADDITIVE, SEASON_MULTIPLICATIVE, SEASON_MODELS };
extern const char *const season_model_names[SEASON_MODELS + 1]; /* ends with NULL */

/* value = trend + seasonal + remainder, or their product. Shape of each list: [count]. */
struct season_parts {
    double *trend; /* NaN in the first and last half season */
    double *seasonal;
    double *remainder; /* NaN where the trend or the datapoint is */
    /* max(0, 1 - Var(remainder) / Var(remainder + seasonal)), of their logarithms when
     * multiplicative; near 1 when the season is all there is. Source: R. Hyndman, G.
     * Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, 4.3. */
    double strength;
};

/* Classical decomposition: the trend is the centred moving average over a season (2 x m when m is
 * even), the seasonal part the mean of what is left by phase, brought to sum 0 (mean 1). Equal to
 * statsmodels.tsa.seasonal_decompose when nothing is missing; else the moving average is first
 * taken over the datapoints there are, and then some times more with gaps filled by trend and
 * season.
 * Needs 2 seasons: parts->strength is NaN, and the lists are, when there are fewer, a phase has no
 * datapoint, or a multiplicative one has a value that is not over 0.
 * parts' lists are the caller's. ERR_NOMEM. */
MUST_CHECK int season_split(const double *values, size_t count, size_t period,
                            enum season_model model, struct season_parts *parts);

#endif
