/* model/threshold.c - "M of N datapoints are above x", when some of them are missing.
 *
 * Of the range (the newest N + 2 slots) let `seen` be the datapoints that are there, at most the
 * newest N of them, and `bad` those of them that breach.
 *
 *   bad >= M                     true, whatever the mode
 *   seen == N                    false: nothing is missing, so the mode is not asked
 *   missing  = breaching         bad + (N - seen) >= M
 *            = not_breaching     false
 *   a good datapoint was seen    false in the two modes that are left: it speaks against
 *   missing  = ignore            as before
 *   missing  = missing           unknown when nothing was seen; else true when the oldest breaching
 *                                datapoint is at least M slots old (the newest slot is 1 old), as M
 *                                slots of bad or no data have gone by; else false
 *
 * The User Guide states that last rule (premature alarm state) as "the oldest breaching datapoint
 * is at least as old as M and all more recent ones are breaching or missing", which would make
 * `0 - X - -` with M = 2, N = 3 an alarm, while its table says OK. Every row it publishes holds
 * when the rule also wants no good datapoint in the whole range; that is the rule here. Two cases
 * are not published: with `ignore`, and only breaching datapoints but fewer than M, it stays as
 * before, which is what the published row `- - - X -` does; with `missing` it is false for `- - - -
 * X` and M = 3 (the guide: not yet an alarm; no data only when all of the range is missing). */
#include "moontide/model/threshold.h"

#include <assert.h>
#include <math.h>

struct range {
    uint64_t seen, bad;
    uint64_t oldest_bad_age; /* in slots, 1 is the newest; 0: none */
};

static bool breaches(const struct threshold *t, double value)
{
    return t->op == THRESHOLD_ABOVE ? value > t->value : value < t->value;
}

static struct range look(const struct threshold *t, struct series_view view)
{
    struct range range = {0, 0, 0};
    uint64_t slots = (uint64_t)t->of + 2;
    if (slots > view.slots) slots = view.slots;
    for (uint64_t age = 1; age <= slots && range.seen < t->of; age++) {
        double value = view.values[view.slots - age];
        if (isnan(value)) continue;
        range.seen++;
        if (!breaches(t, value)) continue;
        range.bad++;
        range.oldest_bad_age = age;
    }
    return range;
}

enum verdict threshold_judge(const struct threshold *threshold, struct series_view view,
                             enum verdict before)
{
    uint64_t m = threshold->datapoints, n = threshold->of;
    assert(m >= 1 && m <= n);
    struct range range = look(threshold, view);
    if (range.bad >= m) return VERDICT_TRUE;
    if (range.seen == n) return VERDICT_FALSE;
    switch (threshold->missing) {
    case MISSING_BREACHING: return range.bad + (n - range.seen) >= m ? VERDICT_TRUE : VERDICT_FALSE;
    case MISSING_NOT_BREACHING: return VERDICT_FALSE;
    case MISSING_IGNORE: return range.seen > range.bad ? VERDICT_FALSE : before;
    case MISSING_MISSING: break;
    }
    if (range.seen == 0) return VERDICT_UNKNOWN;
    if (range.seen > range.bad) return VERDICT_FALSE;
    return range.oldest_bad_age >= m ? VERDICT_TRUE : VERDICT_FALSE;
}
