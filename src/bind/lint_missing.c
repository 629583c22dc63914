/* bind/lint_missing.c - what an evaluation does where CloudWatch has no datapoint.
 *
 * Each of the three findings names a way that is taken without data: the conditions on it are such
 * that nil decides them, and all others cannot depend on the metric (lint_independent). One
 * condition that might, and nothing is said. */
#include "lint.h"

#include <stdio.h>

enum { NAME_SIZE = 128, STEPS_MAX = 200 };

/* Methods that answer a number, or nil without datapoints. */
static const char *const numbers[] = {"last", "age",        "mean",  "min",  "max", "sum",
                                      "at",   "percentile", "slope", "rate", "ewma"};

static bool gives_number(const struct expr *expr, struct question *q)
{
    if (!lint_question(expr, q)) return false;
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (piece_is(q->method, numbers[i])) return true;
    return false;
}

/* evaluate or a check itself: who calls another function, and when, is not told. */
static bool runs_as_it_stands(const struct expr *expr)
{
    return expr->in && expr->in->entry;
}

/* ---- a value that is nil ---- */

static bool fails_with_nil(const struct expr *expr)
{
    if (expr->kind == EXPR_UNARY) return expr->op == OP_NEG;
    if (expr->kind != EXPR_BINARY) return false;
    switch (expr->op) {
    case OP_LT:
    case OP_GT:
    case OP_LE:
    case OP_GE:
    case OP_CONCAT:
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_IDIV:
    case OP_MOD:
    case OP_POW: return true;
    default: return false;
    }
}

static bool all_independent(const struct guard *guard, struct piece key)
{
    for (; guard; guard = guard->outer)
        if (!lint_independent(guard->condition, key)) return false;
    return true;
}

/* assert(m.x:last()), or any other call that is given the value, may have ended the evaluation. */
static bool is_looked_at_before(const struct lint *lint, const struct expr *expr, struct piece key)
{
    for (const struct expr *at = syntax_expressions(lint->syntax); at && at != expr;
         at = at->all_next) {
        struct question q;
        const struct expr *call = at->parent;
        if (!call || call->in != expr->in || !lint_question(at, &q) || !piece_same(q.key, key))
            continue;
        if (call->kind == EXPR_CALL && call->left->kind == EXPR_NAME && !call->left->variable &&
            piece_is(call->left->text, "assert"))
            return true;
    }
    return false;
}

static void look_at_operand(struct lint *lint, const struct expr *operation,
                            const struct expr *operand)
{
    struct question q;
    char key[NAME_SIZE], method[NAME_SIZE], hint[FAULT_HINT_MAX];
    if (!operand || !gives_number(operand, &q)) return;
    if (!lint_metric_of(lint, q.key) || !runs_as_it_stands(operation) || !lint_afford(lint)) return;
    if (!all_independent(operand->guard, q.key) || is_looked_at_before(lint, operation, q.key))
        return;
    piece_copy(q.key, key, sizeof key);
    piece_copy(q.method, method, sizeof method);
    if (operation->op == OP_CONCAT)
        snprintf(hint, sizeof hint, "say tostring(...), or say nothing of it while it is nil");
    else
        snprintf(hint, sizeof hint, "test for nil first, or ask m.%.80s:above(...) or :below(...)",
                 key);
    lint_report(lint, "W-nil-value", &operand->span, hint,
                "m.%s:%s() is nil when there is no datapoint: then this fails, and with it the "
                "evaluation",
                key, method);
}

/* ---- unknown that is taken as false ---- */

/* Whether nothing but false or nil of this leads on: a verdict that can be nil, or several of them
 * joined by `and`. Answers the verdict. */
static const struct expr *nil_verdict(const struct lint *lint, const struct expr *condition,
                                      struct judgement *j, int *steps)
{
    if (--*steps < 0) return NULL;
    condition = lint_resolve(condition);
    if (condition->kind == EXPR_BINARY && condition->op == OP_AND) {
        const struct expr *left = nil_verdict(lint, condition->left, j, steps);
        return left ? left : nil_verdict(lint, condition->right, j, steps);
    }
    if (!lint_judgement(condition, j)) return NULL;
    const struct lint_metric *metric = lint_metric_of(lint, j->question.key);
    bool can_be_nil = metric && metric->having > 0 && !metric->mixed &&
                      (metric->missing == MISSING_MISSING || metric->missing == MISSING_IGNORE);
    return can_be_nil ? condition : NULL;
}

