/* tick/rails_private.h - what the files of the rails share: windows, what a history can be asked,
 * the rules on capacities. Private to the layer. */
#ifndef MOONTIDE_TICK_RAILS_PRIVATE_H
#define MOONTIDE_TICK_RAILS_PRIVATE_H

#include "moontide/tick/rails.h"

struct rail_windows {
    int shares; /* of rail_limits_copy(); one thread */
    size_t count;
    struct window items[RAIL_WINDOWS_MAX]; /* their zones are owned */
};

/* ---- rails_history.c: each makes times of the future count as now first ---- */

/* How far back the limits look: a history that is full is thinned by it. */
void history_looks_back(struct rail_history *history, int64_t wishes_ms, int64_t changes_ms);
/* The highest (lowest) wish younger than the window, `own` included. */
double history_highest(struct rail_history *history, int64_t now_ms, int64_t window_ms, double own);
double history_lowest(struct rail_history *history, int64_t now_ms, int64_t window_ms, double own);
/* What was added (taken away) within the period. */
double history_added(struct rail_history *history, int64_t now_ms, int64_t period_ms);
double history_removed(struct rail_history *history, int64_t now_ms, int64_t period_ms);
/* How long until the cooldown of the last scale-out (-in) is over; 0: it is, or was canceled. *to
 * is what that one reached. */
int64_t history_cooldown_out(struct rail_history *history, int64_t now_ms, int64_t cooldown_ms,
                             double *to);
int64_t history_cooldown_in(struct rail_history *history, int64_t now_ms, int64_t cooldown_ms);

/* ---- rails.c ---- */

/* Ends the case, with a text in place of the one there is (NULL: that one stays). */
void rail_refuse(struct rail_case *c, enum rail rail, const char *text);
/* Adds to the text. */
void rail_note(struct rail_case *c, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- rails_capacity.c ---- */

void rule_tolerance(struct rail_case *c, enum rail rail);
void rule_stabilizing(struct rail_case *c, enum rail rail);
void rule_cooldown(struct rail_case *c, enum rail rail);
void rule_rate(struct rail_case *c, enum rail rail);
void rule_at_min(struct rail_case *c, enum rail rail);
void rule_at_max(struct rail_case *c, enum rail rail);

#endif
