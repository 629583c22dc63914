/* bind/lint_fields.c - issue{}, recommend{} and decide.<kind>{} as they stand in the text: what
 * would throw when it is stated is found before it is. */
#include "lint.h"

#include "fields.h"
#include "moontide/base/nearest.h"
#include "moontide/base/timetext.h"
#include "moontide/bind/kinds.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 128 };

/* ---- names of fields ---- */

static void look_at_names(struct lint *lint, const struct expr *table, const char *what,
                          const char *const *known)
{
    for (const struct item *item = table->items; item; item = item->next) {
        struct fault hint;
        char name[NAME_SIZE];
        bool found = false;
        if (!item->key) {
            if (item->value->kind == EXPR_CALL || item->value->kind == EXPR_VARARG) continue;
            lint_report(lint, "E-field-value", &item->span, NULL,
                        "%s takes named fields only, no list of values", what);
            continue;
        }
        if (item->key->kind != EXPR_STRING || !item->key->plain) continue;
        for (size_t i = 0; known[i] && !found; i++)
            found = piece_is(item->key->text, known[i]);
        if (found || item->value->kind == EXPR_NIL) continue;
        piece_copy(item->key->text, name, sizeof name);
        lint_report(lint, "E-unknown-field", &item->span, lint_nearest(name, known, &hint),
                    "%s: unknown field '%s'", what, name);
    }
}

static void look_for_field(struct lint *lint, const struct expr *call, const struct expr *table,
                           const char *what, const char *name)
{
    bool whole = false;
    const struct expr *value = lint_field(table, name, &whole);
    if ((value && value->kind != EXPR_NIL) || !whole) return;
    lint_report(lint, "E-missing-field", &call->left->span, NULL, "%s: %s is missing", what, name);
}

/* ---- values ---- */

/* What it is for sure: "number", "string", ...; NULL: not told. */
static const char *type_of(const struct expr *expr)
{
    double number;
    struct question q;
    if (lint_number(expr, &number)) return "number";
    expr = lint_resolve(expr);
    switch (expr->kind) {
    case EXPR_TRUE:
    case EXPR_FALSE: return "boolean";
    case EXPR_STRING: return "string";
    case EXPR_TABLE: return "table";
    case EXPR_FUNCTION: return "function";
    case EXPR_METHOD:
        if (lint_question(expr, &q) && (piece_is(q.method, "len") || piece_is(q.method, "last")))
            return "number";
        return NULL;
    default: return NULL;
    }
}

static void look_at_choice(struct lint *lint, const struct expr *table, const char *what,
                           const char *field, const char *const *names)
{
    struct fault hint;
    char text[NAME_SIZE];
    const struct expr *value = lint_field(table, field, NULL);
    const char *type = value ? type_of(value) : NULL;
    if (!type) return;
    const struct expr *known = lint_resolve(value);
    if (known->kind == EXPR_STRING && !known->plain) return;
    for (int i = 0; names[i] && known->kind == EXPR_STRING; i++)
        if (piece_is(known->text, names[i])) return;
    if (known->kind != EXPR_STRING) {
        lint_report(lint, "E-field-value", &value->span, NULL,
                    "%s: %s must be low, medium or high, not a %s", what, field, type);
        return;
    }
    piece_copy(known->text, text, sizeof text);
    lint_report(lint, "E-field-value", &value->span, lint_nearest(text, names, &hint),
                "%s: %s is '%s'; it must be low, medium or high", what, field, text);
}

static void look_at_verdict(struct lint *lint, const struct expr *table, const char *field)
{
    const struct expr *value = lint_field(table, field, NULL);
    const char *type = value ? type_of(value) : NULL;
    if (!type || strcmp(type, "boolean") == 0) return;
    lint_report(lint, "E-field-value", &value->span, "a comparison is missing?",
                "issue: %s must be true, false or nil, not a %s", field, type);
}

static bool duration_of(const struct expr *value, int64_t *ms)
{
    char text[NAME_SIZE];
    double seconds;
    if (lint_number(value, &seconds)) {
        *ms = (int64_t)(seconds * 1000);
        return seconds >= 0 && seconds < 1e9;
    }
    const struct expr *known = lint_resolve(value);
    if (known->kind != EXPR_STRING || !known->plain || known->text.len >= sizeof text) return false;
    return duration_parse(piece_copy(known->text, text, sizeof text), ms) == OK;
}

