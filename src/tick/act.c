/* tick/act.c - the decisions of a tick: taken from the judgement, their resources read, and in the
 * end reported.
 *
 * A target that decided something is reported when its outcomes are known. Those of its policy that
 * are judged after it wait too, so that reports keep the order of targets. What lies between (what
 * differs, the rails, the calls) is in judge.c and apply.c. */
#include "act.h"

#include "moontide/base/log.h"
#include "moontide/io/loop.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the judgement's side ---- */

static void backs_free(struct judged *judged)
{
    for (size_t i = 0; i < judged->back_count; i++)
        free((char *)judged->backs[i].wanted);
    free(judged->backs);
    free(judged->back_resources);
}

void judged_free(struct judged *judged)
{
    if (!judged) return;
    backs_free(judged);
    evaluation_done(&judged->evaluation);
    free(judged);
}

int tick_defer(struct run *run, const struct target_report *report)
{
    struct tick *tick = run->tick;
    struct judged *judged = calloc(1, sizeof *judged);
    if (!judged) return ERR_NOMEM;
    *judged = (struct judged){.run = run,
                              .target = run->at,
                              .status = report->status,
                              .before = report->before,
                              .first = report->first,
                              .failed = report->evaluation == NULL};
    evaluation_init(&judged->evaluation);
    if (report->evaluation) {
        judged->evaluation = run->policy->evaluation;
        evaluation_init(&run->policy->evaluation);
        judged->back_count =
            verify_backs(run, report->target, &judged->backs, &judged->back_resources);
        judged->action_count = judged->evaluation.decision_count + judged->back_count;
    }
    if (tick->judged_last)
        tick->judged_last->next = judged;
    else
        tick->judged_first = judged;
    tick->judged_last = judged;
    tick->action_count += judged->action_count;
    run->deferring = true;
    return OK;
}

/* ---- one action ---- */

void action_end(struct action *action, enum outcome outcome, const char *reason, const char *format,
                ...)
{
    char text[FAULT_TEXT_MAX];
    action->ended = true;
    action->outcome = outcome;
    action->reason = reason;
    free(action->text);
    action->text = NULL;
    if (!format) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    action->text = strdup(text); /* without memory there are no words */
}

/* A resource that AWS has just refused to show is not asked for again so soon. */
static bool still_denied(struct action *action)
{
    struct resource *resource = action->resource;
    int64_t now_ms = action_tick(action)->at_ms;
    if (resource->denied_until_ms > now_ms + DENIED_MS) /* the clock went back */
        resource->denied_until_ms = now_ms + DENIED_MS;
    if (!resource->denied || now_ms >= resource->denied_until_ms) return false;
    action_end(action, OUTCOME_REFUSED, rail_codes[RAIL_NOT_ALLOWED],
               "%s; asked again in %lld minutes", resource->denied,
               (long long)((resource->denied_until_ms - now_ms + 59999) / 60000));
    return true;
}

/* Whether its resource is to be read. */
static bool action_begin(struct action *action, size_t index)
{
    const struct decision *decision = action->decision;
    struct tick *tick = action_tick(action);
    struct engine *engine = tick->engine;
    action_name(action, index);
    action->reason = "";
    if (action->judged->run->mode == MODE_OBSERVE) {
        action_end(action, OUTCOME_REFUSED, rail_codes[RAIL_MODE], NULL);
        return false;
    }
    if (!engine->options.actor) {
        action_end(action, OUTCOME_PROPOSED, rail_codes[RAIL_MODE], NULL);
        return false;
    }
    if (!engine->options.actor->vtable->kind(engine->options.actor, decision->kind)) {
        action_end(action, OUTCOME_FAILED, "", "there is no decision kind '%s' any more",
                   decision->kind);
        return false;
    }
    if (!action->resource)
        action->resource = resources_get(&engine->resources, decision->kind, decision->resource,
                                         decision->region, decision->account);
    if (!action->resource) {
        action_end(action, OUTCOME_FAILED, "", "no memory for what is known of the resource");
        return false;
    }
    return !still_denied(action);
}

/* ---- reading ---- */

