/* model/threshold.h - "M of N datapoints are above x", with CloudWatch's treatment of missing data.
 *
 * The evaluation range is the newest N + 2 slots. The newest N datapoints in it count; only where
 * there are fewer than N are the missing ones filled in, by mode. Premature rule: when the oldest
 * breaching datapoint is at least M slots old and every other datapoint of the range is breaching
 * or missing, it is true although too few datapoints exist (mode `missing`; `ignore` stays as
 * before). A view that is shorter than the range reads as missing where it ends. Source: Amazon
 * CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data", whose tables are
 * the unit test; where its prose and its table differ, threshold.c says which rule fits all rows.
 */
#ifndef MOONTIDE_MODEL_THRESHOLD_H
#define MOONTIDE_MODEL_THRESHOLD_H

#include "moontide/model/series.h"

enum verdict { VERDICT_UNKNOWN = -1, VERDICT_FALSE = 0, VERDICT_TRUE = 1 };
enum threshold_op { THRESHOLD_ABOVE, THRESHOLD_BELOW }; /* strict: > and < */
enum missing_mode { MISSING_MISSING, MISSING_IGNORE, MISSING_BREACHING, MISSING_NOT_BREACHING };

struct threshold {
    enum threshold_op op;
    double value;
    uint32_t datapoints; /* M, 1..N */
    uint32_t of;         /* N */
    enum missing_mode missing;
};

/* `before` is the last answer kept for this question (VERDICT_UNKNOWN at first); only
 * MISSING_IGNORE reads it. */
enum verdict threshold_judge(const struct threshold *threshold, struct series_view view,
                             enum verdict before);

#endif
