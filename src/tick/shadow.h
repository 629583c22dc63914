/* tick/shadow.h - a candidate beside the live generation of its policy; private to the layer. See
 * engine.h for what becomes of it.
 *
 *     shadow.c       how it comes and goes, what the journal, the log and the status say of it
 *     shadow_run.c   its part in a tick
 *
 * It belongs to its policy, and to the run that it takes part in: one that goes in mid-tick
 * (`over`) stays in memory until that run has ended. */
#ifndef MOONTIDE_TICK_SHADOW_H
#define MOONTIDE_TICK_SHADOW_H

#include "engine_private.h"
#include "moontide/tick/compare.h"

struct shadow {
    struct policy *policy;
    struct generation *generation;
    struct answers *answers; /* a copy that goes its own way */
    uint32_t refs;
    bool over; /* promoted, rejected, replaced: nothing of it runs any more */

    /* In a tick: `side` is a run of its own, in no list of the tick. */
    struct run side;
    struct evaluation evaluation; /* of the target that is its turn */
    bool ready;                   /* it was judged, or is not the candidate's */
    bool found;                   /* it is */
    bool whole;                   /* so far all targets were compared */
    size_t *indexes; /* shape: [live targets]: the candidate's; SIZE_MAX: it has none */
    bool *known;     /* shape: [its targets]: the live one has it */
    size_t rest;     /* of those that only the candidate has: the next to judge */
    int64_t spent_ns;
    struct fault fault; /* of its collect */

    struct differences differences;
    struct shadow_status status;
    uint64_t said[SHADOW_LINES_MAX]; /* hashes of target and difference; shape: [said_count] */
    size_t said_count;
    char *lines[SHADOW_LINES_SHOWN];
};

/* ---- shadow.c ---- */
/* Takes the generation's pin, also when it fails: ERR_NOMEM. */
MUST_CHECK int shadow_begin(struct policy *policy, struct generation *take_generation,
                            uint32_t ticks);
/* How many ticks a generation of this policy is to run beside the live one. */
uint32_t shadow_ticks(const struct policy *policy, const struct policy_info *info);
/* It goes without having been live; policy->shadow may be NULL. */
void shadow_drop(struct policy *policy);
void shadow_promote(struct shadow *shadow, const char *why);
void shadow_reject(struct shadow *shadow, const char *target, const struct fault *fault);
/* A difference on that target: counted, and said when it is news. */
void shadow_tell(struct shadow *shadow, const char *target, const struct difference *difference);
void shadow_release(struct shadow *shadow);

/* ---- shadow_run.c ---- */
void shadow_attach(struct run *run); /* the tick pinned the live generation */
void shadow_detach(struct run *run); /* the run ends; NULL is no candidate */
/* Its evaluation or collect under way is given up. */
void shadow_halt(struct shadow *shadow);
/* Whether the candidate's judgement of the run's present target (or, when the run has none left, of
 * one that only the candidate has) is still to be made. */
bool shadow_pending(const struct run *run);
void shadow_step(struct run *run, int64_t left_ns);
/* The live one has judged that target; fault NULL: it ended well. */
void shadow_compare(struct run *run, const struct target *target, const struct fault *fault);
void shadow_next(struct run *run);       /* the run goes on to its next target */
void shadow_tick_ended(struct run *run); /* all targets of the run had their turn */

#endif
