/* bind/ptest_policy.c - a policy of which a test gives targets, extras and memo: an evaluator
 * around the real one.
 *
 * What a test does not give is the policy's own, as far as it needs no network: there is none, and
 * a policy that asks for it is told what to give in its place. */
#include "policy_state.h"
#include "ptest_house.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

struct memo {
    char *target, *json; /* json NULL: none */
    bool kept;           /* an evaluation has succeeded with it */
};

struct ptest_policy {
    struct evaluator evaluator; /* first */
    struct evaluator *real;
    cJSON *extras, *memos; /* by target, or one for all; NULL: none */
    char *extra;           /* the text that was given last */
    struct memo *kept;     /* shape: [kept_count] */
    size_t kept_count;
    struct fault *why; /* of a failed discovery */
    evaluator_done_fn *discovered;
    void *discovered_data;
};

static struct ptest_policy *policy_around(const struct evaluator *evaluator)
{
    return (struct ptest_policy *)(uintptr_t)evaluator;
}

/* ---- the network that is not there ---- */

static bool needs_network(const struct fault *fault)
{
    return strstr(fault->text, "there is no network here") ||
           strstr(fault->text, "there is no world ") ||
           strstr(fault->text, " waits, and may be called only");
}

/* The fault, with what to do about it. */
static struct fault advised(const struct fault *fault, const char *what, const char *give)
{
    struct fault said = *fault;
    if (!needs_network(fault)) return said;
    fault_set(&said, fault->code, "%s needs the network (%s): a policy test has none, so give %s",
              what, fault->text, give);
    fault_at(&said, fault->file, fault->line, fault->column);
    return said;
}

static void on_discovered(void *data, int code, const struct fault *fault)
{
    struct ptest_policy *policy = data;
    struct fault said;
    if (code < 0 && fault) {
        said = advised(fault, "targets()", "`target` or `targets` to run()");
        fault = &said;
        *policy->why = said;
    }
    policy->discovered(policy->discovered_data, code, fault);
}

static void discover(struct evaluator *evaluator, evaluator_done_fn *done, void *data)
{
    struct ptest_policy *policy = policy_around(evaluator);
    policy->discovered = done;
    policy->discovered_data = data;
    policy->real->vtable->discover(policy->real, on_discovered, policy);
}

/* ---- collect ---- */

/* What was given for the target; NULL: nothing. */
static const cJSON *given_for(const cJSON *given, size_t target)
{
    const cJSON *item = cJSON_IsArray(given) ? cJSON_GetArrayItem(given, (int)target)
                                             : cJSON_GetObjectItemCaseSensitive(given, "all");
    return item && !cJSON_IsNull(item) ? item : NULL;
}

struct collecting {
    evaluator_collect_fn *done;
    void *data;
};

static void on_collected(void *data, int code, const char *json, const struct fault *fault)
{
    struct collecting collecting = *(struct collecting *)data;
    struct fault said;
    free(data);
    if (code < 0 && fault) {
        said = advised(fault, "collect()", "`extra` to run()");
        fault = &said;
    }
    collecting.done(collecting.data, code, json, fault);
}

static void collect(struct evaluator *evaluator, size_t target, int64_t now_ms,
                    evaluator_collect_fn *done, void *data)
{
    struct ptest_policy *policy = policy_around(evaluator);
    const cJSON *extra = given_for(policy->extras, target);
    struct collecting *collecting = extra ? NULL : malloc(sizeof *collecting);
    if (!extra && !collecting) {
        done(data, ERR_NOMEM, NULL, NULL);
    } else if (!extra) {
        *collecting = (struct collecting){done, data};
        policy->real->vtable->collect(policy->real, target, now_ms, on_collected, collecting);
    } else {
        free(policy->extra);
        policy->extra = cJSON_PrintUnformatted(extra);
        done(data, policy->extra ? OK : ERR_NOMEM, policy->extra, NULL);
    }
}

/* ---- memo ---- */

static struct memo *memo_find(const struct ptest_policy *policy, const char *target)
{
    for (size_t i = 0; i < policy->kept_count; i++)
        if (strcmp(policy->kept[i].target, target) == 0) return &policy->kept[i];
    return NULL;
}

static struct memo *memo_of(struct ptest_policy *policy, size_t index)
{
    const char *target = policy->real->vtable->target(policy->real, index)->id;
    struct memo *memo = memo_find(policy, target);
    if (memo) return memo;
    const cJSON *given = given_for(policy->memos, index);
    struct memo *grown = realloc(policy->kept, (policy->kept_count + 1) * sizeof *grown);
    if (!grown) return NULL;
    policy->kept = grown;
    memo = &grown[policy->kept_count];
    *memo = (struct memo){.target = strdup(target)};
    if (given) memo->json = cJSON_PrintUnformatted(given);
    if (!memo->target || (given && !memo->json)) {
        free(memo->target);
        free(memo->json);
        return NULL;
    }
    policy->kept_count++;
    return memo;
}

