/* app/check_live.c - see check_live.h. The questions are asked by prelude/check_live.lua in the
 * state of a script, which has clients of `aws`; here the metrics are listed and the answers told.
 */
#include "moontide/app/check_live.h"

#include "moontide/app/instance.h"
#include "moontide/base/fs.h"
#include "moontide/base/json.h"
#include "moontide/base/json_tree.h"
#include "moontide/base/nearest.h"
#include "moontide/bind/script.h"
#include "moontide/bind/syntax.h"
#include "moontide/io/loop.h"
#include "moontide/vm/prelude.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { METRICS_MAX = 5000 };
enum { TEXT_MAX = 64 * 1024 * 1024, NEAR_MAX = 2000, SHOWN_MAX = 6, LINE_MAX_BYTES = 1024 * 1024 };

/* One metric, and who declares it first. */
struct asked {
    const struct metric *metric;
    const char *file, *key;
};

struct live {
    struct asked *items; /* shape: [count] */
    size_t count, cap, answered;
    struct instance instance;
    struct script *script;
    struct strbuf line; /* of the script's output */
    struct faults *faults;
    bool terminal, over;
    bool cut; /* more than METRICS_MAX */
};

/* ---- which metrics ---- */

static bool same_series(const struct metric *a, const struct metric *b)
{
    bool same = strcmp(a->namespace_name, b->namespace_name) == 0 &&
                strcmp(a->name, b->name) == 0 &&
                strcmp(a->region ? a->region : "", b->region ? b->region : "") == 0 &&
                strcmp(a->account ? a->account : "", b->account ? b->account : "") == 0 &&
                a->dimension_count == b->dimension_count;
    for (uint32_t i = 0; same && i < a->dimension_count; i++)
        same = strcmp(a->dimensions[i].name, b->dimensions[i].name) == 0 &&
               strcmp(a->dimensions[i].value, b->dimensions[i].value) == 0;
    return same;
}

static void add_metric(struct live *live, const struct metric *metric, const char *file,
                       const char *key)
{
    for (uint32_t i = 0; i < metric->input_count; i++)
        add_metric(live, metric->inputs[i].metric, file, metric->inputs[i].id);
    if (metric->expression || live->cut) return;
    for (size_t i = live->count; i-- > 0;)
        if (same_series(live->items[i].metric, metric)) return;
    live->cut = live->count == METRICS_MAX;
    if (live->cut) return;
    if (live->count == live->cap) {
        size_t cap = live->cap ? live->cap * 2 : 64;
        struct asked *items = realloc(live->items, cap * sizeof *items);
        if (!items) return;
        live->items = items;
        live->cap = cap;
    }
    live->items[live->count++] = (struct asked){metric, file, key};
}

static void list_metrics(struct live *live, struct evaluator *const *policies, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct evaluator *policy = policies[i];
        size_t targets = policy->vtable->target_count(policy);
        for (size_t t = 0; t < targets; t++) {
            const struct target *target = policy->vtable->target(policy, t);
            for (uint32_t u = 0; u < target->use_count; u++)
                add_metric(live, target->uses[u].metric, policy->vtable->info(policy)->file,
                           target->uses[u].key);
        }
    }
}

/* ---- the question ---- */

static void put_question(struct json_writer *w, size_t index, const struct metric *metric)
{
    json_object(w);
    json_key(w, "index");
    json_int(w, (int64_t)index);
    json_put_given(w, "region", metric->region);
    json_put_given(w, "account", metric->account);
    json_put_given(w, "namespace", metric->namespace_name);
    json_put_given(w, "name", metric->name);
    json_key(w, "dimensions");
    json_object(w);
    for (uint32_t i = 0; i < metric->dimension_count; i++)
        json_put_given(w, metric->dimensions[i].name, metric->dimensions[i].value);
    json_object_end(w);
    json_object_end(w);
}

/* The list as a long string that nothing in it can close: JSON text has no brackets but its own and
 * those of strings, so a level is looked for that does not occur. */
