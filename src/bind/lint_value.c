/* bind/lint_value.c - what an expression is, for sure. */
#include "lint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How many expressions one question may look at: names that are each given two others would double
 * the work at each. Beyond, nothing is known. */
enum { STEPS_MAX = 200, NUMBER_TEXT_MAX = 40 };

/* ---- following names ---- */

static const struct expr *follow(const struct expr *expr, int *steps);

/* A table that stays as its constructor made it: every use of it reads a field. */
static bool is_frozen(const struct variable *variable)
{
    return variable->writes == 0 && !variable->mutated && variable->uses == variable->index_uses;
}

static const struct expr *table_of(const struct expr *expr, int *steps)
{
    while (expr->kind == EXPR_PAREN)
        expr = expr->left;
    if (expr->kind == EXPR_NAME && (!expr->variable || !is_frozen(expr->variable))) return NULL;
    expr = follow(expr, steps);
    return expr->kind == EXPR_TABLE ? expr : NULL;
}

static bool is_key(const struct expr *key, struct piece name)
{
    return key && key->kind == EXPR_STRING && key->plain && piece_same(key->text, name);
}

static const struct expr *field_of(const struct expr *table, struct piece name, bool *whole)
{
    const struct expr *found = NULL;
    bool told = true;
    for (const struct item *item = table->items; item; item = item->next) {
        if (!item->key) continue;
        told = told &&
               (item->key->kind == EXPR_STRING ? item->key->plain : item->key->kind == EXPR_NUMBER);
        if (is_key(item->key, name)) found = item->value; /* the last one counts */
    }
    if (whole) *whole = told;
    return found;
}

static const struct expr *follow(const struct expr *expr, int *steps)
{
    if (--*steps < 0) return expr;
    while (expr->kind == EXPR_PAREN)
        expr = expr->left;
    if (expr->kind == EXPR_NAME && expr->variable) {
        const struct variable *variable = expr->variable;
        if (variable->writes > 0 || variable->parameter || !variable->init) return expr;
        return variable->init->kind == EXPR_VARARG ? expr : follow(variable->init, steps);
    }
    if (expr->kind == EXPR_INDEX && expr->right->kind == EXPR_STRING && expr->right->plain) {
        const struct expr *table = table_of(expr->left, steps);
        bool whole = false;
        const struct expr *value = table ? field_of(table, expr->right->text, &whole) : NULL;
        if (value && whole) return follow(value, steps);
    }
    return expr;
}

const struct expr *lint_resolve(const struct expr *expr)
{
    int steps = STEPS_MAX;
    return follow(expr, &steps);
}

const struct expr *lint_field(const struct expr *table, const char *name, bool *whole)
{
    return field_of(table, (struct piece){name, strlen(name)}, whole);
}

/* ---- numbers ---- */

static bool literal(struct piece piece, double *out)
{
    char text[NUMBER_TEXT_MAX], *end = NULL;
    if (piece.len >= sizeof text) return false;
    *out = strtod(piece_copy(piece, text, sizeof text), &end);
    return *end == '\0' && isfinite(*out);
}

static bool calculate(enum operator op, double a, double b, double *out)
{
    switch (op) {
    case OP_ADD: *out = a + b; break;
    case OP_SUB: *out = a - b; break;
    case OP_MUL: *out = a * b; break;
    case OP_DIV: *out = a / b; break;
    case OP_POW: *out = pow(a, b); break;
    default: return false;
    }
    return isfinite(*out);
}

static bool number_of(const struct expr *expr, int *steps, double *out)
{
    double a, b;
    if (--*steps < 0) return false;
    expr = follow(expr, steps);
    if (expr->kind == EXPR_NUMBER) return literal(expr->text, out);
    if (expr->kind == EXPR_UNARY && expr->op == OP_NEG && number_of(expr->left, steps, &a)) {
        *out = -a;
        return true;
    }
    return expr->kind == EXPR_BINARY && number_of(expr->left, steps, &a) &&
           number_of(expr->right, steps, &b) && calculate(expr->op, a, b, out);
}

bool lint_number(const struct expr *expr, double *out)
{
    int steps = STEPS_MAX;
    return number_of(expr, &steps, out);
}

/* ---- series ---- */

bool lint_series(const struct expr *expr, struct piece *key)
{
    expr = lint_resolve(expr);
    if (expr->kind != EXPR_INDEX || expr->right->kind != EXPR_STRING || !expr->right->plain)
        return false;
    const struct expr *left = lint_resolve(expr->left);
    if (left->kind != EXPR_NAME || !left->variable || left->variable->role != ROLE_METRICS)
        return false;
    *key = expr->right->text;
    return !piece_is(*key, "extra");
}

struct lint_metric *lint_metric_of(const struct lint *lint, struct piece key)
{
    for (size_t i = 0; i < lint->metric_count; i++)
        if (piece_is(key, lint->metrics[i].name)) return &lint->metrics[i];
    return NULL;
}

bool lint_question(const struct expr *expr, struct question *out)
{
    expr = lint_resolve(expr);
    if (expr->kind != EXPR_METHOD || !lint_series(expr->left, &out->key)) return false;
    out->method = expr->text;
    out->call = expr;
    return true;
}

bool lint_judgement(const struct expr *expr, struct judgement *out)
{
    if (!lint_question(expr, &out->question)) return false;
    const struct expr *arguments = out->question.call->list;
    out->above = piece_is(out->question.method, "above");
    if (!out->above && !piece_is(out->question.method, "below")) return false;
    if (!arguments || !lint_number(arguments, &out->threshold)) return false;
    out->options = arguments->next;
    return true;
}

/* ---- equal values ---- */

