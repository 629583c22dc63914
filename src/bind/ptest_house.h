/* bind/ptest_house.h - one world of a policy test, with the engine, the rails and the alerts of
 * production on it.
 *
 *   ptest_house.c   makes and ends it; ticks; moves its clock
 *   ptest_policy.c  a policy whose targets, extras and memo the test gives
 *   ptest_report.c  what a tick says, as JSON
 *   ptest_keep.c    the receiver of its notifications, which keeps them
 *
 * Nothing here turns the loop behind the back of a callback: a house is used from outside of it. */
#ifndef MOONTIDE_SRC_BIND_PTEST_HOUSE_H
#define MOONTIDE_SRC_BIND_PTEST_HOUSE_H

#include "moontide/base/clock.h"
#include "moontide/base/faults.h"
#include "moontide/base/json.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/config.h"
#include "moontide/bind/host.h"
#include "moontide/notify/courier.h"
#include "moontide/notify/notifier.h"
#include "moontide/tick/engine.h"

enum {
    HOUSE_POLICIES_MAX = 20,
    HOUSE_JSON_MAX = 64 * 1024 * 1024,
    HOUSE_WAIT_MS = 60 * 1000, /* real time of one tick: budgets end it long before */
};

/* What all houses of a process share. */
struct ptest_base {
    const struct config *config;
    struct loop *loop;
    struct store *store;
    struct kinds *kinds;
    struct chunks *chunks;
    struct cover *cover; /* NULL: not asked for */
    struct clock *clock; /* a copy of that of the house in use */
    void (*print)(void *data, const char *line, size_t len); /* of policies, into the test's */
    void *print_data;
    uint64_t houses; /* made so far: names their worlds */
};

struct house_options {
    int64_t at_ms;
    const char *mode;        /* NULL: the policy's, else the configuration's */
    const char *config_json; /* what policies see as `config`; NULL: the project's */
    bool project_alerts;     /* the receivers and routes of moontide.lua, and their times */
    int64_t settle_ms;       /* how much older than now the newest period is that may be seen */
};

struct ptest_policy;

struct house {
    struct ptest_base *base;
    struct config config; /* a shallow copy, but for json and the receivers */
    struct host host;     /* of its policies */
    struct world *world;
    struct engine *engine;
    struct notifier *notifier;
    struct courier *courier;
    struct clock told_at; /* the notifier's: the world's, and with own settings a little later with
                             each tick, so that a group is due again that was just looked at */
    int64_t later_ms;
    struct notify_settings settings;                   /* a shallow copy, or its own */
    struct receiver_settings *receivers;               /* its own */
    struct ptest_policy *policies[HOUSE_POLICIES_MAX]; /* owned by the engine */
    size_t policy_count;
    struct strbuf targets, errors, sent; /* JSON items with commas between, of the last tick */
    struct fault discovery; /* why the targets of the policy put last could not be found */
    bool done, failed;
    int code;
};

MUST_CHECK int house_new(struct ptest_base *base, const struct house_options *options,
                         struct house **out, struct fault *fault);
void house_free(struct house *house); /* NULL is allowed */

/* Loads a policy and finds its targets. targets_json: a list; NULL: the policy's own. extras_json
 * and memos_json: a list with one for each target, null for none; or { "all": ... }; NULL: none.
 * The faults of its file go into faults. */
struct policy_spec {
    const char *path, *shown;
    const char *targets_json, *extras_json, *memos_json;
};
MUST_CHECK int house_policy(struct house *house, const struct policy_spec *spec,
                            struct faults *faults);
/* Datapoints of the metric `key` of a target, as world_fixed_put(); for all uses of that key.
 * ERR_NOT_FOUND: no target of the policy has it. */
MUST_CHECK int house_series(struct house *house, size_t policy, size_t target, const char *key,
                            int64_t start_s, const double *values, size_t count, bool hold);
/* One tick of all its policies, and what there is to be sent then. ERR_TIMEOUT. */
MUST_CHECK int house_tick(struct house *house);
/* Moves the clock, and sends what is due by then. */
MUST_CHECK int house_advance(struct house *house, int64_t ms);

/* The clocks that are taken from the world's. */
void house_look_at_clock(struct house *house);

/* ptest_policy.c: takes the evaluator over. *why, which is to outlive it, is told why a discovery
 * failed. */
MUST_CHECK int ptest_policy_new(struct evaluator *take_evaluator, const struct policy_spec *spec,
                                struct fault *why, struct ptest_policy **out, struct fault *fault);
struct evaluator *ptest_policy_evaluator(struct ptest_policy *policy);
/* JSON of a target's memo as it is after the last evaluation; NULL: it has none. */
const char *ptest_policy_memo(const struct ptest_policy *policy, const char *target);

/* ptest_report.c: the engine's listener; data is the house. */
void house_target(void *data, const struct target_report *report);
void house_report(void *data, const struct tick_report *report);

/* ptest_keep.c: appends each notification to *kept, with commas between. */
MUST_CHECK int courier_keep_new(struct loop *loop, struct strbuf *kept, struct courier **out);

#endif
