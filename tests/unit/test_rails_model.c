/* Random wishes, clocks, pauses and restarts against the rails, and what must hold of every change
 * that they let pass. A plain model keeps a list of all that happened and looks through all of it
 * each time:
 *
 *   - never outside of min..max, nor further than was asked for;
 *   - never faster than the rate; cooldowns and stabilization windows kept;
 *   - in only if all agree, and of several the largest; nothing while paused, in not without data,
 *     out not through a gate;
 *   - and, so that nothing is held for ever, as far as the model says it may go.
 *
 * Three policies decide one resource; somebody else changes it now and then; the clock goes on, and
 * jumps by an hour both ways. A failure names its seed: test_rails_model SEED runs that one. */
#include "moontide/tick/rails.h"
#include "moontide/tick/wishes.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TRIALS = 120, STEPS = 1000, POLICIES = 3, EVENTS_MAX = 3 * STEPS, HOUR_MS = 3600000 };
enum { WISH_HOLDS_MS = 300000, ROOM = 20 }; /* ROOM: so many a history keeps exactly */

struct event {
    int64_t at_ms;
    int policy;
    double from, to; /* of a wish: to */
};

struct log {
    struct event events[EVENTS_MAX];
    size_t count;
};

struct trial {
    uint64_t seed, random;
    int step;
    struct rail_limits limits;
    struct rail_history *history;
    struct wishes *wishes;
    int64_t now_ms;
    double capacity, min, max;
    bool paused, unknown, gated;
    bool ahead;    /* the clock was put forward, and is likely to be put back soon */
    bool put_back; /* the clock was since the last restart: old changes may count as new together */
    enum direction paused_direction;
    /* the model */
    struct log wished, changed, heard; /* heard: wishes that this process has in its history */
    size_t applied[3];                 /* by direction */
    size_t steps;
};

static uint64_t only_seed;

/* xorshift64*, Vigna 2016 */
static uint64_t draw(struct trial *t, uint64_t below)
{
    t->random ^= t->random >> 12;
    t->random ^= t->random << 25;
    t->random ^= t->random >> 27;
    return (t->random * 0x2545F4914F6CDD1Du >> 33) % below;
}

