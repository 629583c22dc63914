/* tick/judge.c - what a decision would change, and whether the rails let it.
 *
 * Three turns over the actions of a tick: what differs (COMPARE: also what each policy wishes, as a
 * conflict is only seen when all have spoken); the rails up to CONFLICT, and the check of
 * feasibility for what passed them (CHECK); the other rails, which end as proposal, refusal or
 * intent (DECIDE). Long turns give the loop its turn back after a slice. */
#include "act.h"

#include "moontide/io/loop.h"
#include "moontide/tick/wishes.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WISH_HOLDS_MS = 5 * 60 * 1000 }; /* at least, as in tick/wishes.h */

static const int64_t NS_PER_MS = 1000000;

/* ---- slices ---- */

static void slice(struct tick *tick, void (*step)(struct action *action), void (*again)(void *data))
{
    int64_t until_ns = real_ns() + tick->engine->options.slice_ms * NS_PER_MS;
    tick->slice = NULL;
    while (tick->at < tick->action_count) {
        step(&tick->actions[tick->at++]);
        if (real_ns() < until_ns) continue;
        if (loop_timer_start(tick->engine->options.loop, 0, again, tick, &tick->slice) == OK)
            return;
    }
    tick_resume(tick);
}

/* ---- what differs ---- */

static bool plans(const struct tick *tick)
{
    return tick->engine->options.read_only || !tick->engine->unsaved;
}

/* Also in a plan, which shows what a tick would do. */
static bool acts(const struct action *action)
{
    return action->judged->run->mode == MODE_ACT;
}

static void deny(struct resource *resource, const char *problem, int64_t now_ms)
{
    if (text_set(&resource->denied, problem ? problem : "AWS refuses it") == OK)
        resource->denied_until_ms = now_ms + DENIED_MS;
}

/* A kind without read: once done, it is done; when nobody knows, it is never repeated by itself. */
static void judge_unreadable(struct action *action)
{
    const struct resource *resource = action->resource;
    if (resource->call_unknown)
        action_end(
            action, OUTCOME_UNKNOWN, rail_codes[RAIL_BUSY],
            "an earlier call of this kind and key was cut off, so nobody knows whether it was "
            "made: look, and give the decision another idempotency_key to do it again");
    else if (resource->written)
        action_end(action, OUTCOME_UNCHANGED, rail_codes[RAIL_NO_CHANGE],
                   "it was called already; another idempotency_key calls it again");
}

/* The decision's own bounds on a capacity: no state of the resource, so no wish of one. */
static const char *const bounds[] = {"min", "max", NULL};

static bool capacity_named(const struct comparison *comparison, const char *field)
{
    for (size_t i = 0; i < comparison->capacity_count; i++)
        if (strcmp(comparison->capacities[i].field, field) == 0) return true;
    return false;
}

static struct wish wish_of(const struct action *action)
{
    const struct decision *decision = action->decision;
    const struct comparison *comparison = &action->comparison;
    bool bounded = comparison->capacity_count > 0 && !capacity_named(comparison, "min") &&
                   !capacity_named(comparison, "max");
    return (struct wish){.policy = action_policy(action)->name,
                         .target = action_target(action),
                         .kind = decision->kind,
                         .resource = decision->resource,
                         .region = decision->region,
                         .account = decision->account,
                         .every_ms = action->judged->run->generation->info->every_ms,
                         .wanted = decision->wanted,
                         .bounds = bounded ? bounds : NULL,
                         .capacities = comparison->capacities,
                         .capacity_count = comparison->capacity_count};
}

/* Those in mode act hear each other; who only recommends hears all. */
static struct wishes *wishes_of(const struct action *action)
{
    struct engine *engine = action_tick(action)->engine;
    return acts(action) ? engine->acting_wishes : engine->wishes;
}

/* Whoever only recommends is part of the resource's history unless somebody acts on it, whom that
 * must not hold up. */
