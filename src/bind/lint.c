/* bind/lint.c - the order of things: what the policy is made of, and what becomes of `m`. */
#include "lint.h"

#include "moontide/base/nearest.h"
#include "moontide/bind/diagnostic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reports ---- */

/* A finding that goes over several lines is underlined to the end of the first. */
static int end_column(const struct span *span)
{
    const char *end = span->begin;
    while (end < span->end && *end != '\n' && *end != '\r')
        end++;
    return span->column + (int)(end - span->begin);
}

void lint_report(struct lint *lint, const char *id, const struct span *span, const char *hint,
                 const char *format, ...)
{
    struct fault fault;
    va_list args;
    va_start(args, format);
    fault_vset(&fault, *id == 'E' ? ERR_INVALID : OK, format, args);
    va_end(args);
    fault_at(&fault, lint->file, span->line, span->column);
    fault.end_column = end_column(span);
    fault_explain(&fault, id, hint);
    faults_add(lint->faults, &fault);
}

const char *lint_nearest(const char *name, const char *const *known, struct fault *out)
{
    const char *nearest = nearest_name(name, known);
    if (!nearest) return NULL;
    snprintf(out->hint, sizeof out->hint, "did you mean '%.200s'?", nearest);
    return out->hint;
}

/* ---- the metrics that there are ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lint_metric *)a)->name, ((const struct lint_metric *)b)->name);
}

static struct lint_metric *find_metric(struct lint *lint, const char *name)
{
    struct lint_metric key = {.name = name};
    return lint->metric_count
               ? bsearch(&key, lint->metrics, lint->metric_count, sizeof key, by_name)
               : NULL;
}

/* Each key once, whatever layout it is in. */
static bool take_layouts(struct lint *lint)
{
    size_t cap = 1, kept = 0;
    for (const struct layout *at = lint->policy->layouts; at; at = at->next)
        cap += at->count;
    lint->metrics = calloc(cap, sizeof *lint->metrics);
    if (!lint->metrics) return false;
    for (const struct layout *at = lint->policy->layouts; at; at = at->next)
        for (uint32_t i = 0; i < at->count; i++)
            lint->metrics[lint->metric_count++] = (struct lint_metric){.name = at->keys[i].name};
    if (lint->metric_count > 1)
        qsort(lint->metrics, lint->metric_count, sizeof *lint->metrics, by_name);
    for (size_t i = 0; i < lint->metric_count; i++)
        if (kept == 0 || strcmp(lint->metrics[kept - 1].name, lint->metrics[i].name) != 0)
            lint->metrics[kept++] = lint->metrics[i];
    lint->metric_count = kept;
    return true;
}

static bool take_metrics(struct lint *lint)
{
    const struct target_set *set = &lint->policy->targets;
    if (!take_layouts(lint)) return false;
    lint->metrics_known = set->count > 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct layout *layout = set->items[i].layout;
        if (!layout) lint->metrics_known = false; /* metrics(t) failed */
        for (uint32_t k = 0; layout && k < layout->count; k++) {
            struct lint_metric *metric = find_metric(lint, layout->keys[k].name);
            if (!metric) continue;
            enum missing_mode missing = layout->keys[k].missing;
            metric->mixed = metric->mixed || (metric->having > 0 && metric->missing != missing);
            metric->missing = missing;
            metric->having++;
            if (set->items[i].shown.uses[k].slots > metric->slots)
                metric->slots = set->items[i].shown.uses[k].slots;
        }
    }
    return true;
}

/* ---- the policy in the text ---- */

static struct function *function_of(const struct expr *expr)
{
    if (!expr) return NULL;
    expr = lint_resolve(expr);
    return expr->kind == EXPR_FUNCTION ? expr->function : NULL;
}

static void mark_metrics(struct lint *lint, struct function *function)
{
    if (function) function->entry = true;
    if (function && function->vararg) lint->all_read = true;
    if (function && function->parameter_count > 1 && function->parameters[1]->writes == 0)
        function->parameters[1]->role = ROLE_METRICS;
}

/* The table that the one `return` of metrics gives. */
static const struct expr *named_metrics(const struct lint *lint, const struct function *function)
{
    const struct expr *table = NULL;
    size_t returns = 0;
    for (const struct stat *at = syntax_statements(lint->syntax); at; at = at->all_next) {
        if (at->kind != STAT_RETURN || !at->values || at->values->in != function) continue;
        returns++;
        table = at->values->kind == EXPR_TABLE ? at->values : NULL;
    }
    return returns == 1 ? table : NULL;
}

static void find_checks(struct lint *lint)
{
    bool whole = false;
    const struct expr *checks = lint_field(lint->spec, "checks", &whole);
    if (!checks) return;
    checks = lint_resolve(checks);
    if (checks->kind != EXPR_TABLE) lint->all_read = true;
    for (const struct item *item = checks->items; item; item = item->next) {
        struct function *function = function_of(item->value);
        if (function)
            mark_metrics(lint, function);
        else
            lint->all_read = true; /* it is elsewhere */
    }
}

