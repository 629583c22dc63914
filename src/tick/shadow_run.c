/* tick/shadow_run.c - a candidate's part in a tick.
 *
 * Of each target the candidate's judgement is made just before the live one's, in the same slices
 * of time, from the same series; then both are compared. Targets that only the candidate has come
 * at the end, so that it shows whether it can judge them at all. What it says stays here: it is
 * compared, and forgotten.
 *
 * Its evaluations have the budgets that those of the live one have, each for itself; as it is
 * rejected with the first that fails, a tick waits for it no longer than for one policy more. */
#include "shadow.h"

#include "moontide/base/hash.h"

#include <stdlib.h>
#include <string.h>

static const int64_t NS_PER_MS = 1000000;

/* ---- begin and end ---- */

static const struct target *target_at(const struct generation *generation, size_t index)
{
    return generation->evaluator->vtable->target(generation->evaluator, index);
}

static size_t index_of(const struct generation *generation, uint64_t id_hash, size_t guess)
{
    const struct targets *targets = &generation->targets;
    for (size_t k = 0; k < targets->count; k++) {
        size_t i = (guess + k) % targets->count; /* mostly the same list */
        if (targets->states[i].id_hash == id_hash) return i;
    }
    return SIZE_MAX;
}

/* Which target of the candidate is which of the live one. */
static int match_targets(struct shadow *shadow, const struct generation *live)
{
    const struct generation *own = shadow->generation;
    shadow->indexes = calloc(live->targets.count + 1, sizeof *shadow->indexes);
    shadow->known = calloc(own->targets.count + 1, sizeof *shadow->known);
    if (!shadow->indexes || !shadow->known) return ERR_NOMEM;
    for (size_t i = 0; i < live->targets.count; i++) {
        shadow->indexes[i] = index_of(own, live->targets.states[i].id_hash, i);
        if (shadow->indexes[i] != SIZE_MAX) shadow->known[shadow->indexes[i]] = true;
    }
    return OK;
}

void shadow_attach(struct run *run)
{
    struct shadow *shadow = run->policy->shadow;
    if (!shadow || match_targets(shadow, run->generation) < 0) return; /* another tick, then */
    shadow->refs++;
    shadow->ready = false;
    shadow->whole = true;
    shadow->rest = 0;
    shadow->spent_ns = 0;
    shadow->fault.code = OK;
    shadow->side = (struct run){
        .tick = run->tick, .policy = run->policy, .generation = shadow->generation, .side = shadow};
    run->shadow = shadow;
}

void shadow_halt(struct shadow *shadow)
{
    struct run *side = &shadow->side;
    if (!side->tick) return;
    if (side->again) shadow->generation->evaluator->vtable->stop(shadow->generation->evaluator);
    if (side->again) run_evaluation_ended(side, true);
    side->again = false;
    if (side->collecting) collect_cancel(side);
}

void shadow_detach(struct run *run)
{
    struct shadow *shadow = run->shadow;
    if (!shadow) return;
    shadow_halt(shadow);
    extra_free(&shadow->side);
    shadow->side.tick = NULL;
    free(shadow->indexes);
    free(shadow->known);
    shadow->indexes = NULL;
    shadow->known = NULL;
    run->shadow = NULL;
    shadow_release(shadow);
}

/* ---- one target ---- */

/* The next of the targets that only the candidate has; none: its count. */
static size_t next_rest(const struct shadow *shadow)
{
    size_t at = shadow->rest;
    while (at < shadow->generation->targets.count && shadow->known[at])
        at++;
    return at;
}

static bool lives(const struct run *run)
{
    const struct shadow *shadow = run->shadow;
    return shadow && !shadow->over && !shadow->side.skip_rest && !run->skip_rest &&
           !run->tick->canceled;
}

bool shadow_pending(const struct run *run)
{
    if (!lives(run)) return false;
    if (run->at < run->generation->targets.count) return !run->again && !run->shadow->ready;
    return next_rest(run->shadow) < run->shadow->generation->targets.count;
}

/* What only one of the two judges. */
static void tell_target(struct shadow *shadow, const char *target, enum difference_side side)
{
    struct difference difference = {.what = DIFFERENCE_TARGET,
                                    .side = side,
                                    .subject = target,
                                    .text = "",
                                    .id = (uint64_t)DIFFERENCE_TARGET * 4 + (uint64_t)side + 1};
    shadow_tell(shadow, target, &difference);
}

