/* fake_world.h - a world that writes down what it is asked, and answers when the test says so. */
#ifndef FAKE_WORLD_H
#define FAKE_WORLD_H

#include "moontide/base/compiler.h"
#include "moontide/io/loop.h"
#include "moontide/tick/collect.h"
#include "moontide/tick/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_CALLS_MAX = 4096, HOUR_S = 3600 };
static const int64_t T0_S = 1699999200; /* a full hour */

struct fake_call {
    struct metric_question *questions;
    size_t count, queries;
    int64_t start_s, end_s;
    int32_t period_s;
    cloudwatch_done_fn *done;
    void *data;
    bool under_way;
};

struct fake_world {
    struct world world;
    struct fake_call calls[FAKE_CALLS_MAX];
    size_t call_count, under_way, under_way_max, canceled;
    int refusal; /* fetch answers that */
};

/* What the fake metric shows in a slot. */
static inline double fake_value(const struct metric *metric, int64_t slot_s)
{
    return (double)(metric->hash % 1000) + (double)(slot_s / metric->period_s % 1000) / 1000;
}

static inline int fake_fetch(struct world *world, struct metric_question *questions, size_t count,
                             int64_t start_s, int64_t end_s, int32_t period_s,
                             cloudwatch_done_fn *done, void *data)
{
    struct fake_world *fake = (struct fake_world *)world;
    if (fake->refusal < 0) return fake->refusal;
    assert_true(fake->call_count < FAKE_CALLS_MAX);
    assert_true(count > 0);
    assert_true(start_s < end_s);
    assert_true(start_s % period_s == 0 && end_s % period_s == 0);
    size_t queries = 0;
    for (size_t i = 0; i < count; i++) {
        const struct metric *metric = questions[i].metric;
        queries += metric_query_count(metric);
        assert_int_equal(metric->period_s, period_s);
        assert_true(series_end_s(questions[i].series) >= end_s);
        for (size_t k = 0; metric->region && k < i; k++)
            assert_string_equal(metric->region, questions[k].metric->region);
    }
    assert_true(queries <= CLOUDWATCH_QUERIES_MAX);
    fake->calls[fake->call_count++] =
        (struct fake_call){questions, count, queries, start_s, end_s, period_s, done, data, true};
    if (++fake->under_way > fake->under_way_max) fake->under_way_max = fake->under_way;
    return OK;
}

static inline void fake_cancel(struct world *world, const struct metric_question *questions)
{
    struct fake_world *fake = (struct fake_world *)world;
    for (size_t i = 0; i < fake->call_count; i++) {
        struct fake_call *call = &fake->calls[i];
        if (!call->under_way || call->questions != questions) continue;
        call->under_way = false;
        fake->under_way--;
        fake->canceled++;
        return;
    }
    fail_msg("canceled a fetch that is not under way");
}

static inline void fake_free(struct world *world)
{
    (void)world;
}

static const struct world_vtable fake_vtable = {
    .free = fake_free, .fetch = fake_fetch, .cancel = fake_cancel};

/* Puts the datapoints of the asked range, but for the newest `missing` slots. */
static inline uint64_t fake_fill(const struct fake_call *call, size_t question, int missing)
{
    struct metric_question *q = &call->questions[question];
    uint64_t points = 0;
    for (int64_t t = call->start_s; t < call->end_s - (int64_t)missing * call->period_s;
         t += call->period_s)
        points += series_put(q->series, t, fake_value(q->metric, t));
    return points;
}

static inline void fake_done(struct fake_world *fake, size_t i, struct cloudwatch_result *result)
{
    struct fake_call *call = &fake->calls[i];
    assert_true(call->under_way);
    call->under_way = false;
    fake->under_way--;
    call->done(call->data, result);
}

/* Answers call i: every question READY with all its datapoints. */
static inline void fake_answer(struct fake_world *fake, size_t i)
{
    struct cloudwatch_result result = {0};
    for (size_t q = 0; q < fake->calls[i].count; q++) {
        result.datapoints += fake_fill(&fake->calls[i], q, 0);
        fake->calls[i].questions[q].state = SERIES_READY;
    }
    fake_done(fake, i, &result);
}

/* The same state for every question; datapoints only when READY is not said. */
static inline void fake_answer_state(struct fake_world *fake, size_t i, enum series_state state,
                                     const char *messages)
{
    struct cloudwatch_result result = {0};
    snprintf(result.messages, sizeof result.messages, "%s", messages);
    for (size_t q = 0; q < fake->calls[i].count; q++)
        fake->calls[i].questions[q].state = (uint8_t)state;
    fake_done(fake, i, &result);
}

static inline void fake_fail(struct fake_world *fake, size_t i, int code, const char *text)
{
    struct cloudwatch_result result = {0};
    result.code = fault_set(&result.fault, code, "%s", text);
    for (size_t q = 0; q < fake->calls[i].count; q++)
        fake->calls[i].questions[q].state = SERIES_FAILED;
    fake_done(fake, i, &result);
}

/* Answers whatever is under way until nothing is. */
static inline void fake_answer_all(struct fake_world *fake)
{
    for (size_t i = 0; i < fake->call_count; i++)
        if (fake->calls[i].under_way) fake_answer(fake, i);
}

/* A metric of the namespace Fake; environment may be NULL. */
static inline struct metric *fake_metric(const char *name, const char *stat, int32_t period_s,
                                         const char *environment)
{
    struct metric_dimension dimension = {"Environment", environment};
    struct metric draft = {.namespace_name = "Fake",
                           .name = name,
                           .stat = stat,
                           .period_s = period_s,
                           .dimension_count = environment ? 1 : 0,
                           .dimensions = &dimension};
    struct metric *metric = NULL;
    assert_int_equal(metric_new(&draft, &metric), OK);
    return metric;
}

#endif
