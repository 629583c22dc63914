/* tick/verify.c - whether a change did what it was for.
 *
 * A decision may name one of its policy's checks. From the change until `within` is over, each
 * evaluation of the target asks it: true ends the verification as passed. When the time is over it
 * has failed, or, when the check has no data to say so, it is unknown: then people are told, and
 * nothing is changed on a guess.
 *
 *   applied --check true--> passed
 *      +----time is over--> failed --> alert: an issue
 *                                      freeze: an issue, and the resource rests until it is resumed
 *                                      revert: both, and the former values on their way back,
 *                                              through the same rails
 *
 * Which check it is stands in the store by name, so it outlives reload and restart. Where its
 * target or its policy does not, nobody is left to ask: it ends as gone, and nothing follows from
 * it. */
#include "act.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ISSUE_TEXT_MAX = 512 };

/* ---- the end of a verification ---- */

static int revert(struct resource *resource, const struct verification *verification)
{
    struct back *back = &resource->back;
    back_done(back);
    if (text_set(&back->id, verification->id) == OK &&
        text_set(&back->policy, verification->policy) == OK &&
        text_set(&back->target, verification->target) == OK &&
        text_set(&back->wanted, verification->back) == OK)
        return OK;
    back_done(back);
    return ERR_NOMEM;
}

static int issue_begins(struct engine *engine, struct resource *resource,
                        const struct verification *verification, const char *text)
{
    int rc = text_set(&resource->failed, text);
    if (rc == OK) rc = text_set(&resource->failed_policy, verification->policy);
    if (rc == OK) rc = text_set(&resource->failed_target, verification->target);
    resource->failed_ms = engine_now_ms(engine);
    return rc;
}

/* People are told, and nothing is changed on a guess. */
static int untold(struct engine *engine, struct resource *resource,
                  const struct verification *verification, const char *why)
{
    char text[ISSUE_TEXT_MAX];
    snprintf(text, sizeof text,
             "whether the change of %s did what it was for is not known: the check %s: %s",
             resource->resource, verification->check, why);
    return issue_begins(engine, resource, verification, text);
}

static int failed(struct engine *engine, struct resource *resource,
                  const struct verification *verification)
{
    char text[ISSUE_TEXT_MAX];
    bool goes_back = verification->on_failure == ON_FAILURE_REVERT && verification->back;
    const char *follows = goes_back ? "; its former values are put back, and it rests until resumed"
                          : verification->on_failure == ON_FAILURE_REVERT
                              ? "; it had no former values to put back, and rests until resumed"
                          : verification->on_failure == ON_FAILURE_FREEZE
                              ? "; it rests until resumed"
                              : "";
    snprintf(text, sizeof text,
             "the change of %s did not do what it was for: the check %s failed%s",
             resource->resource, verification->check, follows);
    int rc = issue_begins(engine, resource, verification, text);
    if (rc == OK && verification->on_failure != ON_FAILURE_ALERT) {
        snprintf(text, sizeof text,
                 "frozen as the check %s of its last change failed; `moontide resume %s` ends that",
                 verification->check, resource->resource);
        rc = text_set(&resource->frozen, text);
    }
    return rc == OK && goes_back ? revert(resource, verification) : rc;
}

/* Takes it away, and says how it ended. */
static void conclude(struct engine *engine, struct resource *resource,
                     struct verification *verification, const char *result, const char *why,
                     struct changes *changes)
{
    struct verification **at = &resource->verifications;
    while (*at != verification)
        at = &(*at)->next;
    *at = verification->next;
    note_verification(engine, resource, verification, result, why, changes);
    verification_free(verification);
    resources_keep(&engine->resources, resource, changes);
}

static void end(struct run *run, struct resource *resource, struct verification *verification,
                enum verdict verdict, const char *why)
{
    struct engine *engine = run->tick->engine;
    int rc = verdict == VERDICT_FALSE     ? failed(engine, resource, verification)
             : verdict == VERDICT_UNKNOWN ? untold(engine, resource, verification, why)
                                          : OK;
    if (rc < 0) return; /* no memory: the next evaluation ends it */
    const char *result = verdict == VERDICT_TRUE    ? "passed"
                         : verdict == VERDICT_FALSE ? "failed"
                                                    : "unknown";
    conclude(engine, resource, verification, result, why, run->tick->changes);
}

static void look(struct run *run, struct resource *resource, struct verification *verification,
                 const struct evaluation_input *input)
{
    const struct evaluator *evaluator = run->generation->evaluator;
    enum verdict verdict = VERDICT_UNKNOWN;
    struct fault fault = {.code = OK};
    int rc = evaluator->vtable->check
                 ? evaluator->vtable->check(run->generation->evaluator, input, verification->check,
                                            &verdict, &fault)
                 : ERR_NOT_FOUND;
    if (rc < 0) verdict = VERDICT_UNKNOWN;
    bool over = run->tick->at_ms >= verification->due_ms;
    if (verdict == VERDICT_TRUE)
        end(run, resource, verification, verdict, NULL);
    else if (over)
        end(run, resource, verification, verdict,
            rc < 0                     ? (fault.text[0] ? fault.text : err_text(rc))
            : verdict == VERDICT_FALSE ? "it did not come true in time"
                                       : "it had no data to tell");
}

/* ---- a target ---- */

