/* tick/tick.c - one tick, from the clock to the disk.
 *
 * tick_advance() is its table of contents. A phase begins what it has to do and counts what it
 * waits for in `waiting`; whatever ends calls tick_resume(), and when nothing is left the next
 * phase begins. Snapshot, evaluation, alerts and decisions of one target are one step of
 * PHASE_EVALUATE, as a target is reported as soon as it is judged. */
#include "engine_private.h"
#include "moontide/base/log.h"
#include "moontide/io/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum phase {
    PHASE_DISCOVER, /* targets that are due to be found again */
    PHASE_PIN,      /* from here on the tick has its generations */
    PHASE_COLLECT,  /* datapoints and extras: the snapshot */
    PHASE_EVALUATE, /* findings, alerts, decisions of each target */
    PHASE_READ,     /* what is true of the resources that were decided */
    PHASE_COMPARE,  /* what differs */
    PHASE_RAILS,    /* the rails that need no more than that */
    PHASE_CHECK,    /* whether it can be done at all */
    PHASE_DECIDE,   /* the other rails: proposals, refusals, intents */
    PHASE_KEEP,     /* one batch to disk: from here on an action may be sent */
    PHASE_PAUSE,    /* the kill switch once more */
    PHASE_ACT,      /* the calls */
    PHASE_SETTLE,   /* their outcomes to disk */
    PHASE_REPORT,   /* to the listener */
    PHASE_END
};

static void tick_pin(struct tick *tick);
static void tick_report(struct tick *tick);
static void tick_keep(struct tick *tick);
static void tick_settle(struct tick *tick);
static void tick_end(struct tick *tick);

static void tick_advance(struct tick *tick)
{
    while (tick->waiting == 0) {
        tick->waiting = 1; /* the phase itself: what ends at once must not begin the next one */
        switch ((enum phase)tick->phase++) {
        case PHASE_DISCOVER: tick_discover(tick); break;
        case PHASE_PIN: tick_pin(tick); break;
        case PHASE_COLLECT: tick_collect(tick); break;
        case PHASE_EVALUATE: tick_evaluate(tick); break;
        case PHASE_READ: tick_read(tick); break;
        case PHASE_COMPARE: tick_compare(tick); break;
        case PHASE_RAILS: tick_rails(tick); break;
        case PHASE_CHECK: tick_check(tick); break;
        case PHASE_DECIDE: tick_decide(tick); break;
        case PHASE_KEEP: tick_keep(tick); break;
        case PHASE_PAUSE: tick_pause_again(tick); break;
        case PHASE_ACT: tick_act(tick); break;
        case PHASE_SETTLE: tick_settle(tick); break;
        case PHASE_REPORT: tick_report(tick); break;
        case PHASE_END: tick_end(tick); return;
        }
        tick->waiting--;
    }
}

void tick_resume(struct tick *tick)
{
    assert(tick->waiting > 0);
    if (--tick->waiting == 0) tick_advance(tick);
}

/* Begin and end. */

static void tick_free(struct tick *tick)
{
    while (tick->runs) {
        struct run *run = tick->runs;
        tick->runs = run->next;
        free(run);
    }
    tick_act_done(tick);
    changes_free(tick->changes);
    tick_errors_done(&tick->errors);
    free(tick);
}

static void start(void *data)
{
    struct tick *tick = data;
    tick->starter = NULL;
    tick_resume(tick);
}

static struct tick *tick_new(struct engine *engine, struct policy *const *policies, size_t count)
{
    struct tick *tick = calloc(1, sizeof *tick);
    if (!tick) return NULL;
    tick->engine = engine;
    struct run **at = &tick->runs;
    for (size_t i = 0; i < count; i++) {
        struct run *run = calloc(1, sizeof *run);
        if (!run) {
            tick_free(tick);
            return NULL;
        }
        run->tick = tick;
        run->policy = policies[i];
        *at = run;
        at = &run->next;
    }
    tick->run_count = count;
    return tick;
}

int tick_begin(struct engine *engine, struct policy *const *policies, size_t count,
               void (*done)(void *data, bool failed), void *data)
{
    struct tick *tick = tick_new(engine, policies, count);
    int rc = tick ? OK : ERR_NOMEM;
    if (rc == OK && engine->unsaved) rc = changes_new(&tick->changes);
    if (rc == OK) rc = loop_timer_start(engine->options.loop, 0, start, tick, &tick->starter);
    if (rc < 0) {
        if (tick) tick_free(tick);
        return rc;
    }
    tick->waiting = 1; /* for the timer */
    tick->done = done;
    tick->data = data;
    tick->at_ms = engine_now_ms(engine);
    tick->begun_ns = real_ns();
    struct recorder *recorder = engine->options.recorder;
    tick->number = recorder ? recorder_next_tick(recorder) : ++engine->tick_number;
    tick->next = engine->ticks;
    engine->ticks = tick;
    for (struct run *run = tick->runs; run; run = run->next)
        run->policy->run = run;
    recoveries_start(engine); /* also where nobody began a schedule */
    return OK;
}

static void run_end(struct run *run)
{
    struct policy *policy = run->policy;
    if (run->generation) {
        policy->ticks++;
        policy->last_elapsed_us = run->spent_ns / 1000;
        memcpy(policy->by_status, run->by_status, sizeof policy->by_status);
        extra_free(run);
        if (!policy->removed) generation_overtaken(policy, run->generation);
    }
    if (run->error_count > 0) policy->failed++;
    policy->run = NULL;
    generation_unpin(run->generation);
    if (policy->removed) policy_free(policy);
}