static int actions_build(struct tick *tick)
{
    struct action *action;
    tick->actions = calloc(tick->action_count, sizeof *tick->actions);
    tick->subjects = calloc(tick->action_count, sizeof *tick->subjects);
    if (!tick->actions || !tick->subjects) {
        free(tick->actions); /* reports must not find half of it */
        tick->actions = NULL;
        return ERR_NOMEM;
    }
    size_t at = 0;
    for (struct judged *judged = tick->judged_first; judged; judged = judged->next) {
        judged->first_action = at;
        for (size_t i = 0; i < judged->action_count; i++) {
            action = &tick->actions[at++];
            action->judged = judged;
            action->back = i >= judged->evaluation.decision_count;
            size_t back = i - judged->evaluation.decision_count;
            action->decision =
                action->back ? &judged->backs[back] : &judged->evaluation.decisions[i];
            if (action->back) action->resource = judged->back_resources[back];
        }
    }
    return OK;
}

static void begin_all(struct tick *tick)
{
    for (size_t i = 0; i < tick->action_count; i++) {
        struct action *action = &tick->actions[i];
        if (!action_begin(action, i)) continue;
        const struct decision *decision = action->decision;
        action->subject = &tick->subjects[tick->subject_count++];
        *action->subject = (struct subject){.kind = decision->kind,
                                            .resource = decision->resource,
                                            .region = decision->region,
                                            .account = decision->account,
                                            .wanted = decision->wanted};
    }
}

static void on_read(void *data)
{
    struct tick *tick = data;
    tick->reading = NULL;
    tick_resume(tick);
}

static void read_failed(struct tick *tick, int code)
{
    for (size_t i = 0; i < tick->action_count; i++) {
        if (tick->actions[i].ended) continue;
        tick->actions[i].cut = code == ERR_CANCELED;
        action_end(&tick->actions[i], OUTCOME_FAILED, "", "its resource was not read: %s",
                   err_text(code));
    }
}

void tick_read(struct tick *tick)
{
    struct engine *engine = tick->engine;
    if (tick->action_count == 0) return;
    if (actions_build(tick) < 0) {
        struct fault fault;
        fault_set(&fault, ERR_NOMEM, "no memory for the decisions of this tick");
        tick_error_add(tick, "", "", &fault);
        tick->action_count = 0;
        return;
    }
    begin_all(tick);
    if (tick->canceled) read_failed(tick, ERR_CANCELED);
    if (tick->subject_count == 0 || tick->canceled) return;
    tick_read_pauses(tick);
    tick_wait(tick);
    int rc = world_read(engine->options.world, engine->options.actor, tick->subjects,
                        tick->subject_count, on_read, tick, &tick->reading);
    if (rc >= 0) return;
    tick->waiting--;
    read_failed(tick, rc);
}

/* ---- the kill switch ---- */

struct pause_reading {
    struct engine *engine;
    struct tick *tick;
    struct pauses pauses;
    uint64_t number; /* a look that began earlier may end later */
    int code;
};

static void read_pauses(void *data)
{
    struct pause_reading *reading = data;
    reading->code = pauses_read(reading->engine->options.paused_path, &reading->pauses);
}

static void on_pauses(void *data, int status)
{
    struct pause_reading *reading = data;
    struct engine *engine = reading->engine;
    struct tick *tick = reading->tick;
    if (reading->number < engine->pauses_of) {
        pauses_done(&reading->pauses);
    } else if (status == OK && reading->code == OK) {
        note_pauses(engine, &reading->pauses);
        engine->pauses_read = true;
        pauses_done(&engine->pauses);
        engine->pauses = reading->pauses;
        engine->pauses_unknown = false;
    } else {
        engine->pauses_unknown = true; /* what cannot be read, holds */
        pauses_done(&reading->pauses);
    }
    if (reading->number > engine->pauses_of) engine->pauses_of = reading->number;
    free(reading);
    if (tick) tick_resume(tick);
    engine->keeping--; /* not before: the engine may be freed as soon as it has stopped */
    engine_check_stopped(engine);
}

static void look_at_pauses(struct engine *engine, struct tick *tick)
{
    if (!engine->options.paused_path) return;
    struct pause_reading *reading = calloc(1, sizeof *reading);
    int rc = reading ? OK : ERR_NOMEM;
    if (rc == OK) {
        *reading =
            (struct pause_reading){.engine = engine, .tick = tick, .number = ++engine->pause_looks};
        rc = loop_work(engine->options.loop, read_pauses, on_pauses, reading);
    }
    if (rc < 0) {
        free(reading);
        engine->pauses_unknown = true;
        return;
    }
    engine->keeping++; /* the engine is needed until it has ended */
    if (tick) tick_wait(tick);
}

