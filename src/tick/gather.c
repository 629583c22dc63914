/* tick/gather.c - what a tick does before it judges: discovery that is due, the datapoints of all
 * its policies in one fetch, and the `collect` of each target.
 *
 * Collects run COLLECTS_AT_ONCE at a time, each bounded in time. One that is late is given up, but
 * its call lives until it answers or the evaluator is stopped at the end of the phase, as a single
 * collect cannot be canceled. */
#include "shadow.h"

#include "moontide/base/log.h"
#include "moontide/io/loop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Discovery. */

static void rediscovered(void *data, int code, const struct fault *fault)
{
    struct run *run = data;
    struct policy *policy = run->policy;
    struct fault own;
    if (code >= OK) {
        code = generation_refresh(policy, policy->live);
        fault_set(&own, code, "no memory for the series of its targets");
        fault = &own;
    }
    if (code < 0) {
        if (!fault) fault_set(&own, code, "targets(): %s", err_text(code));
        run_error_add(run, "discovery of targets", fault ? fault : &own);
    }
    tick_resume(run->tick);
}

static bool discovery_is_due(const struct policy *policy, int64_t now_ms)
{
    const struct generation *live = policy->live;
    if (!live || live->info->discover_ms <= 0) return false;
    int64_t age_ms = now_ms - live->discovered_ms;
    return age_ms >= live->info->discover_ms || age_ms < 0; /* the clock went back */
}

static void discover_run(struct run *run)
{
    struct policy *policy = run->policy;
    if (policy->put.evaluator) {
        if (!policy->put.discovery.under_way) policy_discover_put(policy);
        if (!policy->put.evaluator || !policy->put.discovery.under_way) return;
        run->awaits_put = true;
        tick_wait(run->tick);
    } else if (discovery_is_due(policy, run->tick->at_ms)) {
        tick_wait(run->tick);
        discovery_start(&run->discovery, policy->engine, policy->live->evaluator, rediscovered,
                        run);
    }
}

void put_settled(struct policy *policy)
{
    struct run *run = policy->run;
    if (!run || !run->awaits_put) return;
    run->awaits_put = false;
    tick_resume(run->tick);
}

void tick_discover(struct tick *tick)
{
    for (struct run *run = tick->runs; run; run = run->next)
        if (!run->policy->removed && !tick->canceled) discover_run(run);
}

/* Datapoints. */

/* The policies whose series are not whole: whom a failed call concerns. */
static bool lacks_data(const struct run *run)
{
    const struct targets *targets = &run->generation->targets;
    for (size_t i = 0; i < targets->entry_count; i++)
        if (collector_reason(targets->entries[i])[0]) return true;
    return false;
}

static void fetch_failed(struct tick *tick, const struct fetch_result *result)
{
    char names[FAULT_TEXT_MAX / 2] = "", last[128] = "";
    size_t at = 0, affected = 0;
    for (const struct run *run = tick->runs; run; run = run->next) {
        if (!run->generation || !lacks_data(run)) continue;
        int n = snprintf(names + at, sizeof names - at, "%s%s", affected ? ", " : "",
                         run->policy->name);
        if (n > 0) at = at + (size_t)n < sizeof names ? at + (size_t)n : sizeof names - 1;
        snprintf(last, sizeof last, "%s", run->policy->name);
        affected++;
    }
    struct fault fault;
    const char *text = result->fault.text[0] ? result->fault.text : err_text(result->code);
    fault_set(&fault, result->code, "metrics of %s could not be had: %s",
              affected ? names : "the policies", text);
    tick_error_add(tick, affected == 1 ? last : "", "", &fault);
    log_event(LOG_ERROR, "metrics.failed", LOG_S("policies", names), LOG_S("error", text),
              LOG_S("code", err_name(result->code)), LOG_I("calls", result->calls),
              LOG_I("queries", result->queries), LOG_I("ms", result->elapsed_ms));
}

/* Queries that failed alone, while their call was answered: one error a policy. */
static void queries_failed(struct tick *tick)
{
    for (struct run *run = tick->runs; run; run = run->next) {
        if (!run->generation) continue;
        const struct targets *targets = &run->generation->targets;
        const struct collector_entry *first = NULL;
        size_t count = 0;
        for (size_t i = 0; i < targets->entry_count; i++) {
            if (!collector_unanswered(targets->entries[i])) continue;
            if (!first) first = targets->entries[i];
            count++;
        }
        if (count == 0) continue;
        struct fault fault;
        fault_set(&fault, ERR_IO, "%zu of its %zu metrics could not be had: %s", count,
                  targets->entry_count, collector_reason(first));
        tick_error_add(tick, run->policy->name, "", &fault);
        log_event(LOG_ERROR, "metrics.failed", LOG_S("policies", run->policy->name),
                  LOG_S("error", fault.text));
    }
}

