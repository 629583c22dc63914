/* tick/engine.c - the policies: how they come, are replaced and go, and what is known of them.
 *
 * A policy that is put while a tick of it is under way is swapped at once, as the tick pins the
 * generation it began with. A policy that is removed then leaves the list at once, and its memory
 * when its run ends. */
#include "engine_private.h"
#include "moontide/base/hash.h"
#include "moontide/base/log.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "moontide/tick/wishes.h"
#include "verdicts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int64_t real_ns(void)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real);
}

static void defaults(struct engine_options *options)
{
    if (options->slice_ms <= 0) options->slice_ms = DEFAULT_SLICE_MS;
    if (options->policy_wall_ms <= 0) options->policy_wall_ms = DEFAULT_POLICY_WALL_MS;
    if (options->collect_ms <= 0) options->collect_ms = DEFAULT_COLLECT_MS;
    if (options->apply_ms <= 0) options->apply_ms = DEFAULT_APPLY_MS;
    if (options->price_per_1000_usd <= 0) options->price_per_1000_usd = 0.01;
}

static int load(struct engine *engine, struct fault *fault)
{
    const struct engine_options *options = &engine->options;
    if (!options->store) return OK;
    int rc = memos_load(&engine->memos, options->store, options->world->name, fault);
    if (rc < 0) return rc;
    rc = alerts_load(engine->alerts, options->store, options->world->name, fault);
    if (rc == OK)
        rc = resources_load(&engine->resources, options->store, options->world->name, fault);
    if (rc == OK) rc = recoveries_load(engine, fault);
    if (rc < 0 || options->read_only) return rc;
    rc = changes_new(&engine->unsaved);
    return rc < 0 ? fault_set(fault, rc, "no memory for the engine") : OK;
}

int engine_new(const struct engine_options *options, struct engine **out, struct fault *fault)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine) return fault_set(fault, ERR_NOMEM, "no memory for the engine");
    engine->options = *options;
    defaults(&engine->options);
    if (options->rails)
        rail_limits_copy(&engine->limits, options->rails);
    else
        rail_limits_default(&engine->limits);
    struct collector_options collecting = {
        .loop = options->loop, .world = options->world, .settle_ms = options->settle_ms};
    int rc = collector_new(&collecting, &engine->collector);
    if (rc == OK) rc = alerts_new(&engine->alerts);
    if (rc == OK) rc = verdicts_new(&engine->verdicts);
    if (rc == OK) rc = wishes_new(&engine->wishes);
    if (rc == OK) rc = wishes_new(&engine->acting_wishes);
    if (rc < 0)
        fault_set(fault, rc, "no memory for the engine");
    else
        rc = load(engine, fault);
    if (rc < 0) {
        engine_free(engine);
        return rc;
    }
    *out = engine;
    return OK;
}

static void file_fault_free(struct file_fault *file_fault)
{
    free(file_fault->file);
    free(file_fault->policy);
    free(file_fault);
}

static void put_end(struct policy *policy, int code);

void engine_free(struct engine *engine)
{
    if (!engine) return;
    assert(!engine->ticks && !engine->timer && !engine->pump);
    while (engine->policies) {
        struct policy *policy = engine->policies;
        engine->policies = policy->next;
        put_end(policy, ERR_CANCELED);
        policy_free(policy);
    }
    while (engine->file_faults) {
        struct file_fault *next = engine->file_faults->next;
        file_fault_free(engine->file_faults);
        engine->file_faults = next;
    }
    collector_free(engine->collector);
    alerts_free(engine->alerts);
    memos_done(&engine->memos);
    recoveries_done(engine);
    resources_done(&engine->resources);
    wishes_free(engine->wishes);
    wishes_free(engine->acting_wishes);
    verdicts_free(engine->verdicts);
    pauses_done(&engine->pauses);
    rail_limits_done(&engine->limits);
    changes_free(engine->unsaved);
    free(engine->series);
    free(engine);
}

struct collector *engine_collector(struct engine *engine)
{
    return engine->collector;
}

/* Policies. */

static struct policy *find(const struct engine *engine, const char *name)
{
    struct policy *policy = engine->policies;
    while (policy && strcmp(policy->name, name) != 0)
        policy = policy->next;
    return policy;
}

void policy_free(struct policy *policy)
{
    assert(!policy->run && !policy->put.evaluator);
    generation_unpin(policy->live);
    answers_free(policy->answers);
    evaluation_done(&policy->evaluation);
    free(policy->name);
    free(policy->file);
    free(policy);
}