static bool same(const struct expr *a, const struct expr *b, int *steps);

static bool same_list(const struct expr *a, const struct expr *b, int *steps)
{
    for (; a && b; a = a->next, b = b->next)
        if (!same(a, b, steps)) return false;
    return !a && !b;
}

static bool same_table(const struct expr *a, const struct expr *b, int *steps)
{
    const struct item *x = a->items, *y = b->items;
    for (; x && y; x = x->next, y = y->next) {
        if (!x->key != !y->key || (x->key && !same(x->key, y->key, steps))) return false;
        if (!same(x->value, y->value, steps)) return false;
    }
    return !x && !y;
}

/* A name that keeps its value. */
static bool is_steady(const struct variable *variable)
{
    return variable && variable->writes == 0;
}

static bool same_known(const struct expr *a, const struct expr *b, int *steps)
{
    struct piece x, y;
    switch (a->kind) {
    case EXPR_NIL:
    case EXPR_TRUE:
    case EXPR_FALSE: return true;
    case EXPR_STRING: return a->plain && b->plain && piece_same(a->text, b->text);
    case EXPR_NAME: return is_steady(a->variable) && a->variable == b->variable;
    case EXPR_INDEX: return lint_series(a, &x) && lint_series(b, &y) && piece_same(x, y);
    case EXPR_METHOD: {
        struct question p, q;
        return lint_question(a, &p) && lint_question(b, &q) && piece_same(p.key, q.key) &&
               piece_same(p.method, q.method) && same_list(a->list, b->list, steps);
    }
    case EXPR_UNARY: return a->op == b->op && same(a->left, b->left, steps);
    case EXPR_BINARY:
        return a->op == b->op && same(a->left, b->left, steps) && same(a->right, b->right, steps);
    default: return false;
    }
}

static bool same(const struct expr *a, const struct expr *b, int *steps)
{
    double x, y;
    if (--*steps < 0) return false;
    if (a->kind == EXPR_NAME && b->kind == EXPR_NAME && is_steady(a->variable) &&
        a->variable == b->variable)
        return true;
    a = lint_resolve(a);
    b = lint_resolve(b);
    if (lint_number(a, &x)) return lint_number(b, &y) && x == y;
    if (a->kind != b->kind) return false;
    /* Two constructors make two tables; as arguments they say the same. */
    if (a->kind == EXPR_TABLE) return same_table(a, b, steps);
    return same_known(a, b, steps);
}

bool lint_same(const struct expr *a, const struct expr *b)
{
    int steps = STEPS_MAX;
    return same(a, b, &steps);
}

bool lint_alike(const struct judgement *a, const struct judgement *b)
{
    if (!piece_same(a->question.key, b->question.key)) return false;
    if (!a->options || !b->options) return !a->options && !b->options;
    return lint_same(a->options, b->options);
}

/* ---- conditions ---- */

const struct expr *lint_condition(const struct expr *condition, bool *holds)
{
    condition = lint_resolve(condition);
    while (condition->kind == EXPR_UNARY && condition->op == OP_NOT) {
        *holds = !*holds;
        condition = lint_resolve(condition->left);
    }
    return condition;
}

static bool independent(const struct expr *expr, struct piece key, int *steps)
{
    struct piece other;
    if (--*steps < 0) return false;
    expr = lint_resolve(expr);
    switch (expr->kind) {
    case EXPR_NIL:
    case EXPR_TRUE:
    case EXPR_FALSE:
    case EXPR_NUMBER:
    case EXPR_STRING: return true;
    case EXPR_NAME:
        if (!expr->variable) return piece_is(expr->text, "config");
        return expr->variable->parameter && expr->variable->writes == 0 &&
               !expr->variable->mutated && expr->variable->role != ROLE_METRICS;
    case EXPR_INDEX:
        return !lint_series(expr, &other) && independent(expr->left, key, steps) &&
               independent(expr->right, key, steps);
    case EXPR_METHOD: {
        if (!lint_series(expr->left, &other) || piece_same(other, key)) return false;
        for (const struct expr *at = expr->list; at; at = at->next)
            if (at->kind != EXPR_TABLE && !independent(at, key, steps)) return false;
        return true;
    }
    case EXPR_UNARY: return independent(expr->left, key, steps);
    case EXPR_BINARY:
        return independent(expr->left, key, steps) && independent(expr->right, key, steps);
    default: return false;
    }
}

bool lint_independent(const struct expr *expr, struct piece key)
{
    int steps = STEPS_MAX;
    return independent(expr, key, &steps);
}

/* ---- statements ---- */

static void take_table(const struct expr *call, const struct expr **table)
{
    const struct expr *argument = call->list && !call->list->next ? lint_resolve(call->list) : NULL;
    /* A name that leads to a constructor may have been filled since. */
    bool here = argument && argument->kind == EXPR_TABLE && argument->parent == call;
    *table = here ? argument : NULL;
}

bool lint_decision(const struct expr *expr, struct piece *kind, const struct expr **table)
{
    if (expr->kind != EXPR_CALL || expr->left->kind != EXPR_INDEX) return false;
    const struct expr *base = expr->left->left;
    if (base->kind != EXPR_NAME || base->variable || !piece_is(base->text, "decide")) return false;
    if (expr->left->right->kind != EXPR_STRING) return false;
    *kind = expr->left->right->text;
    take_table(expr, table);
    return !piece_is(*kind, "current");
}

bool lint_statement(const struct expr *expr, const char *name, const struct expr **table)
{
    if (expr->kind != EXPR_CALL || expr->left->kind != EXPR_NAME || expr->left->variable ||
        !piece_is(expr->left->text, name))
        return false;
    take_table(expr, table);
    return true;
}