static int keep_memo(struct memo *memo, const struct evaluation *evaluation)
{
    memo->kept = true;
    if (!evaluation->memo_json) return OK;
    char *copy = strdup(evaluation->memo_json);
    if (!copy) return ERR_NOMEM;
    free(memo->json);
    memo->json = copy;
    return OK;
}

static int evaluate(struct evaluator *evaluator, const struct evaluation_input *input,
                    struct evaluation *out, struct fault *fault)
{
    struct ptest_policy *policy = policy_around(evaluator);
    struct memo *memo = memo_of(policy, input->target);
    struct evaluation_input own = *input;
    if (!memo) return fault_set(fault, ERR_NOMEM, "out of memory");
    if (!memo->kept && memo->json) own.memo_json = memo->json;
    int code = policy->real->vtable->evaluate(policy->real, &own, out, fault);
    if (code == OK && keep_memo(memo, out) < 0) return fault_set(fault, ERR_NOMEM, "out of memory");
    if (code < 0) *fault = advised(fault, "evaluate()", "its data to run() (`series`, `extra`)");
    return code;
}

const char *ptest_policy_memo(const struct ptest_policy *policy, const char *target)
{
    const struct memo *memo = memo_find(policy, target);
    return memo ? memo->json : NULL;
}

/* ---- the rest is the real one's ---- */

static void policy_free(struct evaluator *evaluator)
{
    struct ptest_policy *policy = policy_around(evaluator);
    policy->real->vtable->free(policy->real);
    for (size_t i = 0; i < policy->kept_count; i++) {
        free(policy->kept[i].target);
        free(policy->kept[i].json);
    }
    free(policy->kept);
    cJSON_Delete(policy->extras);
    cJSON_Delete(policy->memos);
    free(policy->extra);
    free(policy);
}

static const struct policy_info *info(const struct evaluator *evaluator)
{
    const struct evaluator *real = policy_around(evaluator)->real;
    return real->vtable->info(real);
}

static bool uses_file(const struct evaluator *evaluator, const char *path)
{
    const struct evaluator *real = policy_around(evaluator)->real;
    return real->vtable->uses_file(real, path);
}

static size_t target_count(const struct evaluator *evaluator)
{
    const struct evaluator *real = policy_around(evaluator)->real;
    return real->vtable->target_count(real);
}

static const struct target *target_at(const struct evaluator *evaluator, size_t index)
{
    const struct evaluator *real = policy_around(evaluator)->real;
    return real->vtable->target(real, index);
}

static int check(struct evaluator *evaluator, const struct evaluation_input *input,
                 const char *name, enum verdict *out, struct fault *fault)
{
    struct evaluator *real = policy_around(evaluator)->real;
    return real->vtable->check(real, input, name, out, fault);
}

static void stop(struct evaluator *evaluator)
{
    struct evaluator *real = policy_around(evaluator)->real;
    real->vtable->stop(real);
}

static size_t memory_bytes(const struct evaluator *evaluator)
{
    const struct evaluator *real = policy_around(evaluator)->real;
    return real->vtable->memory_bytes(real);
}

static const struct evaluator_vtable vtable = {
    .free = policy_free,
    .info = info,
    .uses_file = uses_file,
    .discover = discover,
    .target_count = target_count,
    .target = target_at,
    .collect = collect,
    .evaluate = evaluate,
    .check = check,
    .stop = stop,
    .memory_bytes = memory_bytes,
};

static bool parse(const char *json, cJSON **out)
{
    if (json) *out = cJSON_Parse(json);
    return !json || *out;
}

int ptest_policy_new(struct evaluator *take_evaluator, const struct policy_spec *spec,
                     struct fault *why, struct ptest_policy **out, struct fault *fault)
{
    struct ptest_policy *policy = calloc(1, sizeof *policy);
    if (!policy) {
        take_evaluator->vtable->free(take_evaluator);
        return fault_set(fault, ERR_NOMEM, "out of memory");
    }
    policy->evaluator.vtable = &vtable;
    policy->real = take_evaluator;
    policy->why = why;
    int code = OK;
    if (!parse(spec->extras_json, &policy->extras) || !parse(spec->memos_json, &policy->memos))
        code = fault_set(fault, ERR_PARSE, "extra or memo is no JSON");
    if (code == OK && spec->targets_json)
        code = policy_set_targets((struct policy *)take_evaluator, spec->targets_json, fault);
    if (code < 0) {
        policy_free(&policy->evaluator);
        return code;
    }
    *out = policy;
    return OK;
}

struct evaluator *ptest_policy_evaluator(struct ptest_policy *policy)
{
    return &policy->evaluator;
}
