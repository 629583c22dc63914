/* bench/bench_decide.c - a tick of 10,000 decisions with nothing to change: resources read from a
 * world in memory, compared by their kind (Lua), judged; the whole way but AWS.
 *
 * The kinds and the engine are the real ones. The policy is C, so that what its Lua would cost is
 * not in the figure; a tick of the same policy that decides nothing is taken away. */
#include "moontide/base/clock.h"
#include "moontide/bind/kinds.h"
#include "moontide/io/loop.h"
#include "moontide/tick/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TARGETS = 100, EACH = 100, TICKS = 15, WARM_TICKS = 3, MINUTE_MS = 60000 };

static const char current_text[] =
    "{\"count\":4,\"deployments\":1,\"scheduling\":\"REPLICA\",\"status\":\"ACTIVE\"}";

struct bench {
    struct evaluator evaluator; /* first */
    struct policy_info info;
    struct target targets[TARGETS];
    char ids[TARGETS][16];
    char resources[TARGETS * EACH][48], wanted[TARGETS * EACH][96];
    bool decides, swapped;
    size_t unchanged;
    struct loop *loop;
};

static void stop(const char *why)
{
    fprintf(stderr, "bench_decide: %s\n", why);
    exit(1);
}

/* ---- the policy ---- */

static void free_nothing(struct evaluator *e)
{
    (void)e;
}

static const struct policy_info *info(const struct evaluator *e)
{
    return &((const struct bench *)e)->info;
}

static bool uses_file(const struct evaluator *e, const char *path)
{
    (void)e, (void)path;
    return false;
}

static void discover(struct evaluator *e, evaluator_done_fn *done, void *data)
{
    (void)e;
    done(data, OK, NULL);
}

static size_t target_count(const struct evaluator *e)
{
    (void)e;
    return TARGETS;
}

static const struct target *target_at(const struct evaluator *e, size_t index)
{
    return &((const struct bench *)e)->targets[index];
}

static int evaluate(struct evaluator *e, const struct evaluation_input *input,
                    struct evaluation *out, struct fault *fault)
{
    const struct bench *b = (const struct bench *)e;
    (void)fault;
    for (size_t i = 0; i < EACH && b->decides; i++) {
        size_t n = input->target * EACH + i;
        struct decision *decision = evaluation_decision(out);
        if (!decision) return ERR_NOMEM;
        *decision = (struct decision){
            .kind = "ecs_desired_count", .resource = b->resources[n], .wanted = b->wanted[n]};
    }
    return OK;
}

static size_t memory_bytes(const struct evaluator *e)
{
    (void)e;
    return 0;
}

static const struct evaluator_vtable policy_vtable = {.free = free_nothing,
                                                      .info = info,
                                                      .uses_file = uses_file,
                                                      .discover = discover,
                                                      .target_count = target_count,
                                                      .target = target_at,
                                                      .evaluate = evaluate,
                                                      .stop = free_nothing,
                                                      .memory_bytes = memory_bytes};

/* ---- the world ---- */

struct reading {
    actor_read_fn *done;
    void *data;
};

static void on_read(void *data)
{
    struct reading reading = *(struct reading *)data;
    free(data);
    reading.done(reading.data);
}

static struct loop *world_loop;

static int world_read_all(struct world *world, struct actor *actor, struct subject *subjects,
                          size_t count, actor_read_fn *done, void *data, struct actor_call **out)
{
    (void)world, (void)actor, (void)out;
    for (size_t i = 0; i < count; i++) {
        subjects[i].current = strdup(current_text);
        if (!subjects[i].current) return ERR_NOMEM;
    }
    struct reading *reading = malloc(sizeof *reading);
    if (!reading) return ERR_NOMEM;
    *reading = (struct reading){done, data};
    return loop_timer_start(world_loop, 0, on_read, reading, NULL);
}

static void world_free_nothing(struct world *world)
{
    (void)world;
}

static void no_cancel(struct world *world, struct actor *actor, struct actor_call *call)
{
    (void)world, (void)actor, (void)call;
}

