/* tick/alert.h - the state of each issue of each target, kept by the host and not by the policy.
 *
 *                 when, pending > 0             pending over
 *      inactive ------------------> pending -----------------> firing <-----------+
 *          ^  |                        |  a miss                 |  gone           | when
 *          |  +---- when, pending 0 ---|-----------------------> |                 |
 *          |                           v                         v  keep_firing >0 |
 *          +---------------------- inactive <--- over -------- clearing -----------+
 *
 * Rule 1: no data never resolves: while any series of the evaluation answered nil, issue types that
 * were not raised keep their state; an issue whose `when` is nil keeps its own. Rule 2: an issue
 * with `clear` goes back only when clear is true; clear nil keeps it. Rule 3: states are durable:
 * each change goes into the tick's batch. */
#ifndef MOONTIDE_TICK_ALERT_H
#define MOONTIDE_TICK_ALERT_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/model/evaluation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_batch;

enum alert_state { ALERT_PENDING, ALERT_FIRING, ALERT_CLEARING };

struct alert {
    const char *type, *key;
    const char *description, *recommendation; /* as last raised */
    enum severity severity;
    enum alert_state state;
    int64_t since_ms, raised_ms, gone_ms;
};

/* All alerts, by (policy, target). */
struct alerts;
MUST_CHECK int alerts_new(struct alerts **out);
void alerts_free(struct alerts *alerts);
MUST_CHECK int alerts_load(struct alerts *alerts, struct store *store, const char *world,
                           struct fault *fault);

struct alert_changes {
    uint32_t fired,
        resolved; /* entered firing from inactive or pending; went inactive from firing */
};
/* Applies one evaluation. batch may be NULL (plan, test). Changes are logged as issue.raised and
 * issue.resolved by the caller through `changed`, which may be NULL. */
MUST_CHECK int alerts_apply(struct alerts *alerts, const char *policy, const char *target,
                            const struct evaluation *evaluation, int64_t now_ms,
                            struct store_batch *batch, struct alert_changes *changes,
                            void (*changed)(void *data, const struct alert *alert, bool fired),
                            void *data);
/* The target's alerts: shape [*count], valid until the next apply. */
const struct alert *alerts_of(const struct alerts *alerts, const char *policy, const char *target,
                              size_t *count);
/* A policy or target that is gone for good takes its alerts with it. target NULL: all of the
 * policy. */
void alerts_forget(struct alerts *alerts, const char *policy, const char *target,
                   struct store_batch *batch);

/* critical with any firing high issue, warning with any medium one, else unknown if a series could
 * not answer, else healthy. Clearing counts as firing; pending does not. */
enum status alerts_status(const struct alert *alerts, size_t count, uint32_t unknown_count);

#endif