static void fetched(void *data, const struct fetch_result *result)
{
    struct tick *tick = data;
    tick->fetching = false;
    tick->fetch = NULL;
    tick->calls = result->calls;
    tick->queries = result->queries;
    tick->datapoints = result->datapoints;
    size_t owner = 0;
    for (struct run *run = tick->runs; run && owner < result->owner_count; run = run->next) {
        run->metrics_charged = result->metrics_charged[owner++];
        run->policy->metrics_charged += run->metrics_charged;
        tick->metrics_charged += run->metrics_charged;
    }
    if (result->code < 0)
        fetch_failed(tick, result);
    else
        log_event(result->calls > 0 ? LOG_INFO : LOG_DEBUG, "metrics.collected",
                  LOG_S("policy", tick->run_count == 1 ? tick->runs->policy->name : NULL),
                  LOG_I("policies", tick->run_count), LOG_I("calls", result->calls),
                  LOG_I("queries", result->queries), LOG_I("datapoints", result->datapoints),
                  LOG_I("ms", result->elapsed_ms),
                  LOG_S("messages", result->messages[0] ? result->messages : NULL));
    if (result->code >= 0) queries_failed(tick);
    tick_resume(tick);
}

static size_t entries_of(const struct generation *generation, uint32_t owner,
                         struct fetch_item *items)
{
    size_t count = generation ? generation->targets.entry_count : 0;
    for (size_t i = 0; items && i < count; i++)
        items[i] = (struct fetch_item){generation->targets.entries[i], owner};
    return count;
}

/* Of all runs, and what their candidates ask besides. items NULL: counts them. */
static size_t entries_of_all(const struct tick *tick, struct fetch_item *items)
{
    size_t count = 0;
    uint32_t owner = 0;
    for (const struct run *run = tick->runs; run; run = run->next, owner++) {
        count += entries_of(run->generation, owner, items ? items + count : NULL);
        if (run->shadow)
            count += entries_of(run->shadow->generation, owner, items ? items + count : NULL);
    }
    return count;
}

static int fetch_start(struct tick *tick)
{
    size_t count = entries_of_all(tick, NULL);
    if (count == 0) return OK;
    struct fetch_item *items = calloc(count, sizeof *items);
    if (!items) return ERR_NOMEM;
    (void)entries_of_all(tick, items);
    struct fetch *fetch = NULL;
    tick->fetching = true;
    tick_wait(tick);
    int rc = collector_fetch(tick->engine->collector, items, count, tick->run_count, tick->at_ms,
                             fetched, tick, &fetch);
    free(items);
    if (rc < 0) {
        tick->fetching = false;
        tick_resume(tick);
    } else if (tick->fetching) { /* else it is over and gone */
        tick->fetch = fetch;
    }
    return rc;
}

/* Collect. */

struct collect_call {
    struct run *run;
    struct collect_call *next;
    size_t target;
    struct loop_timer *timer;
    bool late;
};

/* What stands in run->extra for a collect that failed. */
static char failed_mark[] = "";

static void call_end(struct collect_call *call)
{
    loop_timer_cancel(call->timer);
    struct collect_call **at = &call->run->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    free(call);
}

static void collect_failed(struct run *run, size_t target, const struct fault *fault)
{
    const struct evaluator *evaluator = run->generation->evaluator;
    char prefix[320];
    snprintf(prefix, sizeof prefix, "collect of %s",
             evaluator->vtable->target(evaluator, target)->id);
    run->extra[target] = failed_mark;
    if (run->side)
        run->side->fault = *fault; /* it is not the tick's: the candidate is rejected */
    else
        run_error_add(run, prefix, fault);
}

static void collect_end(struct run *run)
{
    if (run->calls) { /* late ones, or all of a canceled run */
        struct evaluator *evaluator = run->generation->evaluator;
        evaluator->vtable->stop(evaluator);
        while (run->calls)
            call_end(run->calls);
    }
    run->collecting = false;
    tick_resume(run->tick);
}

static bool collect_step(struct run *run, int64_t until_ns);
static bool collect_is_off(const struct run *run);

