/* A small house for the engine's tests: a world, policies in C, and a listener that writes text. */
#include "support/engine_house.h"

#include "moontide/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_text(char *text, size_t size, const char *format, ...)
{
    size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + len, size - len, format, args);
    va_end(args);
}

/* ---- the world ---- */

struct test_call {
    struct test_world *world;
    struct metric_question *questions;
    size_t count, slot;
    int64_t start_s, end_s;
    cloudwatch_done_fn *done;
    void *data;
    struct loop_timer *timer;
};

static void call_end(struct test_call *call)
{
    loop_timer_cancel(call->timer);
    call->world->open[call->slot] = NULL;
    free(call);
}

static void call_answer(void *data)
{
    struct test_call *call = data;
    struct test_world *world = call->world;
    struct cloudwatch_result result = {.code = world->failure};
    call->timer = NULL;
    if (result.code < 0) fault_set(&result.fault, result.code, "the world is out of order");
    for (size_t i = 0; i < call->count; i++) {
        struct metric_question *question = &call->questions[i];
        question->state = world->failure < 0 ? SERIES_FAILED : SERIES_READY;
        for (int64_t t = call->start_s; t < call->end_s && world->failure == OK;
             t += question->metric->period_s)
            result.datapoints += series_put(question->series, t, world->value);
    }
    cloudwatch_done_fn *done = call->done;
    void *done_data = call->data;
    call_end(call);
    done(done_data, &result);
}

static int world_fetch(struct world *base, struct metric_question *questions, size_t count,
                       int64_t start_s, int64_t end_s, int32_t period_s, cloudwatch_done_fn *done,
                       void *data)
{
    (void)period_s;
    struct test_world *world = (struct test_world *)base;
    struct test_call *call = calloc(1, sizeof *call);
    if (!call) return ERR_NOMEM;
    *call = (struct test_call){.world = world,
                               .questions = questions,
                               .count = count,
                               .start_s = start_s,
                               .end_s = end_s,
                               .done = done,
                               .data = data};
    if (!world->hold && loop_timer_start(world->loop, 0, call_answer, call, &call->timer) < 0) {
        free(call);
        return ERR_NOMEM;
    }
    while (world->open[call->slot])
        call->slot++;
    assert_true(call->slot < WORLD_CALLS_MAX);
    world->open[call->slot] = call;
    world->calls++;
    world->queries += count;
    return OK;
}

static void world_cancel(struct world *base, const struct metric_question *questions)
{
    struct test_world *world = (struct test_world *)base;
    for (size_t i = 0; i < WORLD_CALLS_MAX; i++) {
        if (!world->open[i] || world->open[i]->questions != questions) continue;
        world->canceled++;
        call_end(world->open[i]);
        return;
    }
}

static void free_nothing(struct world *world)
{
    (void)world;
}

void world_answer(struct test_world *world)
{
    for (size_t i = 0; i < WORLD_CALLS_MAX; i++)
        if (world->open[i]) call_answer(world->open[i]);
}

/* ---- policies ---- */

struct generation_double {
    struct evaluator evaluator;
    struct rule *rule;
    struct policy_info info;
    struct target *targets;
    struct metric_use *uses;
    size_t target_count;
    int *counts; /* judge_counts: what its memo table holds; shape: [target_count] */
    evaluator_done_fn *discover_done;
    evaluator_collect_fn *collect_done;
    void *data;
};

static struct generation_double *of(struct evaluator *evaluator)
{
    return (struct generation_double *)evaluator;
}

static void drop_targets(struct generation_double *g)
{
    for (size_t i = 0; i < g->target_count; i++) {
        free((char *)g->targets[i].id);
        if (g->uses) metric_release(g->uses[i].metric);
    }
    free(g->targets);
    free(g->uses);
    free(g->counts);
    g->targets = NULL;
    g->uses = NULL;
    g->counts = NULL;
    g->target_count = 0;
}

static void g_stop(struct evaluator *evaluator)
{
    struct generation_double *g = of(evaluator);
    g->discover_done = NULL;
    g->collect_done = NULL;
    g->rule->stopped++;
}

static void g_free(struct evaluator *evaluator)
{
    struct generation_double *g = of(evaluator);
    if (g->rule->held == g) g->rule->held = NULL;
    g->rule->alive--;
    drop_targets(g);
    free(g);
}

static const struct policy_info *g_info(const struct evaluator *evaluator)
{
    return &((const struct generation_double *)evaluator)->info;
}