static struct policy *policy_new(struct engine *engine, const struct policy_info *info)
{
    struct policy *policy = calloc(1, sizeof *policy);
    if (!policy) return NULL;
    policy->engine = engine;
    evaluation_init(&policy->evaluation);
    policy->name = strdup(info->name);
    policy->file = strdup(info->file);
    policy->hash = hash64(info->name, strlen(info->name), 0);
    if (!policy->name || !policy->file || answers_new(&policy->answers) < 0) {
        policy_free(policy);
        return NULL;
    }
    struct policy **at = &engine->policies;
    while (*at && strcmp((*at)->name, policy->name) < 0)
        at = &(*at)->next;
    policy->next = *at;
    *at = policy;
    return policy;
}

enum policy_mode policy_mode_in_force(const struct policy *policy)
{
    const struct engine_options *options = &policy->engine->options;
    const struct policy_info *info = policy->live ? policy->live->info : NULL;
    if (!info || !info->has_mode) return options->mode;
    if (!options->mode_override) return info->mode;
    if (options->override_up || options->mode < info->mode) return options->mode;
    return info->mode;
}

struct changes *policy_changes(const struct policy *policy)
{
    const struct tick *tick = policy->run ? policy->run->tick : NULL;
    return tick && tick->changes && !tick->written ? tick->changes : policy->engine->unsaved;
}

/* Put. */

static void put_swapped(struct policy *policy, int code)
{
    struct put *put = &policy->put;
    void (*swapped)(void *, const char *, int) = put->swapped;
    put->swapped = NULL;
    if (swapped) swapped(put->data, policy->name, code);
}

/* Drops what is on its way, if anything is. */
static void put_end(struct policy *policy, int code)
{
    struct put *put = &policy->put;
    if (!put->evaluator) return;
    if (put->discovery.under_way) discovery_cancel(&put->discovery);
    put->evaluator->vtable->free(put->evaluator);
    put->evaluator = NULL;
    put_swapped(policy, code);
}

/* A file holds one policy: one that it had under another name is gone. */
static void remove_former(struct engine *engine, const struct policy *keep)
{
    for (struct policy *policy = engine->policies; policy; policy = policy->next) {
        if (policy == keep || strcmp(policy->file, keep->file) != 0) continue;
        engine_remove(engine, policy->name);
        return;
    }
}

static void put_live(struct policy *policy, struct generation *generation)
{
    policy->put.evaluator = NULL;
    policy->fault.code = OK;
    generation_install(policy, generation);
    log_event(LOG_INFO, "policy.loaded", LOG_S("policy", policy->name),
              LOG_S("file", generation->info->file), LOG_I("targets", generation->targets.count),
              LOG_I("metrics", generation->targets.entry_count),
              LOG_S("sha256", generation->info->sha256));
    remove_former(policy->engine, policy);
    schedule_again(policy);
}

static void put_discovered(void *data, int code, const struct fault *fault)
{
    struct policy *policy = data;
    struct generation *generation = NULL;
    struct fault own;
    if (code >= OK) {
        code = generation_new(policy->engine, policy->put.evaluator, &generation);
        fault_set(&own, code, "no memory for the series of its targets");
        fault = &own;
    }
    if (generation) {
        put_live(policy, generation);
        code = OK;
    } else {
        if (fault)
            policy->fault = *fault;
        else
            fault_set(&policy->fault, code, "targets(): %s", err_text(code));
        policy->fault.code = code;
        if (!policy->fault.file[0]) fault_at(&policy->fault, policy->file, policy->fault.line, 0);
    }
    put_swapped(policy, code);
    put_settled(policy);
}

void policy_discover_put(struct policy *policy)
{
    discovery_start(&policy->put.discovery, policy->engine, policy->put.evaluator, put_discovered,
                    policy);
}

static int put_check(struct engine *engine, const struct policy_info *info, struct policy **policy,
                     struct fault *fault)
{
    if (engine->stopping) return fault_set(fault, ERR_CLOSED, "the engine is stopping");
    *policy = find(engine, info->name);
    if (!*policy) return OK;
    if (strcmp((*policy)->file, info->file) == 0) return OK;
    fault_set(fault, ERR_EXISTS, "the policy \"%s\" of %s has the name of the one in %s",
              info->name, info->file, (*policy)->file);
    fault_at(fault, info->file, 0, 0);
    return ERR_EXISTS;
}

int engine_put(struct engine *engine, struct evaluator *take_evaluator,
               void (*swapped)(void *data, const char *policy, int code), void *data,
               struct fault *fault)
{
    const struct policy_info *info = take_evaluator->vtable->info(take_evaluator);
    struct policy *policy = NULL;
    int rc = put_check(engine, info, &policy, fault);
    bool is_new = rc == OK && !policy;
    if (is_new) {
        policy = policy_new(engine, info);
        if (!policy) rc = fault_set(fault, ERR_NOMEM, "no memory for the policy");
    }
    if (rc < 0) {
        take_evaluator->vtable->free(take_evaluator);
        return rc;
    }
    put_end(policy, ERR_CANCELED);
    policy->put = (struct put){.evaluator = take_evaluator, .swapped = swapped, .data = data};
    if (is_new) schedule_now(policy);
    policy_discover_put(policy);
    return OK;
}

