/* Thousands of random steps against the planner - subscribe, release, fetch, cancel, answers good
 * and bad, the clock to and fro - with what must hold at each of them, and at the end:
 *
 *   - no entry is asked for twice at once, nor outside its window, nor before it can be there;
 *   - a series never shows a value that is not its slot's;
 *   - every fetch is told exactly once, unless it was canceled;
 *   - once everything is answered, every slot of every window is there, and nothing is asked. */
#include "fake_world.h"

enum { STEPS = 6000, SEEDS = 6, METRICS = 40, HELD_MAX = 120, FETCHES_MAX = 12, SLOTS_MAX = 40 };

struct held {
    struct collector_entry *entry;
    uint32_t slots;
};

struct asked {
    struct fetch *fetch; /* NULL: ended */
    int told;
    bool canceled;
};

struct trial {
    struct loop *loop;
    struct fake_world fake;
    struct collector *collector;
    struct metric *metrics[METRICS];
    struct held held[HELD_MAX];
    size_t held_count;
    struct asked asked[STEPS];
    size_t asked_count;
    size_t open[FETCHES_MAX], open_count; /* indices into asked */
    int64_t now_ms, latest_ms;
    uint64_t random;
};

static uint64_t draw(struct trial *t, uint64_t below)
{
    t->random ^= t->random << 13;
    t->random ^= t->random >> 7;
    t->random ^= t->random << 17;
    return (t->random >> 11) % below;
}

static struct metric *make_metric(size_t i)
{
    static const int32_t periods[] = {10, 60, 300, 3600};
    static const char *const stats[] = {"p50", "p90", "p99", "Sum", "Average"};
    char name[32];
    snprintf(name, sizeof name, "M%zu", i / 5);
    return fake_metric(name, stats[i % 5], periods[i / 5 % 4], NULL);
}

static void check_calls_under_way(const struct trial *t)
{
    const struct fake_world *fake = &t->fake;
    assert_true(fake->under_way <= COLLECT_CALLS_AT_ONCE);
    for (size_t i = 0; i < fake->call_count; i++) {
        const struct fake_call *a = &fake->calls[i];
        if (!a->under_way) continue;
        assert_true(a->end_s * 1000 <= t->latest_ms - COLLECT_SETTLE_MS);
        for (size_t q = 0; q < a->count; q++) {
            const struct series *series = a->questions[q].series;
            assert_true(a->end_s - a->start_s <= (int64_t)series->slots * series->period_s);
            for (size_t k = i; k < fake->call_count; k++)
                for (size_t o = 0; fake->calls[k].under_way && o < fake->calls[k].count; o++)
                    assert_true((k == i && o <= q) ||
                                fake->calls[k].questions[o].metric != a->questions[q].metric);
        }
    }
}

static void check_series(const struct trial *t)
{
    for (size_t i = 0; i < t->held_count; i++) {
        const struct series *s = collector_series(t->held[i].entry);
        assert_true(s->slots >= t->held[i].slots);
        (void)collector_reason(t->held[i].entry)[0];
    }
}

static void told(void *data, const struct fetch_result *result)
{
    struct asked *asked = data;
    assert_false(asked->canceled);
    assert_true(result->code == OK || result->fault.text[0]);
    asked->told++;
    asked->fetch = NULL;
}

static void step_subscribe(struct trial *t)
{
    if (t->held_count == HELD_MAX) return;
    struct held *held = &t->held[t->held_count++];
    held->slots = 1 + (uint32_t)draw(t, SLOTS_MAX);
    assert_int_equal(
        collector_subscribe(t->collector, t->metrics[draw(t, METRICS)], held->slots, &held->entry),
        OK);
}

static void step_release(struct trial *t)
{
    if (t->held_count == 0) return;
    size_t i = draw(t, t->held_count);
    collector_release(t->collector, t->held[i].entry);
    t->held[i] = t->held[--t->held_count];
}

static void forget_ended(struct trial *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->open_count; i++)
        if (t->asked[t->open[i]].fetch) t->open[kept++] = t->open[i];
    t->open_count = kept;
}

static void step_fetch(struct trial *t, bool all)
{
    struct fetch_item items[HELD_MAX];
    size_t count = 0;
    forget_ended(t);
    if (t->open_count == FETCHES_MAX) return;
    for (size_t i = 0; i < t->held_count; i++)
        if (all || draw(t, 2)) items[count++] = (struct fetch_item){t->held[i].entry, 0};
    struct asked *asked = &t->asked[t->asked_count];
    t->open[t->open_count++] = t->asked_count++;
    assert_int_equal(
        collector_fetch(t->collector, items, count, 1, t->now_ms, told, asked, &asked->fetch), OK);
    assert_true(asked->fetch ? asked->told == 0 : asked->told == 1);
}

static void step_cancel(struct trial *t)
{
    forget_ended(t);
    if (t->open_count == 0) return;
    struct asked *asked = &t->asked[t->open[draw(t, t->open_count)]];
    fetch_cancel(asked->fetch);
    asked->fetch = NULL;
    asked->canceled = true;
}

