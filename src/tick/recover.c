/* tick/recover.c - open intents: changes that were on their way when moontide ended, or that no
 * answer told of.
 *
 * Until its outcome is known, its resource is BUSY. After apply_bound_ms() no request of it can be
 * under way any more; then the resource is read, and shows whether the change is there.
 *
 *   open --apply_bound_ms--> read --+-- as wanted         --> applied
 *                  ^                +-- as it was before  --> failed: it was not made
 *                  |                +-- a part of it, or
 *                  |                |   something else    --> unknown
 *                  +-- LOOK_AGAIN_MS -- could not be read
 *
 * Kinds without a read are unknown at once, and never repeated by themselves. One look at a time.
 */
#include "act.h"

#include "moontide/base/log.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_MS = 30 * 1000 };

struct recovery {
    struct recovery *next;
    struct engine *engine;
    struct resource *resource;
    char id[33];
    char *policy, *target, *sha256, *wanted, *changes, *capacities, *verify;
    int64_t due_ms; /* of the world's time */
    struct subject subject;
    struct actor_call *call;
    bool looking;
};

static void recovery_free(struct recovery *recovery)
{
    free(recovery->policy);
    free(recovery->target);
    free(recovery->sha256);
    free(recovery->wanted);
    free(recovery->changes);
    free(recovery->capacities);
    free(recovery->verify);
    subject_done(&recovery->subject);
    free(recovery);
}

static void append(struct engine *engine, struct recovery *recovery)
{
    struct recovery **at = &engine->recoveries;
    while (*at)
        at = &(*at)->next;
    *at = recovery;
    recovery->engine = engine;
    recovery->resource->open_intents++;
}

/* ---- how they come ---- */

