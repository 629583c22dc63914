/* stats/crossing.h - when a trend reaches a threshold: "full in 3.2 days". */
#ifndef MOONTIDE_STATS_CROSSING_H
#define MOONTIDE_STATS_CROSSING_H

#include "moontide/base/compiler.h"
#include "moontide/stats/trend.h"

enum crossing_way { CROSSING_AS_TREND, CROSSING_UP, CROSSING_DOWN, CROSSING_WAYS };
extern const char *const crossing_way_names[CROSSING_WAYS + 1]; /* ends with NULL */

enum crossing_state {
    CROSSING_UNKNOWN, /* too few datapoints */
    CROSSING_NEVER,   /* no slope that differs from 0 at this confidence, or one that leads away */
    CROSSING_AHEAD,
    CROSSING_PAST, /* reached already: all of `in_s` is 0 */
};

struct crossing {
    enum crossing_state state;
    struct interval in_s; /* seconds after now: expected, soonest, latest; NaN: unknown or never */
};

/* When the Theil-Sen line (line.h) reaches the threshold, and the interval by that of its slope,
 * from the line's value at now_s on. Past is what lies behind the way: the line is at or over the
 * threshold for "up", at or under it for "down"; without a way, when the line crossed it since the
 * first datapoint. Needs 3 datapoints at different times. ERR_NOMEM. */
MUST_CHECK int crossing_find(struct trend trend, double threshold, enum crossing_way way,
                             double now_s, double confidence, struct crossing *out);

#endif
