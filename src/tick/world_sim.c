/* tick/world_sim.c - the simulated world: answers questions from sim_fleet.c, in the next turn of
 * the loop as a network would, and with a clock that may run faster than ours. */
#include "moontide/tick/world.h"

#include "sim_act.h"
#include "sim_expression.h"
#include "sim_fleet.h"

#include "moontide/io/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPEED_MAX = 1000000, EXPRESSION_DEPTH_MAX = 8, SLICE_NS = 2000000 };

struct sim_fetch {
    struct sim_fetch *prev, *next;
    struct world_sim *sim;
    struct metric_question *questions;
    size_t count;
    int64_t start_s, end_s;
    int32_t period_s;
    cloudwatch_done_fn *done;
    void *data;
    struct loop_timer *timer;
    size_t answered; /* questions so far */
    struct cloudwatch_result result;
};

struct world_sim {
    struct world world;
    struct loop *loop;
    struct sim_fleet fleet;
    struct sim_fetch *fetches;
    struct sim_resources resources;
    struct sim_acts acts;
};

/* What one metric needs to be computed slot by slot: a source, or an expression over such. */
struct sim_term {
    struct sim_source source;
    struct sim_expression *expression; /* NULL: the source */
    struct sim_term *inputs;           /* shape: [input_count] */
    double *values;                    /* scratch, shape: [input_count] */
    uint32_t input_count;
    bool empty; /* no such metric: no datapoints */
};

static void term_done(struct sim_term *term)
{
    for (uint32_t i = 0; term->inputs && i < term->input_count; i++)
        term_done(&term->inputs[i]);
    free(term->inputs);
    free(term->values);
    free(term->expression);
}

/* On failure too, the term is to be ended with term_done(). */
static int term_init(struct sim_term *term, const struct sim_fleet *fleet,
                     const struct metric *metric, int depth, struct fault *fault)
{
    *term = (struct sim_term){0};
    if (!metric->expression) {
        int code = sim_source_find(fleet, metric, &term->source, fault);
        term->empty = code == ERR_NOT_FOUND;
        return term->empty ? OK : code;
    }
    if (depth == EXPRESSION_DEPTH_MAX)
        return fault_set(fault, ERR_UNSUPPORTED,
                         "the simulated world computes expressions in expressions only %d deep",
                         EXPRESSION_DEPTH_MAX);
    term->input_count = metric->input_count;
    term->expression = malloc(sizeof *term->expression);
    term->inputs = calloc(metric->input_count + 1, sizeof *term->inputs);
    term->values = calloc(metric->input_count + 1, sizeof *term->values);
    if (!term->expression || !term->inputs || !term->values)
        return fault_set(fault, ERR_NOMEM, "out of memory");
    int code = sim_expression_parse(metric, term->expression, fault);
    for (uint32_t i = 0; code == OK && i < metric->input_count; i++)
        code = term_init(&term->inputs[i], fleet, metric->inputs[i].metric, depth + 1, fault);
    return code;
}

static double term_value(const struct sim_term *term, int64_t slot_s)
{
    if (term->empty) return NAN;
    if (!term->expression) return sim_source_value(&term->source, slot_s);
    for (uint32_t i = 0; i < term->input_count; i++)
        term->values[i] = term_value(&term->inputs[i], slot_s);
    return sim_expression_value(term->expression, term->values);
}

/* Only periods that are over have a datapoint. */
static uint64_t fill(const struct sim_fetch *fetch, const struct sim_term *term,
                     struct series *series)
{
    uint64_t datapoints = 0;
    int64_t now_s = clock_now_ms(&fetch->sim->world.clock) / 1000;
    for (int64_t slot_s = fetch->start_s;
         slot_s < fetch->end_s && slot_s + fetch->period_s <= now_s; slot_s += fetch->period_s) {
        double value = term_value(term, slot_s);
        if (!isnan(value)) datapoints += series_put(series, slot_s, value);
    }
    return datapoints;
}

static void answer_question(const struct sim_fetch *fetch, struct metric_question *question,
                            struct cloudwatch_result *result)
{
    struct sim_term term;
    struct fault fault = {0};
    question->state = SERIES_READY;
    if (term_init(&term, &fetch->sim->fleet, question->metric, 0, &fault) < 0) {
        question->state = SERIES_FAILED;
        size_t len = strlen(result->messages);
        if (!strstr(result->messages, fault.text))
            snprintf(result->messages + len, sizeof result->messages - len, "%s%s",
                     len > 0 ? "; " : "", fault.text);
    } else if (!term.empty) {
        result->datapoints += fill(fetch, &term, question->series);
    }
    term_done(&term);
}

static void fetch_unlink(struct sim_fetch *fetch)
{
    if (fetch->prev)
        fetch->prev->next = fetch->next;
    else
        fetch->sim->fetches = fetch->next;
    if (fetch->next) fetch->next->prev = fetch->prev;
}

/* A long window takes a while to compute: the loop gets its turn back after SLICE_NS. */
static void on_turn(void *data)
{
    struct sim_fetch *fetch = data;
    const struct clock real = {0};
    int64_t until_ns = clock_mono_ns(&real) + SLICE_NS;
    fetch->timer = NULL;
    while (fetch->answered < fetch->count) {
        answer_question(fetch, &fetch->questions[fetch->answered++], &fetch->result);
        if (fetch->answered == fetch->count || clock_mono_ns(&real) < until_ns) continue;
        if (loop_timer_start(fetch->sim->loop, 0, on_turn, fetch, &fetch->timer) == OK) return;
    }
    fetch_unlink(fetch);
    fetch->done(fetch->data, &fetch->result);
    free(fetch);
}