static bool is_of(const char *policy, const char *target, const struct run *run,
                  const struct target *of)
{
    return policy && target && strcmp(policy, run->policy->name) == 0 &&
           strcmp(target, of->id) == 0;
}

static void state_issue(struct resource *resource, struct run *run, struct evaluation *evaluation)
{
    struct engine *engine = run->tick->engine;
    if (run->tick->at_ms - resource->failed_ms >= FAILED_SHOWN_MS) {
        text_set(&resource->failed, NULL);
        resources_keep(&engine->resources, resource, run->tick->changes);
        return;
    }
    struct issue *issue = evaluation_issue(evaluation);
    if (!issue) return;
    const char *key = evaluation_text(evaluation, resource->resource, strlen(resource->resource));
    const char *text = evaluation_text(evaluation, resource->failed, strlen(resource->failed));
    *issue = (struct issue){.type = "verification_failed",
                            .key = key ? key : "",
                            .description = text ? text : "",
                            .recommendation = "Look at what the change did: moontide why",
                            .severity = SEVERITY_HIGH,
                            .when = VERDICT_TRUE};
}

void verify_target(struct run *run, const struct target *target,
                   const struct evaluation_input *input, struct evaluation *evaluation)
{
    const struct resources *resources = &run->tick->engine->resources;
    for (struct resource *resource = resources->watched, *after; resource; resource = after) {
        after = resource->watched_next; /* it may end being watched */
        for (struct verification *v = resource->verifications, *next; v; v = next) {
            next = v->next;
            if (is_of(v->policy, v->target, run, target)) look(run, resource, v, input);
        }
        if (resource->failed &&
            is_of(resource->failed_policy, resource->failed_target, run, target))
            state_issue(resource, run, evaluation);
    }
}

/* ---- nobody is left to ask ---- */

static void end_if_gone(struct engine *engine, struct resource *resource, const char *why,
                        bool (*is_gone)(const void *data, const struct verification *verification),
                        const void *data, struct changes *changes)
{
    for (struct verification *v = resource->verifications, *next; v; v = next) {
        next = v->next;
        if (is_gone(data, v)) conclude(engine, resource, v, "gone", why, changes);
    }
}

static void end_gone(struct engine *engine, const char *why,
                     bool (*is_gone)(const void *data, const struct verification *verification),
                     const void *data, struct changes *changes)
{
    if (engine->resources.verifying == 0 || engine->options.read_only) return;
    for (struct resource *resource = engine->resources.watched, *after; resource;
         resource = after) {
        after = resource->watched_next; /* it may end being watched */
        end_if_gone(engine, resource, why, is_gone, data, changes);
    }
}

struct staying {
    const char *policy;
    bool (*stays)(void *data, const char *target);
    void *data;
};

static bool is_left(const void *data, const struct verification *verification)
{
    const struct staying *staying = data;
    return strcmp(verification->policy, staying->policy) == 0 &&
           !staying->stays(staying->data, verification->target);
}

void verify_retain(struct engine *engine, const char *policy,
                   bool (*stays)(void *data, const char *target), void *data, const char *why,
                   struct changes *changes)
{
    struct staying staying = {policy, stays, data};
    end_gone(engine, why, is_left, &staying, changes);
}

/* A file that cannot be loaded may be its: then it waits for that to be mended. */
static bool has_no_policy(const void *data, const struct verification *verification)
{
    const struct engine *engine = data;
    for (const struct policy *p = engine->policies; p; p = p->next)
        if (strcmp(p->name, verification->policy) == 0) return false;
    for (const struct file_fault *f = engine->file_faults; f; f = f->next)
        if (!f->policy[0] || strcmp(f->policy, verification->policy) == 0) return false;
    return true;
}

void verify_orphans(struct tick *tick)
{
    struct engine *engine = tick->engine;
    end_gone(engine, "its policy is gone", has_no_policy, engine, tick->changes);
}

/* ---- former values ---- */

static bool goes_back(const struct resource *resource, const struct run *run, const char *target)
{
    const struct back *back = &resource->back;
    return back->wanted && strcmp(back->policy, run->policy->name) == 0 &&
           strcmp(back->target, target) == 0;
}

size_t verify_backs(struct run *run, const char *target, struct decision **decisions,
                    struct resource ***of)
{
    const struct resources *resources = &run->tick->engine->resources;
    size_t count = 0;
    *decisions = NULL;
    *of = NULL;
    if (resources->returning == 0) return 0;
    *decisions = calloc(resources->returning, sizeof **decisions);
    *of = calloc(resources->returning, sizeof(struct resource *));
    for (struct resource *resource = resources->watched; resource && *decisions && *of;
         resource = resource->watched_next) {
        if (!goes_back(resource, run, target)) continue;
        char *wanted = strdup(resource->back.wanted);
        if (!wanted) continue;
        (*of)[count] = resource;
        (*decisions)[count++] = (struct decision){.kind = resource->kind,
                                                  .resource = resource->resource,
                                                  .region = resource->region,
                                                  .account = resource->account,
                                                  .wanted = wanted};
    }
    return count;
}

bool verify_has_backs(const struct run *run, const char *target)
{
    const struct resources *resources = &run->tick->engine->resources;
    const struct resource *resource = resources->watched;
    while (resource && !goes_back(resource, run, target))
        resource = resource->watched_next;
    return resource != NULL;
}
