/* tick/generation.c - one loaded generation of a policy: discovery, its series, and the swap.
 *
 * A swap is a pointer: the policy's `live` generation changes, and the old one goes when the last
 * tick that pins it ends. The new one subscribes before the old one releases, so that a series both
 * declare is never dropped. What outlives a generation is found again by the target's id: its
 * status by the hash of the id, alerts and memo by their own tables. */
#include "engine_private.h"
#include "moontide/base/hash.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Discovery. */

static void discovered(void *data, int code, const struct fault *fault)
{
    struct discovery *discovery = data;
    if (!discovery->under_way) return;
    discovery->under_way = false;
    loop_timer_cancel(discovery->timer);
    discovery->timer = NULL;
    discovery->done(discovery->data, code, fault);
}

static void discovery_late(void *data)
{
    struct discovery *discovery = data;
    struct fault fault;
    fault_set(&fault, ERR_TIMEOUT, "targets() did not end within %lld ms",
              (long long)discovery->engine->options.collect_ms);
    discovery->timer = NULL;
    discovery->evaluator->vtable->stop(discovery->evaluator);
    discovered(discovery, ERR_TIMEOUT, &fault);
}

void discovery_start(struct discovery *discovery, struct engine *engine,
                     struct evaluator *evaluator,
                     void (*done)(void *data, int code, const struct fault *fault), void *data)
{
    *discovery = (struct discovery){
        .engine = engine, .evaluator = evaluator, .done = done, .data = data, .under_way = true};
    int rc = loop_timer_start(engine->options.loop, engine->options.collect_ms, discovery_late,
                              discovery, &discovery->timer);
    if (rc < 0) {
        struct fault fault;
        fault_set(&fault, rc, "no memory to discover the targets");
        discovered(discovery, rc, &fault);
        return;
    }
    evaluator->vtable->discover(evaluator, discovered, discovery);
}

void discovery_cancel(struct discovery *discovery)
{
    loop_timer_cancel(discovery->timer);
    discovery->timer = NULL;
    discovery->under_way = false;
    discovery->evaluator->vtable->stop(discovery->evaluator);
}

/* Targets and their series. */

static void targets_done(struct engine *engine, struct targets *targets)
{
    for (size_t i = 0; i < targets->entry_count; i++)
        collector_release(engine->collector, targets->entries[i]);
    free(targets->entries);
    free(targets->states);
    *targets = (struct targets){0};
}

static int subscribe(struct engine *engine, struct targets *targets, const struct target *target)
{
    if (target->use_count > targets->use_max) targets->use_max = target->use_count;
    for (uint32_t i = 0; i < target->use_count; i++) {
        const struct metric_use *use = &target->uses[i];
        int rc = collector_subscribe(engine->collector, use->metric, use->slots,
                                     &targets->entries[targets->entry_count]);
        if (rc < 0) return rc;
        targets->entry_count++;
        int64_t period_ms = (int64_t)use->metric->period_s * 1000;
        if (period_ms > targets->period_max_ms) targets->period_max_ms = period_ms;
    }
    return OK;
}

static int targets_build(struct engine *engine, const struct evaluator *evaluator,
                         struct targets *out)
{
    const struct evaluator_vtable *vtable = evaluator->vtable;
    struct targets targets = {.count = vtable->target_count(evaluator)};
    size_t uses = 0;
    for (size_t i = 0; i < targets.count; i++)
        uses += vtable->target(evaluator, i)->use_count;
    if (uses > UINT32_MAX) return ERR_LIMIT;
    targets.states = calloc(targets.count + 1, sizeof *targets.states);
    targets.entries = calloc(uses + 1, sizeof(struct collector_entry *));
    int rc = targets.states && targets.entries ? OK : ERR_NOMEM;
    for (size_t i = 0; i < targets.count && rc == OK; i++) {
        const struct target *target = vtable->target(evaluator, i);
        targets.states[i].id_hash = hash64(target->id, strlen(target->id), 0);
        targets.states[i].first_entry = (uint32_t)targets.entry_count;
        rc = subscribe(engine, &targets, target);
    }
    if (rc < 0)
        targets_done(engine, &targets);
    else
        *out = targets;
    return rc;
}

/* Which of the targets there were are still there. */

struct known {
    uint64_t id_hash;
    size_t index;
};
struct census {
    struct known *known; /* by id_hash; NULL: no memory, so everybody counts as there */
    size_t count;
    struct policy *policy;
    struct changes *changes;
};

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct known *)a)->id_hash, y = ((const struct known *)b)->id_hash;
    return x < y ? -1 : x > y;
}

