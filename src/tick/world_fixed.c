/* tick/world_fixed.c - the world of policy tests: it answers what it was told, in the next turn of
 * the loop as a network would. Decisions are carried out on the state of sim_act.c. */
#include "moontide/tick/world.h"

#include "sim_act.h"
#include "sim_fleet.h"

#include "moontide/io/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char BUSY[] = "BUSY: ";

/* What is told of one metric. */
struct fixed_series {
    struct fixed_series *next;
    struct metric *metric;
    int64_t start_s;
    double *values; /* shape: [count] */
    size_t count;
    bool hold;
};

struct fixed_problem {
    struct fixed_problem *next;
    char *kind, *resource, *text;
};

struct fixed_call {
    struct fixed_call *prev, *next;
    struct world_fixed *fixed;
    struct metric_question *questions; /* of a fetch; NULL: a check */
    size_t count;
    int64_t start_s, end_s;
    union {
        cloudwatch_done_fn *fetched;
        actor_check_fn *checked;
    } done;
    void *data;
    const char *problem; /* of a check */
    struct loop_timer *timer;
};

struct world_fixed {
    struct world world;
    struct loop *loop;
    struct sim_fleet fleet;
    struct sim_resources resources;
    struct sim_acts acts;
    struct fixed_series *series;
    struct fixed_problem *problems;
    struct fixed_call *calls;
};

/* ---- calls ---- */

static void call_drop(struct fixed_call *call)
{
    if (call->prev)
        call->prev->next = call->next;
    else
        call->fixed->calls = call->next;
    if (call->next) call->next->prev = call->prev;
    loop_timer_cancel(call->timer);
    free(call);
}

static struct fixed_call *call_new(struct world_fixed *fixed, void (*fire)(void *data), void *data)
{
    struct fixed_call *call = calloc(1, sizeof *call);
    if (!call) return NULL;
    *call = (struct fixed_call){.next = fixed->calls, .fixed = fixed, .data = data};
    if (loop_timer_start(fixed->loop, 0, fire, call, &call->timer) < 0) {
        free(call);
        return NULL;
    }
    if (call->next) call->next->prev = call;
    fixed->calls = call;
    return call;
}

/* ---- datapoints ---- */

static struct fixed_series *series_find(const struct world_fixed *fixed,
                                        const struct metric *metric)
{
    struct fixed_series *at = fixed->series;
    while (at && !(at->metric->hash == metric->hash && metric_equal(at->metric, metric)))
        at = at->next;
    return at;
}

/* NaN: there is no datapoint. */
static double value_at(const struct fixed_series *series, int64_t slot_s)
{
    int64_t i = (slot_s - series->start_s) / series->metric->period_s;
    if (slot_s < series->start_s || series->count == 0) return NAN;
    if ((uint64_t)i < series->count) return series->values[i];
    return series->hold ? series->values[series->count - 1] : NAN;
}

/* Only periods that are over have a datapoint. */
static uint64_t answer(const struct fixed_call *call, struct metric_question *question)
{
    const struct fixed_series *series = series_find(call->fixed, question->metric);
    int64_t now_s = clock_now_ms(&call->fixed->world.clock) / 1000;
    int32_t period_s = question->metric->period_s;
    uint64_t datapoints = 0;
    question->state = SERIES_READY;
    for (int64_t slot_s = call->start_s;
         series && slot_s < call->end_s && slot_s + period_s <= now_s; slot_s += period_s) {
        double value = value_at(series, slot_s);
        if (!isnan(value)) datapoints += series_put(question->series, slot_s, value);
    }
    return datapoints;
}

static void on_fetch(void *data)
{
    struct fixed_call *call = data;
    struct cloudwatch_result result = {.calls = 1, .pages = 1};
    cloudwatch_done_fn *done = call->done.fetched;
    void *to = call->data;
    call->timer = NULL;
    for (size_t i = 0; i < call->count; i++)
        result.datapoints += answer(call, &call->questions[i]);
    call_drop(call);
    done(to, &result);
}

