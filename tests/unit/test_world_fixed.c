/* Facts about the world of policy tests: it answers what it was told, when its time has come. */
#include "moontide/tick/world.h"

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

static const int64_t T0_S = 1699999200; /* a full hour */

struct fixture {
    struct loop *loop;
    struct world *world;
    struct metric *metric;
    bool done;
};

static int setup(void **state)
{
    static struct fixture fixture;
    struct metric draft = {.namespace_name = "A", .name = "B", .stat = "Average", .period_s = 60};
    struct fault fault;
    fixture = (struct fixture){0};
    assert_int_equal(loop_new(&fixture.loop), OK);
    struct world_fixed_options options = {fixture.loop, "test-1", T0_S * 1000};
    assert_int_equal(world_fixed_new(&options, &fixture.world, &fault), OK);
    assert_int_equal(metric_new(&draft, &fixture.metric), OK);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    metric_release(f->metric);
    world_free(f->world);
    return loop_free(f->loop);
}

static void fetched(void *data, const struct cloudwatch_result *result)
{
    assert_int_equal(result->code, OK);
    ((struct fixture *)data)->done = true;
}

/* The newest minutes up to now, "1 _ 3". */
static void expect_minutes(struct fixture *f, int minutes, const char *expected)
{
    char text[256] = "";
    size_t len = 0;
    int64_t end_s = clock_now_ms(&f->world->clock) / 60000 * 60, start_s = end_s - minutes * 60;
    struct metric_question question = {.metric = f->metric};
    assert_int_equal(series_new(60, (uint32_t)minutes, &question.series), OK);
    series_move(question.series, end_s);
    f->done = false;
    assert_int_equal(
        f->world->vtable->fetch(f->world, &question, 1, start_s, end_s, 60, fetched, f), OK);
    assert_false(f->done); /* never before return */
    while (!f->done)
        loop_turn(f->loop, true);
    for (int i = 0; i < minutes; i++) {
        double value = question.series->values[i];
        len += (size_t)(isnan(value)
                            ? snprintf(text + len, sizeof text - len, "%s_", i ? " " : "")
                            : snprintf(text + len, sizeof text - len, "%s%g", i ? " " : "", value));
    }
    assert_string_equal(text, expected);
    assert_int_equal(question.state, SERIES_READY);
    free(question.series);
}

static void put(struct fixture *f, int64_t minute, double a, double b, bool hold)
{
    const double values[] = {a, b};
    assert_int_equal(world_fixed_put(f->world, f->metric, T0_S + minute * 60, values, 2, hold), OK);
}

static void test_a_metric_that_is_told_nothing_of_has_no_datapoint(void **state)
{
    expect_minutes(*state, 3, "_ _ _");
}

static void test_what_is_to_come_is_seen_when_its_time_has_come(void **state)
{
    struct fixture *f = *state;
    put(f, -1, 1, 2, false);
    expect_minutes(f, 2, "_ 1");
    world_fixed_advance(f->world, 59999);
    expect_minutes(f, 2, "_ 1");
    world_fixed_advance(f->world, 1);
    expect_minutes(f, 2, "1 2");
}

static void test_later_puts_stand_over_earlier_ones_and_gaps_are_gaps(void **state)
{
    struct fixture *f = *state;
    put(f, -4, 1, 2, false);
    put(f, -2, 3, 4, false);
    expect_minutes(f, 5, "_ 1 2 3 4");
    put(f, -3, 9, NAN, false);
    expect_minutes(f, 5, "_ 1 9 _ 4");
    put(f, -9, 7, 7, false);
    expect_minutes(f, 9, "7 7 _ _ _ 1 9 _ 4");
}

static void test_a_series_that_holds_goes_on(void **state)
{
    struct fixture *f = *state;
    put(f, -2, 1, 2, true);
    world_fixed_advance(f->world, 120000);
    expect_minutes(f, 4, "1 2 2 2");
    put(f, 0, 5, 6, false);
    expect_minutes(f, 4, "1 2 5 6");
    world_fixed_advance(f->world, 60000);
    expect_minutes(f, 3, "5 6 _");
}

static void test_more_slots_than_a_series_has_are_refused(void **state)
{
    struct fixture *f = *state;
    const double value = 1;
    put(f, 0, 1, 1, false);
    assert_int_equal(world_fixed_put(f->world, f->metric, T0_S + (int64_t)SERIES_SLOTS_MAX * 120,
                                     &value, 1, false),
                     ERR_LIMIT);
}

static void test_a_fetch_can_be_given_up(void **state)
{
    struct fixture *f = *state;
    struct metric_question question = {.metric = f->metric};
    assert_int_equal(series_new(60, 1, &question.series), OK);
    assert_int_equal(
        f->world->vtable->fetch(f->world, &question, 1, T0_S - 60, T0_S, 60, fetched, f), OK);
    f->world->vtable->cancel(f->world, &question);
    free(question.series);
    loop_turn(f->loop, false);
    assert_false(f->done);
}

int main(void)
{
#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        FACT(test_a_metric_that_is_told_nothing_of_has_no_datapoint),
        FACT(test_what_is_to_come_is_seen_when_its_time_has_come),
        FACT(test_later_puts_stand_over_earlier_ones_and_gaps_are_gaps),
        FACT(test_a_series_that_holds_goes_on),
        FACT(test_more_slots_than_a_series_has_are_refused),
        FACT(test_a_fetch_can_be_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
