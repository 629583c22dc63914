/* What the planner promises: each metric asked once, in few calls, never too early and never too
 * little.
 *
 * Longer than other files, as a promise of the planner is a fact of its own here, and all of them
 * share one bench.
 *
 * Size: each promise of the planner is a fact of its own. */
#include "fake_world.h"

#include "unit/near.h"

enum { OWNERS = 4, ENTRIES_MAX = 1600 };

struct told {
    int times;
    struct fetch_result result;
    uint32_t charged[OWNERS];
};

struct bench {
    struct loop *loop;
    struct fake_world fake;
    struct collector *collector;
    struct collector_entry *entries[ENTRIES_MAX];
    size_t entry_count;
    int64_t now_ms;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    if (!b || loop_new(&b->loop) < 0) return -1;
    b->fake.world.vtable = &fake_vtable;
    clock_init_manual(&b->fake.world.clock, T0_S * 1000);
    b->now_ms = T0_S * 1000;
    struct collector_options options = {b->loop, &b->fake.world, COLLECT_SETTLE_MS};
    if (collector_new(&options, &b->collector) < 0) return -1;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < b->entry_count; i++)
        collector_release(b->collector, b->entries[i]);
    collector_free(b->collector);
    int left = loop_free(b->loop);
    free(b);
    return left;
}

/* Subscribes; the bench holds the reference until the test ends. */
static struct collector_entry *watch(struct bench *b, const char *name, const char *stat,
                                     int32_t period_s, const char *environment, uint32_t slots)
{
    struct metric *metric = fake_metric(name, stat, period_s, environment);
    assert_true(b->entry_count < ENTRIES_MAX);
    struct collector_entry **entry = &b->entries[b->entry_count++];
    assert_int_equal(collector_subscribe(b->collector, metric, slots, entry), OK);
    metric_release(metric);
    return *entry;
}

static void tell(void *data, const struct fetch_result *result)
{
    struct told *told = data;
    told->times++;
    told->result = *result;
    for (size_t i = 0; i < result->owner_count; i++)
        told->charged[i] = result->metrics_charged[i];
}

static struct fetch *ask(struct bench *b, struct collector_entry *const *entries, size_t count,
                         struct told *told)
{
    static struct fetch_item items[ENTRIES_MAX];
    struct fetch *fetch = NULL;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct fetch_item){entries[i], 0};
    memset(told, 0, sizeof *told);
    assert_int_equal(collector_fetch(b->collector, items, count, 1, b->now_ms, tell, told, &fetch),
                     OK);
    return fetch;
}

static struct fetch *ask_all(struct bench *b, struct told *told)
{
    return ask(b, b->entries, b->entry_count, told);
}

static void advance(struct bench *b, int64_t seconds)
{
    b->now_ms += seconds * 1000;
}

/* Everything asked and answered at this instant. Returns the number of calls it took. */
static size_t bring_up_to_date(struct bench *b)
{
    struct told told;
    size_t before = b->fake.call_count;
    ask_all(b, &told);
    fake_answer_all(&b->fake);
    assert_int_equal(told.times, 1);
    assert_int_equal(told.result.code, OK);
    return b->fake.call_count - before;
}

static const struct fake_call *last_call(const struct bench *b)
{
    assert_true(b->fake.call_count > 0);
    return &b->fake.calls[b->fake.call_count - 1];
}

static void equal_metrics_are_one_entry(void **state)
{
    struct bench *b = *state;
    struct collector_entry *one = watch(b, "Latency", "p99", 300, "prod", 12);
    assert_ptr_equal(one, watch(b, "Latency", "p99", 300, "prod", 12));
    assert_ptr_not_equal(one, watch(b, "Latency", "p90", 300, "prod", 12));
    assert_ptr_not_equal(one, watch(b, "Latency", "p99", 60, "prod", 12));
    assert_ptr_not_equal(one, watch(b, "Latency", "p99", 300, "staging", 12));
    struct collector_stats stats;
    collector_stats(b->collector, &stats);
    assert_int_equal(stats.entries, 4);
    bring_up_to_date(b);
    assert_int_equal(b->fake.calls[0].queries + b->fake.calls[1].queries, 4);
}