static bool g_uses_file(const struct evaluator *evaluator, const char *path)
{
    return strcmp(g_info(evaluator)->file, path) == 0;
}

static struct metric *metric_of(const char *name, const char *target)
{
    struct metric_dimension dimension = {"Target", target};
    struct metric draft = {.namespace_name = "Test",
                           .name = name,
                           .stat = "Average",
                           .period_s = 60,
                           .dimension_count = 1,
                           .dimensions = &dimension};
    struct metric *metric = NULL;
    return metric_new(&draft, &metric) == OK ? metric : NULL;
}

static int find_targets(struct generation_double *g)
{
    struct rule *rule = g->rule;
    drop_targets(g);
    g->targets = calloc(rule->target_count + 1, sizeof *g->targets);
    g->counts = calloc(rule->target_count + 1, sizeof *g->counts);
    if (rule->metric) g->uses = calloc(rule->target_count + 1, sizeof *g->uses);
    if (!g->targets || !g->counts || (rule->metric && !g->uses)) return ERR_NOMEM;
    g->target_count = rule->target_count;
    for (size_t i = 0; i < g->target_count; i++) {
        g->targets[i].id = strdup(rule->targets[i]);
        g->targets[i].json = "{}";
        if (!g->targets[i].id) return ERR_NOMEM;
        if (!rule->metric) continue;
        g->uses[i] = (struct metric_use){.key = rule->metric,
                                         .metric = metric_of(rule->metric, rule->targets[i]),
                                         .slots = rule->slots ? rule->slots : 3};
        if (!g->uses[i].metric) return ERR_NOMEM;
        g->targets[i].uses = &g->uses[i];
        g->targets[i].use_count = 1;
    }
    return OK;
}

static void discover_answer(struct generation_double *g, int code)
{
    evaluator_done_fn *done = g->discover_done;
    struct fault fault = {0};
    if (!done) return;
    g->discover_done = NULL;
    if (code == OK) {
        code = find_targets(g);
        if (code < 0) drop_targets(g);
    } else {
        fault_set(&fault, code, "targets() fell over");
        fault_at(&fault, g->rule->file, 3, 0);
    }
    done(g->data, code, &fault);
}

static void g_discover(struct evaluator *evaluator, evaluator_done_fn *done, void *data)
{
    struct generation_double *g = of(evaluator);
    g->rule->discovered++;
    g->rule->held = g;
    g->discover_done = done;
    g->data = data;
    if (!g->rule->hold_discover) discover_answer(g, g->rule->discover_code);
}

static size_t g_target_count(const struct evaluator *evaluator)
{
    return ((const struct generation_double *)evaluator)->target_count;
}

static const struct target *g_target(const struct evaluator *evaluator, size_t index)
{
    const struct generation_double *g = (const struct generation_double *)evaluator;
    assert_true(index < g->target_count);
    return &g->targets[index];
}

static void collect_answer(struct generation_double *g, int code)
{
    evaluator_collect_fn *done = g->collect_done;
    struct fault fault = {0};
    if (!done) return;
    g->collect_done = NULL;
    if (code < 0) fault_set(&fault, code, "collect() fell over");
    done(g->data, code, code < 0 ? NULL : "{\"extra\":1}", &fault);
}

static void g_collect(struct evaluator *evaluator, size_t target, int64_t now_ms,
                      evaluator_collect_fn *done, void *data)
{
    (void)target, (void)now_ms;
    struct generation_double *g = of(evaluator);
    g->rule->collected++;
    g->rule->held = g;
    g->collect_done = done;
    g->data = data;
    if (!g->rule->hold_collect) collect_answer(g, g->rule->collect_code);
}

static int g_evaluate(struct evaluator *evaluator, const struct evaluation_input *input,
                      struct evaluation *out, struct fault *fault)
{
    struct generation_double *g = of(evaluator);
    struct rule *rule = g->rule;
    rule->evaluated++;
    rule->slice_ms = input->slice_ms;
    rule->seed = input->seed;
    snprintf(rule->memo, sizeof rule->memo, "%s", input->memo_json ? input->memo_json : "-");
    snprintf(rule->extra, sizeof rule->extra, "%s", input->extra_json ? input->extra_json : "-");
    if (input->memo_json) {
        g->counts[input->target] = 0;
        sscanf(input->memo_json, "{\"n\":%d}", &g->counts[input->target]);
    }
    rule->held = g;
    return rule->judge(rule, input, g->targets[input->target].id, out, fault);
}