static bool keep_none(void *data, const char *target)
{
    (void)data, (void)target;
    return false;
}

static void removed_alert(void *data, const char *target, const struct alert *alert)
{
    struct policy *policy = data;
    note_issue(policy, NULL, target, alert, ALERT_EVENT_RESOLVED, "the policy is gone",
               policy_changes(policy));
}

void engine_remove(struct engine *engine, const char *name)
{
    struct policy **at = &engine->policies;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    struct policy *policy = *at;
    if (!policy) return;
    *at = policy->next;
    policy->removed = true;
    alerts_retain(engine->alerts, policy->name, keep_none, removed_alert, policy,
                  policy_changes(policy));
    verify_retain(engine, policy->name, keep_none, NULL, "its policy is gone",
                  policy_changes(policy));
    wishes_forget(engine->wishes, policy->name, NULL);
    wishes_forget(engine->acting_wishes, policy->name, NULL);
    put_end(policy, ERR_CANCELED);
    recorder_forget(engine->options.recorder, policy->name);
    schedule_arm(engine);
    if (policy->run)
        run_cancel(policy->run);
    else
        policy_free(policy);
}

int engine_file_fault(struct engine *engine, const char *file, const char *policy,
                      const struct fault *fault)
{
    struct file_fault **at = &engine->file_faults;
    while (*at && strcmp((*at)->file, file) != 0)
        at = &(*at)->next;
    if (*at) {
        struct file_fault *before = *at;
        *at = before->next;
        file_fault_free(before);
    }
    if (!fault) return OK;
    struct file_fault *file_fault = calloc(1, sizeof *file_fault);
    if (!file_fault) return ERR_NOMEM;
    file_fault->file = strdup(file);
    file_fault->policy = strdup(policy ? policy : "");
    file_fault->fault = *fault;
    if (!file_fault->file || !file_fault->policy) {
        file_fault_free(file_fault);
        return ERR_NOMEM;
    }
    if (!fault->file[0]) fault_at(&file_fault->fault, file, fault->line, fault->column);
    while (*at) /* in the order they came */
        at = &(*at)->next;
    *at = file_fault;
    return OK;
}

/* Ticks on demand. */

int engine_tick(struct engine *engine, const char *name, void (*done)(void *data, bool failed),
                void *data)
{
    if (engine->stopping) return ERR_CLOSED;
    if (name) {
        struct policy *policy = find(engine, name);
        if (!policy) return ERR_NOT_FOUND;
        return policy->run ? ERR_BUSY : tick_begin(engine, &policy, 1, done, data);
    }
    size_t count = 0, idle = 0;
    for (struct policy *policy = engine->policies; policy; policy = policy->next)
        count++;
    struct policy **policies = calloc(count + 1, sizeof(struct policy *));
    if (!policies) return ERR_NOMEM;
    for (struct policy *policy = engine->policies; policy; policy = policy->next)
        if (!policy->run) policies[idle++] = policy;
    int rc = count > 0 && idle == 0 ? ERR_BUSY : tick_begin(engine, policies, idle, done, data);
    free(policies);
    return rc;
}

/* Start and end. */

int engine_start(struct engine *engine)
{
    if (engine->stopping) return ERR_CLOSED;
    engine->started = true;
    recoveries_start(engine);
    engine_pauses_changed(engine); /* to know what is old */
    schedule_start(engine);
    return engine->policies && !engine->timer ? ERR_NOMEM : OK;
}

static void stopped(void *data)
{
    struct engine *engine = data;
    void (*done)(void *) = engine->stopped;
    engine->stopped = NULL;
    if (done) done(engine->stopped_data);
}

static void final_written(void *data, int code, const struct fault *fault)
{
    (void)code;
    struct engine *engine = data;
    if (code < 0)
        log_event(LOG_ERROR, "store.failed", LOG_S("error", fault ? fault->text : err_text(code)),
                  LOG_I("lost", changes_count(engine->unsaved)));
    stopped(engine);
}

