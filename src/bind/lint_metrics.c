/* bind/lint_metrics.c - metrics that are read and declared, and what they are asked. */
#include "lint.h"

#include "series.h"

#include <stdlib.h>

enum { NAME_SIZE = 128, NAMES_MAX = POLICY_METRICS_MAX };

/* ---- m.<name> ---- */

static const char *nearest_metric(const struct lint *lint, const char *name, struct fault *out)
{
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < lint->metric_count && count < NAMES_MAX; i++)
        names[count++] = lint->metrics[i].name;
    names[count] = NULL;
    return lint_nearest(name, names, out);
}

/* Targets that a function finds may be others tomorrow: then only what the text of metrics names
 * counts. */
static bool is_declared(const struct lint *lint, struct piece key)
{
    if (lint_metric_of(lint, key)) return true;
    if (!lint->policy->targets_wait) return !lint->metrics_known;
    bool whole = false;
    char name[NAME_SIZE];
    if (!lint->metrics_known || !lint->named || key.len >= sizeof name) return true;
    return lint_field(lint->named, piece_copy(key, name, sizeof name), &whole) || !whole;
}

static void look_at_read(struct lint *lint, const struct expr *expr)
{
    struct piece key;
    struct fault hint;
    char name[NAME_SIZE];
    if (!lint_series(expr, &key) || expr->kind != EXPR_INDEX || is_declared(lint, key)) return;
    piece_copy(key, name, sizeof name);
    lint_report(lint, "E-unknown-metric", &expr->text_span, nearest_metric(lint, name, &hint),
                "m has no metric '%s'", name);
}

static void report_unused(struct lint *lint, const struct item *item)
{
    char name[NAME_SIZE];
    piece_copy(item->key->text, name, sizeof name);
    lint_report(lint, "W-unused-metric", &item->span,
                "take it out, or read it: what is declared is asked of CloudWatch, and paid",
                "the metric '%s' is declared and never read", name);
}

static void look_for_unused(struct lint *lint)
{
    if (lint->all_read || !lint->evaluate || !lint->named) return;
    for (const struct item *item = lint->named->items; item; item = item->next) {
        if (!item->key || item->key->kind != EXPR_STRING || !item->key->plain) continue;
        const struct lint_metric *metric = lint_metric_of(lint, item->key->text);
        if (metric && !metric->read) report_unused(lint, item);
    }
}

/* ---- m.<name>:<method>() ---- */

static void look_at_method(struct lint *lint, const struct expr *call)
{
    struct piece key;
    struct fault hint;
    char name[NAME_SIZE];
    if (call->kind != EXPR_METHOD || !lint_series(call->left, &key)) return;
    for (const char *const *at = series_methods; *at; at++)
        if (piece_is(call->text, *at)) return;
    piece_copy(call->text, name, sizeof name);
    lint_report(lint, "E-unknown-method", &call->text_span,
                lint_nearest(name, series_methods, &hint), "a metric has no method '%s'", name);
}

/* A whole number from an option that stands in the text; 0: not there, or not told. */
static uint32_t option(const struct expr *table, const char *name)
{
    const struct expr *value = lint_field(table, name, NULL);
    double number;
    if (!value || !lint_number(value, &number) || number < 1 || number > SERIES_SLOTS_MAX) return 0;
    return (uint32_t)number == number ? (uint32_t)number : 0;
}

static void look_at_option_names(struct lint *lint, const struct expr *table, const char *method)
{
    static const char *const known[] = {"datapoints", "of", NULL};
    for (const struct item *item = table->items; item; item = item->next) {
        struct fault hint;
        char name[NAME_SIZE];
        if (!item->key || item->key->kind != EXPR_STRING || !item->key->plain) continue;
        if (piece_is(item->key->text, known[0]) || piece_is(item->key->text, known[1])) continue;
        piece_copy(item->key->text, name, sizeof name);
        lint_report(lint, "E-unknown-field", &item->span, lint_nearest(name, known, &hint),
                    "%s: unknown field '%s'", method, name);
    }
}

static void look_at_options(struct lint *lint, const struct expr *call)
{
    struct question q;
    if (call->kind != EXPR_METHOD || !lint_question(call, &q) || !call->list || !call->list->next)
        return;
    bool above = piece_is(q.method, "above");
    if (!above && !piece_is(q.method, "below")) return;
    const struct expr *table = lint_resolve(call->list->next);
    bool whole = false;
    if (table->kind != EXPR_TABLE) return;
    (void)lint_field(table, "", &whole);
    if (!whole) return;
    look_at_option_names(lint, table, above ? "above" : "below");
    uint32_t m = option(table, "datapoints"), n = option(table, "of");
    if (!lint_field(table, "of", NULL)) n = m;
    const struct lint_metric *metric = lint_metric_of(lint, q.key);
    if (m > n && n > 0)
        lint_report(lint, "E-m-of-n", &call->list->next->span,
                    "datapoints is how many of the newest `of` must breach",
                    "datapoints = %u is more than of = %u", m, n);
    else if (metric && metric->having > 0 && n > metric->slots)
        lint_report(lint, "E-m-of-n", &call->list->next->span,
                    "give the metric a longer window: (of + 2) periods are looked at",
                    "of = %u is more than the %u datapoints of %s's window", n, metric->slots,
                    metric->name);
}

/* ---- tests for nil that cannot hold ---- */

static void look_at_test(struct lint *lint, const struct expr *expr)
{
    struct judgement j;
    if (expr->kind != EXPR_BINARY || (expr->op != OP_EQ && expr->op != OP_NE)) return;
    const struct expr *other = expr->right->kind == EXPR_NIL  ? expr->left
                               : expr->left->kind == EXPR_NIL ? expr->right
                                                              : NULL;
    if (!other || !lint_judgement(other, &j)) return;
    const struct lint_metric *metric = lint_metric_of(lint, j.question.key);
    if (!metric || metric->having == 0 || metric->mixed) return;
    if (metric->missing != MISSING_BREACHING && metric->missing != MISSING_NOT_BREACHING) return;
    lint_report(lint, "W-never-nil", &expr->span,
                "leave the test out, or declare the metric with missing = \"missing\"",
                "this is always %s: with missing = \"%s\", %s:%s() is never nil",
                expr->op == OP_EQ ? "false" : "true",
                metric->missing == MISSING_BREACHING ? "breaching" : "not_breaching", metric->name,
                j.above ? "above" : "below");
}

void lint_metrics(struct lint *lint)
{
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next) {
        look_at_read(lint, at);
        look_at_method(lint, at);
        look_at_options(lint, at);
        look_at_test(lint, at);
    }
    look_for_unused(lint);
}
