/* model/metric.c - a metric as one immutable block: the struct, its dimensions and inputs, and all
 * strings behind it, so that ten thousand of them are ten thousand allocations and no more. */
#include "moontide/model/metric.h"

#include "moontide/base/err.h"
#include "moontide/base/hash.h"
#include "moontide/base/timetext.h"

#include <assert.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CloudWatch API Reference: Namespace, MetricName, dimension names 255, dimension values 1024. */
enum { NAME_MAX_BYTES = 255, DIMENSION_VALUE_MAX = 1024 };

static_assert(alignof(struct metric_input) <= alignof(struct metric), "one block, in this order");
static_assert(alignof(struct metric_dimension) <= alignof(struct metric), "one block");

/* Adds the bytes that text needs; a text longer than max is ERR_LIMIT. NULL takes nothing. */
static int measure(const char *text, size_t max, size_t *bytes)
{
    if (!text) return OK;
    size_t len = strnlen(text, max + 1);
    if (len > max) return ERR_LIMIT;
    *bytes += len + 1;
    return OK;
}

static int measure_all(const struct metric *draft, size_t *bytes)
{
    if (draft->dimension_count > METRIC_DIMENSIONS_MAX || draft->input_count > METRIC_INPUTS_MAX)
        return ERR_LIMIT;
    int code = measure(draft->region, NAME_MAX_BYTES, bytes);
    if (code == OK) code = measure(draft->account, NAME_MAX_BYTES, bytes);
    if (code == OK) code = measure(draft->namespace_name, NAME_MAX_BYTES, bytes);
    if (code == OK) code = measure(draft->name, NAME_MAX_BYTES, bytes);
    if (code == OK) code = measure(draft->stat, NAME_MAX_BYTES, bytes);
    if (code == OK) code = measure(draft->unit, NAME_MAX_BYTES, bytes);
    if (code == OK) code = measure(draft->expression, METRIC_TEXT_MAX, bytes);
    for (uint32_t i = 0; code == OK && i < draft->dimension_count; i++) {
        code = measure(draft->dimensions[i].name, NAME_MAX_BYTES, bytes);
        if (code == OK) code = measure(draft->dimensions[i].value, DIMENSION_VALUE_MAX, bytes);
    }
    for (uint32_t i = 0; code == OK && i < draft->input_count; i++)
        code = measure(draft->inputs[i].id, NAME_MAX_BYTES, bytes);
    return code;
}

static const char *copy(char **at, const char *text)
{
    if (!text) return NULL;
    size_t size = strlen(text) + 1;
    char *to = *at;
    memcpy(to, text, size);
    *at += size;
    return to;
}

