/* tick/engine.h - the policies, when each is due, and the ticks under way.
 *
 * A tick (tick.c) takes the policies that are due at one instant through
 *     discover -> collect -> snapshot -> evaluate -> alerts
 *         -> decisions: read -> rails -> intents -> journal -> act -> outcomes -> report
 * Several ticks may be under way when their policies are different ones (a policy whose collect is
 * slow does not hold up another); a policy that is due again while its last tick has not ended is
 * skipped, and that is counted.
 *
 * Rule 1: a policy is swapped between two evaluations of it, never inside one.
 * Rule 2: a fault of one policy (load, discover, collect, evaluate, memory, budget) is that
 * policy's alone. Rule 3: the loop gets its turn back every slice_ms while targets are evaluated.
 * Rule 4: an action is sent when its intent is on disk, and not before.
 * Rule 5: memo and alert changes of a tick are one store batch; while the store fails they stay in
 * memory, are tried again with the next tick, and the failure is in `errors` of every tick until
 * then. */
#ifndef MOONTIDE_TICK_ENGINE_H
#define MOONTIDE_TICK_ENGINE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/tick/alert.h"
#include "moontide/tick/collect.h"
#include "moontide/tick/evaluator.h"
#include "moontide/tick/rails.h"
#include "moontide/tick/world.h"

struct engine;
struct rail_limits;
struct store;

/* A decision with what became of it. */
enum outcome {
    OUTCOME_PROPOSED,
    OUTCOME_APPLIED,
    OUTCOME_UNCHANGED,
    OUTCOME_REFUSED,
    OUTCOME_FAILED,
    OUTCOME_UNKNOWN
};
extern const char *const outcome_names[]; /* "proposed", ..., NULL */

struct decision_report {
    char id[33];
    const struct decision *decision;
    const char *current; /* JSON or NULL: not read */
    const char *wanted;  /* JSON: with what the rails clipped */
    const char *changes; /* JSON or NULL: [{ field, from, to }, ...] */
    enum outcome outcome;
    const char *reason; /* a rail's code ("COOLDOWN"); "PLAN": only the command holds it back; "" */
    const char *text;   /* that in words, or what went wrong, or what was clipped; may be NULL */
    const char *notes;  /* JSON: what being wrong would cost, a list of texts; or NULL */
    const char *calls;  /* JSON: [{ operation, request_id }, ...]; or NULL */
    enum direction direction;
    uint32_t clipped; /* bits 1 << enum rail */
    bool back;        /* it puts back what a failed verification found wanting */
};

struct target_report {
    const char *policy, *target;
    enum status status;
    enum status before;         /* of the last tick; STATUS_UNKNOWN at first */
    bool first;                 /* there was no tick before */
    const struct alert *alerts; /* those firing or clearing are the `issues` */
    size_t alert_count;
    const struct evaluation *evaluation; /* recommendations, unknowns; NULL when it failed */
    const struct decision_report *decisions;
    size_t decision_count;
};

struct tick_error {
    const char *policy, *file; /* may be "" */
    int line;
    const char *message;
};

struct tick_report {
    int64_t at_ms, elapsed_ms;
    const char *world;
    uint64_t number; /* where ticks are recorded unique across restarts, else of this process, from
                        1 */
    size_t targets, policies;
    size_t by_status[4]; /* by enum status */
    const struct tick_error *errors;
    size_t error_count; /* > 0: the tick failed */
    uint32_t calls, queries, metrics_charged;
    uint64_t datapoints;
    double cost_usd, month_usd;      /* of this tick; at the present rate over 30 days */
    const char *const *policy_names; /* shape: [policies]: whose tick it is */
    const uint32_t *policy_metrics;  /* shape: [policies]: metrics charged to each in this tick */
};

/* target() runs once a target, as soon as it is judged; arguments are borrowed for the call. */
struct engine_listener {
    void *data;
    void (*target)(void *data, const struct target_report *report);
    void (*tick)(void *data, const struct tick_report *report);
};

struct engine_options {
    struct loop *loop;
    struct world *world; /* borrowed */
    struct store *store; /* borrowed; NULL: nothing is read or kept */
    bool read_only; /* memo and alerts are read from the store, none is written, and no decision
                       carried out (plan) */
    struct recorder *recorder; /* borrowed; NULL: what ticks see is not recorded */
    struct actor
        *actor; /* borrowed; NULL: decisions are proposed as they are, and none carried out */
    const struct rail_limits *rails; /* the configuration's; NULL: the defaults. Copied */
    const char *paused_path;         /* of the kill switch's file; borrowed; NULL: there is none */
    struct engine_listener listener;
    enum policy_mode mode; /* of policies that do not say */
    bool mode_override;    /* `mode` holds for all, but never raises a policy's own mode unless
                              override_up */
    bool override_up;      /* --mode act was said */
    int64_t settle_ms;
    int64_t slice_ms;          /* 0: 5 */
    int64_t policy_wall_ms;    /* all evaluations of one policy in a tick; 0: 5,000 */
    int64_t collect_ms;        /* 0: 30,000 */
    int64_t apply_ms;          /* the actor's deadline for apply. 0: 60,000 */
    double price_per_1000_usd; /* 0: 0.01 */
};

