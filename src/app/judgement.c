/* app/judgement.c - one evaluation in words, and as JSON. */
#include "judgement.h"

#include <string.h>

static const char *when_text(enum verdict when)
{
    return when == VERDICT_TRUE ? "true" : when == VERDICT_FALSE ? "false" : "unknown";
}

static void add_issue(const struct issue *issue, struct strbuf *out)
{
    if (issue->when == VERDICT_FALSE) return;
    strbuf_addf(out, "  %-7s %s%s%s  %s%s\n", severity_names[issue->severity], issue->type,
                issue->key[0] ? "/" : "", issue->key, issue->description,
                issue->when == VERDICT_UNKNOWN ? " (unknown: its state stays)" : "");
    if (issue->recommendation[0]) strbuf_addf(out, "          -> %s\n", issue->recommendation);
}

void judgement_text(const struct judgement *judgement, struct strbuf *out)
{
    const struct evaluation *e = judgement->evaluation;
    size_t before = out->len;
    if (judgement->fault) {
        char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
        fault_print(judgement->fault, text, sizeof text);
        strbuf_addf(out, "  error   %s\n", text);
        return;
    }
    for (uint32_t i = 0; i < e->issue_count; i++)
        add_issue(&e->issues[i], out);
    for (uint32_t i = 0; i < e->recommendation_count; i++)
        strbuf_addf(out, "  do      %s: %s (impact %s, effort %s)\n", e->recommendations[i].type,
                    e->recommendations[i].action, severity_names[e->recommendations[i].impact],
                    severity_names[e->recommendations[i].effort]);
    for (uint32_t i = 0; i < e->decision_count; i++)
        strbuf_addf(out, "  decide  %s %s %s\n", e->decisions[i].kind, e->decisions[i].resource,
                    e->decisions[i].wanted);
    for (uint32_t i = 0; i < e->unknown_count; i++)
        strbuf_addf(out, "  unknown %s: %s\n", e->unknowns[i].metric, e->unknowns[i].reason);
    if (out->len == before) strbuf_adds(out, "  nothing to say\n");
}

/* ---- JSON ---- */

static void put_issues(const struct evaluation *e, struct json_writer *w)
{
    json_key(w, "issues");
    json_array(w);
    for (uint32_t i = 0; i < e->issue_count; i++) {
        const struct issue *issue = &e->issues[i];
        json_object(w);
        json_put_string(w, "type", issue->type);
        json_put_string(w, "key", issue->key);
        json_put_string(w, "severity", severity_names[issue->severity]);
        json_put_string(w, "when", when_text(issue->when));
        json_put_string(w, "description", issue->description);
        json_put_string(w, "recommendation", issue->recommendation);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_recommendations(const struct evaluation *e, struct json_writer *w)
{
    json_key(w, "recommendations");
    json_array(w);
    for (uint32_t i = 0; i < e->recommendation_count; i++) {
        json_object(w);
        json_put_string(w, "type", e->recommendations[i].type);
        json_put_string(w, "action", e->recommendations[i].action);
        json_put_string(w, "impact", severity_names[e->recommendations[i].impact]);
        json_put_string(w, "effort", severity_names[e->recommendations[i].effort]);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_decisions(const struct evaluation *e, struct json_writer *w)
{
    json_key(w, "decisions");
    json_array(w);
    for (uint32_t i = 0; i < e->decision_count; i++) {
        json_object(w);
        json_put_string(w, "kind", e->decisions[i].kind);
        json_put_string(w, "resource", e->decisions[i].resource);
        json_put_raw(w, "wanted", e->decisions[i].wanted);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_unknown(const struct evaluation *e, struct json_writer *w)
{
    json_key(w, "unknown");
    json_array(w);
    for (uint32_t i = 0; i < e->unknown_count; i++) {
        json_object(w);
        json_put_string(w, "metric", e->unknowns[i].metric);
        json_put_string(w, "reason", e->unknowns[i].reason);
        json_object_end(w);
    }
    json_array_end(w);
}

void judgement_json(const struct judgement *judgement, struct json_writer *w)
{
    const struct evaluation *e = judgement->evaluation;
    if (judgement->fault) {
        char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
        fault_print(judgement->fault, text, sizeof text);
        json_put_string(w, "error", text);
        return;
    }
    put_issues(e, w);
    put_recommendations(e, w);
    put_decisions(e, w);
    put_unknown(e, w);
    if (e->memo_json) json_put_raw(w, "memo", e->memo_json);
}