static void the_first_question_covers_the_window_up_to_what_has_settled(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "Latency", "p99", 300, NULL, 12);
    assert_string_equal(collector_reason(entry), "never asked yet");
    advance(b, 359); /* 359 s past the hour, 60 s settle: the period that ended at +0 is the last */
    bring_up_to_date(b);
    assert_int_equal(last_call(b)->end_s, T0_S);
    assert_int_equal(last_call(b)->start_s, T0_S - HOUR_S);
    assert_int_equal(collector_series(entry)->state, SERIES_READY);
    assert_int_equal(series_end_s(collector_series(entry)), T0_S);
    assert_string_equal(collector_reason(entry), "");
}

static void nothing_is_asked_before_a_new_datapoint_can_exist(void **state)
{
    struct bench *b = *state;
    watch(b, "Latency", "p99", 300, NULL, 12);
    advance(b, 60);
    assert_int_equal(bring_up_to_date(b), 1);
    for (int i = 0; i < 299; i++) {
        advance(b, 1);
        assert_int_equal(bring_up_to_date(b), 0);
    }
    advance(b, 1);
    assert_int_equal(bring_up_to_date(b), 1);
}

static void later_questions_read_the_last_two_periods_again(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "Latency", "p99", 300, NULL, 12);
    bring_up_to_date(b);
    int64_t end_s = last_call(b)->end_s;
    advance(b, 300);
    bring_up_to_date(b);
    assert_int_equal(last_call(b)->start_s, end_s - 600);
    assert_int_equal(last_call(b)->end_s, end_s + 300);
    const struct series *series = collector_series(entry);
    for (uint32_t i = 0; i < series->slots; i++)
        assert_false(isnan(series->values[i]));
}

static void periods_regions_and_accounts_do_not_share_a_call(void **state)
{
    struct bench *b = *state;
    const char *regions[] = {NULL, "eu-west-1"}, *accounts[] = {NULL, "other"};
    for (int32_t period_s = 60; period_s <= 300; period_s += 240)
        for (size_t r = 0; r < 2; r++)
            for (size_t a = 0; a < 2; a++)
                for (int twice = 0; twice < 2; twice++) {
                    struct metric draft = {.namespace_name = "Fake",
                                           .name = twice ? "A" : "B",
                                           .stat = "Sum",
                                           .period_s = period_s,
                                           .region = regions[r],
                                           .account = accounts[a]};
                    struct metric *metric = NULL;
                    assert_int_equal(metric_new(&draft, &metric), OK);
                    assert_int_equal(
                        collector_subscribe(b->collector, metric, 3, &b->entries[b->entry_count++]),
                        OK);
                    metric_release(metric);
                }
    assert_int_equal(bring_up_to_date(b), 8);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(b->fake.calls[i].count, 2);
}

static void a_call_takes_500_queries(void **state)
{
    struct bench *b = *state;
    char name[32];
    for (int i = 0; i < 1201; i++) {
        snprintf(name, sizeof name, "M%d", i);
        watch(b, name, "Sum", 60, NULL, 3);
    }
    struct told told;
    ask_all(b, &told);
    fake_answer_all(&b->fake);
    assert_int_equal(told.result.calls, 3);
    assert_int_equal(told.result.queries, 1201);
    assert_int_equal(b->fake.calls[0].queries, 500);
    assert_int_equal(b->fake.calls[2].queries, 201);
}

static void the_statistics_of_a_metric_stay_side_by_side(void **state)
{
    struct bench *b = *state;
    static const char *const stats[] = {"p50", "p90", "p99"};
    char name[32];
    for (size_t s = 0; s < 3; s++) /* declared far apart */
        for (int i = 0; i < 400; i++) {
            snprintf(name, sizeof name, "M%d", i);
            watch(b, name, stats[s], 60, NULL, 3);
        }
    struct told told;
    ask_all(b, &told);
    fake_answer_all(&b->fake);
    assert_int_equal(told.result.calls, 3);
    for (size_t c = 0; c < 3; c++) {
        const struct fake_call *call = &b->fake.calls[c];
        assert_int_equal(call->count, c < 2 ? 498 : 204); /* no family is torn apart */
    }
    assert_int_equal(told.charged[0], 400);
}

