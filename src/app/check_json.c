/* app/check_json.c - what `check` found, as one JSON document. */
#include "moontide/app/check_json.h"

#include "moontide/base/json.h"
#include "moontide/bind/diagnostic.h"

static void put_seconds(struct json_writer *w, const char *key, int64_t ms)
{
    json_key(w, key);
    json_double(w, (double)ms / 1000);
}

static void put_finding(struct json_writer *w, const struct fault *fault)
{
    json_object(w);
    json_put_given(w, "file", fault->file);
    json_put_int(w, "line", fault->line);
    json_put_int(w, "column", fault->column);
    json_put_int(w, "end_column", fault->end_column);
    json_put_given(w, "severity", fault->code < 0 ? "error" : "warning");
    json_put_given(w, "code", diagnostic_of(fault));
    json_put_given(w, "message", fault->text);
    json_put_given(w, "hint", fault->hint[0] ? fault->hint : NULL);
    json_key(w, "warning");
    json_bool(w, fault->code >= 0);
    json_object_end(w);
}

/* The fields of a metric within an object that is open. Expressions hold metrics that may be
 * expressions, as deep as they were declared. */
static void put_metric(struct json_writer *w, const struct metric *metric)
{
    json_put_given(w, "region", metric->region);
    json_put_given(w, "account", metric->account);
    json_put_given(w, "namespace", metric->namespace_name);
    json_put_given(w, "name", metric->name);
    json_put_given(w, "stat", metric->stat);
    json_put_given(w, "unit", metric->unit);
    json_put_int(w, "period_s", metric->period_s);
    json_key(w, "dimensions");
    json_object(w);
    for (uint32_t i = 0; i < metric->dimension_count; i++)
        json_put_given(w, metric->dimensions[i].name, metric->dimensions[i].value);
    json_object_end(w);
    if (!metric->expression) return;
    json_put_given(w, "expression", metric->expression);
    json_key(w, "using");
    json_array(w);
    for (uint32_t i = 0; i < metric->input_count; i++) {
        json_object(w);
        json_put_given(w, "key", metric->inputs[i].id);
        put_metric(w, metric->inputs[i].metric);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_target(struct json_writer *w, const struct target *target)
{
    for (uint32_t i = 0; i < target->use_count; i++) {
        json_object(w);
        json_put_given(w, "target", target->id);
        json_put_given(w, "key", target->uses[i].key);
        put_metric(w, target->uses[i].metric);
        json_object_end(w);
    }
}

static void put_policy(struct json_writer *w, const struct evaluator *evaluator)
{
    const struct policy_info *info = evaluator->vtable->info(evaluator);
    size_t count = evaluator->vtable->target_count(evaluator);
    json_object(w);
    json_put_given(w, "policy", info->name);
    json_put_given(w, "file", info->file);
    put_seconds(w, "every_s", info->every_ms);
    if (info->discover_ms) put_seconds(w, "discover_s", info->discover_ms);
    json_put_int(w, "targets", (int64_t)count);
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
    json_put_int(&w, "errors", (int64_t)findings_errors(findings));
    json_put_int(&w, "warnings", (int64_t)findings_warnings(findings));
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