static const char *text_in(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static char *json_in(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return item ? cJSON_PrintUnformatted(item) : NULL;
}

struct loading {
    struct engine *engine;
    int code;
};

static int load_one(struct engine *engine, const struct intent_row *row, const cJSON *json)
{
    const char *kind = text_in(json, "kind"), *name = text_in(json, "resource");
    struct recovery *recovery = calloc(1, sizeof *recovery);
    if (!recovery) return ERR_NOMEM;
    int rc = text_set(&recovery->policy, text_in(json, "policy"));
    if (rc == OK) rc = text_set(&recovery->target, text_in(json, "target"));
    if (rc == OK) rc = text_set(&recovery->sha256, text_in(json, "sha256"));
    recovery->wanted = json_in(json, "wanted");
    recovery->changes = json_in(json, "changes");
    recovery->capacities = json_in(json, "capacities");
    recovery->verify = json_in(json, "verify");
    if (kind && name)
        recovery->resource = resources_get(&engine->resources, kind, name, text_in(json, "region"),
                                           text_in(json, "account"));
    if (rc < 0 || !recovery->resource || !recovery->policy || !recovery->target ||
        !recovery->wanted) {
        recovery_free(recovery);
        return ERR_NOMEM;
    }
    int64_t now_ms = engine_now_ms(engine); /* a clock that went back makes nobody wait longer */
    recovery->due_ms = (row->at_ms < now_ms ? row->at_ms : now_ms) + apply_bound_ms(engine);
    memcpy(recovery->id, row->id, strnlen(row->id, sizeof recovery->id - 1));
    append(engine, recovery);
    return OK;
}

static void load_row(void *data, const struct intent_row *row)
{
    struct loading *loading = data;
    if (loading->code < 0) return;
    cJSON *json = cJSON_Parse(row->json);
    loading->code = json ? load_one(loading->engine, row, json) : ERR_NOMEM;
    cJSON_Delete(json);
}

int recoveries_load(struct engine *engine, struct fault *fault)
{
    struct loading loading = {engine, OK};
    const struct engine_options *options = &engine->options;
    int rc = store_each_intent(options->store, options->world->name, load_row, &loading, fault);
    if (rc < 0) return rc;
    if (loading.code < 0) return fault_set(fault, loading.code, "no memory for open intents");
    for (const struct recovery *r = engine->recoveries; r; r = r->next)
        log_event(LOG_WARN, "intent.open", LOG_S("policy", r->policy), LOG_S("target", r->target),
                  LOG_S("resource", r->resource->resource), LOG_S("changes", r->changes),
                  LOG_S("id", r->id));
    return OK;
}

void recovery_add(struct action *action)
{
    struct engine *engine = action_tick(action)->engine;
    struct recovery *recovery = calloc(1, sizeof *recovery);
    action->resource->open_intents++;
    if (!recovery) return; /* the next start finds it; until then the resource is busy */
    int rc = text_set(&recovery->policy, action_policy(action)->name);
    if (rc == OK) rc = text_set(&recovery->target, action_target(action));
    if (rc == OK) rc = text_set(&recovery->sha256, action->judged->run->generation->info->sha256);
    if (rc == OK) rc = text_set(&recovery->wanted, action->comparison.wanted);
    if (rc == OK) rc = text_set(&recovery->changes, action->comparison.changes);
    if (rc == OK) rc = text_set(&recovery->verify, action->decision->verify);
    if (rc < 0) {
        recovery_free(recovery);
        return;
    }
    action->resource->open_intents--; /* append() counts it */
    recovery->capacities = capacities_json(&action->comparison);
    recovery->resource = action->resource;
    recovery->due_ms = action_tick(action)->at_ms + apply_bound_ms(engine);
    memcpy(recovery->id, action->id, sizeof recovery->id);
    append(engine, recovery);
    recoveries_start(engine);
}

/* ---- how they end ---- */

struct outcome_note {
    const struct recovery *recovery;
    enum outcome outcome;
    const char *text;
};

static void outcome_members(struct json_writer *w, const void *data)
{
    const struct outcome_note *note = data;
    json_key(w, "at");
    json_int(w, engine_now_ms(note->recovery->engine));
    note_key(w, "kind", note->recovery->resource->kind);
    note_key(w, "outcome", outcome_names[note->outcome]);
    note_key(w, "text", note->text);
    json_key(w, "recovered");
    json_bool(w, true);
}

static void unlink_recovery(struct recovery *recovery)
{
    struct recovery **at = &recovery->engine->recoveries;
    while (*at != recovery)
        at = &(*at)->next;
    *at = recovery->next;
    recovery->resource->open_intents--;
}

static void recovered(struct recovery *recovery, enum outcome outcome, const char *text)
{
    struct engine *engine = recovery->engine;
    struct resource *resource = recovery->resource;
    struct note note = {.id = recovery->id,
                        .what = "outcome",
                        .policy = recovery->policy,
                        .target = recovery->target,
                        .resource = resource->resource,
                        .sha256 = recovery->sha256};
    struct outcome_note said = {recovery, outcome, text};
    note_entry(engine->unsaved, &note, outcome_members, &said);
    intent_close(recovery->id, engine->unsaved);
    log_event(outcome == OUTCOME_APPLIED ? LOG_INFO : LOG_WARN, "intent.recovered",
              LOG_S("policy", recovery->policy), LOG_S("target", recovery->target),
              LOG_S("resource", resource->resource), LOG_S("outcome", outcome_names[outcome]),
              LOG_S("text", text), LOG_S("id", recovery->id));
    unlink_recovery(recovery);
    recovery_free(recovery);
    (void)engine_keep(engine, NULL, engine_now_ms(engine), NULL, NULL);
    recoveries_start(engine);
}

/* A field that was not there has no `from`. */
static bool same_from(const cJSON *a, const cJSON *b)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, "from");
    const cJSON *y = cJSON_GetObjectItemCaseSensitive(b, "from");
    return (!x && !y) || cJSON_Compare(x, y, true);
}

/* How many of the intent's changes are still as they were before: their `from` is what is there. */
static size_t as_before(const char *intended, const char *differing, size_t *intents)
{
    cJSON *changes = cJSON_Parse(intended), *left = cJSON_Parse(differing);
    const cJSON *change, *other;
    size_t count = 0;
    cJSON_ArrayForEach(change, changes)
    {
        const char *field = text_in(change, "field");
        cJSON_ArrayForEach(other, left)
        {
            const char *same = text_in(other, "field");
            if (field && same && strcmp(field, same) == 0 && same_from(change, other)) count++;
        }
    }
    *intents = (size_t)cJSON_GetArraySize(changes);
    cJSON_Delete(changes);
    cJSON_Delete(left);
    return count;
}

static void made(struct recovery *recovery)
{
    struct engine *engine = recovery->engine;
    /* What it changed, from the intent: the capacities' history wants it too. */
    struct comparison comparison = {.wanted = recovery->wanted, .changes = recovery->changes};
    const struct change_made change = {.id = recovery->id,
                                       .policy = recovery->policy,
                                       .target = recovery->target,
                                       .verify = recovery->verify};
    comparison.capacity_count = capacities_of(recovery->capacities, comparison.capacities);
    resource_applied(engine, recovery->resource, &change, &comparison, engine->unsaved);
    recovered(recovery, OUTCOME_APPLIED, "the resource is as it was to become");
}

/* What is there now was written by nobody else. */
static void partly_made(struct recovery *recovery)
{
    struct engine *engine = recovery->engine;
    text_set(&recovery->resource->written, NULL);
    resources_keep(&engine->resources, recovery->resource, engine->unsaved);
    recovered(recovery, OUTCOME_UNKNOWN, "only a part of it was made");
}

