/* notify/notification.c - a notification as JSON: the shape that courier.h describes. */
#include "moontide/base/json.h"
#include "moontide/model/series.h"

#include "notifier_private.h"

#include <stdio.h>
#include <string.h>

enum { CONTEXT_BYTES_MAX = 32 * 1024, DESCRIPTION_MAX = 4096, METRIC_NAME_MAX = 256 };

/* At most DESCRIPTION_MAX bytes, cut at a character; how many were left out is said in <key>_cut.
 */
static void long_member(struct json_writer *w, const char *key, const char *text)
{
    size_t whole = strlen(text), len = whole < DESCRIPTION_MAX ? whole : DESCRIPTION_MAX;
    while (text[len] && len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    json_key(w, key);
    json_stringn(w, text, len);
    if (len == whole) return;
    char cut[64];
    snprintf(cut, sizeof cut, "%s_cut", key);
    json_key(w, cut);
    json_int(w, (int64_t)(whole - len));
}

/* ---- what a target's report adds ---- */

static void write_recommendations(struct json_writer *w, const struct evaluation *evaluation)
{
    json_key(w, "recommendations");
    json_array(w);
    for (uint32_t i = 0; i < evaluation->recommendation_count; i++) {
        const struct recommendation *each = &evaluation->recommendations[i];
        json_object(w);
        json_put_string(w, "type", each->type);
        long_member(w, "action", each->action);
        json_put_string(w, "impact", severity_names[each->impact]);
        json_put_string(w, "effort", severity_names[each->effort]);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_decisions(struct json_writer *w, const struct target_report *report)
{
    json_key(w, "decisions");
    json_array(w);
    for (size_t i = 0; i < report->decision_count; i++) {
        const struct decision_report *each = &report->decisions[i];
        json_object(w);
        json_put_string(w, "id", each->id);
        json_put_string(w, "kind", each->decision->kind);
        json_put_string(w, "resource", each->decision->resource);
        json_put_string(w, "outcome", outcome_names[each->outcome]);
        json_put_string(w, "reason", each->reason);
        json_put_string(w, "text", each->text);
        if (each->changes) {
            json_key(w, "changes");
            json_raw(w, each->changes, strlen(each->changes));
        }
        json_object_end(w);
    }
    json_array_end(w);
}

char *notification_context(const struct target_report *report)
{
    struct strbuf text;
    struct json_writer w;
    if (report->decision_count == 0 && report->evaluation &&
        report->evaluation->recommendation_count == 0)
        return strdup("\"recommendations\":[],\"decisions\":[]"); /* most of them */
    strbuf_init(&text, CONTEXT_BYTES_MAX);
    json_writer_init(&w, &text);
    json_object(&w);
    if (report->evaluation) write_recommendations(&w, report->evaluation);
    write_decisions(&w, report);
    json_object_end(&w);
    char *made = NULL;
    if (strbuf_status(&text) == OK) /* its members: without the braces */
        made = strndup(strbuf_cstr(&text) + 1, text.len - 2);
    else
        made = strdup(""); /* more than a message could show */
    strbuf_done(&text);
    return made;
}

/* ---- datapoints ---- */

static void write_points(struct json_writer *w, const struct series *series, uint32_t slots)
{
    if (slots > NOTIFY_POINTS_MAX) slots = NOTIFY_POINTS_MAX;
    struct series_view view = series_view(series, slots);
    json_key(w, "start");
    json_int(w, view.start_s);
    json_key(w, "period");
    json_int(w, view.period_s);
    json_key(w, "values");
    json_array(w);
    for (uint32_t i = 0; i < view.slots; i++)
        json_double(w, view.values[i]); /* NaN becomes null */
    json_array_end(w);
}

static void write_series(const struct notifier *notifier, struct json_writer *w,
                         const struct item *item)
{
    const char *at = item->metrics ? item->metrics : "";
    json_key(w, "series");
    json_array(w);
    for (int i = 0; *at && i < NOTIFY_SERIES_MAX; i++) {
        char name[METRIC_NAME_MAX];
        size_t len = strcspn(at, ",");
        uint32_t slots = 0;
        const char *unit = "";
        if (len < sizeof name) {
            memcpy(name, at, len);
            name[len] = '\0';
            const struct series *series =
                engine_series(notifier->engine, item->house->by.first, item->house->by.second, name,
                              &slots, &unit);
            if (series) {
                json_object(w);
                json_put_string(w, "name", name);
                json_put_string(w, "unit", unit);
                write_points(w, series, slots);
                json_object_end(w);
            }
        }
        at += len + (at[len] == ',');
    }
    json_array_end(w);
}

/* ---- alerts ---- */

static void write_labels(struct json_writer *w, const struct labels *labels)
{
    json_key(w, "labels");
    json_object(w);
    for (size_t i = 0; i < labels->count; i++)
        json_put_string(w, labels->items[i].name, labels->items[i].value);
    json_object_end(w);
}

static void write_names(struct json_writer *w, const char *id, const char *policy,
                        const char *target, const char *type, const char *key)
{
    json_put_string(w, "id", id);
    json_put_string(w, "policy", policy);
    json_put_string(w, "target", target);
    json_put_string(w, "type", type);
    json_put_string(w, "key", key);
}

static void write_firing(const struct notifier *notifier, struct json_writer *w,
                         const struct item *item)
{
    const struct house *house = item->house;
    json_object(w);
    write_names(w, item->id, house->by.first, house->by.second, item->type, item->key);
    json_put_string(w, "severity", severity_names[item->severity]);
    json_put_string(w, "state", item->flapping ? "flapping" : "firing");
    json_key(w, "unknown");
    json_bool(w, item->unknown);
    json_key(w, "since");
    json_int(w, item->raised_ms);
    write_labels(w, &item->labels);
    long_member(w, "description", item->description);
    long_member(w, "recommendation", item->recommendation);
    write_series(notifier, w, item);
    if (house->context && house->context[0]) {
        /* members of an object, already JSON */
        strbuf_addc(w->out, ',');
        strbuf_adds(w->out, house->context);
    }
    json_object_end(w);
}

static void write_resolved(struct json_writer *w, const struct told_alert *alert, int64_t at_ms)
{
    json_object(w);
    write_names(w, alert->id, alert->policy, alert->target, alert->type, alert->key);
    json_put_string(w, "severity", severity_names[alert->severity]);
    json_put_string(w, "state", "resolved");
    json_key(w, "since");
    json_int(w, alert->raised_ms);
    json_key(w, "resolved_at");
    json_int(w, at_ms);
    json_put_string(w, "description", alert->description);
    json_object_end(w);
}

static void write_head(struct json_writer *w, const struct telling *telling)
{
    json_put_string(w, "id", telling->id);
    json_put_string(w, "receiver", telling->group->receiver);
    json_put_string(w, "status", telling->status);
    json_key(w, "at");
    json_int(w, telling->at_ms);
    json_put_string(w, "group_key", telling->group->key);
    json_key(w, "group");
    json_raw(w, telling->group->key, strlen(telling->group->key));
    json_key(w, "repeat");
    json_bool(w, telling->repeat);
    if (telling->firing_count > 0)
        json_put_string(w, "severity", severity_names[telling->firing[0]->severity]);
    json_key(w, "firing");
    json_int(w, (int64_t)telling->firing_count);
    json_key(w, "resolved");
    json_int(w, (int64_t)telling->resolved_count);
}

int notification_write(const struct notifier *notifier, const struct telling *telling,
                       struct strbuf *out)
{
    struct json_writer w;
    size_t listed = 0;
    json_writer_init(&w, out);
    json_object(&w);
    write_head(&w, telling);
    json_key(&w, "alerts");
    json_array(&w);
    for (size_t i = 0; i < telling->firing_count && listed < telling->listed_max; i++, listed++)
        write_firing(notifier, &w, telling->firing[i]);
    for (size_t i = 0; i < telling->resolved_count && listed < telling->listed_max; i++, listed++)
        write_resolved(&w, telling->resolved[i], telling->at_ms);
    json_array_end(&w);
    json_key(&w, "more");
    json_int(&w, (int64_t)(telling->firing_count + telling->resolved_count - listed));
    json_object_end(&w);
    return strbuf_status(out);
}