static void look_at_duration(struct lint *lint, const struct expr *table, const char *what,
                             const char *field)
{
    int64_t ms;
    const struct expr *value = lint_field(table, field, NULL);
    if (!value || !type_of(value) || duration_of(value, &ms)) return;
    const struct expr *known = lint_resolve(value);
    if (known->kind == EXPR_STRING && !known->plain) return;
    lint_report(lint, "E-field-value", &value->span, NULL,
                "%s: %s must be a duration (\"5m\", or seconds)", what, field);
}

/* ---- issue and recommend ---- */

static void look_at_issue(struct lint *lint, const struct expr *call, const struct expr *table)
{
    static const char *const known[] = {"type",           "key",     "severity",    "when",
                                        "clear",          "pending", "keep_firing", "description",
                                        "recommendation", NULL};
    look_at_names(lint, table, "issue", known);
    look_for_field(lint, call, table, "issue", "type");
    look_for_field(lint, call, table, "issue", "severity");
    look_at_choice(lint, table, "issue", "severity", severity_names);
    look_at_verdict(lint, table, "when");
    look_at_verdict(lint, table, "clear");
    look_at_duration(lint, table, "issue", "pending");
    look_at_duration(lint, table, "issue", "keep_firing");
}

static void look_at_recommend(struct lint *lint, const struct expr *call, const struct expr *table)
{
    static const char *const known[] = {"type", "action", "impact", "effort", NULL};
    look_at_names(lint, table, "recommend", known);
    for (size_t i = 0; known[i]; i++)
        look_for_field(lint, call, table, "recommend", known[i]);
    look_at_choice(lint, table, "recommend", "impact", severity_names);
    look_at_choice(lint, table, "recommend", "effort", severity_names);
}

/* ---- decide ---- */

static const char *expected(enum kind_type type)
{
    switch (type) {
    case KIND_STRING: return "a string";
    case KIND_NUMBER: return "a number";
    case KIND_COUNT: return "a whole number from 0 to 2147483647";
    case KIND_DURATION: return "a duration (\"5m\", or seconds)";
    case KIND_BOOLEAN: return "true or false";
    default: return "a table";
    }
}

static bool fits(enum kind_type type, const struct expr *value)
{
    const char *is = type_of(value);
    double number;
    int64_t ms;
    if (!is) return true;
    switch (type) {
    case KIND_STRING: return strcmp(is, "string") == 0;
    case KIND_NUMBER: return strcmp(is, "number") == 0;
    case KIND_COUNT:
        if (strcmp(is, "number") != 0) return false;
        return !lint_number(value, &number) ||
               (number >= 0 && number <= INT32_MAX && floor(number) == number);
    case KIND_DURATION: return duration_of(value, &ms) || !lint_resolve(value)->plain;
    case KIND_BOOLEAN: return strcmp(is, "boolean") == 0;
    default: return strcmp(is, "table") == 0;
    }
}

static void look_at_values(struct lint *lint, const struct kind *kind, const struct expr *table,
                           const char *what)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct kind_field *field = &kind->fields[i];
        const struct expr *value = lint_field(table, field->name, NULL);
        if (!value || fits(field->type, value)) continue;
        lint_report(lint, "E-field-value", &value->span, NULL, "%s: %s must be %s", what,
                    field->name, expected(field->type));
    }
}

static void look_at_order(struct lint *lint, const struct kind *kind, const struct expr *table,
                          const char *what)
{
    for (size_t i = 0; i < kind->ordered_count; i++) {
        const char *low = kind->fields[kind->ordered[i][0]].name;
        const char *high = kind->fields[kind->ordered[i][1]].name;
        const struct expr *least = lint_field(table, low, NULL);
        const struct expr *most = lint_field(table, high, NULL);
        double a, b;
        if (!least || !most || !lint_number(least, &a) || !lint_number(most, &b) || a <= b)
            continue;
        lint_report(lint, "E-min-max", &least->span, NULL, "%s: %s = %g is more than %s = %g", what,
                    low, a, high, b);
    }
}

