/* stats/anomaly_expect.h - what the next datapoint should be, from the earlier ones.
 *
 * Six simple predictions compete: the median of the last twelve, the long median, the same time of
 * day, the same time of week, and the last twelve moved as the day or the week moves. The one with
 * the smallest recent error is the expectation; the 2.5 and 97.5 percentiles of its residuals, each
 * followed by stochastic approximation (H. Robbins, S. Monro, "A Stochastic Approximation Method",
 * 1951), are the band. */
#ifndef MOONTIDE_STATS_ANOMALY_EXPECT_H
#define MOONTIDE_STATS_ANOMALY_EXPECT_H

#include <float.h>
#include <stdint.h>

enum {
    EXPECT_RING = 64,    /* the newest datapoints */
    EXPECT_SEASONS = 16, /* what was expected of the newest ones by their season */
    EXPECT_SHORT = 12,   /* datapoints of the short median, and of a block of the long one */
    EXPECT_BLOCKS = 288, /* blocks of the long median: 12 days of 5 minutes */
    EXPECT_PREDICTORS = 6,
    DAY_BINS = 96,   /* quarters of an hour */
    WEEK_BINS = 336, /* half hours */
};

struct profile {
    double means[WEEK_BINS];
    uint8_t seen[WEEK_BINS];
};

struct expect {
    double ring[EXPECT_RING], day_ring[EXPECT_SEASONS], week_ring[EXPECT_SEASONS];
    uint64_t
        count; /* datapoints since the beginning; ring[(count - 1) % EXPECT_RING] is the newest */
    uint64_t fresh; /* of them, since the last long gap, with the one before it */
    double block_medians[EXPECT_BLOCKS], sorted[EXPECT_BLOCKS];
    int blocks, next_block;
    struct profile day, week;
    double errors[EXPECT_PREDICTORS]; /* recent mean absolute error of each */
    double spread, above, below;      /* mean absolute residual; the band around expected */
};

/* What is known before a datapoint. */
struct outlook {
    double recent; /* median of the last EXPECT_SHORT */
    double level;  /* the long median */
    double expected, lower, upper;
    double predictions[EXPECT_PREDICTORS];
    int best;
    double day, week, season; /* of the time of day, of week, and the one that erred less */
    int day_bin, week_bin;
};

/* The first datapoint of all: it was expected. */
void expect_first(struct expect *expect, double time_s, double value);
/* Differences of finite values that overflow stay finite. */
static inline double bounded(double x)
{
    return x > DBL_MAX ? DBL_MAX : x < -DBL_MAX ? -DBL_MAX : x;
}

/* At least one datapoint was taken. */
void expect_look(const struct expect *expect, double time_s, struct outlook *out);
/* The datapoint itself, with what was expected of it. */
void expect_take(struct expect *expect, const struct outlook *outlook, double value);
/* The i-th newest datapoint, from 0. */
double expect_newest(const struct expect *expect, uint64_t i);

#endif
