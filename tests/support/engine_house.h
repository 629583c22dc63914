/* support/engine_house.h - an engine in a small world of the test's own: a loop, a manual clock,
 * datapoints of one value, policies whose judgement is a C function, and a listener that writes
 * down what it hears as text. */
#ifndef MOONTIDE_TESTS_ENGINE_HOUSE_H
#define MOONTIDE_TESTS_ENGINE_HOUSE_H

#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "moontide/tick/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MINUTE_MS = 60000, TURNS_MAX = 200000, WORLD_CALLS_MAX = 64 };

struct rule;
typedef int judge_fn(struct rule *rule, const struct evaluation_input *input, const char *target,
                     struct evaluation *out, struct fault *fault);
typedef int check_fn(struct rule *rule, const char *target, const char *name, enum verdict *out,
                     struct fault *fault);

/* What a policy of the test does; house_rule() makes it, the house frees it. It outlives the
 * generations that rule_load() makes of it; a generation takes targets and metric when it
 * discovers. */
struct rule {
    struct rule *next;
    const char *name, *file;
    char file_text[64];
    int64_t every_ms, discover_ms; /* 0: a minute; never */
    enum policy_mode mode;
    bool has_mode, has_collect;
    const char *const *targets; /* shape: [target_count] */
    size_t target_count;
    const char *metric; /* NULL: none; a period of one minute, the dimension is the target */
    uint32_t slots;     /* 0: 3 */
    judge_fn *judge;
    check_fn *check;               /* of verifications; NULL: the policy has none */
    int shadow_ticks;              /* of the policy; house_rule() says -1 */
    const char *rails;             /* JSON; NULL: none */
    const char *const *depends_on; /* ends with NULL; NULL: none */
    int discover_code, collect_code;
    bool hold_discover, hold_collect; /* not answered until rule_answer() */
    void *data;

    /* seen */
    int alive, discovered, evaluated, collected, stopped;
    char memo[128];  /* memo_json of the last evaluation; "-" for NULL */
    char extra[128]; /* extra_json of it */
    int64_t slice_ms;
    uint64_t seed;
    struct generation_double *held; /* the last one that was asked to discover or collect */
};

struct evaluator *rule_load(struct rule *rule); /* NULL: no memory */
void rule_answer(struct rule *rule, int code);  /* what is held, if it was not stopped */

/* Judgements. */
int judge_healthy(struct rule *rule, const struct evaluation_input *input, const char *target,
                  struct evaluation *out, struct fault *fault);
/* Issue "slow" (high) when the newest datapoint is above 100; unknown without one. */
int judge_slow(struct rule *rule, const struct evaluation_input *input, const char *target,
               struct evaluation *out, struct fault *fault);
/* ERR_LUA at line 7. */
int judge_fails(struct rule *rule, const struct evaluation_input *input, const char *target,
                struct evaluation *out, struct fault *fault);
/* memo = { n = n + 1 }, from the memo given or the one it holds. */
int judge_counts(struct rule *rule, const struct evaluation_input *input, const char *target,
                 struct evaluation *out, struct fault *fault);

struct test_world {
    struct world world;
    struct loop *loop;
    double value; /* of each datapoint; NaN: none */
    int failure;  /* OK, or what each call ends with */
    bool hold;    /* calls are answered by world_answer() */
    size_t calls, queries, canceled;
    struct test_call *open[WORLD_CALLS_MAX]; /* NULL: free */
};
void world_answer(struct test_world *world);

struct house {
    struct loop *loop;
    struct test_world world;
    struct store *store; /* borrowed; NULL unless set before house_open() */
    struct engine_options options;
    struct engine *engine;
    char targets[4096]; /* of ticks since house_clear(): policy/target=status[type
                           ...]{outcome:reason ...}; */
    char errors[8192];  /* of the last tick: policy|file|line|message; */
    size_t ticks;
    struct tick_report last; /* its pointers are not valid */
    char policies[256];      /* of the last tick: name:metrics ... */
    bool ended, failed, stopped;
    struct rule *rules;
    void (*on_target)(struct house *house, const struct target_report *report);
};

/* cmocka's setup and teardown: *state is a struct house with an engine and no store. The teardown
 * stops the engine, and fails on anything left open. */
int house_setup(void **state);
int house_teardown(void **state);
/* By hand, when options or store are to be set first. */
void house_init(struct house *house, struct loop *loop);
void house_open(struct house *house);
void house_close(struct house *house);
void house_done(struct house *house); /* closes, and frees the rules */

/* A policy of policies/<name>.lua on the targets prod and staging, with the metric Latency. */
struct rule *house_rule(struct house *house, const char *name, judge_fn *judge);
int house_put(struct house *house, struct rule *rule); /* and loads it */
/* One tick of all policies, until it has ended; returns whether it failed. */
bool house_tick(struct house *house);
/* A minute later. */
bool house_next_tick(struct house *house);
void house_turn_until(struct house *house, const bool *condition);
void house_turns(struct house *house, int turns); /* without waiting */
void house_clear(struct house *house);

#endif