static struct census census_of(struct policy *policy, const struct targets *targets)
{
    struct census census = {.count = targets->count,
                            .policy = policy,
                            .changes = policy_changes(policy),
                            .known = calloc(targets->count + 1, sizeof *census.known)};
    for (size_t i = 0; i < targets->count && census.known; i++)
        census.known[i] = (struct known){targets->states[i].id_hash, i};
    if (census.known) qsort(census.known, census.count, sizeof *census.known, by_hash);
    return census;
}

static const struct known *census_find(const struct census *census, uint64_t id_hash)
{
    struct known wanted = {.id_hash = id_hash};
    return bsearch(&wanted, census->known, census->count, sizeof wanted, by_hash);
}

static bool is_there(void *data, const char *target)
{
    const struct census *census = data;
    return !census->known || census_find(census, hash64(target, strlen(target), 0));
}

static void alert_gone(void *data, const char *target, const struct alert *alert)
{
    const struct census *census = data;
    note_issue(census->policy, NULL, target, alert, ALERT_EVENT_RESOLVED, "the target is gone",
               census->changes);
}

/* What was known of `from`'s targets passes to `to`'s (from may be NULL); who is not among them is
 * forgotten. */
static void succeed(struct policy *policy, const struct targets *from, const struct targets *to)
{
    struct engine *engine = policy->engine;
    struct census census = census_of(policy, to);
    for (size_t i = 0; from && census.known && i < from->count; i++) {
        const struct target_state *before = &from->states[i];
        const struct known *now = census_find(&census, before->id_hash);
        if (!now || !(before->flags & TARGET_JUDGED)) continue;
        to->states[now->index].status = before->status;
        to->states[now->index].flags |= TARGET_JUDGED;
    }
    alerts_retain(engine->alerts, policy->name, is_there, alert_gone, &census, census.changes);
    memos_retain(&engine->memos, policy->name, is_there, &census, census.changes);
    verify_retain(engine, policy->name, is_there, &census, "its target is gone", census.changes);
    free(census.known);
}

/* Generations. */

/* The configuration's limits with the policy's over them. */
static int generation_limits(struct generation *generation)
{
    struct fault fault;
    const char *rails = generation->info->rails;
    rail_limits_copy(&generation->limits, &generation->engine->limits);
    int rc = rails ? rail_limits_read(&generation->limits, rails, strlen(rails), &fault) : OK;
    if (rc < 0) rail_limits_done(&generation->limits);
    return rc;
}

int generation_new(struct engine *engine, struct evaluator *evaluator, struct generation **out)
{
    struct generation *generation = calloc(1, sizeof *generation);
    if (!generation) return ERR_NOMEM;
    int rc = targets_build(engine, evaluator, &generation->targets);
    if (rc < 0) {
        free(generation);
        return rc;
    }
    generation->engine = engine;
    generation->evaluator = evaluator;
    generation->info = evaluator->vtable->info(evaluator);
    generation->discovered_ms = engine_now_ms(engine);
    generation->pins = 1;
    rc = generation_limits(generation);
    if (rc < 0) {
        targets_done(engine, &generation->targets);
        free(generation);
        return rc;
    }
    *out = generation;
    return OK;
}

void generation_unpin(struct generation *generation)
{
    if (!generation || --generation->pins > 0) return;
    targets_done(generation->engine, &generation->targets);
    rail_limits_done(&generation->limits);
    generation->evaluator->vtable->free(generation->evaluator);
    free(generation);
}

int generation_refresh(struct policy *policy, struct generation *generation)
{
    struct targets fresh;
    int rc = targets_build(policy->engine, generation->evaluator, &fresh);
    if (rc < 0) {
        /* The evaluator has new targets already, and the states must not speak of others. */
        targets_done(policy->engine, &generation->targets);
        return rc;
    }
    succeed(policy, &generation->targets, &fresh);
    targets_done(policy->engine, &generation->targets);
    generation->targets = fresh;
    generation->info = generation->evaluator->vtable->info(generation->evaluator);
    generation->discovered_ms = engine_now_ms(policy->engine);
    return OK;
}

void generation_install(struct policy *policy, struct generation *generation)
{
    struct generation *before = policy->live;
    trace_uninstall(policy); /* a tick may go on with it for a while */
    policy->live = generation;
    trace_install(policy);
    succeed(policy, before ? &before->targets : NULL, &generation->targets);
    generation_unpin(before);
}

void generation_overtaken(struct policy *policy, const struct generation *generation)
{
    if (policy->live && policy->live != generation)
        succeed(policy, &generation->targets, &policy->live->targets);
}
