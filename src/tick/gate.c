/* tick/gate.c - tiers: a policy that depends on another does not scale out while that one has a
 * firing high issue of saturation, as more tasks on a saturated database make things worse. */
#include "act.h"

#include <stdio.h>
#include <string.h>

/* "saturation", or "connection_saturation". */
static bool is_saturation(const char *type)
{
    static const char word[] = "saturation";
    size_t len = strlen(type), word_len = sizeof word - 1;
    if (len < word_len || strcmp(type + len - word_len, word) != 0) return false;
    return len == word_len || type[len - word_len - 1] == '_';
}

static const struct alert *saturated(const struct engine *engine, const char *tier,
                                     const char *target)
{
    size_t count = 0;
    const struct alert *alerts = alerts_of(engine->alerts, tier, target, &count);
    for (size_t i = 0; i < count; i++)
        if (alert_is_on(&alerts[i]) && alerts[i].severity == SEVERITY_HIGH &&
            is_saturation(alerts[i].type))
            return &alerts[i];
    return NULL;
}

/* The tier's target of the same name, or any of its targets when it has none of that name. */
static const struct alert *tier_saturated(const struct engine *engine, const char *tier,
                                          const char *target)
{
    const struct policy *policy = engine->policies;
    while (policy && strcmp(policy->name, tier) != 0)
        policy = policy->next;
    if (!policy || !policy->live) return NULL;
    const struct evaluator *evaluator = policy->live->evaluator;
    const struct alert *any = NULL;
    for (size_t i = 0; i < policy->live->targets.count; i++) {
        const char *id = evaluator->vtable->target(evaluator, i)->id;
        const struct alert *alert = saturated(engine, tier, id);
        if (strcmp(id, target) == 0) return alert;
        if (alert) any = alert;
    }
    return any;
}

const char *gate_holds(const struct action *action, char out[RAIL_TEXT_MAX])
{
    const struct run *run = action->judged->run;
    const char *const *tiers = run->generation->info->depends_on;
    for (size_t i = 0; tiers && tiers[i]; i++) {
        const struct alert *alert =
            tier_saturated(run->tick->engine, tiers[i], action_target(action));
        if (!alert) continue;
        snprintf(out, RAIL_TEXT_MAX, "the tier %s, which it depends on, is saturated: %s", tiers[i],
                 alert->description[0] ? alert->description : alert->type);
        return out;
    }
    return NULL;
}
