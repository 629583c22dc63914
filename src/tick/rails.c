/* tick/rails.c - the table of rules, and those that ask for one fact.
 *
 * Each rule is a function that ends the case or lets it pass on to the next; the order of the table
 * is the order of the rules. */
#include "moontide/tick/rails.h"

#include "moontide/base/timetext.h"
#include "rails_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const rail_codes[] = {"",
#define X(name) #name,
                                  RAIL_TABLE(X)
#undef X
                                      NULL};

/* ---- texts ---- */

/* What was cut inside a character of UTF-8 loses all of it. */
static void mend_end(char *text, size_t size)
{
    size_t len = strlen(text), back = 0;
    if (len + 1 < size) return;
    while (back < len && back < 3 && ((unsigned char)text[len - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back < len && ((unsigned char)text[len - 1 - back] & 0x80)) text[len - 1 - back] = '\0';
}

void rail_note(struct rail_case *c, const char *format, ...)
{
    size_t len = strlen(c->text);
    if (len > 0 && len + 2 < sizeof c->text) {
        memcpy(c->text + len, "; ", 3);
        len += 2;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(c->text + len, sizeof c->text - len, format, args);
    va_end(args);
    mend_end(c->text, sizeof c->text);
}

static void end_case(struct rail_case *c, enum rail rail, enum rail_effect effect, const char *text)
{
    c->rail = rail;
    c->effect = effect;
    if (!text) return;
    c->text[0] = '\0';
    rail_note(c, "%s", text);
}

void rail_refuse(struct rail_case *c, enum rail rail, const char *text)
{
    end_case(c, rail, RAIL_REFUSES, text);
}

/* ---- before the check of feasibility ---- */

static void rule_no_change(struct rail_case *c, enum rail rail)
{
    if (c->change_count == 0) end_case(c, rail, RAIL_ENDS, "nothing differs");
}

static void rule_paused(struct rail_case *c, enum rail rail)
{
    if (c->paused) rail_refuse(c, rail, c->paused);
}

/* Whether now is in one of the windows. *at_ms: when the last to end of those it is in ends, else
 * when the first to begin begins; 0: none does within a year. */
static bool in_windows(const struct rail_windows *windows, int64_t now_ms, int64_t *at_ms)
{
    int64_t end_ms = 0, begin_ms = 0;
    bool inside = false;
    for (size_t i = 0; i < windows->count; i++) {
        int64_t until_ms;
        if (window_contains(&windows->items[i], now_ms, &until_ms)) {
            inside = true;
            if (until_ms > end_ms) end_ms = until_ms;
        } else if (until_ms > 0 && (begin_ms == 0 || until_ms < begin_ms)) {
            begin_ms = until_ms;
        }
    }
    *at_ms = inside ? end_ms : begin_ms;
    return inside;
}

static void rule_frozen(struct rail_case *c, enum rail rail)
{
    char text[RAIL_TEXT_MAX], time[TIME_TEXT_MAX];
    int64_t at_ms;
    if (c->frozen) {
        rail_refuse(c, rail, c->frozen);
        return;
    }
    const struct rail_windows *freezes = c->limits->freezes, *open = c->limits->change_windows;
    if (freezes && in_windows(freezes, c->now_ms, &at_ms)) {
        time_format(at_ms, time);
        snprintf(text, sizeof text, "in a freeze until %s", time);
        rail_refuse(c, rail, text);
        return;
    }
    if (!open || in_windows(open, c->now_ms, &at_ms)) return;
    time_format(at_ms, time);
    snprintf(text, sizeof text, "outside of the change windows; %s%s",
             at_ms ? "the next begins at " : "none begins within a year", at_ms ? time : "");
    rail_refuse(c, rail, text);
}

static void rule_unknown(struct rail_case *c, enum rail rail)
{
    if (c->unknown && c->direction != DIRECTION_OUT) rail_refuse(c, rail, c->unknown);
}

static void rule_gated(struct rail_case *c, enum rail rail)
{
    if (c->gated && c->limits->gate && c->direction == DIRECTION_OUT)
        rail_refuse(c, rail, c->gated);
}

static void rule_conflict(struct rail_case *c, enum rail rail)
{
    if (c->conflict) rail_refuse(c, rail, c->conflict);
}

/* ---- what AWS said ---- */

static void rule_not_feasible(struct rail_case *c, enum rail rail)
{
    char text[RAIL_TEXT_MAX];
    if (c->infeasible) rail_refuse(c, rail, c->infeasible);
    for (size_t i = 0; i < c->capacity_count && c->effect == RAIL_PASSES; i++) {
        const struct capacity *capacity = &c->capacities[i];
        if (capacity->to >= 0 && isfinite(capacity->to)) continue;
        snprintf(text, sizeof text, "%s cannot be %g", capacity->field, capacity->to);
        rail_refuse(c, rail, text);
    }
}

static void rule_not_allowed(struct rail_case *c, enum rail rail)
{
    if (c->denied) rail_refuse(c, rail, c->denied);
}

static void rule_drift(struct rail_case *c, enum rail rail)
{
    if (c->drift) rail_refuse(c, rail, c->drift);
}

static void rule_busy(struct rail_case *c, enum rail rail)
{
    if (c->busy) rail_refuse(c, rail, c->busy);
}

/* ---- how much at once, and whether at all ---- */

static void rule_blast_radius(struct rail_case *c, enum rail rail)
{
    const struct rail_limits *limits = c->limits;
    char text[RAIL_TEXT_MAX];
    if (c->actions >= limits->max_actions_per_tick) {
        snprintf(text, sizeof text, "%u of %u actions of this tick are taken", c->actions,
                 limits->max_actions_per_tick);
        rail_refuse(c, rail, text);
        return;
    }
    double share = floor(limits->max_share * c->policy_targets + 1e-9);
    if (share < 1) share = 1;
    if (c->target_counted || c->changed_targets + 1.0 <= share) return;
    snprintf(text, sizeof text,
             "%u of the policy's %u targets change in this tick already: %g %% of them, and at "
             "least one, may",
             c->changed_targets, c->policy_targets, limits->max_share * 100);
    rail_refuse(c, rail, text);
}

static void rule_mode(struct rail_case *c, enum rail rail)
{
    char text[RAIL_TEXT_MAX];
    const char *keep = NULL; /* what was clipped is worth more than the mode */
    if (c->plan) {
        end_case(c, rail, RAIL_PROPOSES, c->text[0] ? keep : "a plan changes nothing");
    } else if (c->mode != MODE_ACT) {
        snprintf(text, sizeof text, "the mode is %s", mode_names[c->mode]);
        end_case(c, rail, c->mode == MODE_OBSERVE ? RAIL_REFUSES : RAIL_PROPOSES,
                 c->text[0] ? keep : text);
    }
}

/* ---- the table ---- */

typedef void rule_fn(struct rail_case *c, enum rail rail);

static const struct {
    enum rail rail;
    rule_fn *rule;
} rules[] = {
    {RAIL_NO_CHANGE, rule_no_change},
    {RAIL_PAUSED, rule_paused},
    {RAIL_FROZEN, rule_frozen},
    {RAIL_UNKNOWN, rule_unknown},
    {RAIL_GATED, rule_gated},
    {RAIL_CONFLICT, rule_conflict},
    {RAIL_NOT_FEASIBLE, rule_not_feasible},
    {RAIL_NOT_ALLOWED, rule_not_allowed},
    {RAIL_DRIFT, rule_drift},
    {RAIL_BUSY, rule_busy},
    {RAIL_TOLERANCE, rule_tolerance},
    {RAIL_STABILIZING, rule_stabilizing},
    {RAIL_COOLDOWN, rule_cooldown},
    {RAIL_RATE, rule_rate},
    {RAIL_AT_MIN, rule_at_min},
    {RAIL_AT_MAX, rule_at_max},
    {RAIL_BLAST_RADIUS, rule_blast_radius},
    {RAIL_MODE, rule_mode},
};
_Static_assert(COUNT_OF(rules) == RAIL_COUNT - 1, "a rule for each code");

void rails_judge(struct rail_case *rail_case, enum rail first, enum rail last)
{
    for (size_t i = 0; i < COUNT_OF(rules) && rail_case->effect == RAIL_PASSES; i++)
        if (rules[i].rail >= first && rules[i].rail <= last)
            rules[i].rule(rail_case, rules[i].rail);
}

enum direction capacities_direction(const struct capacity *capacities, size_t count)
{
    enum direction direction = DIRECTION_NONE;
    for (size_t i = 0; i < count; i++) {
        if (capacities[i].to < capacities[i].from) return DIRECTION_IN;
        if (capacities[i].to > capacities[i].from) direction = DIRECTION_OUT;
    }
    return direction;
}