/* What no batch could take yet, once more. Returns whether done will come. */
static bool write_rest(struct engine *engine)
{
    struct store_batch *batch = NULL;
    if (changes_empty(engine->unsaved)) return false;
    int rc = store_batch_new(engine->options.world->name, engine_now_ms(engine), &batch);
    if (rc < 0) return false;
    rc = changes_write(engine->unsaved, batch);
    if (rc < 0) log_event(LOG_ERROR, "store.failed", LOG_S("error", err_text(rc)));
    rc = store_commit(engine->options.store, batch, final_written, engine);
    if (rc < 0) log_event(LOG_ERROR, "store.failed", LOG_S("error", err_text(rc)));
    return rc >= 0;
}

void engine_check_stopped(struct engine *engine)
{
    if (!engine->stopping || engine->ticks || engine->keeping || engine->final_write) return;
    engine->final_write = true;
    loop_timer_cancel(engine->pump);
    engine->pump = NULL;
    if (write_rest(engine)) return;
    if (loop_timer_start(engine->options.loop, 0, stopped, engine, NULL) < 0) stopped(engine);
}

void engine_stop(struct engine *engine, void (*done)(void *data), void *data)
{
    if (engine->stopping) return;
    engine->stopping = true;
    engine->stopped = done;
    engine->stopped_data = data;
    schedule_stop(engine);
    recoveries_stop(engine);
    for (struct policy *policy = engine->policies; policy; policy = policy->next)
        put_end(policy, ERR_CANCELED);
    for (struct tick *tick = engine->ticks; tick;) {
        if (tick->canceled) {
            tick = tick->next;
            continue;
        }
        tick_cancel(tick); /* may free it, and others: begin again */
        tick = engine->ticks;
    }
    engine_check_stopped(engine);
}

/* Status. */

void engine_each_policy(const struct engine *engine,
                        void (*each)(void *data, const struct policy_status *status), void *data)
{
    for (const struct policy *policy = engine->policies; policy; policy = policy->next) {
        const struct evaluator *evaluator =
            policy->live ? policy->live->evaluator : policy->put.evaluator;
        if (!evaluator) continue;
        struct policy_status status = {.info = evaluator->vtable->info(evaluator),
                                       .mode = policy_mode_in_force(policy),
                                       .targets = policy->live ? policy->live->targets.count : 0,
                                       .ticks = policy->ticks,
                                       .skipped = policy->skipped,
                                       .failed = policy->failed,
                                       .last_ms = policy->last_ms,
                                       .next_ms = engine->started ? policy->due_ms : 0,
                                       .last_elapsed_us = policy->last_elapsed_us,
                                       .memory_bytes = evaluator->vtable->memory_bytes(evaluator),
                                       .metrics_charged = policy->metrics_charged,
                                       .fault = policy->fault.code < 0 ? &policy->fault : NULL};
        memcpy(status.by_status, policy->by_status, sizeof status.by_status);
        for (const struct file_fault *f = engine->file_faults; f; f = f->next)
            if (strcmp(f->file, policy->file) == 0) status.fault = &f->fault;
        each(data, &status);
    }
}

void engine_each_target(const struct engine *engine, const char *name,
                        void (*each)(void *data, const char *target, enum status status,
                                     const struct alert *alerts, size_t count),
                        void *data)
{
    const struct policy *policy = find(engine, name);
    if (!policy || !policy->live) return;
    const struct targets *targets = &policy->live->targets;
    const struct evaluator *evaluator = policy->live->evaluator;
    for (size_t i = 0; i < targets->count; i++) {
        const char *id = evaluator->vtable->target(evaluator, i)->id;
        size_t count = 0;
        const struct alert *alerts = alerts_of(engine->alerts, name, id, &count);
        bool judged = targets->states[i].flags & TARGET_JUDGED;
        enum status status =
            judged ? (enum status)targets->states[i].status : alerts_status(alerts, count, 1);
        each(data, id, status, alerts, count);
    }
}

/* Resources. */

size_t engine_unfreeze(struct engine *engine, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < engine->resources.table.cap; i++) {
        struct resource *resource = (struct resource *)engine->resources.table.slots[i];
        if (!resource || strcmp(resource->resource, name) != 0) continue;
        if (!resource_unfreeze(&engine->resources, resource, NULL, engine_now_ms(engine),
                               engine->unsaved))
            continue;
        log_event(LOG_INFO, "resource.resumed", LOG_S("resource", name),
                  LOG_S("kind", resource->kind));
        count++;
    }
    if (count > 0) (void)engine_keep(engine, NULL, engine_now_ms(engine), NULL, NULL);
    return count;
}

void engine_actions(const struct engine *engine, struct engine_actions *out)
{
    *out = (struct engine_actions){.frozen = engine->resources.frozen,
                                   .verifying = engine->resources.verifying};
    for (size_t i = 0; i < engine->resources.table.cap; i++) {
        const struct resource *resource = (const struct resource *)engine->resources.table.slots[i];
        if (resource) out->open_intents += resource->open_intents;
    }
}
