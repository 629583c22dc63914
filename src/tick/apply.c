/* tick/apply.c - the calls of a tick, once their intents are on disk.
 *
 * A few at a time, in the order in which they were decided. Before each one the kill switch is
 * asked again, as minutes may have passed since the rails were. An answer that leaves open whether
 * the change was made keeps its intent open: recover.c looks at the resource later, as after a
 * crash. */
#include "act.h"

#include "moontide/base/log.h"
#include "moontide/io/loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void apply_more(struct tick *tick);

/* Nothing was sent. */
static void give_up(struct action *action)
{
    action->to_apply = false;
    action->resource->acting = NULL;
    intent_end(action, action_tick(action)->engine->unsaved);
}

/* ---- outcomes ---- */

static void on_success(struct action *action)
{
    struct engine *engine = action_tick(action)->engine;
    char *clipped = action->text; /* what the rails left of the wish, if they clipped it */
    action->text = NULL;
    action_end(action, OUTCOME_APPLIED, "", clipped ? "%s" : NULL, clipped);
    free(clipped);
    const struct change_made made = {.id = action->id,
                                     .policy = action_policy(action)->name,
                                     .target = action_target(action),
                                     .verify = action->decision->verify};
    if (action->back) back_done(&action->resource->back);
    resource_applied(engine, action->resource, &made, &action->comparison, engine->unsaved);
}

/* No answer came that says whether it was done. */
static bool leaves_open(const struct applied *applied)
{
    if (applied->unsent) return false;
    switch (applied->code) {
    case ERR_TIMEOUT:
    case ERR_CONNECT:
    case ERR_IO:
    case ERR_TLS:
    case ERR_CANCELED: return true;
    default: return false;
    }
}

static const char *words_of(const struct applied *applied)
{
    return applied->fault && applied->fault->text[0] ? applied->fault->text
                                                     : err_text(applied->code);
}

static void on_failure(struct action *action, const struct applied *applied)
{
    struct engine *engine = action_tick(action)->engine;
    struct resource *resource = action->resource;
    if (applied->code == ERR_DENIED) {
        if (text_set(&resource->denied, words_of(applied)) == OK)
            resource->denied_until_ms = engine_now_ms(engine) + DENIED_MS;
        action_end(action, OUTCOME_REFUSED, rail_codes[RAIL_NOT_ALLOWED], "%s", words_of(applied));
    } else {
        action_end(action, OUTCOME_FAILED, "", "%s", words_of(applied));
    }
    if (applied->unsent) return;
    struct actor *actor = engine->options.actor;
    const struct kind_info *kind = actor->vtable->kind(actor, action->decision->kind);
    text_set(&resource->written, NULL); /* some of it may have been done */
    resource->call_unknown = !kind || !kind->reads;
    resources_keep(&engine->resources, resource, engine->unsaved);
}

static void on_applied(void *data, const struct applied *applied)
{
    struct action *action = data;
    struct tick *tick = action_tick(action);
    action->call = NULL;
    action->resource->acting = NULL;
    tick->applying--;
    if (applied->calls) action->calls = strdup(applied->calls);
    if (leaves_open(applied)) {
        action_end(action, OUTCOME_UNKNOWN, "", "%s; whether it was done is being found out",
                   words_of(applied));
        recovery_add(action);
    } else {
        if (applied->code == OK)
            on_success(action);
        else
            on_failure(action, applied);
        intent_end(action, tick->engine->unsaved);
    }
    apply_more(tick);
    tick_resume(tick);
}

/* ---- the turn of each ---- */

static const struct pause *paused_now(const struct action *action)
{
    const struct engine *engine = action_tick(action)->engine;
    return pauses_find(&engine->pauses, action_policy(action)->name, action_target(action),
                       action->decision->resource, action->comparison.direction);
}

