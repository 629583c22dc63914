/* bind/lint_rails.c - decisions of mode act that nothing bounds.
 *
 * By default the rails have no `min` and no `max` (docs/rails.md): cooldowns, rates and blast
 * radius slow a runaway wish down, and nothing ends it. Said only of capacities whose value the
 * text does not bound itself. */
#include "lint.h"

#include "moontide/bind/kinds.h"
#include "moontide/tick/rails.h"

#include <math.h>
#include <string.h>

enum { NAME_SIZE = 128, STEPS_MAX = 50 };

static enum policy_mode mode_of(const struct policy *policy)
{
    const struct config *config = policy->binding.host->config;
    return policy->info.has_mode || !config ? policy->info.mode : config->mode;
}

/* A file that computes with math.min or math.max sees to it itself. */
static bool clamps(const struct lint *lint)
{
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next) {
        if (at->kind == EXPR_INDEX && at->left->kind == EXPR_NAME &&
            piece_is(at->left->text, "math") &&
            (piece_is(at->text, "min") || piece_is(at->text, "max")))
            return true;
        if (at->kind == EXPR_NAME && at->text.len >= 5 &&
            memmem(at->text.text, at->text.len, "clamp", 5))
            return true;
    }
    return false;
}

struct bounds {
    bool min, max, told;
};

/* What configuration and policy say, and the decision's own rails. */
static struct bounds bounds_of(const struct lint *lint, const struct expr *table)
{
    struct bounds bounds = {.told = true};
    const struct config *config = lint->policy->binding.host->config;
    const char *json = lint->policy->rails;
    struct rail_limits limits;
    struct fault fault;
    rail_limits_default(&limits);
    if (config) rail_limits_copy(&limits, &config->rails);
    if (json && rail_limits_read(&limits, json, strlen(json), &fault) < 0) bounds.told = false;
    bounds.min = !isnan(limits.min) || lint_field(table, "min", NULL);
    bounds.max = !isnan(limits.max) || lint_field(table, "max", NULL);
    rail_limits_done(&limits);
    const struct expr *rails = lint_field(table, "rails", NULL);
    bool whole = false;
    if (!rails) return bounds;
    rails = lint_resolve(rails);
    if (rails->kind != EXPR_TABLE) return (struct bounds){.told = false};
    bounds.min = lint_field(rails, "min", &whole) || bounds.min;
    bounds.max = lint_field(rails, "max", NULL) || bounds.max;
    bounds.told = bounds.told && whole;
    return bounds;
}

/* ---- values that the text bounds ---- */

static bool is_bounded(const struct lint *lint, const struct expr *expr, int *steps);

/* Every value that a name is given is bounded. */
static bool name_bounded(const struct lint *lint, const struct expr *name, int *steps)
{
    const struct variable *variable = name->variable;
    if (!variable || variable->parameter) return false;
    if (variable->init && !is_bounded(lint, variable->init, steps)) return false;
    for (const struct stat *at = syntax_statements(lint->syntax); at; at = at->all_next) {
        const struct expr *value = at->kind == STAT_ASSIGN ? at->values : NULL;
        for (const struct expr *target = at->targets; target; target = target->next) {
            bool own = target->kind == EXPR_NAME && target->variable == variable;
            if (own && (!value || !is_bounded(lint, value, steps))) return false;
            value = value ? value->next : NULL;
        }
    }
    return variable->init || variable->writes > 0;
}

/* A field of the configuration, or of a target that a list states. */
static bool is_setting(const struct lint *lint, const struct expr *expr)
{
    while (expr->kind == EXPR_INDEX)
        expr = expr->left;
    if (expr->kind != EXPR_NAME) return false;
    if (!expr->variable) return piece_is(expr->text, "config");
    const struct function *in = lint->evaluate;
    return in && in->parameter_count > 0 && in->parameters[0] == expr->variable &&
           !expr->variable->mutated && expr->variable->writes == 0 && !lint->policy->targets_wait;
}

/* A number of the text, or a choice of such: x and 2 or 5, sizes[x]. */
static bool is_bounded(const struct lint *lint, const struct expr *expr, int *steps)
{
    double number;
    if (--*steps < 0) return false;
    if (lint_number(expr, &number)) return true;
    expr = lint_resolve(expr);
    if (expr->kind == EXPR_NAME) return name_bounded(lint, expr, steps);
    if (expr->kind == EXPR_INDEX && is_setting(lint, expr)) return true;
    if (expr->kind == EXPR_INDEX) {
        const struct expr *table = lint_resolve(expr->left);
        for (const struct item *item = table->items; item; item = item->next)
            if (!is_bounded(lint, item->value, steps)) return false;
        return table->kind == EXPR_TABLE;
    }
    if (expr->kind != EXPR_BINARY) return false;
    if (expr->op == OP_AND) return is_bounded(lint, expr->right, steps);
    return expr->op == OP_OR && is_bounded(lint, expr->left, steps) &&
           is_bounded(lint, expr->right, steps);
}

/* The first capacity that is stated and computed; NULL: there is none. */
static const struct expr *open_capacity(const struct lint *lint, const struct kind *kind,
                                        const struct expr *table, const char **name)
{
    for (size_t i = 0; i < kind->capacity_count; i++) {
        *name = kind->fields[kind->capacities[i]].name;
        const struct expr *value = lint_field(table, *name, NULL);
        int steps = STEPS_MAX;
        if (value && !is_bounded(lint, value, &steps)) return value;
    }
    return NULL;
}

static void look_at_decision(struct lint *lint, const struct expr *call)
{
    struct piece name;
    const struct expr *table = NULL;
    struct kind *kind = NULL;
    struct fault fault;
    char text[NAME_SIZE];
    const char *field = NULL;
    bool whole = false;
    if (!lint_decision(call, &name, &table) || !table || name.len >= KIND_NAME_MAX) return;
    if (policy_take_kind(lint->policy, piece_copy(name, text, sizeof text), &kind, &fault) < 0)
        return;
    (void)lint_field(table, "", &whole);
    if (!whole) return;
    const struct expr *value = open_capacity(lint, kind, table, &field);
    if (!value) return;
    struct bounds bounds = bounds_of(lint, table);
    /* Storage never shrinks; only a count can fall to nothing. */
    bool low = bounds.min || strcmp(text, "ecs_desired_count") != 0;
    if (!bounds.told || (bounds.max && low)) return;
    lint_report(lint, "W-no-bounds", &call->left->span,
                "rails = { min = ..., max = ... } of the decision, the policy or moontide.lua",
                "in mode act nothing bounds %s of this decision: no %s is set", field,
                bounds.max ? "min"
                : low      ? "max"
                           : "min and no max");
}

void lint_rails(struct lint *lint)
{
    if (mode_of(lint->policy) != MODE_ACT || clamps(lint)) return;
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next)
        look_at_decision(lint, at);
}