static void stabilize(struct action *action, int64_t every_ms)
{
    const struct comparison *comparison = &action->comparison;
    struct resource *resource = action->resource;
    int64_t now_ms = action_tick(action)->at_ms;
    int64_t holds_ms = 3 * every_ms > WISH_HOLDS_MS ? 3 * every_ms : WISH_HOLDS_MS;
    if (acts(action)) resource->acting_until_ms = now_ms + holds_ms;
    bool heard = acts(action) || now_ms >= resource->acting_until_ms ||
                 now_ms < resource->acting_until_ms - holds_ms; /* the clock went back */
    if (resource->frozen) heard = false;                        /* nor what is on its way back */
    for (size_t i = 0; i < comparison->capacity_count && heard; i++) {
        const struct capacity *capacity = &comparison->capacities[i];
        struct rail_history *history = resource_history(resource, capacity->field);
        if (history && !isnan(capacity->from))
            rail_history_wish(history, now_ms, capacity->from, capacity->to);
    }
}

static void wish(struct action *action)
{
    int64_t now_ms = action_tick(action)->at_ms;
    if (action->back) return; /* former values ask nobody */
    struct wish wish = wish_of(action);
    stabilize(action, wish.every_ms);
    struct engine *engine = action_tick(action)->engine;
    uint64_t unused;
    int rc = wishes_put(wishes_of(action), &wish, now_ms, &action->wish);
    if (rc >= 0 && acts(action)) rc = wishes_put(engine->wishes, &wish, now_ms, &unused);
    if (rc < 0)
        action_end(action, OUTCOME_FAILED, "", "its wish could not be compared with others: %s",
                   err_text(rc));
}

static void settled(struct action *action)
{
    struct resource *resource = action->resource;
    struct tick *tick = action_tick(action);
    drift_settled(action);
    if (!action->back) return;
    back_done(&resource->back); /* the former values are there: what comes later is not undone */
    resources_keep(&tick->engine->resources, resource, tick->changes);
}

static void compare_one(struct action *action)
{
    struct engine *engine = action_tick(action)->engine;
    struct actor *actor = engine->options.actor;
    struct subject *subject = action->subject;
    struct fault fault;
    if (action->ended) return;
    if (action_policy(action)->removed) return; /* it wishes nothing any more */
    if (subject->code == ERR_DENIED) {
        deny(action->resource, subject->problem, action_tick(action)->at_ms);
        action_end(action, OUTCOME_REFUSED, rail_codes[RAIL_NOT_ALLOWED], "%s",
                   subject->problem ? subject->problem : "AWS refuses to show it");
        return;
    }
    if (subject->code < 0) {
        action_end(action, OUTCOME_FAILED, "", "%s",
                   subject->problem ? subject->problem : err_text(subject->code));
        return;
    }
    if (!subject->current) { /* nothing to compare with: the rails say that, in their order */
        action->comparison.change_count = 1;
        action->feasibility.infeasible =
            strdup(subject->problem ? subject->problem : "it does not exist");
        if (!action->feasibility.infeasible)
            action_end(action, OUTCOME_FAILED, "", "no memory to judge it");
        return;
    }
    int rc = actor->vtable->compare(actor, subject, NULL, 0, &action->comparison, &fault);
    if (rc < 0) {
        char text[FAULT_TEXT_MAX];
        fault_print(&fault, text, sizeof text);
        action_end(action, OUTCOME_FAILED, "", "%s", text);
        return;
    }
    if (!actor->vtable->kind(actor, subject->kind)->reads)
        judge_unreadable(action);
    else if (action->comparison.change_count == 0)
        settled(action);
    else if (drift_look(action, &action->feasibility.busy) < 0)
        action_end(action, OUTCOME_FAILED, "", "no memory to judge it");
    if (!action->ended) wish(action);
}

static void compare_slice(void *data)
{
    slice(data, compare_one, compare_slice);
}

void tick_compare(struct tick *tick)
{
    if (!tick->actions) return;
    tick->at = 0;
    tick_wait(tick);
    compare_slice(tick);
}

/* ---- facts ---- */

/* Everything of a case that is made of words; they live until the rails were asked. */
struct facts {
    char paused[PAUSE_TEXT_MAX], unknown[RAIL_TEXT_MAX], gated[RAIL_TEXT_MAX];
    char conflict[WISH_TEXT_MAX], busy[RAIL_TEXT_MAX];
};

