/* app/check_json.c - what `check` found, as one JSON document. */
#include "moontide/app/check_json.h"

#include "moontide/base/json.h"
#include "moontide/bind/diagnostic.h"

static void put_string(struct json_writer *w, const char *key, const char *value)
{
    if (!value) return;
    json_key(w, key);
    json_string(w, value);
}

static void put_int(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_int(w, value);
}

static void put_seconds(struct json_writer *w, const char *key, int64_t ms)
{
    json_key(w, key);
    json_double(w, (double)ms / 1000);
}

static void put_finding(struct json_writer *w, const struct fault *fault)
{
    json_object(w);
    put_string(w, "file", fault->file);
    put_int(w, "line", fault->line);
    put_int(w, "column", fault->column);
    put_int(w, "end_column", fault->end_column);
    put_string(w, "severity", fault->code < 0 ? "error" : "warning");
    put_string(w, "code", diagnostic_of(fault));
    put_string(w, "message", fault->text);
    put_string(w, "hint", fault->hint[0] ? fault->hint : NULL);
    json_key(w, "warning");
    json_bool(w, fault->code >= 0);
    json_object_end(w);
}

/* The fields of a metric within an object that is open. Expressions hold metrics that may be
 * expressions, as deep as they were declared. */
static void put_metric(struct json_writer *w, const struct metric *metric)
{
    put_string(w, "region", metric->region);
    put_string(w, "account", metric->account);
    put_string(w, "namespace", metric->namespace_name);
    put_string(w, "name", metric->name);
    put_string(w, "stat", metric->stat);
    put_string(w, "unit", metric->unit);
    put_int(w, "period_s", metric->period_s);
    json_key(w, "dimensions");
    json_object(w);
    for (uint32_t i = 0; i < metric->dimension_count; i++)
        put_string(w, metric->dimensions[i].name, metric->dimensions[i].value);
    json_object_end(w);
    if (!metric->expression) return;
    put_string(w, "expression", metric->expression);
    json_key(w, "using");
    json_array(w);
    for (uint32_t i = 0; i < metric->input_count; i++) {
        json_object(w);
        put_string(w, "key", metric->inputs[i].id);
        put_metric(w, metric->inputs[i].metric);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_target(struct json_writer *w, const struct target *target)
{
    for (uint32_t i = 0; i < target->use_count; i++) {
        json_object(w);
        put_string(w, "target", target->id);
        put_string(w, "key", target->uses[i].key);
        put_metric(w, target->uses[i].metric);
        json_object_end(w);
    }
}

static void put_policy(struct json_writer *w, const struct evaluator *evaluator)
{
    const struct policy_info *info = evaluator->vtable->info(evaluator);
    size_t count = evaluator->vtable->target_count(evaluator);
    json_object(w);
    put_string(w, "policy", info->name);
    put_string(w, "file", info->file);
    put_seconds(w, "every_s", info->every_ms);
    if (info->discover_ms) put_seconds(w, "discover_s", info->discover_ms);
    put_int(w, "targets", (int64_t)count);
    json_key(w, "metrics");
    json_array(w);
    for (size_t i = 0; i < count; i++)
        put_target(w, evaluator->vtable->target(evaluator, i));
    json_array_end(w);
    json_object_end(w);
}

void check_json(const struct config *config, struct evaluator *const *loaded, size_t count,
                const struct findings *findings, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_key(&w, "faults");
    json_array(&w);
    for (size_t i = 0; i < findings->count; i++)
        put_finding(&w, &findings->items[i]);
    json_array_end(&w);
    json_key(&w, "ok");
    json_bool(&w, findings_errors(findings) == 0);
    put_int(&w, "errors", (int64_t)findings_errors(findings));
    put_int(&w, "warnings", (int64_t)findings_warnings(findings));
    if (config) {
        json_key(&w, "usd_per_1000_metrics");
        json_double(&w, config->price_per_1000_usd);
    }
    json_key(&w, "policies");
    json_array(&w);
    for (size_t i = 0; i < count; i++)
        put_policy(&w, loaded[i]);
    json_array_end(&w);
    json_object_end(&w);
}