static void look_at_own_rails(struct lint *lint, const struct expr *table, const char *what)
{
    const struct expr *rails = lint_field(table, "rails", NULL);
    rails = rails ? lint_resolve(rails) : NULL;
    if (!rails || rails->kind != EXPR_TABLE) return;
    const struct expr *min = lint_field(rails, "min", NULL), *max = lint_field(rails, "max", NULL);
    double a, b;
    if (min && max && lint_number(min, &a) && lint_number(max, &b) && a > b)
        lint_report(lint, "E-min-max", &min->span, NULL,
                    "%s: rails: min = %g is more than max = %g", what, a, b);
}

/* verify = { check = "name" } names a function of the policy's checks. */
static void look_at_verify(struct lint *lint, const struct expr *table)
{
    enum { CHECKS_MAX = 100 };
    const struct expr *verify = lint_field(table, "verify", NULL);
    verify = verify ? lint_resolve(verify) : NULL;
    if (!verify || verify->kind != EXPR_TABLE || !lint->spec) return;
    const struct expr *value = lint_field(verify, "check", NULL);
    const struct expr *name = value ? lint_resolve(value) : NULL;
    const struct expr *checks = lint_field(lint->spec, "checks", NULL);
    checks = checks ? lint_resolve(checks) : NULL;
    if (!name || name->kind != EXPR_STRING || !name->plain) return;
    const char *known[CHECKS_MAX + 1];
    char text[NAME_SIZE], names[CHECKS_MAX][NAME_SIZE];
    size_t count = 0;
    if (checks && checks->kind != EXPR_TABLE) return;
    for (const struct item *item = checks ? checks->items : NULL; item; item = item->next) {
        if (!item->key || item->key->kind != EXPR_STRING || !item->key->plain) return;
        if (piece_same(item->key->text, name->text) || count == CHECKS_MAX) return;
        known[count] = piece_copy(item->key->text, names[count], sizeof names[count]);
        count++;
    }
    known[count] = NULL;
    struct fault hint;
    piece_copy(name->text, text, sizeof text);
    lint_report(lint, "E-unknown-check", &value->span, lint_nearest(text, known, &hint),
                "verify: the policy's checks have no function '%s'", text);
}

static void look_at_fields(struct lint *lint, const struct kind *kind, const struct expr *call,
                           const struct expr *table)
{
    const char *known[KIND_FIELDS_MAX + 5];
    size_t count = 0;
    char what[NAME_SIZE];
    snprintf(what, sizeof what, "decide.%s", kind->info.name);
    for (size_t i = 0; i < kind->field_count; i++)
        known[count++] = kind->fields[i].name;
    known[count++] = "region";
    known[count++] = "account";
    known[count++] = "rails";
    known[count++] = "verify";
    known[count] = NULL;
    look_at_names(lint, table, what, known);
    for (size_t i = 0; i < kind->field_count; i++)
        if (kind->fields[i].required) look_for_field(lint, call, table, what, kind->fields[i].name);
    look_at_values(lint, kind, table, what);
    look_at_order(lint, kind, table, what);
    look_at_own_rails(lint, table, what);
    look_at_verify(lint, table);
}

/* The message without its " (did you mean 'x'?)", which becomes the hint. */
static void report_kind(struct lint *lint, const struct expr *call, struct fault *fault)
{
    char *hint = strstr(fault->text, " (did you mean ");
    if (hint) {
        *hint = '\0';
        hint += 2;
        hint[strcspn(hint, ")")] = '\0';
    }
    lint_report(lint, "E-unknown-kind", &call->left->text_span, hint, "%s", fault->text);
}

static void look_at_decision(struct lint *lint, const struct expr *call)
{
    struct piece name;
    const struct expr *table = NULL;
    struct kind *kind = NULL;
    struct fault fault;
    char text[KIND_NAME_MAX];
    if (!lint->policy->binding.host->kinds || !lint_decision(call, &name, &table)) return;
    if (name.len >= sizeof text) return;
    int code = policy_take_kind(lint->policy, piece_copy(name, text, sizeof text), &kind, &fault);
    if (code == ERR_NOT_FOUND && !fault.file[0]) report_kind(lint, call, &fault);
    if (code == OK && table) look_at_fields(lint, kind, call, table);
}

void lint_fields(struct lint *lint)
{
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next) {
        const struct expr *table = NULL;
        if (lint_statement(at, "issue", &table) && table) look_at_issue(lint, at, table);
        if (lint_statement(at, "recommend", &table) && table) look_at_recommend(lint, at, table);
        look_at_decision(lint, at);
    }
}
