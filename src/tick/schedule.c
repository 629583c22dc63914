/* tick/schedule.c - when each policy is due.
 *
 * A policy is due at first at once, and then on the grid of its `every` in world time, shifted by
 * the hash of its name, so that policies with the same `every` do not all ask at the same second.
 * The next time is always computed from now, so a clock that jumps ahead gives one tick and no
 * burst. A clock that jumps back would give silence: therefore each wait is also bounded by
 * `every` in monotonic time, and a little more, so that a wall clock that is slewed does not give
 * two ticks in a row (due_by_ns). One timer waits for the first of them all; an idle daemon
 * does nothing else. */
#include "engine_private.h"
#include "moontide/base/hash.h"
#include "moontide/base/log.h"
#include "moontide/io/loop.h"

#include <stdlib.h>

enum { EVERY_MIN_MS = 100, WAIT_MAX_MS = 24 * 3600 * 1000 };

static const int64_t NS_PER_MS = 1000000;

static const struct clock *world_clock(const struct engine *engine)
{
    return &engine->options.world->clock;
}

/* `ms` of world time as nanoseconds of its monotonic clock, which runs at real speed unless
 * manual. */
static int64_t mono_span_ns(const struct clock *clock, int64_t ms)
{
    double ns = (double)ms * (double)NS_PER_MS;
    if (clock->kind == CLOCK_SCALED) ns /= clock->speed;
    return ns < 9e18 ? (int64_t)ns : INT64_MAX / 2;
}

static int64_t after(int64_t from_ns, int64_t span_ns)
{
    return span_ns > INT64_MAX - from_ns ? INT64_MAX : from_ns + span_ns;
}

/* The first point of the policy's grid after now_ms. */
static int64_t next_on_grid(const struct policy *policy, int64_t now_ms)
{
    int64_t every = policy->every_ms;
    int64_t offset = (int64_t)(policy->hash % (uint64_t)every);
    int64_t into = (now_ms - offset) % every;
    if (into < 0) into += every;
    return now_ms - into + every;
}

static void plan_next(struct policy *policy)
{
    const struct clock *clock = world_clock(policy->engine);
    const struct evaluator *put = policy->put.evaluator;
    const struct policy_info *info = policy->live ? policy->live->info
                                     : put        ? put->vtable->info(put)
                                                  : NULL;
    policy->every_ms = info && info->every_ms > EVERY_MIN_MS ? info->every_ms : EVERY_MIN_MS;
    policy->due_ms = next_on_grid(policy, clock_now_ms(clock));
    policy->due_by_ns = after(clock_mono_ns(clock), mono_span_ns(clock, policy->every_ms / 8 * 9));
}

static bool is_due(const struct policy *policy)
{
    const struct clock *clock = world_clock(policy->engine);
    return clock_now_ms(clock) >= policy->due_ms || clock_mono_ns(clock) >= policy->due_by_ns;
}

static void skip(struct policy *policy)
{
    policy->skipped++;
    if (++policy->skipped_in_row == 1) /* one line for a long tick, not one a minute */
        log_event(LOG_WARN, "tick.skipped", LOG_S("policy", policy->name),
                  LOG_S("reason", "the last tick has not ended"),
                  LOG_I("skipped", policy->skipped));
}

/* A policy that may have to wait for something of its own gets a tick of its own, so that it holds
 * up nobody. */
static bool needs_own_tick(const struct policy *policy)
{
    return policy->put.evaluator || (policy->live && policy->live->info->has_collect);
}

static void begin(struct engine *engine, struct policy *const *policies, size_t count)
{
    if (count == 0) return;
    int rc = tick_begin(engine, policies, count, NULL, NULL);
    if (rc < 0) log_event(LOG_ERROR, "tick.failed", LOG_S("error", err_text(rc)));
}

static void run_due(struct engine *engine)
{
    size_t count = 0, together = 0;
    for (struct policy *policy = engine->policies; policy; policy = policy->next)
        count++;
    struct policy **due = calloc(count + 1, sizeof(struct policy *)); /* NULL: each by itself */
    for (struct policy *policy = engine->policies; policy; policy = policy->next) {
        if (!is_due(policy)) continue;
        plan_next(policy);
        if (policy->run) {
            skip(policy);
            continue;
        }
        policy->skipped_in_row = 0;
        if (!due || needs_own_tick(policy))
            begin(engine, &policy, 1);
        else
            due[together++] = policy;
    }
    begin(engine, due, together);
    free(due);
}

static void schedule_fire(void *data)
{
    struct engine *engine = data;
    engine->timer = NULL;
    run_due(engine);
    schedule_arm(engine);
}

/* Real milliseconds until the policy is due. */
static int64_t wait_ms(const struct policy *policy)
{
    const struct clock *clock = world_clock(policy->engine);
    int64_t by_wall = clock_real_ms_until(clock, policy->due_ms);
    int64_t left_ns = policy->due_by_ns - clock_mono_ns(clock);
    if (left_ns <= 0) return 0;
    int64_t by_mono = clock->kind == CLOCK_MANUAL ? 1 : left_ns / NS_PER_MS + 1;
    return by_wall < by_mono ? by_wall : by_mono;
}

void schedule_arm(struct engine *engine)
{
    loop_timer_cancel(engine->timer);
    engine->timer = NULL;
    if (!engine->started || engine->stopping || !engine->policies) return;
    int64_t wait = WAIT_MAX_MS;
    for (const struct policy *policy = engine->policies; policy; policy = policy->next) {
        int64_t left = wait_ms(policy);
        if (left < wait) wait = left;
    }
    int rc = loop_timer_start(engine->options.loop, wait, schedule_fire, engine, &engine->timer);
    if (rc < 0) log_event(LOG_ERROR, "schedule.failed", LOG_S("error", err_text(rc)));
}

void schedule_now(struct policy *policy)
{
    plan_next(policy);
    policy->due_ms = engine_now_ms(policy->engine);
    schedule_arm(policy->engine);
}

/* A new generation may have another `every`. */
void schedule_again(struct policy *policy)
{
    if (!policy->live || policy->live->info->every_ms == policy->every_ms) return;
    plan_next(policy);
    schedule_arm(policy->engine);
}

void schedule_start(struct engine *engine)
{
    for (struct policy *policy = engine->policies; policy; policy = policy->next) {
        plan_next(policy);
        policy->due_ms = engine_now_ms(engine);
    }
    schedule_arm(engine);
}

void schedule_stop(struct engine *engine)
{
    loop_timer_cancel(engine->timer);
    engine->timer = NULL;
}
