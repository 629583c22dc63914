/* stats/points.h - the datapoints of a trend without those that are missing. */
#ifndef MOONTIDE_SRC_STATS_POINTS_H
#define MOONTIDE_SRC_STATS_POINTS_H

#include "moontide/base/compiler.h"
#include "moontide/stats/trend.h"

struct points {
    double *times;  /* shape: [count]; seconds after origin_s */
    double *values; /* shape: [count] */
    size_t count;
    double origin_s; /* the time of the first: epoch seconds squared would eat a double's digits */
};

/* The caller frees it with points_done(). ERR_NOMEM. */
MUST_CHECK int points_of(struct trend trend, struct points *out);
void points_done(struct points *points);

#endif
