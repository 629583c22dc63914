/* tick/world.h - what a tick acts on: the real AWS, or a simulated fleet. The tick does not know
 * which.
 *
 * A world gives datapoints, reads resources (a list at a time), applies a decision, and tells the
 * time. The decision kinds (tick/actor.h) do the reading and applying in AWS; a simulated world
 * keeps the state of resources itself, and asks a kind only to simulate. */
#ifndef MOONTIDE_TICK_WORLD_H
#define MOONTIDE_TICK_WORLD_H

#include "moontide/aws/cloudwatch.h"
#include "moontide/base/clock.h"
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/tick/actor.h"

struct http;
struct loop;
struct rates;
struct world;

typedef void world_ready_fn(void *data, int code, const struct fault *fault);

struct world_vtable {
    void (*free)(struct world *world); /* cancels fetches without calling back */
    /* One batch: at most CLOUDWATCH_QUERIES_MAX queries of one region, account and period. done
     * runs exactly once, never before return. Negative: not started, done is not called. */
    int (*fetch)(struct world *world, struct metric_question *questions, size_t count,
                 int64_t start_s, int64_t end_s, int32_t period_s, cloudwatch_done_fn *done,
                 void *data);
    /* Gives up the fetch that was started with these questions, without calling back. */
    void (*cancel)(struct world *world, const struct metric_question *questions);
    /* Whether the world can be asked at all (credentials). NULL: always. done runs once, perhaps
     * before return; one at a time. */
    void (*ready)(struct world *world, world_ready_fn *done, void *data);
    /* As the actor's functions of these names, which they stand for; all NULL: the actor's own. */
    int (*read)(struct world *world, struct actor *actor, struct subject *subjects, size_t count,
                actor_read_fn *done, void *data, struct actor_call **out);
    int (*check)(struct world *world, struct actor *actor, const struct subject *subject,
                 const struct comparison *comparison, actor_check_fn *done, void *data,
                 struct actor_call **out);
    int (*apply)(struct world *world, struct actor *actor, const struct subject *subject,
                 const struct comparison *comparison, actor_apply_fn *done, void *data,
                 struct actor_call **out);
    void (*cancel_act)(struct world *world, struct actor *actor, struct actor_call *call);
};

struct world {
    const struct world_vtable *vtable;
    char name[256];     /* "aws", "sim", "sim:FILE": keys memo, alerts and journal */
    struct clock clock; /* the time of this world */
    bool priced;        /* whether its datapoints cost money */
};

struct account_options {
    const char *name;     /* of `accounts` */
    const char *role_arn; /* assumed with the world's credentials; NULL: those themselves */
    const char *region;
    const char *external_id, *session_name; /* for the role; may be NULL */
};

struct world_aws_options {
    struct loop *loop;
    struct http *http;
    const char *region, *profile, *endpoint; /* NULL: from environment and profile */
    struct backoff_policy retry;
    struct rates *rates; /* borrowed; as in cloudwatch_options */
    const struct account_options *accounts;
    size_t account_count;
};
/* Makes clients as regions are met. ERR_CREDENTIALS when nothing is configured and IMDS is disabled
 * or does not answer is found at the first fetch, not here. */
MUST_CHECK int world_aws_new(const struct world_aws_options *options, struct world **out,
                             struct fault *fault);

/* The default fleet: environments prod and staging with the metrics of GMTool/API, GMTool/Database
 * and GMTool/Cache: a daily load with bursts, a pure function of (metric, dimensions, statistic,
 * time). In prod a burst makes API p99, database p90 and the hit rate breach for some 10 minutes of
 * every 40; staging has its bursts at other times, and missing datapoints now and then. file: NULL,
 * or the FILE of sim:FILE, a JSON description. start_ms: the world's time at start; speed:
 * simulated seconds a real second. */
struct world_sim_options {
    struct loop *loop;
    const char *file;
    int64_t start_ms; /* 0: now */
    double speed;     /* 0: 1 */
    const struct clock
        *clock; /* NULL: scaled by speed from start_ms; else copied (tests: manual) */
};
MUST_CHECK int world_sim_new(const struct world_sim_options *options, struct world **out,
                             struct fault *fault);

/* A world that says what it was told, for tests: datapoints by metric, the state of resources, and
 * a manual clock that stands at start_ms. What is told of no resource is as in the default
 * simulated fleet; decisions are carried out on that state. A metric that is told nothing of has no
 * datapoint.
 */
struct world_fixed_options {
    struct loop *loop;
    const char *name; /* keys memo, alerts and journal; less than 256 bytes */
    int64_t start_ms;
};
MUST_CHECK int world_fixed_new(const struct world_fixed_options *options, struct world **out,
                               struct fault *fault);
void world_fixed_advance(struct world *world, int64_t ms);
/* Puts values, shape [count], one a period from start_s (a multiple of the period) on, over those
 * that are there; NaN: no datapoint. Those of periods that are not over yet are not seen before.
 * hold: after the last one its value goes on for ever. What a collector has asked already is to be
 * forgotten: collector_forget(). ERR_LIMIT: more than SERIES_SLOTS_MAX slots in all. ERR_NOMEM. */
MUST_CHECK int world_fixed_put(struct world *world, struct metric *metric, int64_t start_s,
                               const double *values, size_t count, bool hold);
/* The state of a resource as its kind's read() answers it (JSON). problem (may be NULL) is what
 * check() finds: begins with "BUSY: ", or it is infeasible. region and account may be NULL.
 * ERR_NOMEM. */
MUST_CHECK int world_fixed_resource(struct world *world, const struct subject *about,
                                    const char *current, const char *problem);

void world_free(struct world *world); /* NULL is allowed */

/* Contracts of tick/actor.h. */
MUST_CHECK int world_read(struct world *world, struct actor *actor, struct subject *subjects,
                          size_t count, actor_read_fn *done, void *data, struct actor_call **out);
MUST_CHECK int world_check(struct world *world, struct actor *actor, const struct subject *subject,
                           const struct comparison *comparison, actor_check_fn *done, void *data,
                           struct actor_call **out);
MUST_CHECK int world_apply(struct world *world, struct actor *actor, const struct subject *subject,
                           const struct comparison *comparison, actor_apply_fn *done, void *data,
                           struct actor_call **out);
void world_cancel_act(struct world *world, struct actor *actor, struct actor_call *call);

/* ERR_CREDENTIALS: the fault names every place that was looked at. */
void world_ready(struct world *world, world_ready_fn *done, void *data);

#endif