static int sim_fetch_start(struct world *world, struct metric_question *questions, size_t count,
                           int64_t start_s, int64_t end_s, int32_t period_s,
                           cloudwatch_done_fn *done, void *data)
{
    struct world_sim *sim = (struct world_sim *)world;
    if (count > CLOUDWATCH_QUERIES_MAX) return ERR_LIMIT;
    struct sim_fetch *fetch = malloc(sizeof *fetch);
    if (!fetch) return ERR_NOMEM;
    *fetch = (struct sim_fetch){
        .next = sim->fetches,
        .sim = sim,
        .questions = questions,
        .count = count,
        .start_s = start_s,
        .end_s = end_s,
        .period_s = period_s,
        .done = done,
        .data = data,
        .result = {.calls = 1, .pages = 1},
    };
    int code = loop_timer_start(sim->loop, 0, on_turn, fetch, &fetch->timer);
    if (code < 0) {
        free(fetch);
        return code;
    }
    if (sim->fetches) sim->fetches->prev = fetch;
    sim->fetches = fetch;
    return OK;
}

static void fetch_drop(struct sim_fetch *fetch)
{
    fetch_unlink(fetch);
    loop_timer_cancel(fetch->timer);
    free(fetch);
}

static void sim_cancel(struct world *world, const struct metric_question *questions)
{
    struct sim_fetch *fetch = ((struct world_sim *)world)->fetches;
    while (fetch && fetch->questions != questions)
        fetch = fetch->next;
    if (fetch) fetch_drop(fetch);
}

static void sim_free(struct world *world)
{
    struct world_sim *sim = (struct world_sim *)world;
    while (sim->fetches)
        fetch_drop(sim->fetches);
    sim_acts_done(&sim->acts);
    sim_resources_done(&sim->resources);
    sim_fleet_done(&sim->fleet);
    free(sim);
}

/* Decisions: see sim_act.c. */

static int sim_read(struct world *world, struct actor *actor, struct subject *subjects,
                    size_t count, actor_read_fn *done, void *data, struct actor_call **out)
{
    return sim_act_read(&((struct world_sim *)world)->acts, actor, subjects, count, done, data,
                        out);
}

static int sim_check(struct world *world, struct actor *actor, const struct subject *subject,
                     const struct comparison *comparison, actor_check_fn *done, void *data,
                     struct actor_call **out)
{
    (void)actor;
    (void)comparison;
    return sim_act_check(&((struct world_sim *)world)->acts, subject, done, data, out);
}

static int sim_apply(struct world *world, struct actor *actor, const struct subject *subject,
                     const struct comparison *comparison, actor_apply_fn *done, void *data,
                     struct actor_call **out)
{
    return sim_act_apply(&((struct world_sim *)world)->acts, actor, subject, comparison, done, data,
                         out);
}

static void sim_cancel_act(struct world *world, struct actor *actor, struct actor_call *call)
{
    (void)actor;
    sim_act_cancel(&((struct world_sim *)world)->acts, call);
}

static const struct world_vtable sim_vtable = {
    .free = sim_free,
    .fetch = sim_fetch_start,
    .cancel = sim_cancel,
    .read = sim_read,
    .check = sim_check,
    .apply = sim_apply,
    .cancel_act = sim_cancel_act,
};

static int init_clock(struct world *world, const struct world_sim_options *options,
                      struct fault *fault)
{
    double speed = options->speed != 0 ? options->speed : 1;
    if (options->clock) {
        world->clock = *options->clock;
        return OK;
    }
    if (!(speed > 0 && speed <= SPEED_MAX))
        return fault_set(fault, ERR_INVALID, "speed: a number above 0 and up to %d is expected",
                         SPEED_MAX);
    struct clock real;
    clock_init_real(&real);
    clock_init_scaled(&world->clock, options->start_ms ? options->start_ms : clock_now_ms(&real),
                      speed);
    return OK;
}

static int init_name(struct world *world, const char *file, struct fault *fault)
{
    int n =
        snprintf(world->name, sizeof world->name, "%s%s", file ? "sim:" : "sim", file ? file : "");
    if (n < 0 || (size_t)n >= sizeof world->name)
        return fault_set(fault, ERR_LIMIT,
                         "sim:%.64s...: the name of a world has at most %zu bytes", file,
                         sizeof world->name - 1);
    return OK;
}

int world_sim_new(const struct world_sim_options *options, struct world **out, struct fault *fault)
{
    struct world_sim *sim = calloc(1, sizeof *sim);
    if (!sim) return fault_set(fault, ERR_NOMEM, "out of memory");
    sim->world.vtable = &sim_vtable;
    sim->loop = options->loop;
    int code = init_name(&sim->world, options->file, fault);
    if (code == OK) code = init_clock(&sim->world, options, fault);
    if (code == OK && options->file) {
        code = sim_fleet_read(options->file, &sim->fleet, fault);
    } else if (code == OK) {
        code = sim_fleet_default(&sim->fleet);
        if (code < 0) fault_set(fault, code, "%s", err_text(code));
    }
    sim->acts = (struct sim_acts){.loop = sim->loop, .resources = &sim->resources};
    if (code == OK && (code = sim_resources_init(&sim->resources, &sim->fleet)) < 0)
        fault_set(fault, code, "%s", err_text(code));
    if (code < 0) {
        sim_free(&sim->world);
        return code;
    }
    *out = &sim->world;
    return OK;
}