static int write_chunk(const struct live *live, struct strbuf *out)
{
    struct strbuf json;
    struct json_writer w;
    char equals[16] = "=", close[20];
    const struct prelude_file *file = prelude_find("check_live");
    strbuf_init(&json, TEXT_MAX);
    json_writer_init(&w, &json);
    json_array(&w);
    for (size_t i = 0; i < live->count; i++)
        put_question(&w, i, live->items[i].metric);
    json_array_end(&w);
    int code = strbuf_status(&json);
    for (size_t n = 1; code == OK; n++) {
        snprintf(close, sizeof close, "]%s]", equals);
        if (!strstr(strbuf_cstr(&json), close)) break;
        if (n + 1 >= sizeof equals) code = ERR_LIMIT;
        if (code == OK) strcat(equals, "=");
    }
    strbuf_addf(out, "local input = json.decode [%s[%s%s\n", equals, strbuf_cstr(&json), close);
    if (file) strbuf_add(out, file->source, file->len);
    strbuf_done(&json);
    return code < 0 ? code : strbuf_status(out);
}

/* ---- the answers ---- */

/* Where the key stands in the text of the policy; nothing where it does not, or several times. */
static void find_place(const struct asked *asked, struct fault *fault)
{
    struct fault unread;
    struct syntax *syntax = NULL;
    char *text = NULL;
    size_t len = 0, found = 0;
    if (fs_read_file(asked->file, TEXT_MAX, &text, &len, &unread) < 0) return;
    const struct expr *at =
        syntax_new(text, len, &syntax) == OK ? syntax_expressions(syntax) : NULL;
    for (; at; at = at->all_next) {
        const struct item *item = at->kind == EXPR_CALL ? at->item : NULL;
        if (!item || !item->key || !piece_is(item->key->text, asked->key) || found++ > 0) continue;
        fault->line = item->span.line;
        fault->column = item->span.column;
        fault->end_column = item->span.column + (int)(item->span.end - item->span.begin);
    }
    if (found > 1) fault->line = fault->column = fault->end_column = 0;
    syntax_free(syntax);
    free(text);
}

static size_t candidates(const cJSON *near, const char *names[NEAR_MAX + 1])
{
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, near)
    {
        if (cJSON_IsString(item) && count < NEAR_MAX) names[count++] = item->valuestring;
    }
    names[count] = NULL;
    return count;
}

/* "did you mean 'x'?", or what there is. */
static void write_hint(const cJSON *near, const char *wanted, const char *what,
                       char out[FAULT_HINT_MAX])
{
    const char *names[NEAR_MAX + 1];
    size_t count = candidates(near, names), len;
    const char *nearest = nearest_name(wanted, names);
    out[0] = '\0';
    if (nearest) {
        snprintf(out, FAULT_HINT_MAX, "did you mean '%s'?", nearest);
        return;
    }
    if (count == 0) return;
    len = (size_t)snprintf(out, FAULT_HINT_MAX, "%s:", what);
    for (size_t i = 0; i < count && i < SHOWN_MAX && len < FAULT_HINT_MAX; i++)
        len +=
            (size_t)snprintf(out + len, FAULT_HINT_MAX - len, "%s %.60s", i ? "," : "", names[i]);
    if (count > SHOWN_MAX && len < FAULT_HINT_MAX)
        snprintf(out + len, FAULT_HINT_MAX - len, ", and %zu more", count - SHOWN_MAX);
}

static const char *value_of(const struct metric *metric, const char *dimension)
{
    for (uint32_t i = 0; i < metric->dimension_count; i++)
        if (strcmp(metric->dimensions[i].name, dimension) == 0) return metric->dimensions[i].value;
    return "";
}

static void describe(const struct live *live, const struct asked *asked, const cJSON *answer,
                     struct fault *fault)
{
    const struct metric *m = asked->metric;
    const cJSON *near = cJSON_GetObjectItemCaseSensitive(answer, "near");
    const char *state = json_tree_text(answer, "state"),
               *differs = json_tree_text(answer, "differs");
    const char *region = m->region ? m->region : live->instance.config->region;
    char hint[FAULT_HINT_MAX] = "", where[100];
    snprintf(where, sizeof where, "CloudWatch%s%.60s", region ? " in " : "", region ? region : "");
    if (strcmp(state, "namespace") == 0) {
        fault_set(fault, OK, "%s: %s has no namespace '%s'", asked->key, where, m->namespace_name);
        write_hint(near, m->namespace_name, "there are", hint);
    } else if (strcmp(state, "name") == 0) {
        fault_set(fault, OK, "%s: %s has no metric '%s' in %s", asked->key, where, m->name,
                  m->namespace_name);
        write_hint(near, m->name, "there are", hint);
    } else if (*differs) {
        fault_set(fault, OK, "%s: %s has no %s %s with %s = '%s'", asked->key, where,
                  m->namespace_name, m->name, differs, value_of(m, differs));
        write_hint(near, value_of(m, differs), "it has", hint);
    } else {
        fault_set(fault, OK, "%s: %s has no %s %s with these dimensions", asked->key, where,
                  m->namespace_name, m->name);
        write_hint(near, "", "it has the dimensions", hint);
    }
    fault_explain(fault, "W-metric-not-found", hint);
}

