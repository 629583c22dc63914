/* tick/evaluate.c - the judgement of each target, a slice at a time.
 *
 * Runs with something to do wait in one queue; a timer of 0 ms gives each turn of the loop one
 * slice, in which they take their turns. So however many policies there are, the loop has its turn
 * back after slice_ms. (Collects that compute use the same queue.)
 *
 * One target: its series and memo in, its evaluation out; then its alerts, its decisions, its
 * status, and the listener. An evaluation that outlives its slice goes on with copies of its
 * series, as a fetch of another tick may move the originals meanwhile.
 *
 * Where the policy has a candidate (shadow.h), its judgement of the target comes just before. */
#include "shadow.h"

#include "moontide/base/hash.h"
#include "moontide/base/log.h"
#include "moontide/base/timetext.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t NS_PER_MS = 1000000;

/* The queue. */

static void pump_arm(struct engine *engine);

static void queue_append(struct engine *engine, struct run *run)
{
    run->queued = true;
    run->next_ready = NULL;
    if (engine->ready_last)
        engine->ready_last->next_ready = run;
    else
        engine->ready_first = run;
    engine->ready_last = run;
}

static struct run *queue_take(struct engine *engine)
{
    struct run *run = engine->ready_first;
    engine->ready_first = run->next_ready;
    if (!engine->ready_first) engine->ready_last = NULL;
    run->queued = false;
    return run;
}

static void pump(void *data)
{
    struct engine *engine = data;
    engine->pump = NULL;
    engine->pumping = true;
    int64_t until_ns = real_ns() + engine->options.slice_ms * NS_PER_MS;
    do {
        struct run *run = queue_take(engine);
        if (run->step(run, until_ns)) queue_append(engine, run); /* else it may be gone */
    } while (engine->ready_first && real_ns() < until_ns);
    engine->pumping = false;
    pump_arm(engine);
}

static void pump_arm(struct engine *engine)
{
    if (!engine->ready_first || engine->pump || engine->pumping) return;
    if (loop_timer_start(engine->options.loop, 0, pump, engine, &engine->pump) == OK) return;
    while (engine->ready_first) { /* no memory for a timer: better late for others than never */
        struct run *run = queue_take(engine);
        if (run->step(run, real_ns() + NS_PER_MS)) queue_append(engine, run);
    }
}

void pump_add(struct run *run, bool (*step)(struct run *run, int64_t until_ns))
{
    run->step = step;
    queue_append(run->tick->engine, run);
    pump_arm(run->tick->engine);
}

/* One target. */

const struct target *run_target(const struct run *run)
{
    const struct evaluator *evaluator = run->generation->evaluator;
    return evaluator->vtable->target(evaluator, run->at);
}

static struct target_state *state_of(const struct run *run)
{
    return &run->generation->targets.states[run->at];
}

static void copies_free(struct run *run)
{
    for (uint32_t i = 0; i < run->copy_count; i++)
        free(run->copies[i]);
    free(run->copies);
    run->copies = NULL;
    run->copy_count = 0;
}

static struct series *series_copy(const struct series *series)
{
    size_t bytes = sizeof *series + series->slots * sizeof series->values[0];
    struct series *copy = malloc(bytes);
    if (copy) memcpy(copy, series, bytes);
    return copy;
}

/* The target's series: the shared ones, or the copies of an evaluation under way. */
static struct series *const *series_of(struct run *run, const struct target *target)
{
    if (run->copies) return run->copies;
    struct engine *engine = run->tick->engine;
    struct collector_entry *const *entries =
        run->generation->targets.entries + state_of(run)->first_entry;
    for (uint32_t i = 0; i < target->use_count; i++)
        engine->series[i] = collector_series(entries[i]);
    return engine->series;
}

int run_keep_series(struct run *run, const struct target *target)
{
    if (run->copies) return OK;
    struct series *const *series = series_of(run, target);
    struct series **copies = calloc(target->use_count + 1, sizeof(struct series *));
    if (!copies) return ERR_NOMEM;
    run->copies = copies;
    for (; run->copy_count < target->use_count; run->copy_count++) {
        copies[run->copy_count] = series_copy(series[run->copy_count]);
        if (!copies[run->copy_count]) return ERR_NOMEM;
    }
    return OK;
}