static void answer_somehow(struct trial *t, size_t i)
{
    struct fake_call *call = &t->fake.calls[i];
    struct cloudwatch_result result = {0};
    if (draw(t, 6) == 0) {
        fake_fail(&t->fake, i, ERR_TIMEOUT, "timed out");
        return;
    }
    for (size_t q = 0; q < call->count; q++) {
        static const enum series_state states[] = {SERIES_PARTIAL, SERIES_FORBIDDEN, SERIES_FAILED};
        bool good = draw(t, 8) > 0;
        call->questions[q].state = (uint8_t)(good ? SERIES_READY : states[draw(t, 3)]);
        result.datapoints += fake_fill(call, q, good ? 0 : 1);
    }
    fake_done(&t->fake, i, &result);
}

static void step_answer(struct trial *t)
{
    for (size_t i = 0; i < t->fake.call_count; i++)
        if (t->fake.calls[i].under_way && draw(t, 2)) answer_somehow(t, i);
}

static void step_clock(struct trial *t)
{
    switch (draw(t, 40)) {
    case 0: t->now_ms += (int64_t)draw(t, 40 * 24) * HOUR_S * 1000; break;
    case 1: t->now_ms -= (int64_t)draw(t, 24) * HOUR_S * 1000; break;
    case 2: t->now_ms -= (int64_t)draw(t, 200) * 1000; break;
    default: t->now_ms += (int64_t)draw(t, 90 * 1000); break;
    }
    if (t->now_ms > t->latest_ms) t->latest_ms = t->now_ms;
}

/* Calls that were answered make room, so that the fake's list does not end. */
static void compact(struct trial *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->fake.call_count; i++)
        if (t->fake.calls[i].under_way) t->fake.calls[kept++] = t->fake.calls[i];
    t->fake.call_count = kept;
}

static void step(struct trial *t)
{
    switch (draw(t, 12)) {
    case 0:
    case 1: step_subscribe(t); break;
    case 2: step_release(t); break;
    case 3:
    case 4: step_fetch(t, draw(t, 3) == 0); break;
    case 5:
        if (draw(t, 4) == 0) step_cancel(t);
        break;
    case 6:
    case 7:
    case 8: step_answer(t); break;
    case 9: t->fake.refusal = draw(t, 5) == 0 ? ERR_CONNECT : OK; break;
    default: step_clock(t);
    }
    loop_turn(t->loop, false);
    check_calls_under_way(t);
    check_series(t);
    compact(t);
}

static void answer_everything(struct trial *t)
{
    while (loop_turn(t->loop, false) || t->fake.under_way > 0) {
        for (size_t i = 0; i < t->fake.call_count; i++)
            if (t->fake.calls[i].under_way) fake_answer(&t->fake, i);
        compact(t);
    }
}

static void check_everything_is_there(struct trial *t)
{
    t->fake.refusal = OK;
    answer_everything(t);
    t->now_ms = t->latest_ms + 24 * HOUR_S * 1000;
    t->latest_ms = t->now_ms;
    step_fetch(t, true);
    answer_everything(t);
    step_fetch(t, true);
    assert_int_equal(t->fake.under_way, 0);
    for (size_t i = 0; i < t->held_count; i++) {
        const struct series *s = collector_series(t->held[i].entry);
        int64_t settled_s = (t->now_ms - COLLECT_SETTLE_MS) / 1000;
        assert_int_equal(s->state, SERIES_READY);
        assert_int_equal(series_end_s(s), settled_s - settled_s % s->period_s);
        for (uint32_t slot = 0; slot < s->slots; slot++)
            assert_false(isnan(s->values[slot]));
    }
    for (size_t i = 0; i < t->asked_count; i++)
        assert_int_equal(t->asked[i].told, t->asked[i].canceled ? 0 : 1);
}

static void check_values(const struct trial *t)
{
    for (size_t i = 0; i < t->held_count; i++) {
        const struct series *s = collector_series(t->held[i].entry);
        bool found = false; /* the entry's metric is the one whose values they are */
        for (size_t m = 0; m < METRICS && !found; m++) {
            found = t->metrics[m]->period_s == s->period_s;
            for (uint32_t slot = 0; found && slot < s->slots; slot++)
                found = s->values[slot] ==
                        fake_value(t->metrics[m], s->start_s + (int64_t)slot * s->period_s);
        }
        assert_true(found);
    }
}

static void random_steps_keep_every_promise(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct trial *t = calloc(1, sizeof *t);
        assert_non_null(t);
        t->random = seed * 0x9E3779B97F4A7C15u;
        t->now_ms = t->latest_ms = T0_S * 1000;
        t->fake.world.vtable = &fake_vtable;
        clock_init_manual(&t->fake.world.clock, t->now_ms);
        assert_int_equal(loop_new(&t->loop), OK);
        struct collector_options options = {t->loop, &t->fake.world, COLLECT_SETTLE_MS};
        assert_int_equal(collector_new(&options, &t->collector), OK);
        for (size_t i = 0; i < METRICS; i++)
            t->metrics[i] = make_metric(i);

        for (int i = 0; i < STEPS; i++)
            step(t);
        check_everything_is_there(t);
        check_values(t);

        while (t->held_count > 0)
            step_release(t);
        struct collector_stats stats;
        collector_stats(t->collector, &stats);
        assert_int_equal(stats.entries, 0);
        assert_int_equal(stats.series_bytes, 0);
        collector_free(t->collector);
        for (size_t i = 0; i < METRICS; i++)
            metric_release(t->metrics[i]);
        assert_int_equal(loop_free(t->loop), 0);
        free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_steps_keep_every_promise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