static const char *paused(const struct action *action, struct facts *facts)
{
    const struct engine *engine = action_tick(action)->engine;
    if (engine->pauses_unknown)
        return "the file PAUSED could not be looked at, and what cannot be read pauses everything";
    const struct pause *pause =
        pauses_find(&engine->pauses, action_policy(action)->name, action_target(action),
                    action->decision->resource, action->comparison.direction);
    if (!pause) return NULL;
    pause_text(pause, facts->paused);
    return facts->paused;
}

static const char *unknown(const struct action *action, struct facts *facts)
{
    const struct evaluation *evaluation = &action->judged->evaluation;
    if (evaluation->unknown_count == 0) return NULL;
    const struct unknown *first = &evaluation->unknowns[0];
    snprintf(facts->unknown, sizeof facts->unknown, "no data: %s%s%s", first->metric,
             first->reason[0] ? ": " : "", first->reason);
    return facts->unknown;
}

static const char *conflict(const struct action *action, struct facts *facts)
{
    if (action->back) return NULL;
    struct wish wish = wish_of(action);
    int rc = wishes_conflict(wishes_of(action), &wish, action->wish, action_tick(action)->at_ms,
                             facts->conflict);
    if (rc < 0) return "there was no memory to compare it with other wishes";
    return rc > 0 ? facts->conflict : NULL;
}

static const char *busy(const struct action *action, struct facts *facts)
{
    const struct resource *resource = action->resource;
    if (resource->open_intents)
        snprintf(facts->busy, sizeof facts->busy,
                 "no answer came to an earlier change; whether it was made is being found out");
    else if (resource->acting && resource->acting != action)
        snprintf(facts->busy, sizeof facts->busy, "another decision changes it just now");
    else
        return action->feasibility.busy;
    return facts->busy;
}

/* The decision's own bounds; a kind whose capacities are min and max has no others. */
static void own_bounds(struct action *action)
{
    struct rail_case *rail = &action->rail;
    rail->min = rail->max = NAN;
    const struct comparison *comparison = &action->comparison;
    if (comparison->capacity_count == 0 || capacity_named(comparison, "min") ||
        capacity_named(comparison, "max"))
        return;
    cJSON *wanted = cJSON_Parse(action->decision->wanted);
    const cJSON *min = cJSON_GetObjectItemCaseSensitive(wanted, "min");
    const cJSON *max = cJSON_GetObjectItemCaseSensitive(wanted, "max");
    if (cJSON_IsNumber(min)) rail->min = min->valuedouble;
    if (cJSON_IsNumber(max)) rail->max = max->valuedouble;
    cJSON_Delete(wanted);
}

/* The policy's limits, or those with the decision's own over them. */
static int own_limits(struct action *action)
{
    struct rail_case *rail = &action->rail;
    struct fault fault;
    const char *json = action->decision->rails;
    rail->limits = &action->judged->run->generation->limits;
    if (!json) return OK;
    action->limits = calloc(1, sizeof *action->limits);
    if (!action->limits) return ERR_NOMEM;
    rail_limits_copy(action->limits, rail->limits);
    rail->limits = action->limits;
    int rc = rail_limits_read(action->limits, json, strlen(json), &fault);
    if (rc < 0) action_end(action, OUTCOME_FAILED, "", "rails: %s", fault.text);
    return OK;
}

static size_t fixed_changes(const struct comparison *comparison)
{
    size_t moved = 0;
    for (size_t i = 0; i < comparison->capacity_count; i++)
        moved += !(comparison->capacities[i].from == comparison->capacities[i].to);
    return comparison->change_count > moved ? comparison->change_count - moved : 0;
}

static int case_begin(struct action *action)
{
    const struct comparison *comparison = &action->comparison;
    struct rail_case *rail = &action->rail;
    struct tick *tick = action_tick(action);
    *rail = (struct rail_case){.now_ms = tick->at_ms,
                               .mode = action->judged->run->mode,
                               .plan = plans(tick),
                               .direction = comparison->direction,
                               .change_count = comparison->change_count,
                               .fixed_count = fixed_changes(comparison),
                               .capacity_count = comparison->capacity_count,
                               .policy_targets =
                                   (uint32_t)action->judged->run->generation->targets.count};
    memcpy(rail->capacities, comparison->capacities, sizeof rail->capacities);
    for (size_t i = 0; i < rail->capacity_count; i++) {
        rail->histories[i] = resource_history(action->resource, rail->capacities[i].field);
        if (!rail->histories[i]) return ERR_NOMEM;
    }
    own_bounds(action);
    return own_limits(action);
}

