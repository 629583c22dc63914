/* app/instance.h - the parts of one running moontide, put together in order and taken apart in
 * reverse.
 *
 *   config -> loop -> http -> world -> store -> kinds -> recorder -> engine -> policies */
#ifndef MOONTIDE_APP_INSTANCE_H
#define MOONTIDE_APP_INSTANCE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/bind/config.h"
#include "moontide/bind/host.h"
#include "moontide/tick/engine.h"

#include <stdbool.h>

struct alerting;
struct policy_dir;
struct rates;

struct instance;

struct instance_options {
    const char *dir;   /* the project directory */
    const char *world; /* "aws", "sim", "sim:FILE" */
    const char *mode;  /* NULL, or --mode */
    double speed;      /* of a simulated world */
    bool trace_aws;    /* --trace-aws */
    bool store;        /* open the database and become its writer */
    bool plan;         /* ... or only its reader: nothing is written, and nothing carried out */
    bool record;      /* what ticks see is recorded, unless the configuration says record = false */
    bool unthrottled; /* asks CloudWatch as fast as it can: benchmarks, against a server of their
                         own */
    bool policies;    /* make an engine that loads the policies */
    struct engine_listener listener;
    /* Opens the log, when there are configuration and world (whose clock it shows), and nothing yet
     * that has something to say; NULL: nothing is logged, or it is open already. */
    void (*begin_log)(void *log, const struct instance *instance);
    void *log;
};

struct instance {
    struct config *config;
    struct loop *loop;
    struct http *http;
    struct rates *rates; /* of all clients, those of scripts and the world's */
    struct world *world;
    struct store *store;
    struct recorder *recorder; /* NULL: nothing is recorded */
    struct engine *engine;
    struct alerting *alerting;   /* NULL: nobody is to be told */
    struct collector *collector; /* the engine's, or its own when there is no engine */
    bool own_collector;
    char *database_path, *paused_path;
    struct host host;
};

/* Says on standard error what is wrong (all faults of the configuration) and answers its code. On
 * failure nothing is left behind. */
MUST_CHECK int instance_open(const struct instance_options *options, struct instance *out);
/* Begins to tell of alerts, where moontide.lua has receivers and this is no plan; out of
 * instance_open() as the instance must lie where it stays. Prints what is wrong. */
MUST_CHECK int instance_alerting(struct instance *instance);
/* The engine and the alerting must have been stopped. Answers the number of uv handles that were
 * forgotten. */
int instance_close(struct instance *instance);

/* Prints a fault, or all faults, on standard error: "moontide: file:line: text". */
void print_fault(const struct fault *fault);
void print_faults(const struct faults *faults);

#endif