static void families_are_whole_in_a_call(void **state)
{
    struct bench *b = *state;
    watch(b, "A", "p50", 60, NULL, 3);
    watch(b, "B", "p50", 60, NULL, 3);
    watch(b, "A", "p90", 60, NULL, 3);
    watch(b, "B", "p90", 60, NULL, 3);
    struct told told;
    ask_all(b, &told);
    const struct fake_call *call = &b->fake.calls[0];
    assert_int_equal(call->count, 4);
    static const char *const expected[] = {"Ap50", "Ap90", "Bp50", "Bp90"};
    for (size_t i = 0; i < 4; i++) {
        char text[16];
        snprintf(text, sizeof text, "%s%s", call->questions[i].metric->name,
                 call->questions[i].metric->stat);
        assert_string_equal(text, expected[i]);
    }
    fake_answer_all(&b->fake);
}

static void up_to_five_statistics_cost_one_metric(void **state)
{
    struct bench *b = *state;
    static const char *const stats[] = {"p50", "p90", "p99", "Sum", "Average", "Maximum"};
    for (size_t i = 0; i < COUNT_OF(stats); i++)
        watch(b, "Latency", stats[i], 300, NULL, 12);
    struct told told;
    ask(b, b->entries, 5, &told);
    fake_answer_all(&b->fake);
    assert_int_equal(told.charged[0], 1);
    advance(b, 300);
    ask_all(b, &told);
    fake_answer_all(&b->fake);
    assert_int_equal(told.charged[0], 2); /* five with one range, and the sixth's first question */
    assert_int_equal(told.result.calls, 2);
    advance(b, 300);
    ask_all(b, &told);
    fake_answer_all(&b->fake);
    assert_int_equal(told.charged[0], 2); /* all in one call */
    assert_int_equal(told.result.calls, 1);
}

static void the_first_who_wants_it_pays(void **state)
{
    struct bench *b = *state;
    struct collector_entry *shared = watch(b, "A", "Sum", 60, NULL, 3);
    struct collector_entry *own = watch(b, "B", "Sum", 60, NULL, 3);
    struct fetch_item items[] = {{shared, 1}, {shared, 2}, {own, 2}, {own, 3}};
    struct fetch *fetch = NULL;
    struct told told = {0};
    assert_int_equal(
        collector_fetch(b->collector, items, 4, OWNERS, b->now_ms, tell, &told, &fetch), OK);
    fake_answer_all(&b->fake);
    assert_int_equal(told.charged[0], 0);
    assert_int_equal(told.charged[1], 1);
    assert_int_equal(told.charged[2], 1);
    assert_int_equal(told.charged[3], 0);
}

static void an_expression_takes_and_costs_its_inputs(void **state)
{
    struct bench *b = *state;
    struct metric_input inputs[] = {{"e", fake_metric("Errors", "Sum", 60, NULL)},
                                    {"r", fake_metric("Requests", "Sum", 60, NULL)}};
    struct metric draft = {
        .expression = "100 * e / r", .period_s = 60, .input_count = 2, .inputs = inputs};
    struct metric *metric = NULL;
    assert_int_equal(metric_new(&draft, &metric), OK);
    assert_int_equal(collector_subscribe(b->collector, metric, 3, &b->entries[b->entry_count++]),
                     OK);
    metric_release(metric);
    metric_release(inputs[0].metric);
    metric_release(inputs[1].metric);
    struct told told;
    ask_all(b, &told);
    fake_answer_all(&b->fake);
    assert_int_equal(told.result.queries, 3);
    assert_int_equal(told.charged[0], 2);
}

static void a_later_longer_window_asks_only_for_the_missing_part(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "Latency", "p99", 300, NULL, 6);
    bring_up_to_date(b);
    int64_t start_s = last_call(b)->start_s;
    double newest = collector_series(entry)->values[5];
    assert_ptr_equal(entry, watch(b, "Latency", "p99", 300, NULL, 12));
    assert_int_equal(collector_series(entry)->slots, 12);
    assert_near(collector_series(entry)->values[11], newest, 0);
    assert_true(isnan(collector_series(entry)->values[0]));
    assert_int_equal(bring_up_to_date(b), 1);
    assert_int_equal(last_call(b)->end_s, start_s);
    assert_int_equal(last_call(b)->start_s, start_s - 6 * 300);
    for (uint32_t i = 0; i < 12; i++)
        assert_false(isnan(collector_series(entry)->values[i]));
    assert_int_equal(bring_up_to_date(b), 0);
}