/* The memo to begin with: the kept one for a generation that does not have it yet, and again after
 * a failure, which may have left the policy's table half changed. */
static const char *memo_of(const struct run *run, const struct target *target)
{
    const struct target_state *state = state_of(run);
    if (state->flags & TARGET_MEMO_GIVEN) return NULL;
    const char *json = memos_get(&run->tick->engine->memos, run->policy->name, target->id);
    return !json && (state->flags & TARGET_MEMO_SPOILT) ? "{}" : json;
}

static void issue_changed(void *data, const struct alert *alert, enum alert_event event)
{
    struct run *run = data;
    note_issue(run->policy, run->generation, run_target(run)->id, alert, event, NULL,
               run->tick->changes);
}

/* Whether its report waits: it decided something, or follows one of its policy that did. */
static bool defers(const struct run *run, const struct target *target,
                   const struct evaluation *evaluation)
{
    return run->deferring ||
           (evaluation && (evaluation->decision_count > 0 || verify_has_backs(run, target->id)));
}

static void report_target(struct run *run, const struct target *target, enum status status,
                          const struct evaluation *evaluation)
{
    struct engine *engine = run->tick->engine;
    struct target_state *state = state_of(run);
    struct target_report report = {.policy = run->policy->name,
                                   .target = target->id,
                                   .status = status,
                                   .first = !(state->flags & TARGET_JUDGED),
                                   .before = STATUS_UNKNOWN,
                                   .evaluation = evaluation};
    if (!report.first) report.before = (enum status)state->status;
    report.alerts = alerts_of(engine->alerts, run->policy->name, target->id, &report.alert_count);
    state->status = (uint8_t)status;
    state->flags |= TARGET_JUDGED;
    run->by_status[status]++;
    if (defers(run, target, evaluation)) {
        if (tick_defer(run, &report) == OK) return;
        struct fault fault;
        fault_set(&fault, ERR_NOMEM, "no memory for its decisions");
        run_error_add(run, target->id, &fault);
    }
    if (engine->options.listener.target)
        engine->options.listener.target(engine->options.listener.data, &report);
}

/* What an evaluation that succeeded says. */
static void judge(struct run *run, const struct target *target)
{
    struct engine *engine = run->tick->engine;
    const struct evaluation *evaluation = &run->policy->evaluation;
    const char *policy = run->policy->name;
    int rc = alerts_apply(engine->alerts, policy, target->id, evaluation, run->tick->at_ms,
                          run->tick->changes, NULL, issue_changed, run);
    if (rc == OK && evaluation->memo_json)
        rc = memos_set(&engine->memos, policy, target->id, evaluation->memo_json,
                       run->tick->changes);
    if (rc < 0) {
        struct fault fault;
        fault_set(&fault, ERR_NOMEM, "no memory for what it found");
        run_error_add(run, target->id, &fault);
    }
    size_t count = 0;
    const struct alert *alerts = alerts_of(engine->alerts, policy, target->id, &count);
    enum status status = alerts_status(alerts, count, evaluation->unknown_count);
    report_target(run, target, status, evaluation);
}

/* A target that could not be judged keeps its alerts, and is unknown at best. */
static void judge_failed(struct run *run, const struct target *target)
{
    size_t count = 0;
    const struct alert *alerts =
        alerts_of(run->tick->engine->alerts, run->policy->name, target->id, &count);
    run->failed++;
    report_target(run, target, alerts_status(alerts, count, 1), NULL);
}

/* Which memo the policy holds from now on. */
void run_evaluation_ended(struct run *run, bool failed)
{
    struct target_state *state = state_of(run);
    int flags = state->flags & ~(TARGET_MEMO_GIVEN | TARGET_MEMO_SPOILT);
    state->flags = (uint8_t)(flags | (failed ? TARGET_MEMO_SPOILT : TARGET_MEMO_GIVEN));
    copies_free(run);
}