static void judge(struct recovery *recovery)
{
    struct actor *actor = recovery->engine->options.actor;
    struct comparison left = {0};
    struct fault fault;
    if (!recovery->subject.current) {
        recovered(recovery, OUTCOME_UNKNOWN, "there is no such resource any more");
        return;
    }
    if (actor->vtable->compare(actor, &recovery->subject, NULL, 0, &left, &fault) < 0) {
        recovered(recovery, OUTCOME_UNKNOWN, fault.text);
        return;
    }
    size_t intents = 0, differing = left.change_count;
    size_t untouched = left.changes ? as_before(recovery->changes, left.changes, &intents) : 0;
    comparison_done(&left);
    if (differing == 0)
        made(recovery);
    else if (untouched > 0 && untouched == intents)
        recovered(recovery, OUTCOME_FAILED,
                  "the resource is as it was before: nothing was changed");
    else if (untouched > 0 && untouched == differing)
        partly_made(recovery);
    else
        recovered(recovery, OUTCOME_UNKNOWN,
                  "the resource is neither as it was nor as it was to become");
}

/* ---- the look ---- */

static void on_read(void *data)
{
    struct recovery *recovery = data;
    struct engine *engine = recovery->engine;
    recovery->call = NULL;
    recovery->looking = false;
    if (recovery->subject.code >= 0) {
        judge(recovery);
        return;
    }
    log_event(LOG_WARN, "intent.unread", LOG_S("resource", recovery->resource->resource),
              LOG_S("error", recovery->subject.problem), LOG_S("id", recovery->id));
    subject_done(&recovery->subject);
    recovery->due_ms = engine_now_ms(engine) + LOOK_AGAIN_MS;
    recoveries_start(engine);
}

static void look(struct recovery *recovery)
{
    struct engine *engine = recovery->engine;
    struct actor *actor = engine->options.actor;
    const struct resource *resource = recovery->resource;
    const struct kind_info *kind = actor->vtable->kind(actor, resource->kind);
    if (!kind || !kind->reads) {
        recovery->resource->call_unknown = true;
        resources_keep(&engine->resources, recovery->resource, engine->unsaved);
        recovered(recovery, OUTCOME_UNKNOWN, "nobody can tell whether the call was made");
        return;
    }
    recovery->subject = (struct subject){.kind = resource->kind,
                                         .resource = resource->resource,
                                         .region = resource->region,
                                         .account = resource->account,
                                         .wanted = recovery->wanted};
    int rc = world_read(engine->options.world, actor, &recovery->subject, 1, on_read, recovery,
                        &recovery->call);
    recovery->looking = rc >= 0;
    if (rc >= 0) return;
    recovery->due_ms = engine_now_ms(engine) + LOOK_AGAIN_MS;
    recoveries_start(engine);
}

static void on_due(void *data)
{
    struct engine *engine = data;
    engine->recovery_timer = NULL;
    recoveries_start(engine);
}

void recoveries_start(struct engine *engine)
{
    struct recovery *first = NULL;
    if (!engine->recoveries || engine->stopping || engine->options.read_only ||
        !engine->options.actor || !engine->unsaved)
        return;
    int64_t most_ms = engine_now_ms(engine) + apply_bound_ms(engine);
    for (struct recovery *r = engine->recoveries; r; r = r->next) {
        if (r->looking) return;
        if (r->due_ms > most_ms) r->due_ms = most_ms; /* the clock went back */
        if (!first || r->due_ms < first->due_ms) first = r;
    }
    loop_timer_cancel(engine->recovery_timer);
    engine->recovery_timer = NULL;
    int64_t left_ms = clock_real_ms_until(&engine->options.world->clock, first->due_ms);
    if (engine_now_ms(engine) >= first->due_ms)
        look(first);
    else if (loop_timer_start(engine->options.loop, left_ms > 0 ? left_ms : 1, on_due, engine,
                              &engine->recovery_timer) < 0)
        log_event(LOG_ERROR, "intent.unread", LOG_S("error", "no memory for a timer"));
}

void recoveries_stop(struct engine *engine)
{
    loop_timer_cancel(engine->recovery_timer);
    engine->recovery_timer = NULL;
    for (struct recovery *r = engine->recoveries; r; r = r->next) {
        if (!r->looking) continue;
        world_cancel_act(engine->options.world, engine->options.actor, r->call);
        r->call = NULL;
        r->looking = false;
    }
}

void recoveries_done(struct engine *engine)
{
    while (engine->recoveries) {
        struct recovery *recovery = engine->recoveries;
        engine->recoveries = recovery->next;
        recovery_free(recovery);
    }
}