static void what_slid_out_of_a_window_is_asked_again_when_it_grows(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "Latency", "p99", 300, NULL, 6);
    for (int i = 0; i < 20; i++) {
        bring_up_to_date(b);
        advance(b, 300);
    }
    bring_up_to_date(b);
    watch(b, "Latency", "p99", 300, NULL, 9);
    bring_up_to_date(b);
    assert_int_equal(last_call(b)->end_s - last_call(b)->start_s, 3 * 300);
    for (uint32_t i = 0; i < 9; i++)
        assert_false(isnan(collector_series(entry)->values[i]));
}

static void a_window_that_grows_during_a_call_is_filled_by_one_fetch(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "Latency", "p99", 300, NULL, 6);
    struct told first, second;
    ask_all(b, &first);
    watch(b, "Latency", "p99", 300, NULL, 12);
    ask_all(b, &second);
    assert_int_equal(b->fake.call_count, 1);
    fake_answer(&b->fake, 0);
    assert_int_equal(first.times, 1);
    assert_int_equal(second.times, 0); /* it wants the rest, too */
    assert_int_equal(b->fake.call_count, 2);
    fake_answer(&b->fake, 1);
    assert_int_equal(second.times, 1);
    for (uint32_t i = 0; i < 12; i++)
        assert_false(isnan(collector_series(entry)->values[i]));
    assert_int_equal(bring_up_to_date(b), 0);
}

static void an_entry_under_way_is_waited_for(void **state)
{
    struct bench *b = *state;
    watch(b, "Latency", "p99", 300, NULL, 6);
    struct told first, second;
    ask_all(b, &first);
    ask_all(b, &second);
    assert_int_equal(b->fake.call_count, 1);
    fake_answer(&b->fake, 0);
    assert_int_equal(first.times, 1);
    assert_int_equal(second.times, 1);
    assert_int_equal(first.result.queries, 1);
    assert_int_equal(first.charged[0], 1);
    assert_int_equal(second.result.queries, 0);
    assert_int_equal(second.result.waited, 1);
    assert_int_equal(second.charged[0], 0);
}

static void a_slow_call_is_followed_by_the_period_that_came_meanwhile(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "Latency", "p99", 60, NULL, 6);
    struct told first, second;
    ask_all(b, &first);
    advance(b, 60);
    ask_all(b, &second);
    fake_answer(&b->fake, 0);
    assert_int_equal(first.times, 1);
    assert_int_equal(second.times, 0);
    fake_answer(&b->fake, 1);
    assert_int_equal(second.times, 1);
    assert_int_equal(series_end_s(collector_series(entry)) * 1000, b->now_ms - COLLECT_SETTLE_MS);
}

static void a_failed_call_keeps_what_there_was_and_is_asked_again(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "Latency", "p99", 300, NULL, 6);
    bring_up_to_date(b);
    double newest = collector_series(entry)->values[5];
    advance(b, 300);
    struct told told;
    ask_all(b, &told);
    int64_t start_s = last_call(b)->start_s;
    fake_fail(&b->fake, 1, ERR_DENIED, "AccessDenied: not authorized");
    assert_int_equal(told.times, 1);
    assert_int_equal(told.result.code, ERR_DENIED);
    assert_string_equal(told.result.fault.text, "AccessDenied: not authorized");
    const struct series *series = collector_series(entry);
    assert_int_equal(series->state, SERIES_FAILED);
    assert_true(isnan(series->values[5]));
    assert_near(series->values[4], newest, 0);
    assert_string_equal(collector_reason(entry), "AccessDenied: not authorized");
    advance(b, 1); /* no new datapoint, but the old ones are still owed */
    assert_int_equal(bring_up_to_date(b), 1);
    assert_int_equal(last_call(b)->start_s, start_s);
    assert_int_equal(series->state, SERIES_READY);
    assert_string_equal(collector_reason(entry), "");
    assert_int_equal(bring_up_to_date(b), 0);
}

static void a_failed_entry_is_not_asked_together_with_those_of_another_range(void **state)
{
    struct bench *b = *state;
    struct collector_entry *old = watch(b, "A", "Sum", 300, NULL, 6);
    bring_up_to_date(b);
    advance(b, 300);
    struct told told;
    ask(b, &old, 1, &told);
    fake_fail(&b->fake, 1, ERR_TIMEOUT, "");
    assert_string_equal(collector_reason(old), "timed out");
    watch(b, "B", "Sum", 300, NULL, 6);
    assert_int_equal(bring_up_to_date(b), 2);
}