static void evaluation_failed(struct run *run, const struct target *target,
                              const struct fault *fault)
{
    run_evaluation_ended(run, true);
    run_error_add(run, target->id, fault);
    if (fault->code == ERR_BUDGET) run->expiries++;
    judge_failed(run, target);
}

/* The evaluation of this target is over, however it ended. */
static void next_target(struct run *run)
{
    copies_free(run);
    run->again = false;
    run->at++;
    shadow_next(run);
}

struct evaluation_input run_input(struct run *run, const struct target *target, const char *extra,
                                  int64_t left_ns)
{
    return (struct evaluation_input){
        .target = run->at,
        .now_ms = run->tick->at_ms,
        .series = series_of(run, target),
        .extra_json = extra,
        .memo_json = memo_of(run, target),
        .answers = run->policy->answers,
        .seed =
            hash64(target->id, strlen(target->id), run->policy->hash ^ (uint64_t)run->tick->at_ms),
        .slice_ms = left_ns > NS_PER_MS ? (left_ns + NS_PER_MS - 1) / NS_PER_MS : 1};
}

static int evaluate(struct run *run, const struct target *target, const char *extra,
                    int64_t left_ns, struct fault *fault)
{
    struct evaluator *evaluator = run->generation->evaluator;
    struct evaluation *evaluation = &run->policy->evaluation;
    if (!run->again) evaluation_reset(evaluation);
    if (!run->again && run->record)
        record_target(run->record, target, series_of(run, target), extra,
                      memos_get(&run->tick->engine->memos, run->policy->name, target->id));
    struct evaluation_input input = run_input(run, target, extra, left_ns);
    *fault = (struct fault){.code = OK};
    int rc = evaluator->vtable->evaluate(evaluator, &input, evaluation, fault);
    if (rc == OK) verify_target(run, target, &input, evaluation);
    return rc;
}

static void evaluate_one(struct run *run, int64_t left_ns)
{
    const struct target *target = run_target(run);
    struct evaluator *evaluator = run->generation->evaluator;
    char *extra = NULL;
    if (!collect_take(run, run->at, &extra)) {
        judge_failed(run, target); /* its error is listed already */
        next_target(run);
        return;
    }
    struct fault fault;
    int rc = evaluate(run, target, extra, left_ns, &fault);
    if (rc == EVALUATE_AGAIN) {
        rc = run_keep_series(run, target);
        if (rc == OK) {
            run->again = true;
            return;
        }
        evaluator->vtable->stop(evaluator);
        fault_set(&fault, rc, "no memory to go on with the evaluation");
    }
    if (rc < 0) fault.code = rc;
    shadow_compare(run, target, rc < 0 ? &fault : NULL);
    if (rc < 0) {
        evaluation_failed(run, target, &fault);
    } else {
        run_evaluation_ended(run, false);
        judge(run, target);
    }
    next_target(run);
}

/* One policy. */

static void stop_evaluation(struct run *run)
{
    struct evaluator *evaluator = run->generation->evaluator;
    if (run->again) evaluator->vtable->stop(evaluator);
    run->again = false;
    copies_free(run);
}

/* The rest of the policy is not judged in this tick: why, and how many targets that are. */
static void skip_rest(struct run *run, int64_t spent_ns)
{
    struct fault fault;
    size_t left = run->generation->targets.count - run->at;
    run->skip_rest = true;
    if (run->again) {
        fault_set(&fault, ERR_BUDGET, "its evaluation was given up with the policy's time");
        stop_evaluation(run);
        evaluation_failed(run, run_target(run), &fault);
        next_target(run);
        left--;
    }
    if (left == 0) return;
    if (run->expiries >= BUDGET_EXPIRIES_MAX)
        fault_set(&fault, ERR_BUDGET,
                  "%u evaluations of this tick used up their budget: the other %zu targets were "
                  "not judged",
                  (unsigned)run->expiries, left);
    else
        fault_set(&fault, ERR_BUDGET,
                  "the evaluations of this tick took %lld ms, and the policy has %lld: the other "
                  "%zu targets were not judged",
                  (long long)(spent_ns / NS_PER_MS),
                  (long long)run->tick->engine->options.policy_wall_ms, left);
    run_error_add(run, "", &fault);
}