/* One of the calls at once has ended, or is given up. */
static void slot_free(struct run *run)
{
    run->in_flight--;
    if (run->stepping || run->queued) return;
    if (run->collect_at < run->generation->targets.count && !collect_is_off(run))
        pump_add(run, collect_step);
    else if (run->in_flight == 0)
        collect_end(run);
}

static void collected(void *data, int code, const char *json, const struct fault *fault)
{
    struct collect_call *call = data;
    struct run *run = call->run;
    size_t target = call->target;
    bool late = call->late;
    call_end(call);
    if (late) return;
    struct fault own;
    if (code >= OK && json) {
        run->extra[target] = strdup(json);
        if (!run->extra[target]) code = ERR_NOMEM;
    }
    if (code < 0) {
        if (!fault) fault_set(&own, code, "%s", err_text(code));
        collect_failed(run, target, fault ? fault : &own);
    }
    slot_free(run);
}

static void collect_late(void *data)
{
    struct collect_call *call = data;
    struct fault fault;
    fault_set(&fault, ERR_TIMEOUT, "it did not end within %lld ms",
              (long long)call->run->tick->engine->options.collect_ms);
    call->timer = NULL;
    call->late = true;
    collect_failed(call->run, call->target, &fault);
    slot_free(call->run);
}

static void collect_one(struct run *run)
{
    struct engine *engine = run->tick->engine;
    struct evaluator *evaluator = run->generation->evaluator;
    size_t target = run->collect_at++;
    struct fault fault;
    struct collect_call *call = calloc(1, sizeof *call);
    int rc = call ? loop_timer_start(engine->options.loop, engine->options.collect_ms, collect_late,
                                     call, &call->timer)
                  : ERR_NOMEM;
    if (rc < 0) {
        free(call);
        fault_set(&fault, rc, "no memory to collect");
        collect_failed(run, target, &fault);
        return;
    }
    call->run = run;
    call->target = target;
    call->next = run->calls;
    run->calls = call;
    run->in_flight++;
    evaluator->vtable->collect(evaluator, target, run->tick->at_ms, collected, call);
}

static bool collect_is_off(const struct run *run)
{
    return run->tick->canceled || run->policy->removed || (run->side && run->side->over);
}

static bool collect_step(struct run *run, int64_t until_ns)
{
    size_t count = run->generation->targets.count;
    bool canceled = collect_is_off(run);
    run->stepping = true;
    while (!canceled && run->collect_at < count && run->in_flight < COLLECTS_AT_ONCE) {
        collect_one(run);
        if (real_ns() >= until_ns) break;
        canceled = collect_is_off(run);
    }
    run->stepping = false;
    if (canceled || (run->collect_at >= count && run->in_flight == 0)) {
        collect_end(run);
        return false;
    }
    return run->collect_at < count && run->in_flight < COLLECTS_AT_ONCE;
}

void collect_cancel(struct run *run)
{
    if (!run->queued && !run->stepping) collect_end(run); /* else its step sees it */
}

static void collect_start(struct run *run)
{
    size_t count = run->generation->targets.count;
    if (!run->generation->info->has_collect || count == 0) return;
    run->extra = calloc(count, sizeof(char *));
    if (!run->extra && run->side) {
        run->skip_rest = true; /* this tick does not count */
        return;
    }
    if (!run->extra) {
        struct fault fault;
        fault_set(&fault, ERR_NOMEM, "no memory to collect");
        run_error_add(run, "", &fault);
        run->at = count; /* without it nothing can be judged */
        return;
    }
    run->collecting = true;
    tick_wait(run->tick);
    pump_add(run, collect_step);
}

bool collect_take(struct run *run, size_t target, char **json)
{
    *json = run->extra ? run->extra[target] : NULL;
    return *json != failed_mark;
}

void extra_free(struct run *run)
{
    size_t count = run->extra ? run->generation->targets.count : 0;
    for (size_t i = 0; i < count; i++)
        if (run->extra[i] != failed_mark) free(run->extra[i]);
    free(run->extra);
    run->extra = NULL;
}

void tick_collect(struct tick *tick)
{
    if (tick->canceled) return;
    int rc = fetch_start(tick);
    if (rc < 0) {
        struct fault fault;
        fault_set(&fault, rc, "no memory to fetch the metrics");
        tick_error_add(tick, "", "", &fault);
    }
    for (struct run *run = tick->runs; run; run = run->next) {
        if (!run->generation || run->policy->removed) continue;
        collect_start(run);
        if (run->shadow) collect_start(&run->shadow->side);
    }
}
