/* bind/ptest_report.c - what a tick says of a target, as JSON: as `run --format json` does, and
 * beside that what a test wants to see: each alert's state, what was stated, the memo. */
#include "ptest_house.h"

#include <stdio.h>
#include <string.h>

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
        json_put_given(w, "type", alert->type);
        json_put_given(w, "key", alert->key);
        json_put_given(w, "severity", severity_names[alert->severity]);
        json_put_given(w, "description", alert->description);
        json_put_given(w, "recommendation", alert->recommendation);
        if (!only_on) {
            json_put_given(w, "state", alert_state_names[alert->state]);
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
        json_put_given(w, "type", issue->type);
        json_put_given(w, "key", issue->key);
        json_put_given(w, "severity", severity_names[issue->severity]);
        json_put_given(w, "description", issue->description);
        json_put_given(w, "recommendation", issue->recommendation);
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
        json_put_given(w, "type", each->type);
        json_put_given(w, "action", each->action);
        json_put_given(w, "impact", severity_names[each->impact]);
        json_put_given(w, "effort", severity_names[each->effort]);
        json_object_end(w);
    }
    json_array_end(w);
    json_key(w, "unknown");
    json_array(w);
    for (uint32_t i = 0; i < evaluation->unknown_count; i++) {
        json_object(w);
        json_put_given(w, "metric", evaluation->unknowns[i].metric);
        json_put_given(w, "reason", evaluation->unknowns[i].reason);
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
        json_put_given(w, "kind", each->decision->kind);
        json_put_given(w, "resource", each->decision->resource);
        json_put_given(w, "region", each->decision->region);
        json_put_given(w, "account", each->decision->account);
        json_put_raw(w, "current", each->current);
        json_put_raw(w, "wanted", each->wanted ? each->wanted : each->decision->wanted);
        json_put_raw(w, "changes", each->changes ? each->changes : "[]");
        json_put_given(w, "outcome", outcome_names[each->outcome]);
        json_put_given(w, "reason", each->reason);
        json_put_given(w, "text", each->text);
        json_put_raw(w, "notes", each->notes ? each->notes : "[]");
        json_put_given(w, "direction", direction_names[each->direction]);
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
        if (strcmp(target->id, id) == 0) json_put_raw(w, "fields", target->json);
    }
    json_put_raw(w, "memo", ptest_policy_memo(policy, id));
}

void house_target(void *data, const struct target_report *report)
{
    struct house *house = data;
    struct json_writer w;
    if (house->targets.len > 0) strbuf_addc(&house->targets, ',');
    json_writer_init(&w, &house->targets);
    json_object(&w);
    json_put_given(&w, "policy", report->policy);
    json_put_given(&w, "target", report->target);
    json_put_given(&w, "status", status_names[report->status]);
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
        json_put_given(&w, "policy", error->policy);
        json_put_given(&w, "file", error->file);
        json_key(&w, "line");
        json_int(&w, error->line);
        json_put_given(&w, "message", error->message);
        json_object_end(&w);
    }
    house_look_at_clock(house);
    if (house->notifier) notifier_tick(house->notifier, report);
}