static void find_policy(struct lint *lint)
{
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next)
        if (at->kind == EXPR_CALL && at->list && !at->list->next &&
            lint_statement(at, "policy", &lint->spec))
            break;
    if (!lint->spec) return;
    const struct expr *evaluate = lint_field(lint->spec, "evaluate", NULL);
    const struct expr *metrics = lint_field(lint->spec, "metrics", NULL);
    lint->evaluate = function_of(evaluate);
    mark_metrics(lint, lint->evaluate);
    const struct function *declares = function_of(metrics);
    lint->named = declares ? named_metrics(lint, declares) : NULL;
    find_checks(lint);
}

/* ---- where `m` goes ---- */

static bool is_metrics(const struct expr *expr)
{
    expr = lint_resolve(expr);
    return expr->kind == EXPR_NAME && expr->variable && expr->variable->role == ROLE_METRICS;
}

static size_t argument_index(const struct expr *call, const struct expr *argument)
{
    size_t index = 0;
    for (const struct expr *at = call->list; at && at != argument; at = at->next)
        index++;
    return index;
}

static const struct expr *argument_at(const struct expr *call, size_t index)
{
    const struct expr *at = call->list;
    while (at && index-- > 0)
        at = at->next;
    return at;
}

/* The parameter of a local function that `m` is given to, when every use of the function is a call
 * that gives it `m` there; else NULL. */
static struct variable *receiver(struct lint *lint, const struct expr *argument)
{
    const struct expr *call = argument->parent;
    if (!call || call->kind != EXPR_CALL || call->left->kind != EXPR_NAME) return NULL;
    const struct variable *name = call->left->variable;
    const struct function *function = name && name->writes == 0 ? function_of(call->left) : NULL;
    size_t index = argument_index(call, argument);
    if (!function || index >= function->parameter_count || !lint_afford(lint)) return NULL;
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next) {
        if (at->kind != EXPR_NAME || at->variable != name) continue;
        const struct expr *other = at->parent;
        if (!other || other->kind != EXPR_CALL || other->left != at) return NULL;
        const struct expr *given = argument_at(other, index);
        if (!given || !is_metrics(given)) return NULL;
    }
    struct variable *parameter = function->parameters[index];
    return parameter->writes == 0 ? parameter : NULL;
}

static bool follow_once(struct lint *lint)
{
    bool changed = false;
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next) {
        if (at->kind != EXPR_NAME || !at->variable || !is_metrics(at)) continue;
        struct variable *parameter = receiver(lint, at);
        if (!parameter || parameter->role == ROLE_METRICS) continue;
        parameter->role = ROLE_METRICS;
        changed = true;
    }
    return changed;
}

/* `local q = m`, where q is followed too. */
static bool is_kept(const struct expr *expr)
{
    const struct stat *stat = expr->stat;
    if (expr->parent || !stat || stat->kind != STAT_LOCAL) return false;
    for (size_t i = 0; i < stat->variable_count; i++)
        if (stat->variables[i]->init == expr) return stat->variables[i]->writes == 0;
    return false;
}

static void look_at_use(struct lint *lint, const struct expr *use)
{
    const struct expr *parent = use->parent;
    if (parent && parent->kind == EXPR_INDEX && parent->left == use) {
        struct piece key;
        struct lint_metric *metric = NULL;
        if (lint_series(parent, &key))
            metric = lint_metric_of(lint, key);
        else if (parent->right->kind != EXPR_STRING || !parent->right->plain)
            lint->all_read = true;
        if (metric) metric->read = true;
    } else if (!is_kept(use) && !receiver(lint, use)) {
        lint->all_read = true;
    }
}

static void follow_metrics(struct lint *lint)
{
    while (follow_once(lint))
        ;
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next)
        if (at->kind == EXPR_NAME && at->variable && is_metrics(at)) look_at_use(lint, at);
}

/* ---- one file ---- */

static void look(struct lint *lint)
{
    if (lint->own) {
        find_policy(lint);
        follow_metrics(lint);
        lint_metrics(lint);
        lint_missing(lint);
        lint_thresholds(lint);
        lint_rails(lint);
    }
    lint_conditions(lint);
    lint_fields(lint);
    lint_names(lint);
}

int lint_file(struct policy *policy, const struct source *source, struct faults *faults)
{
    struct syntax *syntax = NULL;
    const char *text = source_text(source), *file = source_chunk(source) + 1;
    int code = syntax_new(text, strlen(text), &syntax);
    if (code < 0) return code == ERR_NOMEM ? code : OK; /* Lua has read it; this cannot */
    struct lint lint = {.policy = policy,
                        .syntax = syntax,
                        .file = file,
                        .faults = faults,
                        .own = strcmp(file, policy->shown) == 0};
    if (take_metrics(&lint))
        look(&lint);
    else
        code = ERR_NOMEM;
    free(lint.metrics);
    syntax_free(syntax);
    return code;
}
