/* bind/lint_conditions.c - conditions that can never hold where they stand, or always do.
 *
 * What is known at a condition (its guards) is cut into facts: a simple expression that was true,
 * or was not. With the condition added, two of them exclude each other, or nothing is said. Only
 * what keeps its value for one evaluation counts: series, constants, names that are given a value
 * once. */
#include "lint.h"

#include <math.h>

enum { FACTS_MAX = 64 };

struct fact {
    const struct expr *expr;
    bool holds;                /* else it was false or nil */
    const struct guard *guard; /* that says it; NULL: the condition in question */
};

struct facts {
    struct fact items[FACTS_MAX];
    size_t count;
};

static void add(struct facts *facts, const struct expr *expr, bool holds, const struct guard *guard,
                int *steps)
{
    if (--*steps < 0) return;
    expr = lint_condition(expr, &holds);
    enum operator both = holds ? OP_AND : OP_OR;
    if (expr->kind == EXPR_BINARY && expr->op == both) {
        add(facts, expr->left, holds, guard, steps);
        add(facts, expr->right, holds, guard, steps);
    } else if (facts->count < FACTS_MAX) {
        facts->items[facts->count++] = (struct fact){expr, holds, guard};
    }
}

/* ---- what a fact says of a value ---- */

/* The numbers for which a comparison holds. */
struct range {
    const struct expr *value;
    double low, high;
    bool low_open, high_open;
};

static enum operator turned(enum operator op)
{
    switch (op) {
    case OP_LT: return OP_GT;
    case OP_GT: return OP_LT;
    case OP_LE: return OP_GE;
    case OP_GE: return OP_LE;
    default: return op;
    }
}

static enum operator opposite(enum operator op)
{
    switch (op) {
    case OP_LT: return OP_GE;
    case OP_GT: return OP_LE;
    case OP_LE: return OP_GT;
    case OP_GE: return OP_LT;
    default: return op == OP_EQ ? OP_NE : OP_EQ;
    }
}

/* An (in)equality of a value and a constant. A comparison of numbers that did not hold says the
 * opposite: one with nil would have failed. */
static bool range_of(const struct fact *fact, struct range *out)
{
    const struct expr *expr = fact->expr;
    double number;
    if (expr->kind != EXPR_BINARY || expr->op < OP_LT || expr->op > OP_EQ) return false;
    enum operator op = expr->op;
    if (lint_number(expr->right, &number)) {
        out->value = expr->left;
    } else if (lint_number(expr->left, &number)) {
        out->value = expr->right;
        op = turned(op);
    } else {
        return false;
    }
    if (!fact->holds) op = opposite(op);
    if (op == OP_NE) return false;
    bool above = op == OP_GT || op == OP_GE;
    out->low = above || op == OP_EQ ? number : -INFINITY;
    out->high = above ? INFINITY : number;
    out->low_open = op == OP_GT;
    out->high_open = op == OP_LT;
    return true;
}

static bool apart(const struct range *a, const struct range *b)
{
    return a->low > b->high || (a->low == b->high && (a->low_open || b->high_open));
}

static bool ranges_exclude(const struct fact *a, const struct fact *b)
{
    struct range x, y;
    return range_of(a, &x) && range_of(b, &y) && (apart(&x, &y) || apart(&y, &x)) &&
           lint_same(x.value, y.value);
}

static bool is_constant(const struct expr *expr)
{
    return expr->kind <= EXPR_STRING;
}

/* x == "a" and x == "b"; x == nil and x; x == false and x. */
static bool equalities_exclude(const struct fact *a, const struct fact *b)
{
    const struct expr *x = a->expr, *y = b->expr;
    bool equal =
        x->kind == EXPR_BINARY && ((x->op == OP_EQ && a->holds) || (x->op == OP_NE && !a->holds));
    if (!equal) return false;
    const struct expr *constant = lint_resolve(x->right);
    if (!is_constant(constant)) return false;
    bool nothing = constant->kind == EXPR_NIL || constant->kind == EXPR_FALSE;
    if (lint_same(x->left, y)) return nothing ? b->holds : !b->holds;
    bool other =
        y->kind == EXPR_BINARY && ((y->op == OP_EQ && b->holds) || (y->op == OP_NE && !b->holds));
    if (!other || !lint_same(x->left, y->left)) return false;
    const struct expr *second = lint_resolve(y->right);
    if (!is_constant(second)) return false;
    if (constant->kind == EXPR_STRING && second->kind == EXPR_STRING)
        return constant->plain && second->plain && !piece_same(constant->text, second->text);
    return constant->kind != second->kind;
}

/* ---- above() and below() ---- */

static bool is_told(const struct lint *lint, const struct judgement *j, bool by_value)
{
    const struct lint_metric *metric = lint_metric_of(lint, j->question.key);
    if (!metric || metric->having == 0 || metric->mixed) return false;
    /* `ignore` keeps an answer for each threshold by itself. */
    if (metric->missing == MISSING_IGNORE) return false;
    return !by_value || metric->missing != MISSING_BREACHING;
}

