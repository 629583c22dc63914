/* policy_fixture.h - for tests that load a policy from text, give it series, and read what it says.
 *
 * Everything is real but the clock and where the datapoints come from. */
#ifndef MOONTIDE_TESTS_POLICY_FIXTURE_H
#define MOONTIDE_TESTS_POLICY_FIXTURE_H

#include "moontide/base/clock.h"
#include "moontide/base/faults.h"
#include "moontide/bind/config.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/policy.h"
#include "moontide/io/loop.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_S = 1800000000, SERIES_MAX = 64 }; /* a multiple of every period used here */

struct bench {
    struct loop *loop;
    struct config *config;
    struct clock clock;
    struct host host;
    struct evaluator *evaluator;
    struct faults faults;
    struct evaluation out;
    struct fault fault;
    struct answers *answers;
    struct series *series[SERIES_MAX];
    char memo[70000]; /* what the last evaluation answered; "" when it did not change */
    bool discovered;
    int discover_code;
};

static inline int bench_open(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    assert_int_equal(loop_new(&b->loop), OK);
    assert_int_equal(config_load("/nonexistent", &b->config, NULL), OK);
    b->config->evaluation_ms =
        10000; /* sanitizers on a busy machine; instructions bound it still */
    assert_int_equal(answers_new(&b->answers), OK);
    clock_init_manual(&b->clock, NOW_S * 1000LL);
    b->host = (struct host){
        .loop = b->loop, .clock = &b->clock, .config = b->config, .world_name = "test"};
    assert_int_equal(kinds_new(&b->host, &b->host.kinds), OK);
    faults_init(&b->faults);
    evaluation_init(&b->out);
    *state = b;
    return 0;
}

static inline void bench_drop(struct bench *b)
{
    if (b->evaluator) b->evaluator->vtable->free(b->evaluator);
    b->evaluator = NULL;
    for (int i = 0; i < SERIES_MAX; i++) {
        free(b->series[i]);
        b->series[i] = NULL;
    }
    faults_done(&b->faults);
}

static inline int bench_close(void **state)
{
    struct bench *b = *state;
    bench_drop(b);
    evaluation_done(&b->out);
    answers_free(b->answers);
    kinds_free(b->host.kinds);
    config_free(b->config);
    for (int i = 0; i < 100; i++)
        (void)loop_turn(b->loop, false);
    int left = loop_free(b->loop);
    free(b);
    return left;
}

static inline void note_discovered(void *data, int code, const struct fault *fault)
{
    struct bench *b = data;
    b->discovered = true;
    b->discover_code = code;
    if (fault) b->fault = *fault;
}

/* Loads text as policies/test.lua. */
static inline int load(struct bench *b, const char *text)
{
    bench_drop(b);
    return policy_load_text(&b->host, "/nonexistent/policies/test.lua", "policies/test.lua", text,
                            strlen(text), &b->evaluator, &b->faults);
}

static inline int discover(struct bench *b)
{
    b->discovered = false;
    b->evaluator->vtable->discover(b->evaluator, note_discovered, b);
    for (int i = 0; i < 10000 && !b->discovered; i++)
        (void)loop_turn(b->loop, true);
    assert_true(b->discovered);
    return b->discover_code;
}

static inline const struct target *target(const struct bench *b, size_t index)
{
    assert_true(index < b->evaluator->vtable->target_count(b->evaluator));
    return b->evaluator->vtable->target(b->evaluator, index);
}

/* Empty series that end at NOW_S, one a use of the target. */
static inline void make_series(struct bench *b, size_t index)
{
    const struct target *t = target(b, index);
    assert_true(t->use_count <= SERIES_MAX);
    for (uint32_t i = 0; i < SERIES_MAX; i++) {
        free(b->series[i]);
        b->series[i] = NULL;
        if (i >= t->use_count) continue;
        assert_int_equal(series_new(t->uses[i].metric->period_s, t->uses[i].slots, &b->series[i]),
                         OK);
        b->series[i]->state = SERIES_READY;
        series_move(b->series[i], NOW_S);
    }
}

/* Fills the newest slots of the series of `key`, the last value newest; NAN leaves a gap. */
static inline void fill(struct bench *b, size_t index, const char *key, const char *stat,
                        const double *values, size_t count)
{
    const struct target *t = target(b, index);
    for (uint32_t i = 0; i < t->use_count; i++) {
        if (strcmp(t->uses[i].key, key) != 0) continue;
        if (stat && strcmp(t->uses[i].metric->stat, stat) != 0) continue;
        struct series *s = b->series[i];
        assert_true(count <= s->slots);
        for (size_t j = 0; j < count; j++)
            s->values[s->slots - count + j] = values[j];
        return;
    }
    fail_msg("no metric '%s'", key);
}
#define FILL(b, key, ...)                                                                          \
    fill(b, 0, key, NULL, (const double[]){__VA_ARGS__},                                           \
         sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

/* Loads, discovers, and makes the series of target 0; fails the test with the first fault. */
static inline void ready(struct bench *b, const char *text)
{
    if (load(b, text) < 0) {
        char shown[1500];
        fault_print(&b->faults.items[0], shown, sizeof shown);
        fail_msg("%s", shown);
    }
    if (discover(b) < 0) fail_msg("%s", b->fault.text);
    make_series(b, 0);
}

static inline int evaluate_input(struct bench *b, struct evaluation_input input)
{
    input.now_ms = NOW_S * 1000LL;
    input.series = b->series;
    input.answers = b->answers;
    evaluation_reset(&b->out);
    memset(&b->fault, 0, sizeof b->fault);
    int code = EVALUATE_AGAIN;
    for (int i = 0; i < 100000 && code == EVALUATE_AGAIN; i++)
        code = b->evaluator->vtable->evaluate(b->evaluator, &input, &b->out, &b->fault);
    snprintf(b->memo, sizeof b->memo, "%s", code == OK && b->out.memo_json ? b->out.memo_json : "");
    return code;
}

static inline int evaluate(struct bench *b)
{
    return evaluate_input(b, (struct evaluation_input){0});
}

static inline void evaluate_ok(struct bench *b)
{
    int code = evaluate(b);
    if (code < 0) fail_msg("%s:%d: %s", b->fault.file, b->fault.line, b->fault.text);
}

/* Fails unless the last evaluation's fault is this one. */
static inline void expect_fault(const struct bench *b, int line, const char *part)
{
    if (!strstr(b->fault.text, part)) fail_msg("'%s' is not in '%s'", part, b->fault.text);
    if (line && b->fault.line != line)
        fail_msg("line %d, not %d: %s", b->fault.line, line, b->fault.text);
    if (line) assert_string_equal(b->fault.file, "policies/test.lua");
}

/* A policy with one metric x (p99, one minute, 12 points) and this body of evaluate, which begins
 * on line 5. */
static inline const char *policy_with(const char *options, const char *body)
{
    static char text[200000];
    snprintf(text, sizeof text,
             "return policy { name = 'test',\n"
             "metrics = function(t) return { x = cloudwatch { namespace = 'N', name = 'M',\n"
             "  stat = 'p99', period = '1m' %s } } end,\n"
             "evaluate = function(t, m, memo)\n%s\nend }",
             options, body);
    return text;
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, bench_open, bench_close)

#endif
