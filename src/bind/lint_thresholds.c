/* bind/lint_thresholds.c - thresholds that contradict each other: of an issue's `when` and `clear`,
 * of two decisions, of one issue that is stated twice. */
#include "lint.h"

#include <string.h>

enum { NAME_SIZE = 128 };

/* ---- when and clear ---- */

static void report_clear(struct lint *lint, const struct expr *clear, const struct judgement *w,
                         const struct judgement *c)
{
    char key[NAME_SIZE];
    piece_copy(w->question.key, key, sizeof key);
    lint_report(
        lint, "W-clear-overlaps", &clear->span,
        w->above ? "clear an above() by a below() of the same or a smaller number"
                 : "clear a below() by an above() of the same or a larger number",
        "clear overlaps when: m.%s can be %s %g and %s %g at once, so it holds nothing back", key,
        w->above ? "above" : "below", w->threshold, c->above ? "above" : "below", c->threshold);
}

static void look_at_issue(struct lint *lint, const struct expr *expr)
{
    const struct expr *table = NULL;
    struct judgement w, c;
    if (!lint_statement(expr, "issue", &table) || !table) return;
    const struct expr *when = lint_field(table, "when", NULL);
    const struct expr *clear = lint_field(table, "clear", NULL);
    if (!when || !clear || !lint_judgement(when, &w) || !lint_judgement(clear, &c)) return;
    if (!piece_same(w.question.key, c.question.key)) return;
    bool overlap =
        w.above == c.above || (w.above ? c.threshold > w.threshold : c.threshold < w.threshold);
    if (overlap) report_clear(lint, clear, &w, &c);
}

/* ---- one issue, stated twice ---- */

struct stated {
    const struct expr *call, *when;
    struct piece type, key;
    int severity;
};

static bool text_field(const struct expr *table, const char *name, struct piece *out)
{
    const struct expr *value = lint_field(table, name, NULL);
    *out = (struct piece){"", 0};
    if (!value) return true;
    value = lint_resolve(value);
    if (value->kind != EXPR_STRING || !value->plain) return false;
    *out = value->text;
    return true;
}

static bool read_issue(const struct expr *call, struct stated *out)
{
    const struct expr *table = NULL;
    struct piece severity;
    bool whole = false;
    if (!lint_statement(call, "issue", &table) || !table) return false;
    *out = (struct stated){.call = call, .when = lint_field(table, "when", &whole), .severity = -1};
    if (!whole || !text_field(table, "type", &out->type) || !text_field(table, "key", &out->key) ||
        !text_field(table, "severity", &severity) || out->type.len == 0)
        return false;
    for (int i = 0; severity_names[i]; i++)
        if (piece_is(severity, severity_names[i])) out->severity = i;
    return out->severity >= 0;
}

/* Both are said whenever either is: they stand in one block under the same conditions. */
static bool stand_together(const struct expr *a, const struct expr *b)
{
    return a->stat && b->stat && a->stat->in == b->stat->in && a->guard == b->guard && !a->parent &&
           !b->parent;
}

static void look_at_twice(struct lint *lint, const struct expr *call)
{
    struct stated first, second;
    char type[NAME_SIZE];
    if (!read_issue(call, &first) || !lint_afford(lint)) return;
    for (const struct expr *at = call->all_next; at; at = at->all_next) {
        if (!stand_together(call, at) || !read_issue(at, &second)) continue;
        if (!piece_same(first.type, second.type) || !piece_same(first.key, second.key)) continue;
        bool same = first.when && second.when ? lint_same(first.when, second.when)
                                              : !first.when && !second.when;
        if (!same) continue;
        const struct stated *loses = second.severity <= first.severity ? &second : &first;
        const struct stated *wins = loses == &second ? &first : &second;
        piece_copy(first.type, type, sizeof type);
        lint_report(lint, "W-same-issue", &loses->call->span,
                    "give each a `key`, or a condition of its own",
                    "this never counts: the issue '%s' is stated on line %d too, with severity %s",
                    type, wins->call->span.line, severity_names[wins->severity]);
    }
}

/* ---- two decisions ---- */

struct decided {
    const struct expr *call;
    struct piece kind;
    struct judgement j;
};

/* A decision that hangs on one judgement alone; those of earlier arms that did not hold do not
 * count. */
static bool read_decision(const struct expr *call, struct decided *out)
{
    const struct expr *table;
    size_t conditions = 0;
    if (!lint_decision(call, &out->kind, &table)) return false;
    out->call = call;
    for (const struct guard *at = call->guard; at; at = at->outer) {
        bool holds = at->holds;
        const struct expr *condition = lint_condition(at->condition, &holds);
        struct judgement j;
        if (!holds && lint_judgement(condition, &j)) continue;
        if (!holds || ++conditions > 1 || !lint_judgement(condition, &out->j)) return false;
    }
    return conditions == 1;
}

static void look_at_pair(struct lint *lint, const struct decided *a, const struct decided *b)
{
    const struct decided *up = a->j.above ? a : b, *down = a->j.above ? b : a;
    char key[NAME_SIZE];
    if (a->j.above == b->j.above || !piece_same(a->kind, b->kind) || a->call->in != b->call->in)
        return;
    if (!piece_same(a->j.question.key, b->j.question.key)) return;
    if (up->j.threshold >= down->j.threshold) return;
    piece_copy(a->j.question.key, key, sizeof key);
    lint_report(lint, "W-thresholds-overlap", &b->j.question.call->span,
                "leave a gap: the upper threshold lies above the lower one",
                "between %g and %g m.%s is both above and below: the decisions on lines %d and %d "
                "contradict each other",
                up->j.threshold, down->j.threshold, key, a->call->span.line, b->call->span.line);
}

static void look_at_decision(struct lint *lint, const struct expr *call)
{
    struct decided first, second;
    if (!read_decision(call, &first) || !lint_afford(lint)) return;
    for (const struct expr *at = call->all_next; at; at = at->all_next)
        if (read_decision(at, &second)) look_at_pair(lint, &first, &second);
}

void lint_thresholds(struct lint *lint)
{
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next) {
        look_at_issue(lint, at);
        look_at_twice(lint, at);
        look_at_decision(lint, at);
    }
}