static void a_partial_answer_is_asked_again_by_the_next_fetch(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "Latency", "p99", 300, NULL, 6);
    struct told told;
    ask_all(b, &told);
    int64_t start_s = last_call(b)->start_s;
    fake_answer_state(&b->fake, 0, SERIES_PARTIAL, "too much");
    assert_int_equal(told.result.code, OK);
    assert_string_equal(told.result.messages, "too much");
    assert_int_equal(collector_series(entry)->state, SERIES_PARTIAL);
    assert_string_equal(collector_reason(entry), "the answer was not complete: too much");
    assert_int_equal(bring_up_to_date(b), 1);
    assert_int_equal(last_call(b)->start_s, start_s);
}

static void a_forbidden_entry_rests_for_ten_minutes(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "Latency", "p99", 60, NULL, 6);
    bring_up_to_date(b);
    advance(b, 60);
    struct told told;
    ask_all(b, &told);
    fake_answer_state(&b->fake, 1, SERIES_FORBIDDEN, "");
    assert_int_equal(collector_series(entry)->state, SERIES_FORBIDDEN);
    assert_string_equal(collector_reason(entry), "AccessDenied: CloudWatch forbids this query");
    for (int i = 0; i < 9; i++) {
        advance(b, 60);
        assert_int_equal(bring_up_to_date(b), 0);
    }
    /* What was had before has slid out: it is never taken for the newest. */
    for (uint32_t i = 0; i < 6; i++)
        assert_true(isnan(collector_series(entry)->values[i]));
    for (int i = 0; i < 2; i++) {
        advance(b, 60);
        assert_int_equal(bring_up_to_date(b), 1);
        assert_int_equal(collector_series(entry)->state, SERIES_READY);
    }
}

static void one_failed_query_does_not_spoil_its_neighbours(void **state)
{
    struct bench *b = *state;
    struct collector_entry *good = watch(b, "A", "Sum", 60, NULL, 3);
    struct collector_entry *bad = watch(b, "B", "Sum", 60, NULL, 3);
    struct told told;
    ask_all(b, &told);
    fake_fill(&b->fake.calls[0], 0, 0);
    b->fake.calls[0].questions[0].state = SERIES_READY; /* the other one was never answered */
    struct cloudwatch_result result = {.messages = "no such function"};
    fake_done(&b->fake, 0, &result);
    assert_int_equal(collector_series(good)->state, SERIES_READY);
    assert_int_equal(collector_series(bad)->state, SERIES_FAILED);
    assert_string_equal(collector_reason(bad), "the query failed: no such function");
    assert_int_equal(bring_up_to_date(b), 1);
    assert_int_equal(last_call(b)->count, 1);
}

static void an_empty_answer_says_over_which_window(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "Latency", "p99", 300, NULL, 12);
    struct told told;
    ask_all(b, &told);
    fake_answer_state(&b->fake, 0, SERIES_READY, "");
    assert_string_equal(collector_reason(entry), "no datapoint in the last 1h");
    assert_int_equal(bring_up_to_date(b), 0);
}

static void an_empty_answer_with_a_unit_hints_at_the_unit(void **state)
{
    struct bench *b = *state;
    struct metric draft = {.namespace_name = "Fake",
                           .name = "Latency",
                           .stat = "p99",
                           .unit = "Seconds",
                           .period_s = 300};
    struct metric *metric = NULL;
    assert_int_equal(metric_new(&draft, &metric), OK);
    struct collector_entry **entry = &b->entries[b->entry_count++];
    assert_int_equal(collector_subscribe(b->collector, metric, 12, entry), OK);
    metric_release(metric);
    struct told told;
    ask_all(b, &told);
    fake_answer_state(&b->fake, 0, SERIES_READY, "");
    assert_string_equal(collector_reason(*entry),
                        "empty: the unit Seconds may not be the one the metric is stored with");
    assert_int_equal(collector_series(*entry)->hint, SERIES_HINT_UNIT);
    advance(b, 300);
    bring_up_to_date(b);
    assert_int_equal(collector_series(*entry)->hint, SERIES_HINT_NONE);
    assert_string_equal(collector_reason(*entry), "");
}

