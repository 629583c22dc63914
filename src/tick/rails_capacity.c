/* tick/rails_capacity.c - the rules on capacities: TOLERANCE to AT_MAX.
 *
 * Each is a function that answers, for one capacity that would change, how far it may go: somewhere
 * between what is there and what is asked for. for_each() does the rest. */
#include "rails_private.h"

#include "moontide/base/timetext.h"

#include <math.h>
#include <stdio.h>

enum { WHY_MAX = 128 };

/* Relative error of a few operations on doubles: 11/10 - 1 is within 0.1. */
static const double EPSILON = 1e-9;

typedef double reach_fn(const struct rail_case *c, size_t i, char why[WHY_MAX]);

static bool is_new(const struct capacity *capacity)
{
    return isnan(capacity->from);
}

static bool changes(const struct capacity *capacity)
{
    return is_new(capacity) || capacity->to != capacity->from;
}

static bool goes_out(const struct capacity *capacity)
{
    return capacity->to > capacity->from;
}

static bool is_whole(double value)
{
    return value == floor(value);
}

/* Tasks and GiB come whole; what lies between is rounded to the side of what is there. */
static double rounded(const struct capacity *capacity, double to)
{
    if (!is_whole(capacity->to) || (!is_new(capacity) && !is_whole(capacity->from))) return to;
    double slack = fabs(to) * EPSILON;
    return is_new(capacity) || goes_out(capacity) ? floor(to + slack) : ceil(to - slack);
}

static void note_clip(struct rail_case *c, const struct capacity *capacity, double to,
                      const char *why)
{
    bool named = c->capacity_count > 1;
    const char *field = named ? capacity->field : "", *colon = named ? ": " : "";
    if (is_new(capacity))
        rail_note(c, "%s%s%g wanted, %g allowed: %s", field, colon, capacity->to, to, why);
    else if (to == capacity->from)
        rail_note(c, "%s%s%g -> %g wanted: %s", field, colon, capacity->from, capacity->to, why);
    else
        rail_note(c, "%s%s%g -> %g wanted, %g allowed: %s", field, colon, capacity->from,
                  capacity->to, to, why);
}

static void for_each(struct rail_case *c, enum rail rail, bool with_new, reach_fn *reach)
{
    bool clipped = false;
    for (size_t i = 0; i < c->capacity_count; i++) {
        struct capacity *capacity = &c->capacities[i];
        char why[WHY_MAX];
        if (!changes(capacity) || (is_new(capacity) && !with_new)) continue;
        double to = reach(c, i, why);
        if (to == capacity->to) continue;
        note_clip(c, capacity, to, why);
        capacity->to = to;
        if (to == capacity->from && c->change_count > 0) c->change_count--;
        clipped = true;
    }
    if (!clipped) return;
    c->clipped |= 1u << rail;
    c->direction = capacities_direction(c->capacities, c->capacity_count);
    if (c->change_count == 0) rail_refuse(c, rail, NULL);
}

/* ---- TOLERANCE ---- */

static double tolerated(const struct rail_case *c, size_t i, char why[WHY_MAX])
{
    const struct capacity *capacity = &c->capacities[i];
    double tolerance = c->limits->tolerance;
    if (!(fabs(capacity->to / capacity->from - 1) <= tolerance + EPSILON)) return capacity->to;
    snprintf(why, WHY_MAX, "within %g %% of what there is", tolerance * 100);
    return capacity->from;
}

void rule_tolerance(struct rail_case *c, enum rail rail)
{
    for_each(c, rail, false, tolerated);
}

/* ---- STABILIZING ---- */

static double stabilized(const struct rail_case *c, size_t i, char why[WHY_MAX])
{
    const struct capacity *capacity = &c->capacities[i];
    const struct rail_limits *limits = c->limits;
    struct rail_history *history = c->histories[i];
    bool out = goes_out(capacity);
    int64_t window_ms = out ? limits->stabilization_out_ms : limits->stabilization_in_ms;
    history_looks_back(history, limits->stabilization_in_ms, 0);
    history_looks_back(history, limits->stabilization_out_ms, 0);
    double wish = out ? history_lowest(history, c->now_ms, window_ms, capacity->to)
                      : history_highest(history, c->now_ms, window_ms, capacity->to);
    if (wish == capacity->to) return wish;
    snprintf(why, WHY_MAX, "%g is the %s wish of the last %g s", wish, out ? "lowest" : "highest",
             (double)window_ms / 1000);
    return out ? fmax(wish, capacity->from) : fmin(wish, capacity->from);
}