static int g_check(struct evaluator *evaluator, const struct evaluation_input *input,
                   const char *name, enum verdict *out, struct fault *fault)
{
    struct generation_double *g = of(evaluator);
    if (!g->rule->check) return ERR_NOT_FOUND;
    return g->rule->check(g->rule, g->targets[input->target].id, name, out, fault);
}

static size_t g_memory(const struct evaluator *evaluator)
{
    (void)evaluator;
    return 4096;
}

static const struct evaluator_vtable vtable = {.free = g_free,
                                               .info = g_info,
                                               .uses_file = g_uses_file,
                                               .discover = g_discover,
                                               .target_count = g_target_count,
                                               .target = g_target,
                                               .collect = g_collect,
                                               .evaluate = g_evaluate,
                                               .check = g_check,
                                               .stop = g_stop,
                                               .memory_bytes = g_memory};

struct evaluator *rule_load(struct rule *rule)
{
    struct generation_double *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    g->evaluator.vtable = &vtable;
    g->rule = rule;
    g->info = (struct policy_info){.name = rule->name,
                                   .doc = "",
                                   .file = rule->file,
                                   .every_ms = rule->every_ms ? rule->every_ms : MINUTE_MS,
                                   .discover_ms = rule->discover_ms,
                                   .mode = rule->mode,
                                   .has_mode = rule->has_mode,
                                   .has_collect = rule->has_collect,
                                   .shadow_ticks = rule->shadow_ticks,
                                   .rails = rule->rails,
                                   .depends_on = rule->depends_on};
    snprintf(g->info.sha256, sizeof g->info.sha256, "%064d", 7);
    rule->alive++;
    return &g->evaluator;
}

void rule_answer(struct rule *rule, int code)
{
    struct generation_double *g = rule->held;
    if (!g) return;
    if (g->discover_done)
        discover_answer(g, code);
    else
        collect_answer(g, code);
}

/* ---- judgements ---- */

int judge_healthy(struct rule *rule, const struct evaluation_input *input, const char *target,
                  struct evaluation *out, struct fault *fault)
{
    (void)rule, (void)input, (void)target, (void)out, (void)fault;
    return OK;
}

int judge_slow(struct rule *rule, const struct evaluation_input *input, const char *target,
               struct evaluation *out, struct fault *fault)
{
    (void)target;
    double value = 0;
    struct issue *issue = evaluation_issue(out);
    if (!issue) return fault_set(fault, ERR_LIMIT, "no room for an issue");
    *issue = (struct issue){.type = "slow",
                            .key = "",
                            .description = "p99 is high",
                            .recommendation = "cache it",
                            .severity = SEVERITY_HIGH};
    if (view_at(series_view(input->series[0], 3), -1, &value, NULL)) {
        issue->when = value > 100 ? VERDICT_TRUE : VERDICT_FALSE;
    } else {
        issue->when = VERDICT_UNKNOWN;
        *evaluation_unknown(out) = (struct unknown){rule->metric, "no datapoint"};
    }
    return OK;
}

int judge_fails(struct rule *rule, const struct evaluation_input *input, const char *target,
                struct evaluation *out, struct fault *fault)
{
    (void)input, (void)target, (void)out;
    fault_set(fault, ERR_LUA, "attempt to index a nil value");
    fault_at(fault, rule->file, 7, 0);
    return ERR_LUA;
}

int judge_counts(struct rule *rule, const struct evaluation_input *input, const char *target,
                 struct evaluation *out, struct fault *fault)
{
    (void)target, (void)fault;
    char json[32];
    int n = snprintf(json, sizeof json, "{\"n\":%d}", ++rule->held->counts[input->target]);
    out->memo_json = evaluation_text(out, json, (size_t)n);
    return OK;
}

/* ---- the house ---- */

static void hear_target(void *data, const struct target_report *report)
{
    struct house *house = data;
    char *text = house->targets;
    size_t size = sizeof house->targets;
    add_text(text, size, "%s/%s=%s", report->policy, report->target, status_names[report->status]);
    for (size_t i = 0; i < report->alert_count; i++)
        if (report->alerts[i].state != ALERT_PENDING)
            add_text(text, size, "[%s]", report->alerts[i].type);
    for (size_t i = 0; i < report->decision_count; i++)
        add_text(text, size, "{%s:%s}", outcome_names[report->decisions[i].outcome],
                 report->decisions[i].reason);
    add_text(text, size, ";");
    if (house->on_target) house->on_target(house, report);
}