static void retention_bounds_how_far_back_is_asked(void **state)
{
    static const struct {
        int32_t period_s;
        int64_t kept_s;
        const char *reason;
    } rows[] = {
        {30, 3 * HOUR_S,
         "the window is 4h, but CloudWatch keeps datapoints of period 30s for 3h only"},
        {60, 15 * 24 * HOUR_S,
         "the window is 15d1h, but CloudWatch keeps datapoints of period 1m for 15d only"},
        {300, 63 * 24 * HOUR_S,
         "the window is 63d1h, but CloudWatch keeps datapoints of period 5m for 63d only"},
        {3600, 455 * 24 * HOUR_S,
         "the window is 455d1h, but CloudWatch keeps datapoints of period 1h for 455d only"},
    };
    struct bench *b = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t slots = (rows[i].kept_s + HOUR_S) / rows[i].period_s;
        struct collector_entry *entry =
            watch(b, "Latency", "p99", rows[i].period_s, NULL, (uint32_t)slots);
        struct told told;
        ask(b, &entry, 1, &told);
        assert_true(last_call(b)->start_s > b->now_ms / 1000 - rows[i].kept_s);
        assert_true(last_call(b)->start_s <= b->now_ms / 1000 - rows[i].kept_s + rows[i].period_s);
        fake_answer_all(&b->fake);
        assert_string_equal(collector_reason(entry), rows[i].reason);
        advance(b, rows[i].period_s);
        ask(b, &entry, 1, &told);
        assert_int_equal(last_call(b)->end_s - last_call(b)->start_s, 3 * rows[i].period_s);
        fake_answer_all(&b->fake);
    }
}

static void only_so_many_calls_are_under_way(void **state)
{
    struct bench *b = *state;
    char region[32];
    for (int i = 0; i < 30; i++) {
        snprintf(region, sizeof region, "region-%d", i);
        struct metric draft = {
            .namespace_name = "Fake", .name = "A", .stat = "Sum", .period_s = 60, .region = region};
        struct metric *metric = NULL;
        assert_int_equal(metric_new(&draft, &metric), OK);
        assert_int_equal(
            collector_subscribe(b->collector, metric, 3, &b->entries[b->entry_count++]), OK);
        metric_release(metric);
    }
    struct told told;
    ask_all(b, &told);
    assert_int_equal(b->fake.call_count, COLLECT_CALLS_AT_ONCE);
    fake_answer(&b->fake, 3);
    assert_int_equal(b->fake.call_count, COLLECT_CALLS_AT_ONCE + 1);
    fake_answer_all(&b->fake);
    assert_int_equal(told.times, 1);
    assert_int_equal(b->fake.call_count, 30);
    assert_int_equal(b->fake.under_way_max, COLLECT_CALLS_AT_ONCE);
}

static void long_windows_are_asked_for_one_after_the_other(void **state)
{
    struct bench *b = *state;
    watch(b, "A", "Sum", 60, NULL, COLLECT_DATAPOINTS_AT_ONCE / 2);
    watch(b, "B", "Sum", 120, NULL, COLLECT_DATAPOINTS_AT_ONCE / 2);
    watch(b, "C", "Sum", 300, NULL, COLLECT_DATAPOINTS_AT_ONCE + 1);
    struct told told;
    ask_all(b, &told);
    assert_int_equal(b->fake.call_count, 2);
    fake_answer(&b->fake, 0);
    assert_int_equal(b->fake.call_count, 2); /* the third does not fit beside one of them */
    fake_answer(&b->fake, 1);
    assert_int_equal(b->fake.call_count, 3); /* alone it may be as long as it is */
    fake_answer_all(&b->fake);
    assert_int_equal(told.times, 1);
}

static void a_call_that_cannot_be_started_fails_in_the_next_turn(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "A", "Sum", 60, NULL, 3);
    b->fake.refusal = ERR_NOMEM;
    struct told told;
    ask_all(b, &told);
    assert_int_equal(told.times, 0);
    loop_run(b->loop);
    assert_int_equal(told.times, 1);
    assert_int_equal(told.result.code, ERR_NOMEM);
    assert_int_equal(collector_series(entry)->state, SERIES_FAILED);
    assert_string_equal(collector_reason(entry), "out of memory");
    b->fake.refusal = OK;
    assert_int_equal(bring_up_to_date(b), 1);
}

static void nothing_to_ask_is_answered_at_once(void **state)
{
    struct bench *b = *state;
    struct told told;
    assert_null(ask(b, NULL, 0, &told));
    assert_int_equal(told.times, 1);
    watch(b, "A", "Sum", 60, NULL, 3);
    bring_up_to_date(b);
    assert_null(ask_all(b, &told));
    assert_int_equal(told.times, 1);
    assert_int_equal(told.result.calls, 0);
}