static int by_name(const void *a, const void *b)
{
    const struct metric_dimension *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

static uint64_t hash_text(const char *text, uint64_t seed)
{
    return text ? hash64(text, strlen(text), seed) : hash64("\xff", 1, seed);
}

static uint64_t hash_metric(const struct metric *m)
{
    uint64_t h = hash64(&m->period_s, sizeof m->period_s, 0);
    h = hash_text(m->region, h);
    h = hash_text(m->account, h);
    h = hash_text(m->namespace_name, h);
    h = hash_text(m->name, h);
    h = hash_text(m->stat, h);
    h = hash_text(m->unit, h);
    h = hash_text(m->expression, h);
    for (uint32_t i = 0; i < m->dimension_count; i++)
        h = hash_text(m->dimensions[i].value, hash_text(m->dimensions[i].name, h));
    for (uint32_t i = 0; i < m->input_count; i++) {
        h = hash_text(m->inputs[i].id, h);
        h = hash64(&m->inputs[i].metric->hash, sizeof m->inputs[i].metric->hash, h);
    }
    return h;
}

int metric_new(const struct metric *draft, struct metric **out)
{
    size_t text_bytes = 0;
    int code = measure_all(draft, &text_bytes);
    if (code < 0) return code;
    size_t dimension_bytes = draft->dimension_count * sizeof(struct metric_dimension);
    size_t input_bytes = draft->input_count * sizeof(struct metric_input);
    struct metric *m = malloc(sizeof *m + dimension_bytes + input_bytes + text_bytes);
    if (!m) return ERR_NOMEM;

    struct metric_dimension *dimensions = (struct metric_dimension *)(m + 1);
    struct metric_input *inputs = (struct metric_input *)(dimensions + draft->dimension_count);
    char *at = (char *)(inputs + draft->input_count);
    *m = (struct metric){
        .period_s = draft->period_s,
        .dimension_count = draft->dimension_count,
        .input_count = draft->input_count,
        .dimensions = dimensions,
        .inputs = inputs,
        .refs = 1,
    };
    m->region = copy(&at, draft->region);
    m->account = copy(&at, draft->account);
    m->namespace_name = copy(&at, draft->namespace_name);
    m->name = copy(&at, draft->name);
    m->stat = copy(&at, draft->stat);
    m->unit = copy(&at, draft->unit);
    m->expression = copy(&at, draft->expression);
    for (uint32_t i = 0; i < m->dimension_count; i++) {
        dimensions[i].name = copy(&at, draft->dimensions[i].name);
        dimensions[i].value = copy(&at, draft->dimensions[i].value);
    }
    if (m->dimension_count > 1) qsort(dimensions, m->dimension_count, sizeof *dimensions, by_name);
    for (uint32_t i = 0; i < m->input_count; i++) {
        inputs[i].id = copy(&at, draft->inputs[i].id);
        inputs[i].metric = metric_retain(draft->inputs[i].metric);
    }
    m->hash = hash_metric(m);
    *out = m;
    return OK;
}

struct metric *metric_retain(struct metric *metric)
{
    metric->refs++;
    return metric;
}

void metric_release(struct metric *metric)
{
    if (!metric || --metric->refs > 0) return;
    for (uint32_t i = 0; i < metric->input_count; i++)
        metric_release(metric->inputs[i].metric);
    free(metric);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool metric_equal(const struct metric *a, const struct metric *b)
{
    if (a == b) return true;
    if (a->hash != b->hash || a->period_s != b->period_s ||
        a->dimension_count != b->dimension_count || a->input_count != b->input_count)
        return false;
    if (!same(a->name, b->name) || !same(a->stat, b->stat) ||
        !same(a->namespace_name, b->namespace_name) || !same(a->unit, b->unit) ||
        !same(a->expression, b->expression) || !same(a->region, b->region) ||
        !same(a->account, b->account))
        return false;
    for (uint32_t i = 0; i < a->dimension_count; i++)
        if (strcmp(a->dimensions[i].name, b->dimensions[i].name) != 0 ||
            strcmp(a->dimensions[i].value, b->dimensions[i].value) != 0)
            return false;
    for (uint32_t i = 0; i < a->input_count; i++)
        if (strcmp(a->inputs[i].id, b->inputs[i].id) != 0 ||
            !metric_equal(a->inputs[i].metric, b->inputs[i].metric))
            return false;
    return true;
}

void metric_describe(const struct metric *metric, char *out, size_t size)
{
    char period[DURATION_TEXT_MAX];
    if (size == 0) return;
    duration_format((int64_t)metric->period_s * 1000, period);
    int n = metric->expression ? snprintf(out, size, "%s %s", metric->expression, period)
                               : snprintf(out, size, "%s %s %s %s", metric->namespace_name,
                                          metric->name, metric->stat, period);
    for (uint32_t i = 0; i < metric->dimension_count && n >= 0 && (size_t)n < size; i++) {
        int more = snprintf(out + n, size - (size_t)n, "%s%s=%s%s", i == 0 ? " {" : ", ",
                            metric->dimensions[i].name, metric->dimensions[i].value,
                            i + 1 == metric->dimension_count ? "}" : "");
        if (more < 0) break;
        n += more;
    }
}