static void run_evaluated(struct run *run)
{
    uint64_t recorded = run->record ? run->tick->number : 0;
    record_end(run->record);
    run->record = NULL;
    shadow_tick_ended(run);
    if (run->errors_hidden) {
        struct fault fault;
        fault_set(&fault, ERR_LIMIT, "%u more errors of this policy are not listed",
                  (unsigned)run->errors_hidden);
        fault_at(&fault, run->policy->file, 0, 0);
        tick_error_add(run->tick, run->policy->name, "", &fault);
    }
    log_event(LOG_INFO, "analysis.completed", LOG_S("policy", run->policy->name),
              LOG_I("targets", run->generation->targets.count),
              LOG_I("critical", run->by_status[STATUS_CRITICAL]),
              LOG_I("warning", run->by_status[STATUS_WARNING]),
              LOG_I("unknown", run->by_status[STATUS_UNKNOWN]),
              LOG_I("healthy", run->by_status[STATUS_HEALTHY]),
              LOG_N("ms", (double)(run->spent_ns / 1000) / 1000),
              recorded ? LOG_I("tick", recorded) : LOG_END);
    tick_resume(run->tick);
}

/* A run that was canceled in mid-way says so in the errors. */
static void run_broken_off(struct run *run)
{
    struct fault fault;
    size_t left = run->generation->targets.count - run->at;
    record_abandon(run->record);
    run->record = NULL;
    stop_evaluation(run);
    run->at = run->generation->targets.count;
    fault_set(&fault, ERR_CANCELED, "%s: %zu targets were not judged",
              run->policy->removed ? "the policy is gone" : "the engine stops", left);
    run_error_add(run, "", &fault);
}

static bool evaluate_step(struct run *run, int64_t until_ns)
{
    int64_t begun_ns = real_ns() - run->spent_ns - run->aside_ns, now_ns = real_ns();
    int64_t wall_ns = run->tick->engine->options.policy_wall_ms * NS_PER_MS;
    size_t count = run->generation->targets.count;
    while (run->at < count || shadow_pending(run)) {
        int64_t spent_ns = now_ns - begun_ns - run->aside_ns;
        if (run->tick->canceled || run->policy->removed) {
            run_broken_off(run);
        } else if (shadow_pending(run)) {
            shadow_step(run, until_ns - now_ns);
        } else if (!run->skip_rest &&
                   (run->expiries >= BUDGET_EXPIRIES_MAX || spent_ns >= wall_ns)) {
            skip_rest(run, spent_ns);
        } else if (run->skip_rest) {
            judge_failed(run, run_target(run));
            next_target(run);
        } else {
            evaluate_one(run, until_ns - now_ns);
        }
        now_ns = real_ns();
        if (now_ns >= until_ns) break;
    }
    run->spent_ns = now_ns - begun_ns - run->aside_ns;
    if (run->at < count || shadow_pending(run)) return true;
    run_evaluated(run);
    return false;
}

static int reserve_series(struct engine *engine, uint32_t uses)
{
    if (uses <= engine->series_cap && engine->series) return OK;
    struct series **series = realloc(engine->series, (uses + 1) * sizeof *series);
    if (!series) return ERR_NOMEM;
    engine->series = series;
    engine->series_cap = uses;
    return OK;
}

void tick_evaluate(struct tick *tick)
{
    for (struct run *run = tick->runs; run; run = run->next) {
        if (!run->generation || run->policy->removed) continue;
        uint32_t uses = run->generation->targets.use_max;
        if (run->shadow && run->shadow->generation->targets.use_max > uses)
            uses = run->shadow->generation->targets.use_max;
        if (reserve_series(tick->engine, uses) < 0) {
            struct fault fault;
            fault_set(&fault, ERR_NOMEM, "no memory to judge its targets");
            run_error_add(run, "", &fault);
            continue;
        }
        run->record = recorder_begin(tick->engine->options.recorder, run->generation->info,
                                     tick->number, tick->at_ms);
        tick_wait(tick);
        pump_add(run, evaluate_step);
    }
}