/* ---- the verdict ---- */

static void take_verdict(struct action *action)
{
    const struct rail_case *rail = &action->rail;
    const char *text = rail->text[0] ? rail->text : NULL;
    const char *code = rail_codes[rail->rail];
    switch (rail->effect) {
    case RAIL_PASSES: return;
    case RAIL_ENDS: action_end(action, OUTCOME_UNCHANGED, code, text ? "%s" : NULL, text); return;
    case RAIL_REFUSES: action_end(action, OUTCOME_REFUSED, code, text ? "%s" : NULL, text); return;
    case RAIL_PROPOSES:
        if (rail->mode == MODE_ACT) code = "PLAN"; /* the command holds it back, and no rail */
        action_end(action, OUTCOME_PROPOSED, code, text ? "%s" : NULL, text);
    }
}

static void judge_early(struct action *action)
{
    struct facts facts;
    struct rail_case *rail = &action->rail;
    if (action->ended || action_policy(action)->removed) return;
    if (action->comparison.change_count == 0) { /* most decisions, most of the time */
        action_end(action, OUTCOME_UNCHANGED, rail_codes[RAIL_NO_CHANGE], NULL);
        return;
    }
    if (case_begin(action) < 0) {
        action_end(action, OUTCOME_FAILED, "", "no memory to judge it");
        return;
    }
    if (action->ended) return;
    rail->paused = paused(action, &facts);
    rail->frozen = action->back ? NULL : action->resource->frozen;
    rail->unknown = unknown(action, &facts);
    rail->gated = gate_holds(action, facts.gated);
    rail->conflict = conflict(action, &facts);
    rails_judge(rail, RAIL_NO_CHANGE, RAIL_CONFLICT);
    rail->paused = rail->unknown = rail->gated = rail->conflict =
        NULL; /* those were on the stack */
    take_verdict(action);
}

/* ---- the check ---- */

static void check_more(struct tick *tick);

static void on_checked(void *data, int code, struct feasibility *found, const struct fault *fault)
{
    struct action *action = data;
    struct tick *tick = action_tick(action);
    struct feasibility *known = &action->feasibility;
    action->call = NULL;
    tick->checking--;
    if (code < 0) {
        action_end(action, OUTCOME_FAILED, "", "it could not be checked: %s",
                   fault ? fault->text : err_text(code));
    } else {
        free(known->infeasible);
        known->infeasible = found->infeasible;
        if (known->busy)
            free(found->busy);
        else
            known->busy = found->busy;
        known->notes = found->notes;
        *found = (struct feasibility){0};
    }
    check_more(tick);
    tick_resume(tick);
}

static void check_start(struct action *action)
{
    struct tick *tick = action_tick(action);
    struct engine *engine = tick->engine;
    action->checked = true;
    tick->checking++;
    tick_wait(tick);
    int rc = world_check(engine->options.world, engine->options.actor, action->subject,
                         &action->comparison, on_checked, action, &action->call);
    if (rc >= 0) return;
    tick->checking--;
    tick->waiting--;
    action_end(action, OUTCOME_FAILED, "", "it could not be checked: %s", err_text(rc));
}

static void check_more(struct tick *tick)
{
    while (tick->at < tick->action_count && tick->checking < CHECKS_AT_ONCE && !tick->canceled) {
        struct action *action = &tick->actions[tick->at++];
        if (!action->ended && !action->feasibility.infeasible && !action_policy(action)->removed)
            check_start(action);
    }
}

static void rails_slice(void *data)
{
    slice(data, judge_early, rails_slice);
}

void tick_rails(struct tick *tick)
{
    if (!tick->actions) return;
    tick->at = 0;
    tick_wait(tick);
    rails_slice(tick);
}

void tick_check(struct tick *tick)
{
    if (!tick->actions) return;
    tick->at = 0;
    check_more(tick);
}

