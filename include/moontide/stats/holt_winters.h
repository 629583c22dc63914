/* stats/holt_winters.h - forecasts of values on a grid that have a level, a trend and a season.
 *
 * Holt-Winters' additive method with a damped trend, as the state space model ETS(A,Ad,A): with
 * e = value - expected,
 *
 *     expected = level + phi trend + season[m slots ago]
 *     level    = level + phi trend + alpha e
 *     trend    = phi trend + alpha beta e
 *     season   = season[m slots ago] + gamma e
 *
 * phi = 1: not damped, ETS(A,A,A); m = 1: no season, ETS(A,Ad,N). Sources: R. Hyndman, A. Koehler,
 * J. Ord, R. Snyder, "Forecasting with Exponential Smoothing" (2008), chapters 2, 5 and 6; the
 * parameters are those of statsmodels.tsa.holtwinters.ExponentialSmoothing.
 *
 * Rule 1: a slot without a datapoint has no error: the state goes on as was expected. */
#ifndef MOONTIDE_STATS_HOLT_WINTERS_H
#define MOONTIDE_STATS_HOLT_WINTERS_H

#include "moontide/base/compiler.h"
#include "moontide/stats/trend.h"

struct smoothing {
    double alpha, beta, gamma; /* 0..1, gamma at most 1 - alpha */
    double phi;                /* 0.8 .. 0.995, or 1: not damped */
};

/* Where a model stands: what it expects of the next slots. */
struct holt_winters_state {
    double level, trend;
    double *season; /* shape: [m]; season[i] is that of the slots whose index is i modulo m */
};

struct holt_winters {
    struct smoothing smoothing;
    size_t season;                           /* m */
    size_t slots;                            /* up to the newest datapoint */
    size_t count;                            /* datapoints */
    double sse;                              /* the sum of the squared errors of one slot ahead */
    double sigma;                            /* sqrt(sse / (count - parameters)) */
    struct holt_winters_state first, newest; /* before slot 0, and after the newest datapoint */
};

struct holt_winters_options {
    size_t season; /* in slots; 0 or 1: none */
    bool damped;
    /* A member that is not NaN is not searched. */
    struct smoothing given;
};

/* Fits the model to values[count]: the first state (by least squares, since the errors are linear
 * in it) and the parameters (by a simplex search) that make sse smallest. The same values give the
 * same model. On success the caller frees it with holt_winters_done(). ERR_NOMEM. ERR_NOT_FOUND:
 * too few datapoints: fewer than 10 or than the parameters and 3 more, or less than two seasons. */
MUST_CHECK int holt_winters_fit(const double *values, size_t count,
                                const struct holt_winters_options *options,
                                struct holt_winters *out);
void holt_winters_done(struct holt_winters *model);

/* out[i]: what slot i + 1 after the newest datapoint is expected to be, and the interval that holds
 * it with probability `level`; the variance of class 1 (Hyndman et al., table 6.1): sigma^2 times
 * 1 + the sum of the squares of alpha + alpha beta (phi + ... + phi^j) + gamma [j mod m = 0]. */
void holt_winters_path(const struct holt_winters *model, size_t count, double level,
                       struct interval *out);
/* The same for the slot `ahead` (1 or more) after the newest datapoint. */
struct interval holt_winters_ahead(const struct holt_winters *model, size_t ahead, double level);

#endif