void tick_read_pauses(struct tick *tick)
{
    look_at_pauses(tick->engine, tick);
}

void engine_pauses_changed(struct engine *engine)
{
    look_at_pauses(engine, NULL);
}

/* ---- reports ---- */

static void fill_decision(const struct action *action, struct decision_report *out)
{
    *out = (struct decision_report){.decision = action->decision,
                                    .current = action->subject ? action->subject->current : NULL,
                                    .changes = action->comparison.changes,
                                    .wanted = action->comparison.wanted ? action->comparison.wanted
                                                                        : action->decision->wanted,
                                    .outcome = action->outcome,
                                    .reason = action->reason,
                                    .text = action->text,
                                    .notes = action->feasibility.notes,
                                    .calls = action->calls,
                                    .direction = action->comparison.direction,
                                    .clipped = action->rail.clipped,
                                    .back = action->back};
    memcpy(out->id, action->id, sizeof out->id);
}

static void report_judged(struct tick *tick, const struct judged *judged)
{
    struct engine *engine = tick->engine;
    struct run *run = judged->run;
    const struct evaluator *evaluator = run->generation->evaluator;
    struct target_report report = {.policy = run->policy->name,
                                   .target =
                                       evaluator->vtable->target(evaluator, judged->target)->id,
                                   .status = judged->status,
                                   .before = judged->before,
                                   .first = judged->first,
                                   .evaluation = judged->failed ? NULL : &judged->evaluation};
    struct decision_report *decisions = calloc(judged->action_count + 1, sizeof *decisions);
    report.alerts = alerts_of(engine->alerts, report.policy, report.target, &report.alert_count);
    report.decisions = decisions;
    for (size_t i = 0; i < judged->action_count && tick->actions && decisions; i++)
        fill_decision(&tick->actions[judged->first_action + i],
                      &decisions[report.decision_count++]);
    if (engine->options.listener.target)
        engine->options.listener.target(engine->options.listener.data, &report);
    free(decisions);
}

/* What could not be read, and what AWS answered with a failure, are errors of the tick. */
static void report_failures(struct tick *tick)
{
    for (size_t i = 0; i < tick->action_count; i++) {
        const struct action *action = &tick->actions[i];
        if (action->outcome != OUTCOME_FAILED && action->outcome != OUTCOME_UNKNOWN) continue;
        struct fault fault;
        fault_set(&fault, action->cut ? ERR_CANCELED : ERR_SERVER, "decide.%s %s: %s",
                  action->decision->kind, action->decision->resource,
                  action->text ? action->text : "failed");
        run_error_add(action->judged->run, action_target(action), &fault);
    }
}

void tick_report_judged(struct tick *tick)
{
    report_failures(tick);
    for (const struct judged *judged = tick->judged_first; judged; judged = judged->next)
        report_judged(tick, judged);
}

/* ---- the end ---- */

void tick_act_cancel(struct tick *tick)
{
    struct engine *engine = tick->engine;
    if (tick->reading) {
        struct actor_call *reading = tick->reading;
        tick->reading = NULL;
        world_cancel_act(engine->options.world, engine->options.actor, reading);
        read_failed(tick, ERR_CANCELED);
        tick_resume(tick);
    }
    tick_check_cancel(tick);
    tick_apply_cancel(tick);
}

void tick_act_done(struct tick *tick)
{
    loop_timer_cancel(tick->act_end);
    loop_timer_cancel(tick->slice);
    for (size_t i = 0; i < tick->action_count && tick->actions; i++) {
        struct action *action = &tick->actions[i];
        comparison_done(&action->comparison);
        feasibility_done(&action->feasibility);
        if (action->limits) rail_limits_done(action->limits);
        free(action->limits);
        free(action->text);
        free(action->calls);
        if (action->resource && action->resource->acting == action) action->resource->acting = NULL;
    }
    for (size_t i = 0; i < tick->subject_count; i++)
        subject_done(&tick->subjects[i]);
    free(tick->actions);
    free(tick->subjects);
    while (tick->judged_first) {
        struct judged *judged = tick->judged_first;
        tick->judged_first = judged->next;
        judged_free(judged);
    }
}
