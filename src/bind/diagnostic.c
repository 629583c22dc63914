/* bind/diagnostic.c - the table of findings. docs/check.md has a section for each. */
#include "moontide/bind/diagnostic.h"

#include "moontide/base/nearest.h"

#include <string.h>

const struct diagnostic diagnostics[] = {
    {"E-budget", "code that runs too long, or takes too much memory"},
    {"E-duplicate-policy", "two policies of one name"},
    {"E-field-value", "a field has a value that it cannot have"},
    {"E-internal", "check could not do its work"},
    {"E-limit", "a limit of moontide is exceeded"},
    {"E-live", "CloudWatch could not be asked (--live)"},
    {"E-lua", "the file fails when it is run"},
    {"E-m-of-n", "datapoints, of and the window do not fit together"},
    {"E-min-max", "a minimum above its maximum"},
    {"E-missing-field", "a required field is not there"},
    {"E-not-found", "a file or a name that does not exist"},
    {"E-period", "a period that CloudWatch does not have"},
    {"E-stat", "a statistic that CloudWatch does not have"},
    {"E-syntax", "the text is no Lua"},
    {"E-unknown-check", "verify names a check that the policy does not have"},
    {"E-unknown-field", "a field that does not exist"},
    {"E-unknown-kind", "a decision of a kind that does not exist"},
    {"E-unknown-method", "a series has no such method"},
    {"E-unknown-metric", "a metric is read that is not declared"},
    {"E-unknown-name", "a global name that does not exist"},
    {"E-waits", "a call that waits, in evaluate"},
    {"W-alert-label", "an alert matcher names a label that no target has"},
    {"W-always-true", "a condition that is always true"},
    {"W-clear-overlaps", "clear is true while when is true"},
    {"W-file-local", "evaluate assigns a local of the file"},
    {"W-metric-not-found", "CloudWatch does not have the metric (--live)"},
    {"W-missing-as-number", "no data is taken as a number that decides"},
    {"W-never-nil", "a test for unknown that can never hold"},
    {"W-never-true", "a condition that can never be true"},
    {"W-nil-value", "a value is used that is nil without data"},
    {"W-no-bounds", "a decision that nothing bounds, in mode act"},
    {"W-no-route", "no route leads to a receiver"},
    {"W-retention", "CloudWatch does not keep datapoints as long as the window"},
    {"W-same-issue", "an issue is stated twice, and one of them never counts"},
    {"W-thresholds-overlap", "two decisions whose conditions hold at once"},
    {"W-unknown-allow", "a comment allows a code that does not exist"},
    {"W-unknown-as-false", "unknown is taken as false where it decides"},
    {"W-unreachable-branch", "a branch that an earlier one always takes"},
    {"W-unreachable-route", "an alert route that an earlier one always takes"},
    {"W-unused-allow", "a comment allows what is not there"},
    {"W-unused-metric", "a metric is declared and never read"},
    {"W-unused-mute", "no route has these mute windows"},
    {NULL, NULL},
};

const struct diagnostic *diagnostic_find(const char *id)
{
    for (const struct diagnostic *at = diagnostics; at->id; at++)
        if (strcmp(at->id, id) == 0) return at;
    return NULL;
}

const char *diagnostic_nearest(const char *id)
{
    const char *names[COUNT_OF(diagnostics)];
    for (size_t i = 0; i < COUNT_OF(diagnostics); i++)
        names[i] = diagnostics[i].id; /* the last is NULL */
    return nearest_name(id, names);
}

const char *diagnostic_of(const struct fault *fault)
{
    if (fault->id) return fault->id;
    switch (fault->code) {
    case ERR_PARSE: return "E-syntax";
    case ERR_LUA: return "E-lua";
    case ERR_BUDGET:
    case ERR_MEMORY_CAP: return "E-budget";
    case ERR_LIMIT: return "E-limit";
    case ERR_NOT_FOUND: return "E-not-found";
    case ERR_EXISTS: return "E-duplicate-policy";
    case ERR_INVALID: return "E-field-value";
    default: return "E-internal";
    }
}