static const struct world_vtable world_vtable = {
    .free = world_free_nothing, .read = world_read_all, .cancel_act = no_cancel};

/* ---- ticks ---- */

static void on_target(void *data, const struct target_report *report)
{
    struct bench *b = data;
    for (size_t i = 0; i < report->decision_count; i++)
        b->unchanged += report->decisions[i].outcome == OUTCOME_UNCHANGED;
}

static void on_done(void *data, bool failed)
{
    struct bench *b = data;
    if (failed) stop("a tick failed");
    loop_stop(b->loop);
}

static void on_swapped(void *data, const char *policy, int code)
{
    (void)policy;
    if (code < 0) stop("the policy is not live");
    ((struct bench *)data)->swapped = true;
}

static void on_stopped(void *data)
{
    loop_stop(data);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median CPU time of a tick in ms. */
static double ticks(struct bench *b, struct engine *engine, struct world *world, bool decides)
{
    double ms[TICKS];
    b->decides = decides;
    for (int i = -WARM_TICKS; i < TICKS; i++) {
        clock_advance(&world->clock, MINUTE_MS);
        int64_t at = clock_cpu_ns();
        b->unchanged = 0;
        if (engine_tick(engine, NULL, on_done, b) < 0) stop("no tick");
        loop_run(b->loop);
        if (i >= 0) ms[i] = (double)(clock_cpu_ns() - at) / 1e6;
        if (b->unchanged != (decides ? (size_t)TARGETS * EACH : 0)) stop("something differs");
    }
    qsort(ms, TICKS, sizeof *ms, by_value);
    return ms[TICKS / 2];
}

static void fill(struct bench *b)
{
    b->evaluator.vtable = &policy_vtable;
    b->info = (struct policy_info){.name = "bench",
                                   .doc = "",
                                   .file = "bench.lua",
                                   .every_ms = MINUTE_MS,
                                   .mode = MODE_ACT,
                                   .has_mode = true};
    for (int i = 0; i < TARGETS; i++) {
        snprintf(b->ids[i], sizeof b->ids[i], "target-%d", i);
        b->targets[i] = (struct target){.id = b->ids[i], .json = "{}"};
    }
    for (int i = 0; i < TARGETS * EACH; i++) {
        snprintf(b->resources[i], sizeof b->resources[i], "service/gm-tool-%d/api", i);
        snprintf(
            b->wanted[i], sizeof b->wanted[i],
            "{\"cluster\":\"gm-tool-%d\",\"count\":4,\"max\":20,\"min\":2,\"service\":\"api\"}", i);
    }
}

int main(void)
{
    static struct bench bench;
    struct bench *b = &bench;
    struct world world = {.vtable = &world_vtable, .name = "bench"};
    struct kinds *kinds = NULL;
    struct engine *engine = NULL;
    struct fault fault;
    fill(b);
    if (loop_new(&b->loop) < 0) stop("no loop");
    world_loop = b->loop;
    clock_init_manual(&world.clock, 1700000000000);
    struct host host = {.loop = b->loop, .clock = &world.clock, .world_name = "bench"};
    if (kinds_new(&host, &kinds) < 0) stop("no kinds");
    struct engine_options options = {.loop = b->loop,
                                     .world = &world,
                                     .actor = kinds_actor(kinds),
                                     .listener = {b, on_target, NULL},
                                     .mode = MODE_ACT};
    if (engine_new(&options, &engine, &fault) < 0) stop(fault.text);
    if (engine_put(engine, &b->evaluator, on_swapped, b, &fault) < 0) stop(fault.text);
    for (int i = 0; i < 100 && !b->swapped; i++)
        loop_turn(b->loop, false);
    double nothing = ticks(b, engine, &world, false), all = ticks(b, engine, &world, true);
    printf("10,000 decisions with nothing to change    median  %.2f ms\n", all - nothing);
    engine_stop(engine, on_stopped, b->loop);
    loop_run(b->loop);
    engine_free(engine);
    kinds_free(kinds);
    return loop_free(b->loop) ? 1 : 0;
}
