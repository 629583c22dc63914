/* tick/look.c - what others may see of the engine's alerts and series between two ticks. */
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

const struct series *engine_series(const struct engine *engine, const char *policy_name,
                                   const char *target_id, const char *name, uint32_t *slots,
                                   const char **unit)
{
    size_t at = 0;
    const struct policy *policy = engine->policies;
    while (policy && strcmp(policy->name, policy_name) != 0)
        policy = policy->next;
    const struct target *target =
        policy && policy->live ? find_target(policy, target_id, &at) : NULL;
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
