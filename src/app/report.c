/* app/report.c - a tick as text for people or as the JSON document for programs. */
#include "moontide/app/report.h"

#include "moontide/app/decision_text.h"
#include "moontide/base/json.h"
#include "moontide/base/timetext.h"

#include <stdlib.h>
#include <string.h>

enum { DOCUMENT_BYTES_MAX = 256 * 1024 * 1024 };

struct report {
    enum report_format format;
    FILE *out;
    bool color;
    struct strbuf targets; /* JSON: the elements of "targets" so far */
    struct json_writer writer;
    size_t decided[OUTCOME_UNKNOWN + 1]; /* decisions by outcome, for a plan's last line */
};

int report_new(enum report_format format, FILE *out, bool color, struct report **out_report)
{
    struct report *r = calloc(1, sizeof *r);
    if (!r) return ERR_NOMEM;
    r->format = format;
    r->out = out;
    r->color = color;
    strbuf_init(&r->targets, DOCUMENT_BYTES_MAX);
    json_writer_init(&r->writer, &r->targets);
    *out_report = r;
    return OK;
}

void report_free(struct report *r)
{
    if (!r) return;
    strbuf_done(&r->targets);
    free(r);
}

static void key_raw(struct json_writer *w, const char *key, const char *json)
{
    json_key(w, key);
    if (json)
        json_raw(w, json, strlen(json));
    else
        json_null(w);
}

/* The issues of the target in the order of at = 0..3n-1: high ones, then medium, then low; NULL
 * where alert at % n is not of that severity, or is only pending. */
static const struct alert *worst_first(const struct alert *alerts, size_t n, size_t at)
{
    const struct alert *a = &alerts[at % n];
    bool shown = alert_is_on(a) && a->severity == SEVERITY_HIGH - at / n;
    return shown ? a : NULL;
}