static void tick_end(struct tick *tick)
{
    struct engine *engine = tick->engine;
    void (*done)(void *, bool) = tick->done;
    void *data = tick->data;
    bool failed = tick->failed;
    for (struct run *run = tick->runs; run; run = run->next)
        run_end(run);
    struct tick **at = &engine->ticks;
    while (*at != tick)
        at = &(*at)->next;
    *at = tick->next;
    tick_free(tick);
    if (!engine->timer) schedule_arm(engine); /* it could not be set for want of memory */
    if (done) done(data, failed);
    engine_check_stopped(engine);
}

void run_cancel(struct run *run)
{
    if (run->awaits_put) {
        run->awaits_put = false;
        tick_resume(run->tick);
    } else if (run->discovery.under_way) {
        discovery_cancel(&run->discovery);
        tick_resume(run->tick);
    } else if (run->collecting) {
        collect_cancel(run);
    } /* an evaluation sees it when its turn comes */
}

void tick_cancel(struct tick *tick)
{
    tick->canceled = true;
    tick_wait(tick);
    if (tick->starter) {
        loop_timer_cancel(tick->starter);
        start(tick);
    }
    if (tick->fetching) {
        tick->fetching = false;
        fetch_cancel(tick->fetch);
        tick->fetch = NULL;
        tick_resume(tick);
    }
    for (struct run *run = tick->runs; run; run = run->next)
        run_cancel(run);
    tick_act_cancel(tick);
    tick_resume(tick);
}

/* Phases. */

static void tick_pin(struct tick *tick)
{
    verify_orphans(tick);
    for (struct run *run = tick->runs; run; run = run->next) {
        struct policy *policy = run->policy;
        if (policy->removed || !policy->live) continue;
        run->generation = policy->live;
        run->generation->pins++;
        run->mode = policy_mode_in_force(policy);
        if (policy->first_ms == 0) policy->first_ms = tick->at_ms;
        policy->last_ms = tick->at_ms;
    }
}

/* What the policy costs in 30 days: what was charged so far, over the time that buys. A question
 * buys a period, or the time to the next tick where that is longer. */
static double month_metrics(const struct policy *policy)
{
    static const double month_ms = 30.0 * 24 * 3600 * 1000;
    if (!policy->live) return 0;
    int64_t step_ms = policy->live->info->every_ms;
    if (policy->live->targets.period_max_ms > step_ms)
        step_ms = policy->live->targets.period_max_ms;
    int64_t span_ms = policy->last_ms - policy->first_ms + step_ms;
    return span_ms > 0 ? (double)policy->metrics_charged / (double)span_ms * month_ms : 0;
}

static void report_to(const struct engine_listener *listener, struct tick *tick,
                      struct tick_report *report)
{
    const char **names = calloc(tick->run_count + 1, sizeof(char *));
    uint32_t *metrics = calloc(tick->run_count + 1, sizeof *metrics);
    for (const struct run *run = tick->runs; run && names && metrics; run = run->next) {
        names[report->policies] = run->policy->name;
        metrics[report->policies++] = run->metrics_charged;
    }
    report->policy_names = names;
    report->policy_metrics = metrics;
    listener->tick(listener->data, report);
    free(names);
    free(metrics);
}

static void tick_report(struct tick *tick)
{
    struct engine *engine = tick->engine;
    tick_report_judged(tick);
    if (tick->canceled) {
        struct fault fault;
        fault_set(&fault, ERR_CANCELED, "the engine stops before this tick was whole");
        tick_error_add(tick, "", "", &fault);
        log_event(LOG_INFO, "tick.cut_short", LOG_S("reason", fault.text));
    }
    tick_errors_standing(tick);
    bool priced = engine->options.world->priced;
    double price = priced ? engine->options.price_per_1000_usd / 1000 : 0, month = 0;
    for (const struct policy *policy = engine->policies; policy; policy = policy->next)
        month += month_metrics(policy);
    struct tick_report report = {.at_ms = tick->at_ms,
                                 .elapsed_ms = (real_ns() - tick->begun_ns) / 1000000,
                                 .world = engine->options.world->name,
                                 .number = tick->number,
                                 .errors = tick->errors.items,
                                 .error_count = tick->errors.count,
                                 .calls = tick->calls,
                                 .queries = tick->queries,
                                 .metrics_charged = tick->metrics_charged,
                                 .datapoints = tick->datapoints,
                                 .cost_usd = tick->metrics_charged * price,
                                 .month_usd = month * price};
    for (const struct run *run = tick->runs; run; run = run->next)
        for (int status = 0; status < 4; status++) {
            report.by_status[status] += run->by_status[status];
            report.targets += run->by_status[status];
        }
    if (engine->options.listener.tick) report_to(&engine->options.listener, tick, &report);
}

static void kept(void *data, int code)
{
    struct tick *tick = data;
    tick->keep_code = code;
    if (code < 0) tick->failed = true;
    tick_resume(tick);
}

static void keep(struct tick *tick, struct changes *changes)
{
    tick_wait(tick);
    int rc = engine_keep(tick->engine, changes, tick->at_ms, kept, tick);
    if (rc == KEEP_UNDER_WAY) return;
    tick->waiting--;
    tick->keep_code = rc;
    if (rc < 0) tick->failed = true;
}

static void tick_keep(struct tick *tick)
{
    if (!tick->changes) return;
    tick->written = true;
    keep(tick, tick->changes);
}

/* Outcomes went to engine->unsaved as they came. */
static void tick_settle(struct tick *tick)
{
    if (tick->acted) keep(tick, NULL);
}