/* EVALUATE_AGAIN, OK, or what went wrong. */
static int judge(struct shadow *shadow, const struct target *target, int64_t left_ns,
                 struct fault *fault)
{
    struct run *side = &shadow->side;
    struct evaluator *evaluator = shadow->generation->evaluator;
    char *extra = NULL;
    *fault = (struct fault){.code = OK};
    if (!collect_take(side, side->at, &extra)) {
        *fault = shadow->fault;
        return fault->code;
    }
    if (!side->again) evaluation_reset(&shadow->evaluation);
    struct evaluation_input input = run_input(side, target, extra, left_ns);
    input.answers = shadow->answers;
    input.compared = true;
    int rc = evaluator->vtable->evaluate(evaluator, &input, &shadow->evaluation, fault);
    if (rc != EVALUATE_AGAIN || run_keep_series(side, target) == OK) return rc;
    evaluator->vtable->stop(evaluator);
    return fault_set(fault, ERR_NOMEM, "no memory to go on with the evaluation");
}

/* The target that side->at names, for a slice. */
static void step(struct shadow *shadow, int64_t left_ns)
{
    struct run *side = &shadow->side;
    const struct target *target = target_at(shadow->generation, side->at);
    int64_t wall_ms = shadow->policy->engine->options.policy_wall_ms;
    struct fault fault;
    int64_t begun_ns = real_ns();
    int rc = judge(shadow, target, left_ns, &fault);
    shadow->spent_ns += real_ns() - begun_ns;
    side->again = rc == EVALUATE_AGAIN;
    if (!side->again) run_evaluation_ended(side, rc < 0);
    if (rc >= 0 && shadow->spent_ns > wall_ms * NS_PER_MS)
        rc = fault_set(&fault, ERR_BUDGET,
                       "the evaluations of this tick took %lld ms, and the policy has %lld",
                       (long long)(shadow->spent_ns / NS_PER_MS), (long long)wall_ms);
    if (rc < 0) shadow_reject(shadow, target->id, &fault);
}

/* One that the live generation does not judge. */
static void step_rest(struct shadow *shadow, int64_t left_ns)
{
    struct run *side = &shadow->side;
    if (!side->again) side->at = next_rest(shadow);
    step(shadow, left_ns);
    if (shadow->over || side->again) return;
    tell_target(shadow, target_at(shadow->generation, side->at)->id, DIFFERENCE_ADDED);
    shadow->rest = side->at + 1;
}

void shadow_step(struct run *run, int64_t left_ns)
{
    struct shadow *shadow = run->shadow;
    int64_t before_ns = shadow->spent_ns;
    if (run->at >= run->generation->targets.count) {
        step_rest(shadow, left_ns);
    } else {
        size_t index = shadow->indexes[run->at];
        shadow->found = index != SIZE_MAX;
        shadow->side.at = index;
        if (shadow->found) step(shadow, left_ns);
        shadow->ready = !shadow->side.again;
    }
    run->aside_ns += shadow->spent_ns - before_ns;
}

void shadow_compare(struct run *run, const struct target *target, const struct fault *fault)
{
    struct shadow *shadow = run->shadow;
    if (!lives(run) || !shadow->ready) return;
    if (!shadow->found) {
        tell_target(shadow, target->id, DIFFERENCE_REMOVED);
        return;
    }
    const struct judgement live = {&run->policy->evaluation, fault};
    const struct judgement candidate = {&shadow->evaluation, NULL};
    int count = differences_find(&shadow->differences, &live, &candidate);
    if (count < 0) shadow->whole = false;
    for (int i = 0; i < count; i++)
        shadow_tell(shadow, target->id, &shadow->differences.items[i]);
}

void shadow_next(struct run *run)
{
    struct shadow *shadow = run->shadow;
    if (!shadow) return;
    if (!shadow->ready) shadow->whole = false;
    shadow->ready = false;
}

void shadow_tick_ended(struct run *run)
{
    struct shadow *shadow = run->shadow;
    if (!lives(run) || !shadow->whole) return;
    shadow->status.done++;
    if (shadow->status.done >= shadow->status.ticks) shadow_promote(shadow, NULL);
}