static int fixed_fetch(struct world *world, struct metric_question *questions, size_t count,
                       int64_t start_s, int64_t end_s, int32_t period_s, cloudwatch_done_fn *done,
                       void *data)
{
    (void)period_s;
    if (count > CLOUDWATCH_QUERIES_MAX) return ERR_LIMIT;
    struct fixed_call *call = call_new((struct world_fixed *)world, on_fetch, data);
    if (!call) return ERR_NOMEM;
    call->questions = questions;
    call->count = count;
    call->start_s = start_s;
    call->end_s = end_s;
    call->done.fetched = done;
    return OK;
}

static void fixed_cancel(struct world *world, const struct metric_question *questions)
{
    struct fixed_call *call = ((struct world_fixed *)world)->calls;
    while (call && call->questions != questions)
        call = call->next;
    if (call) call_drop(call);
}

/* ---- being told ---- */

static int series_reserve(struct fixed_series *series, int64_t start_s, size_t count)
{
    int32_t period_s = series->metric->period_s;
    if (series->count == 0) series->start_s = start_s;
    int64_t first_s = start_s < series->start_s ? start_s : series->start_s;
    int64_t end_s = start_s + (int64_t)count * period_s;
    int64_t old_end_s = series->start_s + (int64_t)series->count * period_s;
    if (old_end_s > end_s) end_s = old_end_s;
    int64_t slots = (end_s - first_s) / period_s;
    if (slots > SERIES_SLOTS_MAX) return ERR_LIMIT;
    double *values = malloc(((size_t)slots + 1) * sizeof *values);
    if (!values) return ERR_NOMEM;
    for (int64_t i = 0; i < slots; i++)
        values[i] = value_at(series, first_s + i * period_s);
    free(series->values);
    series->values = values;
    series->start_s = first_s;
    series->count = (size_t)slots;
    return OK;
}

int world_fixed_put(struct world *world, struct metric *metric, int64_t start_s,
                    const double *values, size_t count, bool hold)
{
    struct world_fixed *fixed = (struct world_fixed *)world;
    struct fixed_series *series = series_find(fixed, metric);
    if (!series) {
        series = calloc(1, sizeof *series);
        if (!series) return ERR_NOMEM;
        series->metric = metric_retain(metric);
        series->next = fixed->series;
        fixed->series = series;
    }
    int code = series_reserve(series, start_s, count);
    if (code < 0) return code;
    size_t at = (size_t)((start_s - series->start_s) / metric->period_s);
    if (count > 0) memcpy(series->values + at, values, count * sizeof *values);
    series->hold = hold;
    return OK;
}

int world_fixed_resource(struct world *world, const struct subject *about, const char *current,
                         const char *problem)
{
    struct world_fixed *fixed = (struct world_fixed *)world;
    if (current) {
        int code = sim_resources_put(&fixed->resources, about, current);
        if (code < 0) return code;
    }
    if (!problem) return OK;
    struct fixed_problem *made = calloc(1, sizeof *made);
    if (!made) return ERR_NOMEM;
    made->next = fixed->problems;
    fixed->problems = made;
    made->kind = strdup(about->kind);
    made->resource = strdup(about->resource);
    made->text = strdup(problem);
    return made->kind && made->resource && made->text ? OK : ERR_NOMEM;
}

void world_fixed_advance(struct world *world, int64_t ms)
{
    clock_advance(&world->clock, ms);
}

/* ---- decisions ---- */

static int fixed_read(struct world *world, struct actor *actor, struct subject *subjects,
                      size_t count, actor_read_fn *done, void *data, struct actor_call **out)
{
    return sim_act_read(&((struct world_fixed *)world)->acts, actor, subjects, count, done, data,
                        out);
}

static void on_check(void *data)
{
    struct fixed_call *call = data;
    struct feasibility found = {0};
    actor_check_fn *done = call->done.checked;
    void *to = call->data;
    size_t busy = strlen(BUSY);
    call->timer = NULL;
    if (strncmp(call->problem, BUSY, busy) == 0)
        found.busy = strdup(call->problem + busy);
    else
        found.infeasible = strdup(call->problem);
    int code = found.busy || found.infeasible ? OK : ERR_NOMEM;
    call_drop(call);
    done(to, code, &found, NULL);
}

