/* Consoles while each allocation fails in turn: an answer or an error, never a crash, a leak (the
 * sanitizer's part) or a handle that stays open; and what the engine is asked stays whole. */
#include "moontide/base/clock.h"
#include "moontide/bind/console.h"
#include "moontide/bind/policy.h"
#include "moontide/io/loop.h"
#include "moontide/tick/engine.h"
#include "moontide/tick/world.h"
#include "support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ALLOCATIONS_MAX = 100000, PATIENCE_MS = 200, ALL_UNTIL = 150, STEP = 41 };

static const char source[] =
    "return policy { name = 'w', every = '1m', targets = { { name = 'one' }, { name = 'two' } },\n"
    "  metrics = function() return { load = cloudwatch { namespace = 'GMTool/API',\n"
    "    name = 'ResponseTime', stat = 'p99', period = '1m', window = '10m',\n"
    "    dimensions = { Environment = 'prod' } } } end,\n"
    "  evaluate = function(t, m, memo)\n"
    "    memo.n = (memo.n or 0) + 1\n"
    "    if m.load:above(0) then\n"
    "      issue { type = 'x', severity = 'low', description = 'load' }\n"
    "    end\n"
    "  end }\n";

struct desk {
    struct loop *loop;
    struct clock clock;
    struct world *world;
    struct engine *engine;
    struct host host;
    struct console *console;
    struct loop_timer *patience;
    struct tracer tracer;
    size_t printed;
    bool done, failed, ticked, swapped, stopped;
    char error[512];
};

static void on_output(void *data, const char *text, size_t len)
{
    (void)text;
    ((struct desk *)data)->printed += len;
}

static bool never_behind(void *data)
{
    (void)data;
    return false;
}

static void put_object(void *data, struct strbuf *json)
{
    (void)data;
    strbuf_adds(json, "{\"world\":\"sim\"}");
}

static void put_list(void *data, struct strbuf *json)
{
    (void)data;
    strbuf_adds(json, "[{\"at\":\"now\",\"kind\":\"k\"}]");
}

static int no_act(void *data, enum console_act act, const char *what, const char *reason,
                  uint64_t ticket, struct fault *fault)
{
    (void)data, (void)act, (void)what, (void)reason, (void)ticket;
    return fault_set(fault, ERR_BUSY, "not here");
}

static void on_evaluated(void *data, const struct evaluation_trace *trace)
{
    struct desk *d = data;
    if (d->console) console_trace(d->console, trace);
}

static int call_trace(void *data, const char *policy)
{
    struct desk *d = data;
    return engine_trace(d->engine, policy ? policy : "w", policy ? &d->tracer : NULL);
}

static const struct console_calls calls = {.output = on_output,
                                           .behind = never_behind,
                                           .status = put_object,
                                           .decisions = put_list,
                                           .act = no_act,
                                           .trace = call_trace};

static void on_swapped(void *data, const char *policy, int code)
{
    (void)policy;
    assert_int_equal(code, OK);
    ((struct desk *)data)->swapped = true;
}

static void on_ticked(void *data, bool failed)
{
    (void)failed;
    ((struct desk *)data)->ticked = true;
}

static void on_stopped(void *data)
{
    ((struct desk *)data)->stopped = true;
}

static void on_done(void *data, const char *error)
{
    struct desk *d = data;
    d->done = true;
    d->failed = error != NULL;
    snprintf(d->error, sizeof d->error, "%s", error ? error : "");
}

static void tick(struct desk *d)
{
    d->ticked = false;
    int code = engine_tick(d->engine, "w", on_ticked, d);
    while (code == OK && !d->ticked && (d->patience || !d->console))
        (void)loop_turn(d->loop, true);
}

static void open_desk(struct desk *d)
{
    struct fault fault;
    struct faults faults;
    struct evaluator *evaluator = NULL;
    *d = (struct desk){0};
    d->tracer = (struct tracer){d, on_evaluated};
    clock_init_manual(&d->clock, 1767225600000);
    assert_int_equal(loop_new(&d->loop), OK);
    const struct world_sim_options sim = {.loop = d->loop, .clock = &d->clock};
    assert_int_equal(world_sim_new(&sim, &d->world, &fault), OK);
    const struct engine_options options = {.loop = d->loop, .world = d->world};
    assert_int_equal(engine_new(&options, &d->engine, &fault), OK);
    d->host = (struct host){.loop = d->loop, .clock = &d->world->clock, .world_name = "sim"};
    faults_init(&faults);
    assert_int_equal(
        policy_load_text(&d->host, "w.lua", "w.lua", source, strlen(source), &evaluator, &faults),
        OK);
    faults_done(&faults);
    assert_int_equal(engine_put(d->engine, evaluator, on_swapped, d, &fault), OK);
    while (!d->swapped)
        (void)loop_turn(d->loop, true);
    tick(d);
}

static void close_desk(struct desk *d)
{
    engine_stop(d->engine, on_stopped, d);
    while (!d->stopped)
        (void)loop_turn(d->loop, true);
    engine_free(d->engine);
    world_free(d->world);
    assert_int_equal(loop_free(d->loop), 0);
}

/* A wake for which there was no memory is lost; a person presses Ctrl-C. */
static void press(void *data)
{
    struct desk *d = data;
    d->patience = NULL;
    console_interrupt(d->console);
}

/* false: it could not be begun. */
static bool run(struct desk *d, const char *text)
{
    bool incomplete;
    d->done = false;
    if (loop_timer_start(d->loop, PATIENCE_MS, press, d, &d->patience) < 0) return false;
    int code = console_run(d->console, text, strlen(text), &incomplete, on_done, d);
    bool traced = strncmp(text, "trace", 5) == 0;
    while (code == OK && !d->done) {
        if (traced) tick(d);
        (void)loop_turn(d->loop, !traced);
    }
    loop_timer_cancel(d->patience);
    d->patience = NULL;
    return code == OK;
}

static const char *const commands[] = {
    "policies, targets('w'), alerts(), memo('w', 'name=one'), decisions(), status()",
    "s = series('w', 'name=one') return s, s.load:last(), s.load:above(0), s.load:plot()",
    "print(#targets('w'), pcall(targets, 'v'), pcall(reload)) help('trace')",
    "trace('w', { count = 2 })",
};

static bool use(struct desk *d, int n, bool *failed)
{
    const struct console_options options = {
        .host = &d->host, .engine = d->engine, .calls = &calls, .data = d};
    bool good = true;
    alloc_fail_at(n);
    int code = console_new(&options, &d->console);
    for (size_t i = 0; code == OK && i < sizeof commands / sizeof *commands; i++) {
        bool ran = run(d, commands[i]);
        if (!alloc_has_failed() && (!ran || d->failed)) fail_msg("%s: %s", commands[i], d->error);
        good = good && ran && !d->failed;
    }
    *failed = alloc_has_failed();
    alloc_fail_at(0);
    if (code == OK) {
        assert_true(run(d, "1 + 1")); /* it is of use after it */
        console_free(d->console);
    }
    d->console = NULL;
    return good && code == OK;
}

static void a_console_survives_each_failed_allocation(void **state)
{
    (void)state;
    struct desk d;
    int survived = 0;
    open_desk(&d);
    bool failed = true;
    for (int n = 1; n < ALLOCATIONS_MAX && failed; n += n < ALL_UNTIL ? 1 : STEP)
        survived += use(&d, n, &failed);
    assert_true(!failed && survived > 0);
    close_desk(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_console_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
