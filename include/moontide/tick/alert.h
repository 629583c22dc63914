/* tick/alert.h - the state of each issue of each target, kept by the host and not by the policy.
 *
 *                 when, pending > 0             pending over
 *      inactive ------------------> pending -----------------> firing <-----------+
 *          ^  |                        |  a miss                 |  gone           | when
 *          |  +---- when, pending 0 ---|-----------------------> |                 |
 *          |                           v                         v  keep_firing >0 |
 *          +-- calm --- resolved <-----+--------- over ------- resolving ----------+
 *
 * Resolved is as good as inactive; the alert is remembered until nothing has changed for
 * ALERT_HISTORY evaluations. Beside its state an alert may be
 *   unknown   a series of the target's last evaluation could not answer: the state is an old one
 *   flapping  it changes too often: of the last 21 evaluations, 20 changes are possible, the newest
 *             weighing 1.2, the oldest 0.8; from 50 % of the weight it flaps, until it is below
 *             25 %. Source: Nagios Core, "Detection and Handling of State Flapping".
 *
 * Rule 1: no data never resolves: while any series of the evaluation answered nil, an issue that
 * was not raised (not stated, or with `when` false) keeps its state, pending included; one whose
 * `when` is nil keeps its own. Rule 2: an issue stated with `clear` goes back only when clear is
 * true; clear nil keeps it. One that is no longer stated at all goes back as if `when` were false,
 * as a policy that lost the issue could never clear it. Rule 3: states are durable: each change of
 * state or severity goes into the tick's changes. */
#ifndef MOONTIDE_TICK_ALERT_H
#define MOONTIDE_TICK_ALERT_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/model/evaluation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct changes;
struct store;

enum alert_state { ALERT_PENDING, ALERT_FIRING, ALERT_RESOLVING, ALERT_RESOLVED };
extern const char *const alert_state_names[]; /* "pending", "firing", "resolving", "resolved" */
enum { ALERT_HISTORY = 21, ALERT_FLAPS_PERCENT = 50, ALERT_CALM_PERCENT = 25 };

struct alert {
    const char *type, *key;
    const char *description, *recommendation; /* as last raised */
    enum severity severity;
    enum alert_state state;
    int64_t since_ms, raised_ms, gone_ms;
    int64_t keep_firing_ms; /* as last raised */
    const char *metrics;    /* names of the series that its condition read, with commas; or "" */
    bool flapping;          /* it changes too often: its changes are not told one by one */
    bool unknown;           /* a series of its target's last evaluation could not answer */
    uint32_t history;       /* bit i: it was on, i evaluations ago; ALERT_HISTORY bits */
    bool seen;              /* private */
};

/* It fires, or did a moment ago. */
static inline bool alert_is_on(const struct alert *alert)
{
    return alert->state == ALERT_FIRING || alert->state == ALERT_RESOLVING;
}

enum alert_event {
    ALERT_EVENT_FIRED,    /* from inactive, pending or resolved */
    ALERT_EVENT_RESOLVED, /* from firing or resolving */
    ALERT_EVENT_SEVERITY, /* it goes on with another severity */
    ALERT_EVENT_FLAPS,
    ALERT_EVENT_CALM, /* it flaps no longer */
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
/* Applies one evaluation. changes may be NULL (plan, test). `changed`, which may be NULL, runs for
 * each event.
 * ERR_NOMEM: issues that found no room are not kept. */
MUST_CHECK int alerts_apply(struct alerts *alerts, const char *policy, const char *target,
                            const struct evaluation *evaluation, int64_t now_ms,
                            struct changes *changes, struct alert_changes *count,
                            void (*changed)(void *data, const struct alert *alert,
                                            enum alert_event event),
                            void *data);
/* The target's alerts that are not resolved: shape [*count], valid until the next apply. */
const struct alert *alerts_of(const struct alerts *alerts, const char *policy, const char *target,
                              size_t *count);
/* Those that are resolved behind them. */
const struct alert *alerts_all_of(const struct alerts *alerts, const char *policy,
                                  const char *target, size_t *count);
/* All of every target, as alerts_all_of() gives them. */
void alerts_each(const struct alerts *alerts,
                 void (*each)(void *data, const char *policy, const char *target,
                              const struct alert *alerts, size_t count),
                 void *data);
/* A policy or target that is gone for good takes its alerts with it: those of the policy's targets
 * that keep() refuses are forgotten, each that fired is told to gone() first (may be NULL). */
void alerts_retain(struct alerts *alerts, const char *policy,
                   bool (*keep)(void *data, const char *target),
                   void (*gone)(void *data, const char *target, const struct alert *alert),
                   void *data, struct changes *changes);

/* critical with any firing high issue, warning with any medium one, else unknown if a series could
 * not answer, else healthy. Resolving counts as firing; pending and resolved do not. */
enum status alerts_status(const struct alert *alerts, size_t count, uint32_t unknown_count);

#endif