static void write_issues(struct json_writer *w, const struct target_report *t)
{
    json_key(w, "issues");
    json_array(w);
    for (size_t at = 0, n = t->alert_count; at < 3 * n; at++) {
        const struct alert *a = worst_first(t->alerts, n, at);
        if (!a) continue;
        json_object(w);
        json_put_string(w, "type", a->type);
        json_put_string(w, "key", a->key);
        json_put_string(w, "severity", severity_names[a->severity]);
        json_put_string(w, "description", a->description);
        json_put_string(w, "recommendation", a->recommendation);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_recommendations(struct json_writer *w, const struct evaluation *e)
{
    json_key(w, "recommendations");
    json_array(w);
    for (uint32_t i = 0; e && i < e->recommendation_count; i++) {
        const struct recommendation *r = &e->recommendations[i];
        json_object(w);
        json_put_string(w, "type", r->type);
        json_put_string(w, "action", r->action);
        json_put_string(w, "impact", severity_names[r->impact]);
        json_put_string(w, "effort", severity_names[r->effort]);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_decisions(struct json_writer *w, const struct target_report *t)
{
    json_key(w, "decisions");
    json_array(w);
    for (size_t i = 0; i < t->decision_count; i++) {
        const struct decision_report *d = &t->decisions[i];
        json_object(w);
        json_put_string(w, "id", d->id);
        json_put_string(w, "kind", d->decision->kind);
        json_put_string(w, "resource", d->decision->resource);
        key_raw(w, "current", d->current);
        key_raw(w, "wanted", d->wanted);
        key_raw(w, "changes", d->changes);
        json_put_string(w, "outcome", outcome_names[d->outcome]);
        json_put_string(w, "reason", d->reason);
        json_put_string(w, "text", d->text);
        key_raw(w, "notes", d->notes);
        key_raw(w, "calls", d->calls);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_unknowns(struct json_writer *w, const struct evaluation *e)
{
    json_key(w, "unknown");
    json_array(w);
    for (uint32_t i = 0; e && i < e->unknown_count; i++) {
        json_object(w);
        json_put_string(w, "metric", e->unknowns[i].metric);
        json_put_string(w, "reason", e->unknowns[i].reason);
        json_object_end(w);
    }
    json_array_end(w);
}

static void target_json(struct report *r, const struct target_report *t)
{
    struct json_writer *w = &r->writer;
    json_object(w);
    json_put_string(w, "policy", t->policy);
    json_put_string(w, "target", t->target);
    json_put_string(w, "status", status_names[t->status]);
    write_issues(w, t);
    write_recommendations(w, t->evaluation);
    write_decisions(w, t);
    write_unknowns(w, t->evaluation);
    json_object_end(w);
}

/* ---- text ---- */

static const char *paint(const struct report *r, const char *code)
{
    return r->color ? code : "";
}

static const char *status_color(const struct report *r, enum status status)
{
    static const char *const colors[] = {"\033[32m", "\033[35m", "\033[33m", "\033[1;31m"};
    return paint(r, colors[status]);
}

static const char *severity_color(const struct report *r, enum severity severity)
{
    static const char *const colors[] = {"\033[36m", "\033[33m", "\033[1;31m"};
    return paint(r, colors[severity]);
}

static void text_issues(struct report *r, const struct target_report *t)
{
    for (size_t at = 0, n = t->alert_count; at < 3 * n; at++) {
        const struct alert *a = worst_first(t->alerts, n, at);
        if (!a) continue;
        fprintf(r->out, "  %s%-7s%s %s%s%s  %s\n", severity_color(r, a->severity),
                severity_names[a->severity], paint(r, "\033[0m"), a->type, a->key[0] ? "/" : "",
                a->key, a->description);
        if (a->recommendation[0]) fprintf(r->out, "          -> %s\n", a->recommendation);
    }
}

static void plan_text(struct report *r, const struct target_report *t)
{
    size_t shown = 0;
    for (size_t i = 0; i < t->decision_count; i++)
        shown += t->decisions[i].outcome != OUTCOME_UNCHANGED;
    for (size_t i = 0; i < t->decision_count; i++)
        r->decided[t->decisions[i].outcome]++;
    if (shown == 0) return;
    fprintf(r->out, "%s%s%s  %s(%s)%s\n", status_color(r, t->status), t->target,
            paint(r, "\033[0m"), paint(r, "\033[2m"), t->policy, paint(r, "\033[0m"));
    text_issues(r, t);
    for (size_t i = 0; i < t->decision_count; i++)
        if (t->decisions[i].outcome != OUTCOME_UNCHANGED)
            decision_print(r->out, &t->decisions[i], r->color);
    fputc('\n', r->out);
}

static void target_text(struct report *r, const struct target_report *t)
{
    const struct evaluation *e = t->evaluation;
    fprintf(r->out, "%s%-9s%s %s  %s(%s)%s\n", status_color(r, t->status), status_names[t->status],
            paint(r, "\033[0m"), t->target, paint(r, "\033[2m"), t->policy, paint(r, "\033[0m"));
    text_issues(r, t);
    for (uint32_t i = 0; e && i < e->recommendation_count; i++) {
        const struct recommendation *x = &e->recommendations[i];
        fprintf(r->out, "  do      %s: %s (impact %s, effort %s)\n", x->type, x->action,
                severity_names[x->impact], severity_names[x->effort]);
    }
    for (size_t i = 0; i < t->decision_count; i++)
        decision_print(r->out, &t->decisions[i], r->color);
    for (uint32_t i = 0; e && i < e->unknown_count; i++)
        fprintf(r->out, "  unknown %s: %s\n", e->unknowns[i].metric, e->unknowns[i].reason);
}

void report_target(void *data, const struct target_report *target)
{
    struct report *r = data;
    if (r->format == REPORT_JSON)
        target_json(r, target);
    else if (r->format == REPORT_PLAN)
        plan_text(r, target);
    else
        target_text(r, target);
}

static void write_errors(struct json_writer *w, const struct tick_report *tick)
{
    json_key(w, "errors");
    json_array(w);
    for (size_t i = 0; i < tick->error_count; i++) {
        const struct tick_error *e = &tick->errors[i];
        json_object(w);
        json_put_string(w, "policy", e->policy);
        json_put_string(w, "file", e->file);
        json_key(w, "line");
        json_int(w, e->line);
        json_put_string(w, "message", e->message);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_cost(struct json_writer *w, const struct tick_report *tick)
{
    json_key(w, "cost");
    json_object(w);
    json_key(w, "calls");
    json_int(w, tick->calls);
    json_key(w, "queries");
    json_int(w, tick->queries);
    json_key(w, "metrics");
    json_int(w, tick->metrics_charged);
    json_key(w, "usd");
    json_double(w, tick->cost_usd);
    json_key(w, "month_usd");
    json_double(w, tick->month_usd);
    json_key(w, "policies");
    json_object(w);
    for (size_t i = 0; i < tick->policies; i++) {
        json_key(w, tick->policy_names[i]);
        json_int(w, tick->policy_metrics[i]);
    }
    json_object_end(w);
    json_object_end(w);
}

static void tick_json(struct report *r, const struct tick_report *tick)
{
    struct strbuf line;
    struct json_writer w;
    char at[TIME_TEXT_MAX];
    time_format(tick->at_ms, at);
    strbuf_init(&line, DOCUMENT_BYTES_MAX);
    json_writer_init(&w, &line);
    json_object(&w);
    json_put_string(&w, "at", at);
    json_put_string(&w, "world", tick->world);
    json_key(&w, "targets");
    json_array(&w);
    if (r->targets.len) json_raw(&w, strbuf_cstr(&r->targets), r->targets.len);
    json_array_end(&w);
    write_errors(&w, tick);
    write_cost(&w, tick);
    json_object_end(&w);
    if (strbuf_status(&line) < 0 || strbuf_status(&r->targets) < 0)
        fputs("moontide: the tick's document is too large for memory\n", stderr);
    else
        fprintf(r->out, "%s\n", strbuf_cstr(&line));
    strbuf_done(&line);
    strbuf_reset(&r->targets);
    json_writer_init(&r->writer, &r->targets);
}

static void plan_summary(struct report *r)
{
    size_t held = r->decided[OUTCOME_REFUSED], change = r->decided[OUTCOME_PROPOSED];
    size_t failed = r->decided[OUTCOME_FAILED] + r->decided[OUTCOME_UNKNOWN];
    fprintf(r->out, "%sPlan:%s %zu to change, %zu held back, %zu as wanted", paint(r, "\033[1m"),
            paint(r, "\033[0m"), change, held, r->decided[OUTCOME_UNCHANGED]);
    if (failed) fprintf(r->out, ", %zu that could not be planned", failed);
    fputs(". Nothing was changed.\n", r->out);
}

static void tick_text(struct report *r, const struct tick_report *tick)
{
    for (size_t i = 0; i < tick->error_count; i++) {
        const struct tick_error *e = &tick->errors[i];
        fprintf(r->out, "%serror%s     ", paint(r, "\033[1;31m"), paint(r, "\033[0m"));
        if (e->file[0] && e->line)
            fprintf(r->out, "%s:%d: ", e->file, e->line);
        else if (e->file[0])
            fprintf(r->out, "%s: ", e->file);
        fprintf(r->out, "%s\n", e->message);
    }
    if (r->format == REPORT_PLAN) plan_summary(r);
    fprintf(r->out, "%s%zu target%s:", paint(r, "\033[2m"), tick->targets,
            tick->targets == 1 ? "" : "s");
    for (int status = STATUS_CRITICAL; status >= 0; status--)
        if (tick->by_status[status])
            fprintf(r->out, " %zu %s", tick->by_status[status], status_names[status]);
    fprintf(r->out, "; %u metric%s in %u call%s, %lld ms", tick->metrics_charged,
            tick->metrics_charged == 1 ? "" : "s", tick->calls, tick->calls == 1 ? "" : "s",
            (long long)tick->elapsed_ms);
    if (tick->cost_usd > 0)
        fprintf(r->out, ", $%.5f (about $%.2f a month)", tick->cost_usd, tick->month_usd);
    fprintf(r->out, "%s\n", paint(r, "\033[0m"));
}

void report_tick(void *data, const struct tick_report *tick)
{
    struct report *r = data;
    if (r->format == REPORT_JSON)
        tick_json(r, tick);
    else
        tick_text(r, tick);
    fflush(r->out);
}