MUST_CHECK int engine_new(const struct engine_options *options, struct engine **out,
                          struct fault *fault);
void engine_free(struct engine *engine); /* after engine_stop()'s done, or when never started */

/* Takes a new policy, or the new generation of one of that name (and file); discovers its targets
 * first, then swaps. A tick that is under way ends with the generation it began with. ERR_EXISTS:
 * the name belongs to another file (fault names both); the evaluator is freed then too, as with
 * every error. A policy that the same file had under another name goes.
 *
 * swapped (may be NULL) runs exactly once, perhaps before return: OK when it is live;
 * ERR_CANCELED when a newer one came, the policy was removed, or the engine stops; else the code
 * of a failed discovery: the last good generation goes on, discovery is tried again with each tick
 * of the policy, and the fault is in the `errors` of every tick until then. swapped may call
 * engine_file_fault(), but neither engine_put() nor engine_remove(). */
MUST_CHECK int engine_put(struct engine *engine, struct evaluator *take_evaluator,
                          void (*swapped)(void *data, const char *policy, int code), void *data,
                          struct fault *fault);
/* Its alerts go with it; its memo stays, for a file that comes back. Unknown names are no error. */
void engine_remove(struct engine *engine, const char *policy);
/* A fault that belongs to a file (it does not load): in the `errors` of every tick until cleared
 * (fault NULL). `policy` is the last good one's name, or "". */
MUST_CHECK int engine_file_fault(struct engine *engine, const char *file, const char *policy,
                                 const struct fault *fault);

/* One tick of all policies now (or of one, when policy is not NULL); done (may be NULL) after its
 * report, when its batch is on disk, never before return; failed: the report has errors, or the
 * batch could not be written. Policies whose tick is under way are left out. ERR_BUSY: there is
 * none left; ERR_NOT_FOUND: no policy of that name; ERR_CLOSED: the engine stops. */
MUST_CHECK int engine_tick(struct engine *engine, const char *policy,
                           void (*done)(void *data, bool failed), void *data);
/* Begins the schedule: every policy at once, then each on its own `every`, at an offset by its
 * name. */
MUST_CHECK int engine_start(struct engine *engine);
/* Ends the schedule, lets an evaluation end its slice, cancels what waits, writes what is to be
 * written. Ticks under way report what they have, with an error that says so. done runs once,
 * never before return. */
void engine_stop(struct engine *engine, void (*done)(void *data), void *data);

/* For `status`. */
struct policy_status {
    const struct policy_info *info;
    enum policy_mode mode; /* in force */
    size_t targets, by_status[4];
    uint64_t ticks, skipped, failed;
    int64_t last_ms, next_ms,
        last_elapsed_us; /* epoch ms of world time; CPU time of its evaluations */
    size_t memory_bytes;
    uint64_t metrics_charged;
    const struct fault *fault; /* why the file on disk is not what runs; NULL: it is */
};
void engine_each_policy(const struct engine *engine,
                        void (*each)(void *data, const struct policy_status *status), void *data);
void engine_each_target(const struct engine *engine, const char *policy,
                        void (*each)(void *data, const char *target, enum status status,
                                     const struct alert *alerts, size_t count),
                        void *data);
struct collector *engine_collector(struct engine *engine);
/* The alerts of a target, also of one that was not judged since the start: shape [*count], valid
 * until it is judged. */
const struct alert *engine_alerts(const struct engine *engine, const char *policy,
                                  const char *target, size_t *count);
/* Every alert there is, of the last process too. */
void engine_each_alert(const struct engine *engine,
                       void (*each)(void *data, const char *policy, const char *target,
                                    const struct alert *alerts, size_t count),
                       void *data);
/* The series that a target's `metrics` names so: borrowed until the loop turns. NULL: there is
 * none. *slots is its window, *unit (may be NULL) what it is measured in; "" when it is not said.
 */
const struct series *engine_series(const struct engine *engine, const char *policy,
                                   const char *target, const char *name, uint32_t *slots,
                                   const char **unit);

/* The kill switch's file may have changed: it is read again at once, also for calls of a tick that
 * are still to be sent. (Each tick with decisions reads it anyhow.) */
void engine_pauses_changed(struct engine *engine);
/* Ends the freeze of a resource by a failed verification, and forgets that failure; resource is its
 * name, of any kind. Answers how many there were. */
size_t engine_unfreeze(struct engine *engine, const char *resource);
/* Open intents, frozen resources, verifications that are due. */
struct engine_actions {
    size_t open_intents, frozen, verifying;
};
void engine_actions(const struct engine *engine, struct engine_actions *out);

#endif
