/* stats/change.h - where the level of values in time shifted. */
#ifndef MOONTIDE_STATS_CHANGE_H
#define MOONTIDE_STATS_CHANGE_H

#include "moontide/base/compiler.h"
#include "moontide/stats/trend.h"

enum { CHANGE_POINTS_MIN = 10, CHANGE_SIDE_MIN = 3 };

struct change {
    size_t index;         /* of the first value of the new level, in the trend */
    double time_s;        /* its time */
    double before, after; /* the medians of both sides, which no spike moves */
    double confidence;    /* 1 - p, in 0..1; NaN: fewer than CHANGE_POINTS_MIN datapoints, or all
                             equal: then nothing else is set */
};

/* The level shift that divides the datapoints best, and how sure it is one. The datapoints'
 * distances from their median, held within 4 robust standard deviations (so that a spike is no
 * shift), are summed up: the shift is where the sum is furthest from zero for the lengths of its
 * sides, each of at least CHANGE_SIDE_MIN. p is Kolmogorov's tail at the largest sum over sigma
 * sqrt(n), as for a Brownian bridge; sigma is what is left around both levels, widened by sqrt((1 +
 * r) / (1 - r)) for its autocorrelation r at lag 1, because what drifts is no shift. Sources: E.
 * Page, "Continuous Inspection Schemes", Biometrika 41 (1954) and 42 (1955), the sum; D. Hinkley,
 * "Inference About the Change-Point in a Sequence of Random Variables", Biometrika 57 (1970), the
 * place; W. Ploberger, W. Kraemer, "The CUSUM Test with OLS Residuals", Econometrica 60 (1992), the
 * distribution. ERR_NOMEM. */
MUST_CHECK int change_find(struct trend trend, struct change *out);

#endif
