/* tick/rails.h - what stands between a decision and AWS: an ordered table of rules, each with a
 * fixed reason code.
 *
 * The facts of one decision are gathered in a struct rail_case; rails_judge() takes it through the
 * rules, in order, until one refuses or proposes. A rule can also clip: the capacity that is asked
 * for becomes smaller (or the loss of it), and later rules see what is left. Rails are pure but for
 * the history of the resource: time, limits and facts are given.
 *
 *   NO_CHANGE  PAUSED  FROZEN  UNKNOWN  GATED  CONFLICT           before the check of feasibility,
 *   NOT_FEASIBLE  NOT_ALLOWED  DRIFT  BUSY                        which may wait for AWS, and after
 *   TOLERANCE  STABILIZING  COOLDOWN  RATE  AT_MIN  AT_MAX        on each capacity of its own
 *   BLAST_RADIUS  MODE
 *
 * Sources: Kubernetes HorizontalPodAutoscaler v2 (tolerance, stabilization, rate policies);
 * Application Auto Scaling User Guide (cooldowns); CloudWatch (missing data). */
#ifndef MOONTIDE_TICK_RAILS_H
#define MOONTIDE_TICK_RAILS_H

#include "moontide/base/compiler.h"
#include "moontide/base/cron.h"
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"
#include "moontide/model/evaluation.h"
#include "moontide/tick/actor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name): the order is the order of the rules. RAIL_NONE: nothing stood in the way. */
#define RAIL_TABLE(X)                                                                              \
    X(NO_CHANGE)                                                                                   \
    X(PAUSED)                                                                                      \
    X(FROZEN)                                                                                      \
    X(UNKNOWN)                                                                                     \
    X(GATED)                                                                                       \
    X(CONFLICT)                                                                                    \
    X(NOT_FEASIBLE)                                                                                \
    X(NOT_ALLOWED)                                                                                 \
    X(DRIFT)                                                                                       \
    X(BUSY)                                                                                        \
    X(TOLERANCE)                                                                                   \
    X(STABILIZING)                                                                                 \
    X(COOLDOWN)                                                                                    \
    X(RATE)                                                                                        \
    X(AT_MIN)                                                                                      \
    X(AT_MAX)                                                                                      \
    X(BLAST_RADIUS)                                                                                \
    X(MODE)

enum rail {
    RAIL_NONE,
#define X(name) RAIL_##name,
    RAIL_TABLE(X)
#undef X
        RAIL_COUNT
};
extern const char *const rail_codes[]; /* by enum rail: "", "NO_CHANGE", ..., NULL */

/* ---- limits ---- */

struct rail_rate {
    double add, percent; /* the greater of the two, in period_ms; add 0: only percent */
    int64_t period_ms;
};

enum { RAIL_WINDOWS_MAX = 16 };

/* The names of all limits, as rail_limits_read() takes them; ends with NULL. */
extern const char *const rail_limit_names[];

/* What the configuration, the policy and the decision say, in that order, each over the one before;
 * rail_limits_default() is SEMANTICS' table. Windows are shared by count with copies. */
struct rail_limits {
    uint32_t max_actions_per_tick; /* 10; the configuration's counts, whoever acts */
    double max_share;              /* 0.25 of a policy's targets, at least one */
    double tolerance;              /* 0.1 */
    int64_t stabilization_in_ms, stabilization_out_ms; /* 300 s, 0 */
    int64_t cooldown_in_ms, cooldown_out_ms;           /* 300 s each */
    struct rail_rate rate_in, rate_out;                /* 100 % / 60 s; +4 or 100 % / 60 s */
    double min, max;                                   /* NaN: none but the decision's own */
    int64_t drift_hold_ms;                             /* 1 h */
    bool gate;                                         /* true: depends_on holds scale-out */
    struct rail_windows *change_windows, *freezes;     /* NULL: none */
};
void rail_limits_default(struct rail_limits *limits);
/* Lays one JSON object (the table `rails`, as written: durations are texts or seconds) over what is
 * there. Fields: max_actions_per_tick, max_share, tolerance, stabilization_in, stabilization_out,
 * cooldown_in, cooldown_out, rate_in and rate_out = { add, percent, period }, min, max, drift_hold,
 * gate, change_windows and freezes = { { cron, duration, timezone }, ... }. An empty
 * list of windows lifts what a wider level said. ERR_INVALID: fault->text begins with the field
 * ("rate_in.period: ...", "freezes[2].cron: ..."), and tells what is allowed, or the nearest known
 * name; limits are as before then. Opens time zones, so it blocks: for load time. */
