/* stats/anomaly.h - a streaming detector of unusual datapoints: no look-ahead, bounded memory.
 *
 * Ten weak views look at each datapoint: its value, its distance from what was expected (level,
 * time of day, time of week), from the last twelve, the mean and the movement of the last 24, each
 * up and down. A view keeps a log-scaled histogram of the maxima of its blocks, and gives
 * -log P(as large in a block): by counting where it has seen as much, by Hill's estimate of the
 * tail beyond (B. M. Hill, "A Simple General Approach to Inference About the Tail of a
 * Distribution", 1975), with the predictive distribution of so few exceedances. Their sum is how
 * unusual the datapoint is; a tail of the same kind over these sums says how unusual that is for
 * this series (the second stage of A. Lavin and S. Ahmad, "Evaluating Real-Time Anomaly Detection
 * Algorithms", 2015, with another distribution), less what was said lately.
 *
 * Rule 1: the answers for a datapoint depend on it and on earlier ones alone, and two detectors fed
 *         alike answer alike, to the bit.
 * Rule 2: NaN is "no datapoint": it changes nothing, and its score is NaN.
 * Rule 3: no memory but anomaly_size() bytes, no work that grows with what was seen. */
#ifndef MOONTIDE_STATS_ANOMALY_H
#define MOONTIDE_STATS_ANOMALY_H

#include "moontide/base/compiler.h"

#include <stddef.h>

enum {
    ANOMALY_POINTS_MIN = 5, /* fewer before a datapoint: its score is not known */
    ANOMALY_WARM = 120,     /* datapoints until the views have an opinion */
};

struct anomaly_options {
    double period_s; /* between datapoints; 0: learnt from their times */
};

struct anomaly {
    /* How unusual this datapoint is, 0..1; 0.5 is where one should look. The first ANOMALY_WARM
     * have the modified z-score of B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers"
     * (1993) among at most 64 before them, as z^2 / (z^2 + 3.5^2): their threshold is 0.5. NaN with
     * fewer than ANOMALY_POINTS_MIN. */
    double score;
    /* 1 - the probability that an ordinary stretch of this series holds as unusual a datapoint,
     * less what was told of one or two stretches ago: the first of a run is told. NaN until warm.
     */
    double likelihood;
    /* Known before the datapoint was: what it should be, and where about 95 % of them lie. NaN: not
     * enough seen. */
    double expected, lower, upper;
};

struct anomaly_detector;

/* On success the caller owns *out; release with anomaly_free() (NULL is fine). ERR_INVALID:
 * period_s is negative or not finite. */
MUST_CHECK int anomaly_new(const struct anomaly_options *options, struct anomaly_detector **out);
void anomaly_free(struct anomaly_detector *detector);

/* For memory of another's (a Lua userdata): anomaly_size() bytes, aligned as malloc's, made a new
 * detector by anomaly_init(); nothing has to be undone. */
size_t anomaly_size(void);
MUST_CHECK int anomaly_init(struct anomaly_detector *detector,
                            const struct anomaly_options *options);
/* As if nothing had been seen. */
void anomaly_reset(struct anomaly_detector *detector);

/* time_s: epoch seconds, not before the last one given. ERR_INVALID, and nothing has changed: a
 * time that goes back or is not finite, an infinite value. */
MUST_CHECK int anomaly_update(struct anomaly_detector *detector, double time_s, double value,
                              struct anomaly *out);

#endif