static const char *problem_of(const struct world_fixed *fixed, const struct subject *subject)
{
    for (const struct fixed_problem *at = fixed->problems; at; at = at->next)
        if (at->kind && at->resource && strcmp(at->kind, subject->kind) == 0 &&
            strcmp(at->resource, subject->resource) == 0)
            return at->text;
    return NULL;
}

static int fixed_check(struct world *world, struct actor *actor, const struct subject *subject,
                       const struct comparison *comparison, actor_check_fn *done, void *data,
                       struct actor_call **out)
{
    struct world_fixed *fixed = (struct world_fixed *)world;
    const char *problem = problem_of(fixed, subject);
    (void)actor;
    (void)comparison;
    if (!problem) return sim_act_check(&fixed->acts, subject, done, data, out);
    struct fixed_call *call = call_new(fixed, on_check, data);
    if (!call) return ERR_NOMEM;
    call->problem = problem;
    call->done.checked = done;
    if (out) *out = (struct actor_call *)call;
    return OK;
}

static int fixed_apply(struct world *world, struct actor *actor, const struct subject *subject,
                       const struct comparison *comparison, actor_apply_fn *done, void *data,
                       struct actor_call **out)
{
    return sim_act_apply(&((struct world_fixed *)world)->acts, actor, subject, comparison, done,
                         data, out);
}

static void fixed_cancel_act(struct world *world, struct actor *actor, struct actor_call *call)
{
    struct world_fixed *fixed = (struct world_fixed *)world;
    struct fixed_call *own = fixed->calls;
    (void)actor;
    while (own && own != (struct fixed_call *)call)
        own = own->next;
    if (own)
        call_drop(own);
    else
        sim_act_cancel(&fixed->acts, call);
}

/* ---- begin and end ---- */

static void fixed_free(struct world *world)
{
    struct world_fixed *fixed = (struct world_fixed *)world;
    while (fixed->calls)
        call_drop(fixed->calls);
    while (fixed->series) {
        struct fixed_series *next = fixed->series->next;
        metric_release(fixed->series->metric);
        free(fixed->series->values);
        free(fixed->series);
        fixed->series = next;
    }
    while (fixed->problems) {
        struct fixed_problem *next = fixed->problems->next;
        free(fixed->problems->kind);
        free(fixed->problems->resource);
        free(fixed->problems->text);
        free(fixed->problems);
        fixed->problems = next;
    }
    sim_acts_done(&fixed->acts);
    sim_resources_done(&fixed->resources);
    sim_fleet_done(&fixed->fleet);
    free(fixed);
}

static const struct world_vtable fixed_vtable = {
    .free = fixed_free,
    .fetch = fixed_fetch,
    .cancel = fixed_cancel,
    .read = fixed_read,
    .check = fixed_check,
    .apply = fixed_apply,
    .cancel_act = fixed_cancel_act,
};

int world_fixed_new(const struct world_fixed_options *options, struct world **out,
                    struct fault *fault)
{
    struct world_fixed *fixed = calloc(1, sizeof *fixed);
    if (!fixed) return fault_set(fault, ERR_NOMEM, "out of memory");
    fixed->world.vtable = &fixed_vtable;
    fixed->loop = options->loop;
    snprintf(fixed->world.name, sizeof fixed->world.name, "%s", options->name);
    clock_init_manual(&fixed->world.clock, options->start_ms);
    int code = sim_fleet_default(&fixed->fleet);
    if (code == OK) code = sim_resources_init(&fixed->resources, &fixed->fleet);
    fixed->acts = (struct sim_acts){.loop = fixed->loop, .resources = &fixed->resources};
    if (code < 0) {
        fixed_free(&fixed->world);
        return fault_set(fault, code, "%s", err_text(code));
    }
    *out = &fixed->world;
    return OK;
}