MUST_CHECK int rail_limits_read(struct rail_limits *limits, const char *json, size_t len,
                                struct fault *fault);
/* The windows of `from` are shared; all who share them are on one thread. */
void rail_limits_copy(struct rail_limits *to, const struct rail_limits *from);
void rail_limits_done(struct rail_limits *limits);

/* ---- the history of one capacity of one resource ---- */

/* Wishes of the stabilization window, and what was added and taken away in the rate's. Bounded: of
 * many wishes in a sixteenth of the window the highest (for in) and lowest (for out) count, as long
 * as the newest of them. Time is what the caller says: one that went backwards makes times of the
 * future count as now (nothing is let pass earlier, nothing is held longer than its window from
 * then); one that went forward cannot be told from time that passed. */
struct rail_history;
MUST_CHECK int rail_history_new(struct rail_history **out);
void rail_history_free(struct rail_history *history);
/* A wish, before it is judged (also of a policy that only recommends). The first of a history is
 * preceded by the capacity there is: a restart is no reason to scale in at once. */
void rail_history_wish(struct rail_history *history, int64_t now_ms, double current, double wish);
/* A change that was made. */
void rail_history_applied(struct rail_history *history, int64_t now_ms, double from, double to);
/* What must outlive a restart (changes that were made, not wishes), as JSON; read back into a new
 * history, which is as before when that fails: ERR_PARSE, ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK int rail_history_write(const struct rail_history *history, struct strbuf *out);
MUST_CHECK int rail_history_read(struct rail_history *history, const char *json, size_t len);

/* ---- one decision ---- */

enum rail_effect { RAIL_PASSES, RAIL_ENDS, RAIL_REFUSES, RAIL_PROPOSES };

enum { RAIL_TEXT_MAX = 256 };

/* Texts that are NULL are facts that do not hold. Everything is borrowed. */
struct rail_case {
    int64_t now_ms;
    const struct rail_limits *limits;
    enum policy_mode mode;
    bool plan; /* nothing is applied: MODE proposes whatever the mode */

    /* The change as it stands: rules clip `capacities[i].to`. */
    enum direction direction;
    size_t change_count;
    size_t fixed_count; /* changes that are no capacity */
    struct capacity capacities[CAPACITIES_MAX];
    struct rail_history *histories[CAPACITIES_MAX]; /* never NULL where there is a capacity */
    size_t capacity_count;
    double min, max; /* the decision's own; NaN: none. The tighter of these and the limits' holds */

    const char *paused;   /* by whom, since when, why */
    const char *frozen;   /* by a verification or by hand; windows are the limits' */
    const char *unknown;  /* the series that answered nil */
    const char *gated;    /* the tier and its issue */
    const char *conflict; /* the other wish */
    const char *infeasible, *denied, *drift, *busy;
    uint32_t actions;         /* of this tick so far */
    uint32_t policy_targets;  /* of the policy */
    uint32_t changed_targets; /* of the policy in this tick so far, without this one's */
    bool target_counted;      /* this target has had a change in this tick already */

    /* The verdict. */
    enum rail_effect effect;
    enum rail rail;           /* that ended it; RAIL_NONE: it passed */
    uint32_t clipped;         /* bits 1 << rail of the rules that clipped */
    char text[RAIL_TEXT_MAX]; /* the refusal, or what was clipped, in words with its numbers */
};

/* The rules from `first` to `last`, both included, in order; a case that has ended stays so. Call
 * it up to CONFLICT, then with what the check found from NOT_FEASIBLE on: a check costs calls,
 * which a paused decision is not worth. After a clip, direction is that of what is left. */
void rails_judge(struct rail_case *rail_case, enum rail first, enum rail last);

/* in when any capacity falls, else out when any rises, else none. */
enum direction capacities_direction(const struct capacity *capacities, size_t count);

#endif
