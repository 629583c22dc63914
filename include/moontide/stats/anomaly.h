/* stats/anomaly.h - a streaming detector of unusual datapoints: no look-ahead, bounded memory.
 *
 * Ten weak views look at each datapoint: its distance from what was expected (level, time of day,
 * time of week) and from the last twelve, the mean distance from the season, the mean and the
 * movement of the last 24, each up and down. A view keeps a log-scaled histogram of the maxima of
 * its blocks, and gives -log P(as large in a block): by counting where it has seen as much, by
 * Hill's estimate of the tail beyond (B. M. Hill, "A Simple General Approach to Inference About the
 * Tail of a Distribution", 1975), with the predictive distribution of so few exceedances. Their sum
 * is how unusual the datapoint is. Three memories of shapes look for what was never seen whatever
 * its size: the last two values together, the recent past in coarser and coarser means, level and
 * movement together. The sum and the memories have a vote each: a tail of the same kind over its
 * block maxima says how rare it is for this series (the second stage of A. Lavin and S. Ahmad,
 * "Evaluating Real-Time Anomaly Detection Algorithms", 2015, with another distribution). The rarest
 * one counts, less what was told lately; of the views' sums half stays for the next datapoint, and
 * their probability is doubled, as what they tell alone is half as often an anomaly.
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
    /* How likely it is that this is none of the ordinary stretches of this series, if one that is
     * not is to be expected of a series as long as was seen: 1 / (1 + how many ordinary ones as
     * rare are), less what was told in the last one or two hundred datapoints, so the first of a
     * run is told. 0.1 finds most of what people mark as an anomaly; above 0.5 it is rarer than
     * anything seen. NaN until warm. */
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