static void a_canceled_fetch_takes_its_calls_with_it(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "A", "Sum", 60, NULL, 3);
    struct told told;
    fetch_cancel(ask_all(b, &told));
    assert_int_equal(b->fake.canceled, 1);
    assert_int_equal(told.times, 0);
    assert_int_equal(collector_series(entry)->state, SERIES_FAILED);
    assert_string_equal(collector_reason(entry), "the call was given up before it was answered");
    assert_int_equal(bring_up_to_date(b), 1);
}

static void a_call_that_another_fetch_waits_for_survives_a_cancel(void **state)
{
    struct bench *b = *state;
    watch(b, "A", "Sum", 60, NULL, 3);
    struct told first, second;
    struct fetch *fetch = ask_all(b, &first);
    ask_all(b, &second);
    fetch_cancel(fetch);
    assert_int_equal(b->fake.canceled, 0);
    fake_answer(&b->fake, 0);
    assert_int_equal(first.times, 0);
    assert_int_equal(second.times, 1);
}

static void a_cancel_makes_room_for_queued_calls(void **state)
{
    struct bench *b = *state;
    struct collector_entry *few[COLLECT_CALLS_AT_ONCE + 2];
    for (int i = 0; i < (int)COUNT_OF(few); i++)
        few[i] = watch(b, "A", "Sum", 60 * (i + 1), NULL, 3);
    struct told first, second;
    struct fetch *fetch = ask(b, few, COLLECT_CALLS_AT_ONCE + 1, &first);
    ask(b, few + COLLECT_CALLS_AT_ONCE + 1, 1, &second);
    assert_int_equal(b->fake.call_count, COLLECT_CALLS_AT_ONCE);
    fetch_cancel(fetch);
    assert_int_equal(b->fake.under_way, 0);
    loop_run(b->loop);
    assert_int_equal(b->fake.under_way, 1);
    fake_answer_all(&b->fake);
    assert_int_equal(second.times, 1);
    assert_int_equal(first.times, 0);
}

static void an_entry_released_during_its_call_lives_until_the_answer(void **state)
{
    struct bench *b = *state;
    struct metric *metric = fake_metric("A", "Sum", 60, NULL);
    struct collector_entry *entry = NULL;
    assert_int_equal(collector_subscribe(b->collector, metric, 3, &entry), OK);
    struct told told;
    ask(b, &entry, 1, &told);
    collector_release(b->collector, entry);
    struct collector_stats stats;
    collector_stats(b->collector, &stats);
    assert_int_equal(stats.entries, 1);
    fake_answer_all(&b->fake);
    assert_int_equal(told.times, 1);
    collector_stats(b->collector, &stats);
    assert_int_equal(stats.entries, 0);
    assert_int_equal(stats.series_bytes, 0);
    metric_release(metric);
}

static void a_small_step_back_of_the_clock_asks_nothing(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "A", "Sum", 60, NULL, 6);
    bring_up_to_date(b);
    double newest = collector_series(entry)->values[5];
    advance(b, -90);
    assert_int_equal(bring_up_to_date(b), 0);
    assert_near(collector_series(entry)->values[5], newest, 0);
    advance(b, 90 + 60);
    assert_int_equal(bring_up_to_date(b), 1);
    assert_int_equal(last_call(b)->end_s - last_call(b)->start_s, 3 * 60);
}

static void a_clock_put_back_by_a_year_starts_anew(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "A", "Sum", 60, NULL, 6);
    bring_up_to_date(b);
    advance(b, -365 * 24 * HOUR_S);
    assert_int_equal(bring_up_to_date(b), 1);
    assert_int_equal(last_call(b)->end_s - last_call(b)->start_s, 6 * 60);
    assert_int_equal(series_end_s(collector_series(entry)) * 1000, b->now_ms - COLLECT_SETTLE_MS);
    assert_int_equal(bring_up_to_date(b), 0);
    advance(b, 365 * 24 * HOUR_S);
    assert_int_equal(bring_up_to_date(b), 1);
    assert_int_equal(last_call(b)->end_s - last_call(b)->start_s, 6 * 60);
    for (uint32_t i = 0; i < 6; i++)
        assert_false(isnan(collector_series(entry)->values[i]));
}

