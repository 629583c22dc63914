/* The planner and the simulated world with each allocation failing in turn: an error that says so,
 * or an answer with less in it, and nothing lost for the next fetch. */
#include "fake_world.h"

#include "support/alloc_fail.h"

enum { METRICS = 6, ALLOCATIONS_MAX = 2000 };

struct bench {
    struct loop *loop;
    struct fake_world fake;
    struct collector *collector;
    struct metric *metrics[METRICS];
    struct collector_entry *entries[METRICS];
    int64_t now_ms;
    int told, owed;
};

static void tell(void *data, const struct fetch_result *result)
{
    struct bench *b = data;
    assert_true(result->code == OK || result->fault.code == result->code);
    b->told++;
}

static bool try_subscribe(struct bench *b, size_t i, uint32_t slots)
{
    struct collector_entry *entry = NULL;
    int code = collector_subscribe(b->collector, b->metrics[i], slots, &entry);
    if (code < 0) {
        assert_int_equal(code, ERR_NOMEM);
        return false;
    }
    if (b->entries[i])
        collector_release(b->collector, entry);
    else
        b->entries[i] = entry;
    return true;
}

static struct fetch *try_fetch(struct bench *b)
{
    struct fetch_item items[METRICS];
    struct fetch *fetch = NULL;
    size_t count = 0;
    for (size_t i = 0; i < METRICS; i++)
        if (b->entries[i]) items[count++] = (struct fetch_item){b->entries[i], 0};
    int code = collector_fetch(b->collector, items, count, 1, b->now_ms, tell, b, &fetch);
    assert_true(code == OK || code == ERR_NOMEM);
    b->owed += code == OK;
    return fetch;
}

static void answer_all(struct bench *b)
{
    while (loop_turn(b->loop, false) || b->fake.under_way > 0)
        fake_answer_all(&b->fake);
}

static void work(struct bench *b)
{
    for (size_t i = 0; i < METRICS; i++)
        (void)try_subscribe(b, i, 4);
    try_fetch(b);
    for (size_t i = 0; i < METRICS; i++)
        (void)try_subscribe(b, i, 8); /* grow in mid-call */
    try_fetch(b);                     /* waits for the first, and asks again */
    answer_all(b);
    b->now_ms += 300 * 1000;
    struct fetch *fetch = try_fetch(b);
    if (fetch) {
        fetch_cancel(fetch);
        b->owed--;
    }
    b->fake.refusal = ERR_CONNECT; /* the failure of a start takes a timer */
    try_fetch(b);
    answer_all(b);
    b->fake.refusal = OK;
    b->now_ms += 300 * 1000;
    try_fetch(b);
    for (size_t i = 0; i < b->fake.call_count; i++)
        if (b->fake.calls[i].under_way) fake_fail(&b->fake, i, ERR_TIMEOUT, "late");
    answer_all(b);
}

static void check_all_is_there(struct bench *b)
{
    for (size_t i = 0; i < METRICS; i++)
        assert_true(try_subscribe(b, i, 8));
    b->now_ms += 3600 * 1000;
    try_fetch(b);
    answer_all(b);
    assert_int_equal(b->told, b->owed);
    for (size_t i = 0; i < METRICS; i++) {
        const struct series *s = collector_series(b->entries[i]);
        assert_int_equal(s->state, SERIES_READY);
        for (uint32_t slot = 0; slot < s->slots; slot++)
            assert_false(isnan(s->values[slot]));
    }
}

static bool run(unsigned failing)
{
    static struct bench b;
    memset(&b, 0, sizeof b);
    b.now_ms = T0_S * 1000;
    b.fake.world.vtable = &fake_vtable;
    clock_init_manual(&b.fake.world.clock, b.now_ms);
    assert_int_equal(loop_new(&b.loop), OK);
    struct collector_options options = {b.loop, &b.fake.world, COLLECT_SETTLE_MS};
    static const char *const stats[] = {"p50", "p90", "p99", "Sum", "Average", "Maximum"};
    for (size_t i = 0; i < METRICS; i++)
        b.metrics[i] = fake_metric("A", stats[i], i % 2 ? 60 : 300, NULL);

    alloc_fail_at(failing);
    int code = collector_new(&options, &b.collector);
    if (code == OK) work(&b);
    bool failed = alloc_fail_done();
    if (code == OK)
        check_all_is_there(&b);
    else
        assert_int_equal(code, ERR_NOMEM);

    for (size_t i = 0; i < METRICS; i++) {
        if (b.entries[i]) collector_release(b.collector, b.entries[i]);
        metric_release(b.metrics[i]);
    }
    if (code == OK) collector_free(b.collector);
    assert_int_equal(loop_free(b.loop), 0);
    return failed;
}

static void the_planner_survives_each_failing_allocation(void **state)
{
    (void)state;
    unsigned n = 1;
    while (n < ALLOCATIONS_MAX && run(n))
        n++;
    assert_in_range(n, 20, ALLOCATIONS_MAX - 1);
}

static void told_once(void *data, const struct cloudwatch_result *result)
{
    assert_int_equal(result->code, OK);
    (*(int *)data)++;
}

/* An expression, so that there is something to allocate. */
static void simulate(struct loop *loop, struct metric_question *question)
{
    struct world *world = NULL;
    struct clock clock;
    int told = 0;
    clock_init_manual(&clock, (T0_S + HOUR_S) * 1000);
    struct world_sim_options options = {.loop = loop, .clock = &clock};
    int code = world_sim_new(&options, &world, NULL);
    if (code == OK) {
        code = world->vtable->fetch(world, question, 1, T0_S, T0_S + 60, 60, told_once, &told);
        loop_run(loop);
        assert_int_equal(told, code == OK);
        if (code == OK && question->state == SERIES_READY)
            assert_true(question->series->values[0] > 0);
    }
    assert_true(code == OK || code == ERR_NOMEM);
    world_free(world);
}

static void the_simulated_world_survives_each_failing_allocation(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    struct metric_dimension prod = {"Environment", "prod"};
    struct metric plain = {.namespace_name = "GMTool/API",
                           .name = "RequestCount",
                           .stat = "Sum",
                           .period_s = 60,
                           .dimension_count = 1,
                           .dimensions = &prod};
    struct metric_input input = {.id = "r"};
    struct metric draft = {
        .expression = "2 * r", .period_s = 60, .input_count = 1, .inputs = &input};
    struct metric_question question = {0};
    struct metric *metric = NULL;
    assert_int_equal(loop_new(&loop), OK);
    assert_int_equal(metric_new(&plain, &input.metric), OK);
    assert_int_equal(metric_new(&draft, &metric), OK);
    assert_int_equal(series_new(60, 1, &question.series), OK);
    series_move(question.series, T0_S + 60);
    question.metric = metric;
    unsigned n = 1;
    for (; n < ALLOCATIONS_MAX; n++) {
        alloc_fail_at(n);
        simulate(loop, &question);
        if (!alloc_fail_done()) break;
    }
    assert_in_range(n, 10, ALLOCATIONS_MAX - 1);
    assert_int_equal(question.state, SERIES_READY);
    metric_release(metric);
    metric_release(input.metric);
    free(question.series);
    assert_int_equal(loop_free(loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_planner_survives_each_failing_allocation),
        cmocka_unit_test(the_simulated_world_survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
