/* bind/lint.h - what `check` says about the text of a policy beyond what loading it finds.
 *
 *   lint.c             the order of things; which functions and metrics there are; reports
 *   lint_value.c       what an expression is for sure: constants, series, equal values
 *   lint_metrics.c     metrics that are read and declared; their methods and options
 *   lint_names.c       globals, and calls that wait
 *   lint_fields.c      issue{}, recommend{}, decide.<kind>{} as they stand in the text
 *   lint_missing.c     what happens without data
 *   lint_conditions.c  conditions that are never or always true
 *   lint_thresholds.c  conditions that contradict each other
 *   lint_rails.c       decisions without bounds
 *
 * Rule: a warning that is wrong is worse than none. Each finding holds whatever the values that the
 * text does not tell; where that cannot be shown, nothing is said. */
#ifndef MOONTIDE_BIND_LINT_H
#define MOONTIDE_BIND_LINT_H

#include "moontide/bind/syntax.h"
#include "policy_state.h"

struct lint_metric {
    const char *name; /* the layout's */
    enum missing_mode missing;
    uint32_t slots;  /* the most of all targets */
    bool mixed;      /* `missing` differs between targets */
    bool read;       /* somewhere in evaluate or checks */
    uint32_t having; /* targets that have it */
};

enum role { ROLE_NONE, ROLE_METRICS /* the `m` of evaluate or of a check */ };

struct lint {
    struct policy *policy;
    const struct syntax *syntax;
    const char *file;
    struct faults *faults;
    bool own;                    /* the policy's own file; else a module of it */
    const struct expr *spec;     /* what policy{} is given; NULL: not known */
    const struct expr *named;    /* the table that metrics returns; NULL: not known */
    struct function *evaluate;   /* NULL: not known */
    struct lint_metric *metrics; /* shape: [metric_count], sorted by name */
    size_t metric_count;
    bool metrics_known; /* these are all that any target has */
    uint32_t effort;    /* questions so far that look through the whole file */
    bool all_read;      /* `m` goes where it is not followed: any metric may be read */
};

/* All findings of one file. ERR_NOMEM. */
MUST_CHECK int lint_file(struct policy *policy, const struct source *source, struct faults *faults);

/* The parts; each looks at the whole file. */
void lint_metrics(struct lint *lint);
void lint_names(struct lint *lint);
void lint_fields(struct lint *lint);
void lint_missing(struct lint *lint);
void lint_conditions(struct lint *lint);
void lint_thresholds(struct lint *lint);
void lint_rails(struct lint *lint);

/* ---- reports ---- */

/* id begins with E or W. hint may be NULL. */
void lint_report(struct lint *lint, const char *id, const struct span *span, const char *hint,
                 const char *format, ...) PRINTF_LIKE(5, 6);
/* "did you mean 'x'?" of the nearest in `known` (ends with NULL), or NULL; in `out`. */
const char *lint_nearest(const char *name, const char *const *known, struct fault *out);

/* Whether one more question may look through the whole file: their number is bounded. */
static inline bool lint_afford(struct lint *lint)
{
    enum { EFFORT_MAX = 2000 };
    return lint->effort++ < EFFORT_MAX;
}

/* ---- lint_value.c ---- */

/* What an expression is when names that are given a value once, and fields of tables that nobody
 * changes, are followed. Never NULL for an expression. */
const struct expr *lint_resolve(const struct expr *expr);
bool lint_number(const struct expr *expr, double *out);
/* The field of a table in the text; NULL: not there, or not told. *whole (may be NULL): every key
 * of the table stands in the text. */
const struct expr *lint_field(const struct expr *table, const char *name, bool *whole);
/* Whether two expressions have the same value in one evaluation, for sure. */
bool lint_same(const struct expr *a, const struct expr *b);
/* The key of `m` that an expression is. */
bool lint_series(const struct expr *expr, struct piece *key);
struct lint_metric *lint_metric_of(const struct lint *lint, struct piece key);

/* m.<key>:<method>(...) */
struct question {
    struct piece key, method;
    const struct expr *call;
};
bool lint_question(const struct expr *expr, struct question *out);

/* A question that is answered by a threshold: above() or below() of a number. */
struct judgement {
    struct question question;
    bool above;
    double threshold;
    const struct expr *options; /* NULL: none */
};
bool lint_judgement(const struct expr *expr, struct judgement *out);
/* Both are asked of one metric and with equal options. */
bool lint_alike(const struct judgement *a, const struct judgement *b);

/* What `guard` says of a simpler condition: `not` and parentheses are taken off, names followed. */
const struct expr *lint_condition(const struct expr *condition, bool *holds);
/* Whether the metric's state cannot matter to the value, for sure: it is made of constants, of
 * fields of what is given and not written to, and of other metrics. */
bool lint_independent(const struct expr *expr, struct piece key);

/* decide.<kind>{...}: its kind, and the table (NULL: not told). */
bool lint_decision(const struct expr *expr, struct piece *kind, const struct expr **table);
/* name{...} of a global: the table (NULL: not told). */
bool lint_statement(const struct expr *expr, const char *name, const struct expr **table);

#endif