void tick_check_cancel(struct tick *tick)
{
    struct engine *engine = tick->engine;
    if (tick->checking == 0) return;
    tick_wait(tick);
    for (size_t i = 0; i < tick->action_count; i++) {
        struct action *action = &tick->actions[i];
        if (!action->call || action->sent) continue;
        struct actor_call *call = action->call;
        action->call = NULL;
        world_cancel_act(engine->options.world, engine->options.actor, call);
        action->cut = true;
        action_end(action, OUTCOME_FAILED, "", "the engine stops before it was checked");
        tick->checking--;
        tick_resume(tick);
    }
    tick_resume(tick);
}

/* ---- the decision ---- */

static double capacity_to(const struct rail_case *rail, const char *field)
{
    for (size_t i = 0; i < rail->capacity_count; i++)
        if (strcmp(rail->capacities[i].field, field) == 0) return rail->capacities[i].to;
    return NAN;
}

/* Rules clip each capacity by itself, and may leave a min above the max, which nobody wished. */
static bool crossed(const struct rail_case *rail)
{
    return capacity_to(rail, "min") > capacity_to(rail, "max"); /* false when one is not there */
}

/* The rails clipped it: what is left is compared anew. */
static void clip(struct action *action)
{
    struct actor *actor = action_tick(action)->engine->options.actor;
    struct comparison clipped;
    struct fault fault;
    if (!action->rail.clipped || action->rail.effect == RAIL_REFUSES) return;
    if (crossed(&action->rail)) {
        action_end(action, OUTCOME_REFUSED, rail_codes[RAIL_NOT_FEASIBLE],
                   "what the rails leave of it has min = %g above max = %g",
                   capacity_to(&action->rail, "min"), capacity_to(&action->rail, "max"));
        return;
    }
    int rc = actor->vtable->compare(actor, action->subject, action->rail.capacities,
                                    action->rail.capacity_count, &clipped, &fault);
    if (rc < 0) {
        action_end(action, OUTCOME_FAILED, "", "%s", fault.text);
        return;
    }
    comparison_done(&action->comparison);
    action->comparison = clipped;
    if (clipped.change_count == 0)
        action_end(action, OUTCOME_UNCHANGED, rail_codes[RAIL_NO_CHANGE], NULL);
}

/* For BLAST_RADIUS: what is carried out, or would be if this were no plan. A proposal of a policy
 * that only recommends moves nothing. */
static void count_change(struct action *action)
{
    if (policy_mode_in_force(action_policy(action)) != MODE_ACT) return;
    struct tick *tick = action_tick(action);
    struct run *run = action->judged->run;
    tick->changes_made++;
    if (!action->rail.target_counted) run->changed_targets++;
    action->judged->counted = true;
}

static void decide_one(struct action *action)
{
    struct tick *tick = action_tick(action);
    const struct run *run = action->judged->run;
    const struct resource *resource = action->resource;
    struct rail_case *rail = &action->rail;
    struct facts facts;
    if (tick->canceled || run->policy->removed) {
        action_end(action, OUTCOME_FAILED, "", "%s before it was carried out",
                   run->policy->removed ? "the policy went" : "the engine stops");
        return;
    }
    bool counts = rail->mode == MODE_ACT;
    rail->infeasible = action->feasibility.infeasible;
    rail->denied = tick->at_ms < resource->denied_until_ms ? resource->denied : NULL;
    rail->drift = drift_holds(action);
    rail->busy = busy(action, &facts);
    rail->actions = counts ? tick->changes_made : 0;
    rail->changed_targets = counts ? run->changed_targets : 0;
    rail->target_counted = action->judged->counted;
    rails_judge(rail, RAIL_NOT_FEASIBLE, RAIL_MODE);
    rail->busy = NULL;
    clip(action);
    if (action->ended) return;
    if (rail->effect == RAIL_PASSES || rail->effect == RAIL_PROPOSES) count_change(action);
    take_verdict(action);
    if (action->ended) return;
    if (rail->text[0]) action->text = strdup(rail->text); /* what was clipped */
    action->to_apply = true;
    action->resource->acting = action;
    intent_note(action, tick->changes);
}

static void decide_and_note(struct action *action)
{
    if (!action->ended) decide_one(action);
    note_decision(action, action_tick(action)->changes);
}

static void decide_slice(void *data)
{
    slice(data, decide_and_note, decide_slice);
}

void tick_decide(struct tick *tick)
{
    if (!tick->actions) return;
    tick->at = 0;
    tick_wait(tick);
    decide_slice(tick);
}
