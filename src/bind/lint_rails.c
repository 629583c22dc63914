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

enum { NAME_SIZE = 128 };

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

/* The first capacity that is stated and computed; NULL: there is none. */
static const struct expr *open_capacity(const struct kind *kind, const struct expr *table,
                                        const char **name)
{
    for (size_t i = 0; i < kind->capacity_count; i++) {
        double number;
        *name = kind->fields[kind->capacities[i]].name;
        const struct expr *value = lint_field(table, *name, NULL);
        if (value && !lint_number(value, &number)) return value;
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
    const struct expr *value = open_capacity(kind, table, &field);
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
