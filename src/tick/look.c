/* tick/look.c - what others may see of the engine between two turns of the loop: alerts, series,
 * memo, targets, and the trace of evaluations. */
#include "engine_private.h"

#include <string.h>

const struct alert *engine_alerts(const struct engine *engine, const char *policy,
                                  const char *target, size_t *count)
{
    return alerts_all_of(engine->alerts, policy, target, count);
}

void engine_each_alert(const struct engine *engine,
                       void (*each)(void *data, const char *policy, const char *target,
                                    const struct alert *alerts, size_t count),
                       void *data)
{
    alerts_each(engine->alerts, each, data);
}

static const struct target *find_target(const struct policy *policy, const char *id, size_t *at)
{
    const struct evaluator *evaluator = policy->live->evaluator;
    uint64_t hash = hash64(id, strlen(id), 0);
    for (size_t i = 0; i < policy->live->targets.count; i++) {
        if (policy->live->targets.states[i].id_hash != hash) continue;
        *at = i;
        return evaluator->vtable->target(evaluator, i);
    }
    return NULL;
}

static struct policy *find_policy(const struct engine *engine, const char *name)
{
    struct policy *policy = engine->policies;
    while (policy && strcmp(policy->name, name) != 0)
        policy = policy->next;
    return policy;
}

static const struct policy *find_live(const struct engine *engine, const char *name)
{
    const struct policy *policy = find_policy(engine, name);
    return policy && policy->live ? policy : NULL;
}

const struct series *engine_series(const struct engine *engine, const char *policy_name,
                                   const char *target_id, const char *name, uint32_t *slots,
                                   const char **unit)
{
    size_t at = 0;
    const struct policy *policy = find_live(engine, policy_name);
    const struct target *target = policy ? find_target(policy, target_id, &at) : NULL;
    for (uint32_t i = 0; target && i < target->use_count; i++) {
        const struct metric_use *use = &target->uses[i];
        if (strcmp(use->key, name) != 0) continue;
        const struct targets *targets = &policy->live->targets;
        *slots = use->slots;
        if (unit) *unit = use->metric->unit ? use->metric->unit : "";
        return collector_series(targets->entries[targets->states[at].first_entry + i]);
    }
    return NULL;
}

const struct evaluator *engine_evaluator(const struct engine *engine, const char *policy_name)
{
    const struct policy *policy = find_live(engine, policy_name);
    return policy ? policy->live->evaluator : NULL;
}

const struct target *engine_target(const struct engine *engine, const char *policy_name,
                                   const char *target_id, size_t *index)
{
    const struct policy *policy = find_live(engine, policy_name);
    return policy ? find_target(policy, target_id, index) : NULL;
}

const struct series *engine_use_series(const struct engine *engine, const char *policy_name,
                                       size_t index, uint32_t use)
{
    const struct policy *policy = find_live(engine, policy_name);
    const struct targets *targets = policy ? &policy->live->targets : NULL;
    if (!targets || index >= targets->count) return NULL;
    return collector_series(targets->entries[targets->states[index].first_entry + use]);
}

const char *engine_memo(const struct engine *engine, const char *policy, const char *target)
{
    return memos_get(&engine->memos, policy, target);
}

size_t engine_targets_page(const struct engine *engine, const char *policy_name, size_t from,
                           size_t max,
                           void (*each)(void *data, const struct target *target, enum status status,
                                        const struct alert *alerts, size_t count),
                           void *data)
{
    const struct policy *policy = find_live(engine, policy_name);
    const struct targets *targets = policy ? &policy->live->targets : NULL;
    size_t given = 0;
    for (; targets && given < max && from + given < targets->count; given++) {
        const struct evaluator *evaluator = policy->live->evaluator;
        const struct target *target = evaluator->vtable->target(evaluator, from + given);
        const struct target_state *state = &targets->states[from + given];
        size_t count = 0;
        const struct alert *alerts = alerts_of(engine->alerts, policy_name, target->id, &count);
        bool judged = state->flags & TARGET_JUDGED;
        each(data, target, judged ? (enum status)state->status : alerts_status(alerts, count, 1),
             alerts, count);
    }
    return given;
}

static void trace_with(struct policy *policy, const struct tracer *tracer)
{
    struct evaluator *evaluator = policy->live ? policy->live->evaluator : NULL;
    if (evaluator && evaluator->vtable->trace) evaluator->vtable->trace(evaluator, tracer);
}

void trace_install(struct policy *policy)
{
    if (policy->tracer) trace_with(policy, policy->tracer);
}

void trace_uninstall(struct policy *policy)
{
    if (policy->tracer) trace_with(policy, NULL);
}

int engine_trace(struct engine *engine, const char *policy_name, const struct tracer *tracer)
{
    struct policy *policy = find_policy(engine, policy_name);
    if (!policy) return ERR_NOT_FOUND;
    if (policy->tracer == tracer) return OK;
    policy->tracer = tracer;
    trace_with(policy, tracer);
    return OK;
}