/* Whether something that came up since the rails were asked keeps it from being sent. */
static bool held_back(struct action *action)
{
    const struct tick *tick = action_tick(action);
    char text[PAUSE_TEXT_MAX];
    const struct pause *pause = paused_now(action);
    action->cut = tick->canceled;
    if (tick->canceled)
        action_end(action, OUTCOME_FAILED, "", "the engine stops before it was sent");
    else if (action_policy(action)->removed)
        action_end(action, OUTCOME_FAILED, "", "the policy went before it was sent");
    else if (tick->engine->pauses_unknown)
        action_end(action, OUTCOME_REFUSED, rail_codes[RAIL_PAUSED],
                   "the file PAUSED could not be looked at");
    else if (pause) {
        pause_text(pause, text);
        action_end(action, OUTCOME_REFUSED, rail_codes[RAIL_PAUSED], "%s", text);
    }
    return action->ended;
}

static void apply_one(struct action *action)
{
    struct tick *tick = action_tick(action);
    struct engine *engine = tick->engine;
    if (held_back(action)) {
        give_up(action);
        return;
    }
    action->sent = true;
    action->subject->wanted = action->comparison.wanted;
    tick->applying++;
    tick_wait(tick);
    int rc = world_apply(engine->options.world, engine->options.actor, action->subject,
                         &action->comparison, on_applied, action, &action->call);
    if (rc >= 0) return;
    tick->applying--;
    tick->waiting--;
    action_end(action, OUTCOME_FAILED, "", "it was not sent: %s", err_text(rc));
    give_up(action);
}

static void apply_more(struct tick *tick)
{
    while (tick->at < tick->action_count && tick->applying < APPLIES_AT_ONCE) {
        struct action *action = &tick->actions[tick->at++];
        if (action->to_apply && !action->ended) apply_one(action);
    }
}

/* Without their intents on disk, nothing is sent. */
static void not_journaled(struct tick *tick)
{
    const struct fault *fault = &tick->engine->store_fault;
    for (size_t i = 0; i < tick->action_count; i++) {
        struct action *action = &tick->actions[i];
        if (!action->to_apply || action->ended) continue;
        action_end(action, OUTCOME_FAILED, "",
                   "nothing was applied, as the journal could not be written: %s",
                   fault->text[0] ? fault->text : err_text(tick->keep_code));
        give_up(action);
    }
}

static bool any_to_apply(const struct tick *tick)
{
    for (size_t i = 0; i < tick->action_count && tick->actions; i++)
        if (tick->actions[i].to_apply && !tick->actions[i].ended) return true;
    return false;
}

void tick_pause_again(struct tick *tick)
{
    if (any_to_apply(tick) && tick->keep_code >= 0) tick_read_pauses(tick);
}

void tick_act(struct tick *tick)
{
    if (!any_to_apply(tick)) return;
    tick->acted = true;
    if (tick->keep_code < 0) {
        not_journaled(tick);
        return;
    }
    tick->at = 0;
    apply_more(tick);
}

/* ---- the engine stops ---- */

static void cancel_calls(void *data)
{
    struct tick *tick = data;
    struct engine *engine = tick->engine;
    tick->act_end = NULL;
    tick_wait(tick);
    for (size_t i = 0; i < tick->action_count; i++) {
        struct action *action = &tick->actions[i];
        if (!action->call || !action->sent) continue;
        struct actor_call *call = action->call;
        action->call = NULL;
        world_cancel_act(engine->options.world, engine->options.actor, call);
        action->resource->acting = NULL;
        action_end(action, OUTCOME_UNKNOWN, "",
                   "the engine stopped before an answer came; the next start finds it out");
        tick->applying--;
        tick_resume(tick);
    }
    apply_more(tick); /* those that were not sent yet end as that */
    tick_resume(tick);
}

/* What was sent is worth waiting for, as long as who stops us waits. */
void tick_apply_cancel(struct tick *tick)
{
    if (tick->applying == 0 || tick->act_end) return;
    if (loop_timer_start(tick->engine->options.loop, CANCEL_WAIT_MS, cancel_calls, tick,
                         &tick->act_end) < 0)
        cancel_calls(tick);
}
