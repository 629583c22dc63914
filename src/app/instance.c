/* app/instance.c - puts the parts of one moontide together in order, and takes them apart in
 * reverse. */
#include "moontide/app/instance.h"

#include "moontide/app/alerting.h"
#include "moontide/aws/rates.h"
#include "moontide/base/fs.h"
#include "moontide/base/log.h"
#include "moontide/bind/kinds.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "moontide/store/recording.h"
#include "moontide/store/store.h"
#include "moontide/tick/recorder.h"
#include "moontide/tick/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void print_fault(const struct fault *fault)
{
    char line[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
    fault_print(fault, line, sizeof line);
    fprintf(stderr, "moontide: %s\n", line);
}

void print_faults(const struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        print_fault(&faults->items[i]);
    if (faults->more) fprintf(stderr, "moontide: and more\n");
}

static int open_config(const char *dir, struct config **out)
{
    struct faults faults;
    faults_init(&faults);
    int code = config_load(dir, out, &faults);
    if (code < 0) print_faults(&faults);
    faults_done(&faults);
    return code;
}

static int open_world_aws(const struct instance_options *settings, struct instance *in,
                          struct fault *fault)
{
    const struct config *config = in->config;
    struct account_options *accounts = calloc(config->account_count + 1, sizeof *accounts);
    if (!accounts) return fault_set(fault, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < config->account_count; i++)
        accounts[i] = (struct account_options){.name = config->accounts[i].name,
                                               .role_arn = config->accounts[i].role_arn,
                                               .region = config->accounts[i].region,
                                               .external_id = config->accounts[i].external_id,
                                               .session_name = config->accounts[i].session_name};
    struct world_aws_options options = {.loop = in->loop,
                                        .http = in->http,
                                        .rates = settings->unthrottled ? NULL : in->rates,
                                        .region = config->region,
                                        .profile = config->profile,
                                        .endpoint = config->endpoint,
                                        .accounts = accounts,
                                        .account_count = config->account_count};
    options.retry = (struct backoff_policy){.max_attempts = config->retry_attempts,
                                            .base_ms = config->retry_base_ms,
                                            .cap_ms = config->retry_cap_ms};
    int code = world_aws_new(&options, &in->world, fault);
    free(accounts);
    return code;
}

static int open_world(const struct instance_options *options, struct instance *in,
                      struct fault *fault)
{
    const char *name = options->world;
    if (strcmp(name, "aws") == 0) {
        if (options->speed != 1)
            return fault_set(fault, ERR_INVALID,
                             "--speed is for simulated worlds: add --world sim");
        return open_world_aws(options, in, fault);
    }
    if (strcmp(name, "sim") != 0 && strncmp(name, "sim:", 4) != 0)
        return fault_set(fault, ERR_INVALID, "unknown world '%s': aws, sim, or sim:FILE", name);
    struct world_sim_options sim = {
        .loop = in->loop, .file = name[3] ? name + 4 : NULL, .speed = options->speed};
    return world_sim_new(&sim, &in->world, fault);
}

/* A plan reads beside a daemon that writes, and where nothing was written yet there is nothing to
 * read. */
static int open_store(const struct instance_options *options, struct instance *in,
                      struct fault *fault)
{
    if (options->plan) {
        int read = store_open_reader(in->database_path, &in->store, fault);
        return read == ERR_NOT_FOUND ? OK : read;
    }
    int code = fs_make_dir(in->config->state_dir, fault);
    if (code < 0) return code;
    return store_open(in->loop, in->database_path, &in->store, fault);
}

/* What a tick sees, for `repl --tick` and `diff`. A file that cannot be opened is no reason not to
 * run: recorder_new() says more. */
static int open_recorder(struct instance *in, struct fault *fault)
{
    char *path = fs_join(in->config->state_dir, "recording.db");
    if (!path) return fault_set(fault, ERR_NOMEM, "out of memory");
    struct recording_options options = {.path = path,
                                        .keep_ms = in->config->record_keep_ms,
                                        .max_bytes = in->config->record_max_bytes};
    int code = recorder_new(&options, in->world->name, &in->recorder, fault);
    free(path);
    return code;
}

static int open_engine(const struct instance_options *options, struct instance *in,
                       struct fault *fault)
{
    const struct config *config = in->config;
    struct engine_options engine = {.loop = in->loop,
                                    .world = in->world,
                                    .store = in->store,
                                    .read_only = options->plan,
                                    .recorder = in->recorder,
                                    .actor = kinds_actor(in->host.kinds),
                                    .paused_path = in->paused_path,
                                    .listener = options->listener,
                                    .mode = config->mode,
                                    .rails = &config->rails,
                                    .shadow_ticks = config->shadow_ticks,
                                    .settle_ms = config->settle_ms,
                                    .policy_wall_ms = config->policy_wall_ms,
                                    .collect_ms = config->collect_ms,
                                    .apply_ms = config->apply_ms,
                                    .price_per_1000_usd = config->price_per_1000_usd};
    if (options->mode) {
        int mode = 0;
        while (mode_names[mode] && strcmp(mode_names[mode], options->mode) != 0)
            mode++;
        if (!mode_names[mode])
            return fault_set(fault, ERR_INVALID, "--mode %s: observe, recommend or act",
                             options->mode);
        engine.mode = (enum policy_mode)mode;
        engine.mode_override = true;
        engine.override_up = mode == MODE_ACT;
    }
    int code = OK;
    if (in->store && !options->plan && alerting_wanted(config)) {
        code = alerting_new(&options->listener, &in->alerting);
        if (code < 0) return fault_set(fault, code, "out of memory");
        engine.listener = alerting_listener(in->alerting);
    }
    code = engine_new(&engine, &in->engine, fault);
    if (code < 0) return code;
    in->collector = engine_collector(in->engine);
    return OK;
}

static int open_collector(struct instance *in, struct fault *fault)
{
    struct collector_options options = {
        .loop = in->loop, .world = in->world, .settle_ms = in->config->settle_ms};
    int code = collector_new(&options, &in->collector);
    in->own_collector = code >= 0;
    return code < 0 ? fault_set(fault, code, "out of memory") : code;
}

static int open_parts(const struct instance_options *options, struct instance *in,
                      struct fault *fault)
{
    int code;
    in->database_path = fs_join(in->config->state_dir, "moontide.db");
    in->paused_path = fs_join(in->config->state_dir, "PAUSED");
    if (!in->database_path || !in->paused_path) return fault_set(fault, ERR_NOMEM, "out of memory");
    if ((code = loop_new(&in->loop)) < 0)
        return fault_set(fault, code, "no event loop: %s", err_text(code));
    struct http_options http = {.connect_timeout_ms = in->config->connect_ms,
                                .timeout_ms = in->config->request_ms,
                                .max_body_bytes = in->config->response_bytes};
    if ((code = http_new(in->loop, &http, &in->http)) < 0)
        return fault_set(fault, code, "no HTTP client: %s", err_text(code));
    if ((code = rates_new(&in->rates)) < 0) return fault_set(fault, code, "out of memory");
    if ((code = open_world(options, in, fault)) < 0) return code;
    if (options->begin_log) options->begin_log(options->log, in);
    if (options->store && (code = open_store(options, in, fault)) < 0) return code;
    in->host = (struct host){.loop = in->loop,
                             .http = in->http,
                             .rates = in->rates,
                             .world = in->world,
                             .clock = &in->world->clock,
                             .config = in->config,
                             .database = in->database_path,
                             .world_name = in->world->name,
                             .trace_aws = options->trace_aws};
    code = kinds_new(&in->host, &in->host.kinds);
    if (code < 0) return fault_set(fault, code, "out of memory");
    if (options->record && options->store && !options->plan && in->config->record &&
        (code = open_recorder(in, fault)) < 0)
        return code;
    code = options->policies ? open_engine(options, in, fault) : open_collector(in, fault);
    in->host.collector = in->collector;
    return code;
}

int instance_open(const struct instance_options *options, struct instance *out)
{
    struct fault fault = {0};
    struct instance in = {0};
    int code = open_config(options->dir, &in.config);
    if (code < 0) return code;
    code = open_parts(options, &in, &fault);
    if (code < 0) {
        print_fault(&fault);
        instance_close(&in);
        return code;
    }
    *out = in;
    return OK;
}

int instance_alerting(struct instance *in)
{
    struct faults faults;
    faults_init(&faults);
    int code = in->alerting ? alerting_open(in->alerting, in, &faults) : OK;
    print_faults(&faults);
    faults_done(&faults);
    return code;
}

int instance_close(struct instance *in)
{
    alerting_free(in->alerting);
    if (in->engine) engine_free(in->engine);
    recorder_free(in->recorder);
    kinds_free(in->host.kinds);
    if (in->own_collector) collector_free(in->collector);
    if (in->store) store_close(in->store);
    world_free(in->world);
    rates_free(in->rates);
    if (in->http) http_free(in->http);
    int left = in->loop ? loop_free(in->loop) : 0;
    free(in->database_path);
    free(in->paused_path);
    config_free(in->config);
    memset(in, 0, sizeof *in);
    return left;
}