static void a_forbidden_entry_is_not_wedged_by_a_clock_put_back(void **state)
{
    struct bench *b = *state;
    watch(b, "A", "Sum", 60, NULL, 6);
    struct told told;
    ask_all(b, &told);
    fake_answer_state(&b->fake, 0, SERIES_FORBIDDEN, "");
    advance(b, -24 * HOUR_S);
    assert_int_equal(bring_up_to_date(b), 1);
}

static void too_long_a_window_is_refused(void **state)
{
    struct bench *b = *state;
    struct metric *metric = fake_metric("A", "Sum", 60, NULL);
    struct collector_entry *entry = NULL;
    assert_int_equal(collector_subscribe(b->collector, metric, SERIES_SLOTS_MAX + 1, &entry),
                     ERR_LIMIT);
    assert_int_equal(collector_subscribe(b->collector, metric, 0, &entry), ERR_LIMIT);
    metric_release(metric);
}

struct chained {
    struct bench *bench;
    struct told told;
    int left;
};

static void ask_next(void *data, const struct fetch_result *result)
{
    struct chained *chained = data;
    struct bench *b = chained->bench;
    (void)result;
    if (chained->left-- == 0) return;
    advance(b, 60);
    struct fetch_item item = {watch(b, "A", "Sum", 60, NULL, 3), 0};
    struct fetch *fetch = NULL;
    assert_int_equal(
        collector_fetch(b->collector, &item, 1, 1, b->now_ms, ask_next, chained, &fetch), OK);
}

static void a_done_callback_may_ask_again(void **state)
{
    struct chained chained = {.bench = *state, .left = 5};
    ask_next(&chained, NULL);
    fake_answer_all(&chained.bench->fake);
    assert_int_equal(chained.left, -1);
    assert_int_equal(chained.bench->fake.call_count, 5);
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        FACT(equal_metrics_are_one_entry),
        FACT(the_first_question_covers_the_window_up_to_what_has_settled),
        FACT(nothing_is_asked_before_a_new_datapoint_can_exist),
        FACT(later_questions_read_the_last_two_periods_again),
        FACT(periods_regions_and_accounts_do_not_share_a_call),
        FACT(a_call_takes_500_queries),
        FACT(the_statistics_of_a_metric_stay_side_by_side),
        FACT(families_are_whole_in_a_call),
        FACT(up_to_five_statistics_cost_one_metric),
        FACT(the_first_who_wants_it_pays),
        FACT(an_expression_takes_and_costs_its_inputs),
        FACT(a_later_longer_window_asks_only_for_the_missing_part),
        FACT(what_slid_out_of_a_window_is_asked_again_when_it_grows),
        FACT(a_window_that_grows_during_a_call_is_filled_by_one_fetch),
        FACT(an_entry_under_way_is_waited_for),
        FACT(a_slow_call_is_followed_by_the_period_that_came_meanwhile),
        FACT(a_failed_call_keeps_what_there_was_and_is_asked_again),
        FACT(a_failed_entry_is_not_asked_together_with_those_of_another_range),
        FACT(a_partial_answer_is_asked_again_by_the_next_fetch),
        FACT(a_forbidden_entry_rests_for_ten_minutes),
        FACT(one_failed_query_does_not_spoil_its_neighbours),
        FACT(an_empty_answer_says_over_which_window),
        FACT(an_empty_answer_with_a_unit_hints_at_the_unit),
        FACT(retention_bounds_how_far_back_is_asked),
        FACT(only_so_many_calls_are_under_way),
        FACT(long_windows_are_asked_for_one_after_the_other),
        FACT(a_call_that_cannot_be_started_fails_in_the_next_turn),
        FACT(nothing_to_ask_is_answered_at_once),
        FACT(a_canceled_fetch_takes_its_calls_with_it),
        FACT(a_call_that_another_fetch_waits_for_survives_a_cancel),
        FACT(a_cancel_makes_room_for_queued_calls),
        FACT(an_entry_released_during_its_call_lives_until_the_answer),
        FACT(a_small_step_back_of_the_clock_asks_nothing),
        FACT(a_clock_put_back_by_a_year_starts_anew),
        FACT(a_forbidden_entry_is_not_wedged_by_a_clock_put_back),
        FACT(too_long_a_window_is_refused),
        FACT(a_done_callback_may_ask_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