static void take_answer(struct live *live, const cJSON *answer)
{
    const cJSON *index = cJSON_GetObjectItemCaseSensitive(answer, "index");
    const char *state = json_tree_text(answer, "state");
    struct fault fault;
    if (!cJSON_IsNumber(index) || index->valuedouble < 0 ||
        index->valuedouble >= (double)live->count)
        return;
    const struct asked *asked = &live->items[(size_t)index->valuedouble];
    live->answered++;
    if (live->terminal)
        fprintf(stderr, "\rasking CloudWatch: %zu of %zu", live->answered, live->count);
    if (strcmp(state, "found") == 0 || strcmp(state, "unknown") == 0) return;
    if (strcmp(state, "failed") == 0) {
        const char *code = json_tree_text(answer, "code");
        fault_set(&fault, ERR_IO, "CloudWatch could not be asked: %s",
                  json_tree_text(answer, "message"));
        fault_explain(&fault, "E-live",
                      strstr(code, "Denied") || strstr(code, "NotAuthorized")
                          ? "--live needs the IAM action cloudwatch:ListMetrics"
                          : NULL);
        fault_at(&fault, asked->file, 0, 0);
    } else {
        describe(live, asked, answer, &fault);
        fault_at(&fault, asked->file, 0, 0);
        find_place(asked, &fault);
    }
    faults_add(live->faults, &fault);
}

static void on_print(void *data, const char *text, size_t len)
{
    struct live *live = data;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n') {
            strbuf_addc(&live->line, text[i]);
            continue;
        }
        cJSON *answer = cJSON_Parse(strbuf_cstr(&live->line));
        if (answer) take_answer(live, answer);
        cJSON_Delete(answer);
        strbuf_reset(&live->line);
    }
}

static void on_done(void *data, const struct script_result *result)
{
    struct live *live = data;
    struct fault fault;
    live->over = true;
    if (result->code < 0) {
        fault_set(&fault, ERR_IO, "CloudWatch could not be asked: %s",
                  result->error ? result->error : err_text(result->code));
        fault_explain(&fault, "E-live", NULL);
        faults_add(live->faults, &fault);
    }
    loop_stop(live->instance.loop);
}

/* ---- all of it ---- */

static int ask(struct live *live)
{
    struct strbuf chunk;
    bool incomplete = false;
    struct script_options options = {.host = &live->instance.host, .print = on_print, .data = live};
    int code = script_new(&options, &live->script);
    if (code < 0) return code;
    strbuf_init(&chunk, TEXT_MAX * 2);
    code = write_chunk(live, &chunk);
    if (code == OK)
        code = script_run_text(live->script, strbuf_cstr(&chunk), chunk.len, "=(check --live)",
                               false, &incomplete, on_done, live);
    strbuf_done(&chunk);
    if (code == OK && !live->over) loop_run(live->instance.loop);
    if (live->terminal) fputs("\r\033[K", stderr);
    script_free(live->script);
    return code;
}

void check_live(const char *dir, struct evaluator *const *policies, size_t count,
                struct faults *faults)
{
    struct live live = {.faults = faults, .terminal = isatty(STDERR_FILENO)};
    struct instance_options options = {.dir = dir, .world = "aws", .speed = 1};
    struct fault fault;
    list_metrics(&live, policies, count);
    if (live.cut) {
        fault_set(&fault, OK, "more than %d metrics are declared: the others are not asked for",
                  METRICS_MAX);
        fault_explain(&fault, "W-metric-not-found", NULL);
        faults_add(faults, &fault);
    }
    if (live.count > 0 && instance_open(&options, &live.instance) < 0) {
        fault_set(&fault, ERR_IO, "CloudWatch could not be asked");
        fault_explain(&fault, "E-live", NULL);
        faults_add(faults, &fault);
    } else if (live.count > 0) {
        strbuf_init(&live.line, LINE_MAX_BYTES);
        int code = ask(&live);
        strbuf_done(&live.line);
        instance_close(&live.instance);
        if (code < 0) {
            fault_set(&fault, code, "CloudWatch could not be asked: %s", err_text(code));
            fault_explain(&fault, "E-live", NULL);
            faults_add(faults, &fault);
        }
    }
    free(live.items);
}