void rule_stabilizing(struct rail_case *c, enum rail rail)
{
    for_each(c, rail, false, stabilized);
}

/* ---- COOLDOWN ---- */

static double cooled(const struct rail_case *c, size_t i, char why[WHY_MAX])
{
    const struct capacity *capacity = &c->capacities[i];
    const struct rail_limits *limits = c->limits;
    struct rail_history *history = c->histories[i];
    bool out = goes_out(capacity);
    double reached = 0;
    char text[DURATION_TEXT_MAX];
    int64_t left_ms =
        out ? history_cooldown_out(history, c->now_ms, limits->cooldown_out_ms, &reached)
            : history_cooldown_in(history, c->now_ms, limits->cooldown_in_ms);
    if (left_ms == 0) return capacity->to;
    if (out && capacity->to > reached) return capacity->to; /* larger than the last one */
    duration_format((left_ms + 999) / 1000 * 1000, text);
    if (out)
        snprintf(why, WHY_MAX, "the last scale-out reached %g; its cooldown has %s left", reached,
                 text);
    else
        snprintf(why, WHY_MAX, "the cooldown of the last scale-in has %s left", text);
    return capacity->from;
}

void rule_cooldown(struct rail_case *c, enum rail rail)
{
    for_each(c, rail, false, cooled);
}

/* ---- RATE ---- */

static void tell_rate(const struct rail_rate *rate, const char *sign, char why[WHY_MAX])
{
    double seconds = (double)rate->period_ms / 1000;
    if (rate->add > 0)
        snprintf(why, WHY_MAX, "%s%g or %g %% in %g s", sign, rate->add, rate->percent, seconds);
    else
        snprintf(why, WHY_MAX, "%g %% in %g s", rate->percent, seconds);
}

/* The base is the capacity at the beginning of the period, without what was done within it. */
static double rated(const struct rail_case *c, size_t i, char why[WHY_MAX])
{
    const struct capacity *capacity = &c->capacities[i];
    struct rail_history *history = c->histories[i];
    bool out = goes_out(capacity);
    const struct rail_rate *rate = out ? &c->limits->rate_out : &c->limits->rate_in;
    double share = rate->percent / 100, furthest;
    history_looks_back(history, 0, c->limits->rate_in.period_ms);
    history_looks_back(history, 0, c->limits->rate_out.period_ms);
    if (out) {
        double base = capacity->from - history_added(history, c->now_ms, rate->period_ms);
        if (base < 0) base = 0;
        furthest = fmax(base + rate->add, base * (1 + share));
        if (furthest >= capacity->to) return capacity->to;
        furthest = fmax(rounded(capacity, furthest), capacity->from);
    } else {
        double base = capacity->from + history_removed(history, c->now_ms, rate->period_ms);
        furthest = fmax(fmin(base - rate->add, base * (1 - share)), 0);
        if (furthest <= capacity->to) return capacity->to;
        furthest = fmin(rounded(capacity, furthest), capacity->from);
    }
    tell_rate(rate, out ? "+" : "-", why);
    return furthest;
}

void rule_rate(struct rail_case *c, enum rail rail)
{
    for_each(c, rail, false, rated);
}

/* ---- AT_MIN, AT_MAX ----
 *
 * They stop a change, and never make one larger or turn it round: a scale-out that the rate keeps
 * below min goes on, and so does a scale-in from above max. */

static double at_least(const struct rail_case *c, size_t i, char why[WHY_MAX])
{
    const struct capacity *capacity = &c->capacities[i];
    double min = fmax(c->min, c->limits->min); /* of NaN and a number the number */
    if (!(capacity->to < min) || goes_out(capacity)) return capacity->to;
    snprintf(why, WHY_MAX, "min is %g", min);
    return is_new(capacity) ? min : fmin(rounded(capacity, min), capacity->from);
}

static double at_most(const struct rail_case *c, size_t i, char why[WHY_MAX])
{
    const struct capacity *capacity = &c->capacities[i];
    double max = fmin(c->max, c->limits->max);
    if (!(capacity->to > max) || (!is_new(capacity) && !goes_out(capacity))) return capacity->to;
    snprintf(why, WHY_MAX, "max is %g", max);
    return is_new(capacity) ? max : fmax(rounded(capacity, max), capacity->from);
}

void rule_at_min(struct rail_case *c, enum rail rail)
{
    for_each(c, rail, true, at_least);
}

void rule_at_max(struct rail_case *c, enum rail rail)
{
    for_each(c, rail, true, at_most);
}