static void hear_tick(void *data, const struct tick_report *report)
{
    struct house *house = data;
    house->ticks++;
    house->last = *report;
    house->errors[0] = house->policies[0] = '\0';
    for (size_t i = 0; i < report->error_count; i++) {
        const struct tick_error *error = &report->errors[i];
        add_text(house->errors, sizeof house->errors, "%s|%s|%d|%s;", error->policy, error->file,
                 error->line, error->message);
    }
    for (size_t i = 0; i < report->policies; i++)
        add_text(house->policies, sizeof house->policies, "%s:%u ", report->policy_names[i],
                 report->policy_metrics[i]);
}

void house_init(struct house *house, struct loop *loop)
{
    static const struct world_vtable world = {
        .free = free_nothing, .fetch = world_fetch, .cancel = world_cancel};
    log_open(stderr, LOG_OFF, LOG_TEXT, false, NULL);
    *house = (struct house){.loop = loop, .world = {.loop = loop, .value = 1}};
    house->world.world.vtable = &world;
    house->world.world.priced = true;
    snprintf(house->world.world.name, sizeof house->world.world.name, "test");
    clock_init_manual(&house->world.world.clock, 1700000000000);
    house->options = (struct engine_options){.loop = loop,
                                             .world = &house->world.world,
                                             .mode = MODE_RECOMMEND,
                                             .listener = {house, hear_target, hear_tick}};
}

void house_open(struct house *house)
{
    struct fault fault;
    house->options.store = house->store;
    house->ended = house->failed = house->stopped = false;
    assert_int_equal(engine_new(&house->options, &house->engine, &fault), OK);
}

static void stopped(void *data)
{
    ((struct house *)data)->stopped = true;
}

void house_close(struct house *house)
{
    if (!house->engine) return;
    if (!house->stopped) {
        engine_stop(house->engine, stopped, house);
        house_turn_until(house, &house->stopped);
    }
    engine_free(house->engine);
    house->engine = NULL;
}

void house_done(struct house *house)
{
    house_close(house);
    while (house->rules) {
        struct rule *next = house->rules->next;
        free(house->rules);
        house->rules = next;
    }
}

int house_setup(void **state)
{
    struct house *house = calloc(1, sizeof *house);
    struct loop *loop = NULL;
    if (!house || loop_new(&loop) < 0) return -1;
    house_init(house, loop);
    house_open(house);
    *state = house;
    return 0;
}

int house_teardown(void **state)
{
    struct house *house = *state;
    house_done(house);
    int left = loop_free(house->loop);
    free(house);
    return left;
}

struct rule *house_rule(struct house *house, const char *name, judge_fn *judge)
{
    static const char *const targets[] = {"prod", "staging"};
    struct rule *rule = calloc(1, sizeof *rule);
    assert_non_null(rule);
    *rule = (struct rule){.next = house->rules,
                          .name = name,
                          .targets = targets,
                          .target_count = 2,
                          .metric = "Latency",
                          .shadow_ticks = -1,
                          .judge = judge};
    snprintf(rule->file_text, sizeof rule->file_text, "policies/%s.lua", name);
    rule->file = rule->file_text;
    house->rules = rule;
    return rule;
}

int house_put(struct house *house, struct rule *rule)
{
    struct fault fault;
    struct evaluator *evaluator = rule_load(rule);
    return evaluator ? engine_put(house->engine, evaluator, NULL, NULL, &fault) : ERR_NOMEM;
}

void house_turn_until(struct house *house, const bool *condition)
{
    for (int i = 0; i < TURNS_MAX && !*condition; i++)
        loop_turn(house->loop, true);
    assert_true(*condition);
}

void house_turns(struct house *house, int turns)
{
    for (int i = 0; i < turns; i++)
        loop_turn(house->loop, false);
}

static void tick_done(void *data, bool failed)
{
    struct house *house = data;
    house->ended = true;
    house->failed = failed;
}

bool house_tick(struct house *house)
{
    house->ended = false;
    assert_int_equal(engine_tick(house->engine, NULL, tick_done, house), OK);
    assert_false(house->ended);
    house_turn_until(house, &house->ended);
    return house->failed;
}

bool house_next_tick(struct house *house)
{
    clock_advance(&house->world.world.clock, MINUTE_MS);
    return house_tick(house);
}

void house_clear(struct house *house)
{
    house->targets[0] = '\0';
}
