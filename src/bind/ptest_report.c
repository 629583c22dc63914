/* bind/ptest_report.c - what a tick says of a target, as JSON: as `run --format json` does, and
 * beside that what a test wants to see: each alert's state, what was stated, the memo. */
#include "ptest_house.h"

#include <stdio.h>
#include <string.h>

static void member(struct json_writer *w, const char *key, const char *text)
{
    if (!text) return;
    json_key(w, key);
    json_string(w, text);
}

static void raw(struct json_writer *w, const char *key, const char *json)
{
    if (!json) return;
    json_key(w, key);
    json_raw(w, json, strlen(json));
}

static void seconds(struct json_writer *w, const char *key, int64_t ms)
{
    json_key(w, key);
    if (ms % 1000 == 0)
        json_int(w, ms / 1000);
    else
        json_double(w, (double)ms / 1000);
}

static void verdict(struct json_writer *w, const char *key, enum verdict value)
{
    if (value == VERDICT_UNKNOWN) return; /* nil */
    json_key(w, key);
    json_bool(w, value == VERDICT_TRUE);
}

static void write_alerts(struct json_writer *w, const char *name, const struct target_report *r,
                         bool only_on)
{
    json_key(w, name);
    json_array(w);
    for (size_t i = 0; i < r->alert_count; i++) {
        const struct alert *alert = &r->alerts[i];
        if (only_on && !alert_is_on(alert)) continue;
        json_object(w);
        member(w, "type", alert->type);
        member(w, "key", alert->key);
        member(w, "severity", severity_names[alert->severity]);
        member(w, "description", alert->description);
        member(w, "recommendation", alert->recommendation);
        if (!only_on) {
            member(w, "state", alert_state_names[alert->state]);
            seconds(w, "since", alert->since_ms);
            json_key(w, "flapping");
            json_bool(w, alert->flapping);
        }
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_stated(struct json_writer *w, const struct evaluation *evaluation)
{
    json_key(w, "stated");
    json_array(w);
    for (uint32_t i = 0; i < evaluation->issue_count; i++) {
        const struct issue *issue = &evaluation->issues[i];
        json_object(w);
        member(w, "type", issue->type);
        member(w, "key", issue->key);
        member(w, "severity", severity_names[issue->severity]);
        member(w, "description", issue->description);
        member(w, "recommendation", issue->recommendation);
        verdict(w, "when", issue->when);
        if (issue->has_clear) verdict(w, "clear", issue->clear);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_evaluation(struct json_writer *w, const struct evaluation *evaluation)
{
    write_stated(w, evaluation);
    json_key(w, "recommendations");
    json_array(w);
    for (uint32_t i = 0; i < evaluation->recommendation_count; i++) {
        const struct recommendation *each = &evaluation->recommendations[i];
        json_object(w);
        member(w, "type", each->type);
        member(w, "action", each->action);
        member(w, "impact", severity_names[each->impact]);
        member(w, "effort", severity_names[each->effort]);
        json_object_end(w);
    }
    json_array_end(w);
    json_key(w, "unknown");
    json_array(w);
    for (uint32_t i = 0; i < evaluation->unknown_count; i++) {
        json_object(w);
        member(w, "metric", evaluation->unknowns[i].metric);
        member(w, "reason", evaluation->unknowns[i].reason);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_clipped(struct json_writer *w, uint32_t clipped)
{
    json_key(w, "clipped");
    json_array(w);
    for (int rail = 1; rail < RAIL_COUNT; rail++)
        if (clipped & (1u << rail)) json_string(w, rail_codes[rail]);
    json_array_end(w);
}

static void write_decisions(struct json_writer *w, const struct target_report *r)
{
    json_key(w, "decisions");
    json_array(w);
    for (size_t i = 0; i < r->decision_count; i++) {
        const struct decision_report *each = &r->decisions[i];
        json_object(w);
        member(w, "kind", each->decision->kind);
        member(w, "resource", each->decision->resource);
        member(w, "region", each->decision->region);
        member(w, "account", each->decision->account);
        raw(w, "current", each->current);
        raw(w, "wanted", each->wanted ? each->wanted : each->decision->wanted);
        raw(w, "changes", each->changes ? each->changes : "[]");
        member(w, "outcome", outcome_names[each->outcome]);
        member(w, "reason", each->reason);
        member(w, "text", each->text);
        raw(w, "notes", each->notes ? each->notes : "[]");
        member(w, "direction", direction_names[each->direction]);
        write_clipped(w, each->clipped);
        json_key(w, "back");
        json_bool(w, each->back);
        json_object_end(w);
    }
    json_array_end(w);
}

static const struct ptest_policy *policy_named(const struct house *house, const char *name)
{
    for (size_t i = 0; i < house->policy_count; i++) {
        const struct evaluator *evaluator = ptest_policy_evaluator(house->policies[i]);
        if (strcmp(evaluator->vtable->info(evaluator)->name, name) == 0) return house->policies[i];
    }
    return NULL;
}

/* The target's own fields, and its memo. */
static void write_known(struct json_writer *w, const struct house *house, const char *name,
                        const char *id)
{
    const struct ptest_policy *policy = policy_named(house, name);
    if (!policy) return;
    struct evaluator *evaluator = ptest_policy_evaluator((struct ptest_policy *)(uintptr_t)policy);
    size_t count = evaluator->vtable->target_count(evaluator);
    for (size_t i = 0; i < count; i++) {
        const struct target *target = evaluator->vtable->target(evaluator, i);
        if (strcmp(target->id, id) == 0) raw(w, "fields", target->json);
    }
    raw(w, "memo", ptest_policy_memo(policy, id));
}

void house_target(void *data, const struct target_report *report)
{
    struct house *house = data;
    struct json_writer w;
    if (house->targets.len > 0) strbuf_addc(&house->targets, ',');
    json_writer_init(&w, &house->targets);
    json_object(&w);
    member(&w, "policy", report->policy);
    member(&w, "target", report->target);
    member(&w, "status", status_names[report->status]);
    write_alerts(&w, "issues", report, true);
    write_alerts(&w, "alerts", report, false);
    if (report->evaluation) write_evaluation(&w, report->evaluation);
    write_decisions(&w, report);
    write_known(&w, house, report->policy, report->target);
    json_object_end(&w);
    if (house->notifier) notifier_target(house->notifier, report);
}

void house_report(void *data, const struct tick_report *report)
{
    struct house *house = data;
    struct json_writer w;
    for (size_t i = 0; i < report->error_count; i++) {
        const struct tick_error *error = &report->errors[i];
        if (house->errors.len > 0) strbuf_addc(&house->errors, ',');
        json_writer_init(&w, &house->errors);
        json_object(&w);
        member(&w, "policy", error->policy);
        member(&w, "file", error->file);
        json_key(&w, "line");
        json_int(&w, error->line);
        member(&w, "message", error->message);
        json_object_end(&w);
    }
    house_look_at_clock(house);
    if (house->notifier) notifier_tick(house->notifier, report);
}