/* Above the higher threshold means above the lower one: the same datapoints are looked at. */
static bool judgements_exclude(const struct lint *lint, const struct fact *a, const struct fact *b)
{
    struct judgement x, y;
    if (!lint_judgement(a->expr, &x) || !lint_judgement(b->expr, &y) || !lint_alike(&x, &y))
        return false;
    if (x.above == y.above && a->holds && !b->holds && is_told(lint, &x, false))
        return x.above ? x.threshold >= y.threshold : x.threshold <= y.threshold;
    /* One datapoint, the newest, is not above 90 and below 20. */
    if (x.above && !y.above && a->holds && b->holds && !x.options && is_told(lint, &x, true))
        return x.threshold >= y.threshold;
    return false;
}

static bool exclude(const struct lint *lint, const struct fact *a, const struct fact *b)
{
    if (a->holds != b->holds && !is_constant(a->expr) && lint_same(a->expr, b->expr)) return true;
    return ranges_exclude(a, b) || equalities_exclude(a, b) || equalities_exclude(b, a) ||
           judgements_exclude(lint, a, b) || judgements_exclude(lint, b, a);
}

/* ---- the conditions ---- */

/* The fact that `condition` being `holds` contradicts; NULL: none. */
static const struct fact *contradiction(const struct lint *lint, struct facts *facts,
                                        const struct expr *condition, bool holds)
{
    int steps = 4 * FACTS_MAX;
    facts->count = 0;
    for (const struct guard *at = condition->guard; at && steps > 0; at = at->outer)
        add(facts, at->condition, at->holds, at, &steps);
    size_t known = facts->count;
    steps = FACTS_MAX;
    add(facts, condition, holds, NULL, &steps);
    for (size_t i = known; i < facts->count; i++)
        for (size_t k = 0; k < known; k++)
            if (exclude(lint, &facts->items[i], &facts->items[k])) return &facts->items[k];
    return NULL;
}

/* The whole condition of an arm, or one that it wants besides others. */
static bool is_needed(const struct expr *condition)
{
    const struct expr *at = condition->parent;
    while (at && (at->kind == EXPR_PAREN || (at->kind == EXPR_BINARY && at->op == OP_AND)))
        at = at->parent;
    return !at;
}

static bool is_elseif_of(const struct fact *fact, const struct expr *condition)
{
    const struct guard *guard = fact->guard;
    return !guard->holds && !guard->condition->parent && condition->stat->kind == STAT_IF &&
           guard->condition->stat == condition->stat && is_needed(condition);
}

static void look_at_never(struct lint *lint, const struct expr *condition)
{
    struct facts facts;
    const struct fact *fact = contradiction(lint, &facts, condition, true);
    if (!fact) return;
    if (is_elseif_of(fact, condition))
        lint_report(lint, "W-unreachable-branch", &condition->span,
                    "put the narrower condition first",
                    "this branch is never taken: whenever its condition holds, that on line %d "
                    "holds too",
                    fact->expr->span.line);
    else
        lint_report(lint, "W-never-true", &condition->span, NULL,
                    "this can never be true: it contradicts the condition on line %d",
                    fact->expr->span.line);
}

static void look_at_always(struct lint *lint, const struct expr *condition)
{
    struct facts facts;
    const struct fact *fact = contradiction(lint, &facts, condition, false);
    if (fact)
        lint_report(lint, "W-always-true", &condition->parent->span, NULL,
                    "this is always true: one of its two sides always holds");
}

/* What gives true or false, and no default: `x or 5` is no condition. */
static bool is_test(const struct expr *expr)
{
    struct judgement j;
    if (lint_judgement(expr, &j)) return true;
    while (expr->kind == EXPR_PAREN)
        expr = expr->left;
    if (expr->kind == EXPR_UNARY) return expr->op == OP_NOT;
    return expr->kind == EXPR_BINARY && expr->op >= OP_OR && expr->op <= OP_EQ;
}

/* The first that is asked: what follows it behind `and` is looked at by itself. */
static const struct expr *first_of(const struct expr *condition)
{
    while (condition->kind == EXPR_PAREN ||
           (condition->kind == EXPR_BINARY && condition->op == OP_AND))
        condition = condition->left;
    return condition;
}

void lint_conditions(struct lint *lint)
{
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next) {
        if (at->kind != EXPR_BINARY || is_constant(lint_resolve(at->right))) continue;
        if (at->op == OP_AND) look_at_never(lint, first_of(at->right));
        if (at->op == OP_OR && is_test(at->right)) look_at_always(lint, at->right);
    }
    for (const struct stat *stat = syntax_statements(lint->syntax); stat; stat = stat->all_next)
        for (const struct arm *arm = stat->arms; arm; arm = arm->next)
            if (arm->condition && arm->condition->guard)
                look_at_never(lint, first_of(arm->condition));
}