#define require(t, holds)                                                                          \
    do {                                                                                           \
        if (!(holds)) fail_msg("seed %" PRIu64 ", step %d: not " #holds, (t)->seed, (t)->step);    \
    } while (0)

/* ---- the model: lists, and sums over all of them ---- */

static void note(struct log *log, struct event event)
{
    assert_true(log->count < EVENTS_MAX);
    log->events[log->count++] = event;
}

/* Times of the future count as now. */
static void settle(struct log *log, int64_t now_ms)
{
    for (size_t i = 0; i < log->count; i++)
        if (log->events[i].at_ms > now_ms) log->events[i].at_ms = now_ms;
}

static void settle_all(struct trial *t)
{
    settle(&t->wished, t->now_ms);
    settle(&t->changed, t->now_ms);
    settle(&t->heard, t->now_ms);
}

static bool within(const struct trial *t, const struct event *event, int64_t window_ms)
{
    return t->now_ms - event->at_ms < window_ms;
}

/* What moontide added (sign 1) or took away (-1) within the period. */
static double moved(const struct trial *t, int sign, int64_t period_ms, size_t *count)
{
    double sum = 0;
    for (size_t i = 0; i < t->changed.count; i++) {
        const struct event *e = &t->changed.events[i];
        if (!within(t, e, period_ms)) continue;
        ++*count;
        if ((e->to - e->from) * sign > 0) sum += fabs(e->to - e->from);
    }
    return sum;
}

static const struct event *last_change(const struct trial *t, int sign)
{
    for (size_t i = t->changed.count; i-- > 0;)
        if ((t->changed.events[i].to - t->changed.events[i].from) * sign > 0)
            return &t->changed.events[i];
    return NULL;
}

/* The highest (sign 1) or lowest wish heard within the window, and the one at hand. */
static double extreme_wish(const struct trial *t, int sign, int64_t window_ms, double own,
                           size_t *count)
{
    double extreme = own;
    for (size_t i = 0; i < t->heard.count; i++) {
        const struct event *e = &t->heard.events[i];
        if (!within(t, e, window_ms)) continue;
        ++*count;
        if ((e->to - extreme) * sign > 0) extreme = e->to;
    }
    return extreme;
}

/* The policy's wish that holds, or NaN. */
static double wish_that_holds(const struct trial *t, int policy)
{
    for (size_t i = t->wished.count; i-- > 0;) {
        const struct event *e = &t->wished.events[i];
        if (e->policy != policy) continue;
        return within(t, e, WISH_HOLDS_MS) ? e->to : NAN;
    }
    return NAN;
}

static bool whole(double value)
{
    return value == floor(value);
}

static double rate_limit(const struct trial *t, bool out, size_t *count)
{
    const struct rail_rate *rate = out ? &t->limits.rate_out : &t->limits.rate_in;
    double share = rate->percent / 100, limit;
    if (out) {
        double base = fmax(t->capacity - moved(t, 1, rate->period_ms, count), 0);
        limit = fmax(base + rate->add, base + base * share);
    } else {
        double base = t->capacity + moved(t, -1, rate->period_ms, count);
        limit = fmax(fmin(base - rate->add, base - base * share), 0);
    }
    return limit;
}

/* What is whole stays whole, rounded to the side of what there is. */
static double whole_limit(const struct trial *t, double to, size_t *count)
{
    bool out = to > t->capacity;
    double limit = rate_limit(t, out, count);
    if (!whole(t->capacity) || !whole(to)) return limit;
    return out ? floor(limit + 1e-6) : ceil(limit - 1e-6);
}

/* How far it may go; the capacity there is when not at all. *exact: few enough to be kept one by
 * one. */
static double model_reach(const struct trial *t, double wish, bool *exact)
{
    const struct rail_limits *l = &t->limits;
    double now = t->capacity, to = wish;
    size_t wishes = 0, changes = 0;
    bool out = wish > now;
    *exact = true;
    if (fabs(to / now - 1) <= l->tolerance + 1e-9) return now;
    if (out) {
        to = extreme_wish(t, -1, l->stabilization_out_ms, to, &wishes);
        const struct event *last = last_change(t, 1);
        if (last && within(t, last, l->cooldown_out_ms) && to <= last->to) to = now;
        if (to > now) to = fmin(to, whole_limit(t, to, &changes));
        to = fmax(fmin(to, fmin(t->max, l->max)), now);
    } else {
        to = extreme_wish(t, 1, l->stabilization_in_ms, to, &wishes);
        const struct event *last = last_change(t, -1);
        bool canceled = last && last_change(t, 1) > last;
        if (last && !canceled && within(t, last, l->cooldown_in_ms)) to = now;
        if (to < now) to = fmax(to, whole_limit(t, to, &changes));
        to = fmin(fmax(to, fmax(t->min, l->min)), now);
    }
    *exact = wishes < ROOM && changes < ROOM && !t->put_back;
    return to;
}

/* ---- what must hold of a change that passed ---- */

static void check_change(struct trial *t, int policy, double wish, double to)
{
    const struct rail_limits *l = &t->limits;
    double from = t->capacity;
    bool out = to > from;
    size_t unused = 0;
    require(t, to != from);
    require(t, out ? to <= wish : to >= wish);
    require(t, !t->paused || (t->paused_direction != DIRECTION_NONE &&
                              (t->paused_direction == DIRECTION_OUT) != out));
    require(t, out || !t->unknown);
    require(t, !out || !t->gated);
    require(t, out ? !(to > fmin(t->max, l->max)) : !(to < fmax(t->min, l->min)));
    require(t, fabs(wish / from - 1) > l->tolerance);
    double limit = rate_limit(t, out, &unused);
    require(t, out ? to <= limit + 1e-6 : to >= limit - 1e-6);
    if (out)
        require(t, to <= extreme_wish(t, -1, l->stabilization_out_ms, wish, &unused));
    else
        require(t, to >= extreme_wish(t, 1, l->stabilization_in_ms, wish, &unused));
    for (int p = 0; p < POLICIES; p++) {
        double other = wish_that_holds(t, p);
        require(t, p == policy || isnan(other) || other <= wish);
        require(t, p == policy || isnan(other) || out || other < from); /* all agree */
    }
    const struct event *last_out = last_change(t, 1), *last_in = last_change(t, -1);
    if (out && last_out && within(t, last_out, l->cooldown_out_ms))
        require(t, wish > last_out->to); /* a larger one; the rate may cut it */
    if (!out && last_in && last_in > last_out &&
        last_in == &t->changed.events[t->changed.count - 1])
        require(t, !within(t, last_in, l->cooldown_in_ms));
}

/* ---- a step ---- */

static const char *const policy_names[POLICIES] = {"a", "b", "c"};

static struct wish make_wish(int policy, double count, struct capacity *capacity, char wanted[64])
{
    *capacity = (struct capacity){"count", 0, count};
    snprintf(wanted, 64, "{\"count\":%.17g}", count);
    return (struct wish){.policy = policy_names[policy],
                         .target = "t",
                         .kind = "ecs_desired_count",
                         .resource = "service/c/api",
                         .every_ms = 60000,
                         .wanted = wanted,
                         .capacities = capacity,
                         .capacity_count = 1};
}

static bool paused_now(const struct trial *t, enum direction direction)
{
    if (!t->paused) return false;
    return t->paused_direction == DIRECTION_NONE || t->paused_direction == direction;
}

static void judge(struct trial *t, int policy, uint64_t id, double wish)
{
    struct capacity unused;
    char text[WISH_TEXT_MAX], wanted[64];
    struct wish key = make_wish(policy, wish, &unused, wanted);
    int lost = wishes_conflict(t->wishes, &key, id, t->now_ms, text);
    assert_in_range(lost, 0, 1);
    struct rail_case c = {.now_ms = t->now_ms,
                          .limits = &t->limits,
                          .mode = MODE_ACT,
                          .change_count = t->capacity != wish,
                          .capacities = {{"count", t->capacity, wish}},
                          .histories = {t->history},
                          .capacity_count = 1,
                          .min = t->min,
                          .max = t->max,
                          .policy_targets = 1,
                          .conflict = lost ? text : NULL,
                          .unknown = t->unknown ? "no data" : NULL,
                          .gated = t->gated ? "gate" : NULL};
    c.direction = capacities_direction(c.capacities, 1);
    c.paused = paused_now(t, c.direction) ? "paused" : NULL;
    rails_judge(&c, RAIL_NO_CHANGE, RAIL_CONFLICT);
    rails_judge(&c, RAIL_NOT_FEASIBLE, RAIL_MODE);
    double to = c.effect == RAIL_PASSES ? c.capacities[0].to : t->capacity;
    if (c.effect != RAIL_PASSES && c.rail <= RAIL_CONFLICT) return;
    bool exact;
    double may = model_reach(t, wish, &exact);
    require(t, to > t->capacity ? to <= may + 1e-6 : to >= may - 1e-6 || to == t->capacity);
    require(t, !exact || fabs(to - may) < 1e-6);
    if (c.effect != RAIL_PASSES) return;
    check_change(t, policy, wish, to);
    t->applied[to > t->capacity ? DIRECTION_OUT : DIRECTION_IN]++;
    rail_history_applied(t->history, t->now_ms, t->capacity, to);
    note(&t->changed, (struct event){t->now_ms, policy, t->capacity, to});
    t->capacity = to;
}

static double random_wish(struct trial *t)
{
    double wish;
    switch (draw(t, 4)) {
    case 0: wish = (double)draw(t, 60); break;
    case 1: wish = t->capacity + (double)draw(t, 12) - 4; break;
    case 2: wish = floor(t->capacity * (double)(50 + draw(t, 150)) / 100); break;
    default: wish = t->capacity + 1 - (double)draw(t, 6); break;
    }
    if (draw(t, 20) == 0) wish += 0.5;
    if (wish > 500) wish = (double)draw(t, 500);
    return wish < 0 ? 0 : wish;
}

/* All policies that have something to say put it, then each is judged. */
static void tick(struct trial *t)
{
    uint64_t ids[POLICIES] = {0};
    double wishes[POLICIES] = {0};
    for (int p = 0; p < POLICIES; p++) {
        struct capacity capacity;
        char wanted[64];
        if (draw(t, 3) == 0) continue;
        wishes[p] = random_wish(t);
        struct wish wish = make_wish(p, wishes[p], &capacity, wanted);
        assert_int_equal(wishes_put(t->wishes, &wish, t->now_ms, &ids[p]), OK);
        note(&t->wished, (struct event){t->now_ms, p, 0, wishes[p]});
        if (t->heard.count == 0) note(&t->heard, (struct event){t->now_ms, -1, 0, t->capacity});
        rail_history_wish(t->history, t->now_ms, t->capacity, wishes[p]);
        note(&t->heard, (struct event){t->now_ms, p, 0, wishes[p]});
    }
    for (int p = 0; p < POLICIES; p++)
        if (ids[p]) judge(t, p, ids[p], wishes[p]);
}

/* Wishes are those of the process; changes outlive it. */
static void restart(struct trial *t)
{
    struct strbuf text;
    strbuf_init(&text, 65536);
    assert_int_equal(rail_history_write(t->history, &text), OK);
    rail_history_free(t->history);
    wishes_free(t->wishes);
    assert_int_equal(rail_history_new(&t->history), OK);
    assert_int_equal(rail_history_read(t->history, text.data, text.len), OK);
    assert_int_equal(wishes_new(&t->wishes), OK);
    t->wished.count = t->heard.count = 0;
    t->put_back = false;
    strbuf_done(&text);
}

static void step(struct trial *t)
{
    uint64_t kind = draw(t, 1000);
    if (kind < 5) {
        t->now_ms += HOUR_MS;
        t->ahead = true;
    } else if (kind < 10 || (t->ahead && kind < 200)) {
        t->ahead = false;
        t->now_ms -= HOUR_MS;
        t->put_back = true;
    } else if (kind < 20)
        restart(t);
    else if (kind < 40)
        t->paused = !t->paused;
    else if (kind < 60)
        t->paused_direction = (enum direction)draw(t, 3);
    else if (kind < 80)
        t->unknown = draw(t, 4) == 0;
    else if (kind < 100)
        t->gated = draw(t, 4) == 0;
    else if (kind < 110)
        t->capacity = (double)draw(t, 40); /* somebody else's hand */
    t->now_ms += (int64_t)draw(t, 4) ? (int64_t)draw(t, 60000) : (int64_t)draw(t, 300000);
    settle_all(t);
    tick(t);
}

/* ---- trials ---- */

static void random_limits(struct trial *t)
{
    static const int64_t windows_s[] = {0, 30, 60, 300, 300, 900};
    struct rail_limits *l = &t->limits;
    rail_limits_default(l);
    if (draw(t, 3) == 0) return;
    l->stabilization_in_ms = windows_s[draw(t, 6)] * 1000;
    l->stabilization_out_ms = windows_s[draw(t, 4)] * 1000;
    l->cooldown_in_ms = windows_s[draw(t, 6)] * 1000;
    l->cooldown_out_ms = windows_s[draw(t, 6)] * 1000;
    l->tolerance = (double)draw(t, 3) / 10;
    l->rate_out = (struct rail_rate){(double)draw(t, 8), (double)draw(t, 150),
                                     (int64_t)(1 + draw(t, 600)) * 1000};
    l->rate_in = (struct rail_rate){(double)draw(t, 3), (double)draw(t, 100),
                                    (int64_t)(1 + draw(t, 600)) * 1000};
    if (draw(t, 2)) l->max = 20 + (double)draw(t, 40);
    if (draw(t, 2)) l->min = (double)draw(t, 4);
}

static void run_trial(struct trial *t, uint64_t seed)
{
    memset(t, 0, sizeof *t);
    t->seed = seed;
    t->random = seed * 0x9E3779B97F4A7C15u + 1;
    t->now_ms = 1769860800000;
    random_limits(t);
    t->min = draw(t, 2) ? 1 + (double)draw(t, 4) : NAN;
    t->max = draw(t, 2) ? 10 + (double)draw(t, 50) : NAN;
    t->capacity = 1 + (double)draw(t, 20);
    assert_int_equal(rail_history_new(&t->history), OK);
    assert_int_equal(wishes_new(&t->wishes), OK);
    for (t->step = 0; t->step < STEPS; t->step++)
        step(t);
    rail_history_free(t->history);
    wishes_free(t->wishes);
    rail_limits_done(&t->limits);
}

static void what_passes_the_rails_keeps_all_of_their_promises(void **state)
{
    (void)state;
    static struct trial trial;
    size_t out = 0, in = 0;
    if (only_seed) {
        run_trial(&trial, only_seed);
        return;
    }
    for (uint64_t seed = 1; seed <= TRIALS; seed++) {
        run_trial(&trial, seed);
        out += trial.applied[DIRECTION_OUT];
        in += trial.applied[DIRECTION_IN];
    }
    print_message("%d steps: %zu times out, %zu times in\n", TRIALS * STEPS, out, in);
    assert_true(out > 2000 && in > 400); /* else it shows nothing */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes_the_rails_keeps_all_of_their_promises),
    };
    only_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