/* Whether all other conditions let pass what they would with data, or without. */
static bool others_pass(const struct guard *all, const struct guard *but, struct piece key)
{
    for (const struct guard *at = all; at; at = at->outer) {
        struct judgement j;
        bool holds = at->holds;
        const struct expr *condition = lint_condition(at->condition, &holds);
        bool nil_passes =
            !holds && lint_judgement(condition, &j) && piece_same(j.question.key, key);
        if (at != but && !nil_passes && !lint_independent(at->condition, key)) return false;
    }
    return true;
}

static bool asks(const struct expr *expr, int *steps)
{
    struct question q;
    if (!expr || --*steps < 0) return false;
    expr = lint_resolve(expr);
    return lint_question(expr, &q) || asks(expr->kind == EXPR_BINARY ? expr->right : NULL, steps) ||
           asks(expr->kind == EXPR_BINARY || expr->kind == EXPR_UNARY ? expr->left : NULL, steps);
}

/* Another metric says yes: then it may well decide, whatever the first one would have said. */
static bool is_asked_for(const struct guard *all)
{
    for (; all; all = all->outer) {
        int steps = STEPS_MAX;
        if (all->holds && asks(all->condition, &steps) &&
            lint_resolve(all->condition)->op != OP_NOT)
            return true;
    }
    return false;
}

static bool look_at_verdict(struct lint *lint, const struct expr *decision,
                            const struct guard *guard)
{
    bool holds = guard->holds;
    int steps = STEPS_MAX;
    struct judgement j;
    char key[NAME_SIZE];
    const struct expr *condition = lint_condition(guard->condition, &holds);
    if (holds || !nil_verdict(lint, condition, &j, &steps)) return false;
    if (!others_pass(decision->guard, guard, j.question.key) || is_asked_for(decision->guard))
        return false;
    piece_copy(j.question.key, key, sizeof key);
    lint_report(lint, "W-unknown-as-false", &decision->left->span,
                "compare with `== false`: then nothing is decided while it is not known",
                "without data m.%s:%s(...) on line %d is nil, and this decides as if it were false",
                key, j.above ? "above" : "below", j.question.call->span.line);
    return true;
}

/* ---- no data that is taken as a number ---- */

static bool holds_for(enum operator op, double a, double b)
{
    switch (op) {
    case OP_LT: return a < b;
    case OP_GT: return a > b;
    case OP_LE: return a <= b;
    case OP_GE: return a >= b;
    case OP_EQ: return a == b;
    case OP_NE: return a != b;
    default: return false;
    }
}

/* m.x:last() or 0: the question, and the number. */
static bool with_default(const struct expr *expr, struct question *q, double *number)
{
    expr = lint_resolve(expr);
    return expr->kind == EXPR_BINARY && expr->op == OP_OR && gives_number(expr->left, q) &&
           lint_number(expr->right, number);
}

/* Whether a comparison has an operand with a default; *result is what it gives without data. */
static bool compares_default(const struct expr *expr, struct question *q, double *number,
                             bool *result)
{
    double other;
    if (expr->kind != EXPR_BINARY || expr->op < OP_LT || expr->op > OP_EQ) return false;
    if (with_default(expr->left, q, number) && lint_number(expr->right, &other))
        *result = holds_for(expr->op, *number, other);
    else if (with_default(expr->right, q, number) && lint_number(expr->left, &other))
        *result = holds_for(expr->op, other, *number);
    else
        return false;
    return true;
}

static bool look_at_default(struct lint *lint, const struct expr *decision,
                            const struct guard *guard)
{
    bool holds = guard->holds, result = false;
    struct question q;
    double number = 0;
    char key[NAME_SIZE];
    const struct expr *condition = lint_condition(guard->condition, &holds);
    if (!compares_default(condition, &q, &number, &result) || result != holds) return false;
    if (!lint_metric_of(lint, q.key) || !others_pass(decision->guard, guard, q.key)) return false;
    piece_copy(q.key, key, sizeof key);
    lint_report(lint, "W-missing-as-number", &condition->span,
                "test for nil, and decide nothing then",
                "without data this takes m.%s as %g, and decides on it (line %d)", key, number,
                decision->span.line);
    return true;
}

static void look_at_decision(struct lint *lint, const struct expr *decision)
{
    struct piece kind;
    const struct expr *table;
    if (!lint_decision(decision, &kind, &table) || !runs_as_it_stands(decision)) return;
    for (const struct guard *at = decision->guard; at; at = at->outer)
        if (look_at_verdict(lint, decision, at) || look_at_default(lint, decision, at)) return;
}

void lint_missing(struct lint *lint)
{
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next) {
        if (fails_with_nil(at)) {
            look_at_operand(lint, at, at->left);
            look_at_operand(lint, at, at->right);
        }
        look_at_decision(lint, at);
    }
}
