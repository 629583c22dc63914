/* bind/policy_check.c - what `check` does beyond loading: targets() and metrics(t) are run where
 * they do not wait, and the text is looked at. */
#include "lint.h"

#include <string.h>

struct warning {
    struct faults *faults;
    const char *file;
};

static void warn_assigned(void *data, const char *name, int line, int column)
{
    struct warning *warning = data;
    struct fault fault;
    fault_set(
        &fault, OK,
        "evaluate assigns the file-level local '%s': it is lost at a reload and shared by all "
        "targets",
        name);
    fault_at(&fault, warning->file, line, column);
    fault.end_column = column + (int)strlen(name);
    fault_explain(&fault, "W-file-local", "what must last is in memo");
    faults_add(warning->faults, &fault);
}

/* The findings of a file and of its modules. */
static int lint_all(struct policy *policy, struct faults *faults)
{
    int code = OK;
    for (size_t i = 0; i < policy->binding.source_count && code == OK; i++)
        code = lint_file(policy, policy->binding.sources[i], faults);
    return code;
}

int policy_check(struct evaluator *evaluator, struct faults *faults)
{
    struct policy *policy = (struct policy *)evaluator;
    struct warning warning = {faults, policy->shown};
    bool waits = false;
    int code = policy_discover_now(policy, faults, &waits);
    for (size_t i = 0; i < policy->binding.source_count; i++) {
        const struct source *source = policy->binding.sources[i];
        if (strcmp(source_chunk(source) + 1, policy->shown) != 0) continue;
        int warned = source_assigned_locals(source_text(source), strlen(source_text(source)),
                                            warn_assigned, &warning);
        if (warned < 0 && code == OK) code = warned;
    }
    size_t before = faults->count;
    int linted = lint_all(policy, faults);
    for (size_t i = before; i < faults->count && linted == OK; i++)
        linted = faults->items[i].code;
    return code < 0 ? code : linted;
}

int policy_check_text(const struct host *host, const char *path, const char *shown,
                      const char *source, size_t len, struct evaluator **out, struct faults *faults)
{
    struct policy *policy = NULL;
    int code = policy_build(host, path, shown, source, len, &policy, faults, faults);
    if (!policy) return code;
    policy->binding.warnings = faults;
    int checked = policy_check(&policy->evaluator, faults);
    policy->binding.warnings = NULL;
    if (code >= 0) code = checked;
    if (code < 0) {
        policy->evaluator.vtable->free(&policy->evaluator);
        return code;
    }
    *out = &policy->evaluator;
    return OK;
}
