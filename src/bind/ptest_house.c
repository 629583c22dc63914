/* bind/ptest_house.c - a fixed world, an engine and a notifier, made for one run() of a test.
 *
 * The project's receivers may be slow on purpose (`rate`), so here every one takes what comes at
 * once; where the test does not ask for them, there is one receiver, `test`, that is told of each
 * change as soon as it is known. */
#include "ptest_house.h"

#include "moontide/base/clock.h"
#include "moontide/bind/cover.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/policy.h"
#include "moontide/io/loop.h"
#include "moontide/notify/outbox.h"
#include "moontide/tick/world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double AT_ONCE = 1e6; /* messages a second */
static const double SAMPLES_ENOUGH = 1e6;
enum { TOLD_AGAIN_MS = 1 }; /* 0 would be due again at once, for ever */

/* ---- waiting ---- */

static bool is_late(int64_t begun_ns)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real) - begun_ns > HOUSE_WAIT_MS * 1000000LL;
}

static int64_t now_ns(void)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real);
}

/* Turns the loop until `done` is set. */
static int turn_until_done(struct house *house)
{
    int64_t begun_ns = now_ns();
    while (!house->done && !is_late(begun_ns))
        loop_turn(house->base->loop, true);
    return house->done ? OK : ERR_TIMEOUT;
}

static void see_sending(void *data, const struct outbox_status *status)
{
    bool *sending = data;
    *sending = *sending || status->sending || status->queued > 0;
}

static bool under_way(const struct house *house)
{
    bool sending = notifier_busy(house->notifier);
    outbox_each(notifier_outbox(house->notifier), see_sending, &sending);
    return sending;
}

static int deliver(struct house *house)
{
    int64_t begun_ns = now_ns();
    while (under_way(house)) {
        if (is_late(begun_ns)) return ERR_TIMEOUT;
        loop_turn(house->base->loop, true);
    }
    return OK;
}

static void on_done(void *data)
{
    ((struct house *)data)->done = true;
}

static void on_tick_done(void *data, bool failed)
{
    struct house *house = data;
    house->failed = failed;
    house->done = true;
}

/* ---- settings of the alerts ---- */

static int own_settings(struct house *house)
{
    notify_settings_init(&house->settings);
    house->receivers = calloc(1, sizeof *house->receivers);
    if (!house->receivers) return ERR_NOMEM;
    *house->receivers = (struct receiver_settings){.name = (char *)"test",
                                                   .type = (char *)"test",
                                                   .json = (char *)"{}",
                                                   .send_resolved = true,
                                                   .rate_per_s = AT_ONCE};
    house->settings.receivers = house->receivers;
    house->settings.receiver_count = 1;
    house->settings.root.receiver = (char *)"test";
    house->settings.root.group_wait_ms = 0;
    house->settings.root.group_interval_ms = TOLD_AGAIN_MS;
    house->settings.root.repeat_interval_ms = REPEAT_INTERVAL_MS;
    return OK;
}

static int project_settings(struct house *house)
{
    const struct notify_settings *given = &house->base->config->alerts;
    house->settings = *given;
    house->settings.heartbeat_json = NULL;
    house->receivers = calloc(given->receiver_count + 1, sizeof *house->receivers);
    if (!house->receivers) return ERR_NOMEM;
    for (size_t i = 0; i < given->receiver_count; i++) {
        house->receivers[i] = given->receivers[i];
        house->receivers[i].rate_per_s = AT_ONCE;
    }
    house->settings.receivers = house->receivers;
    return OK;
}

void house_look_at_clock(struct house *house)
{
    *house->base->clock = house->told_at = house->world->clock;
    if (house->settings.root.group_interval_ms == TOLD_AGAIN_MS)
        clock_advance(&house->told_at, house->later_ms += 2 * TOLD_AGAIN_MS);
}

static int open_alerts(struct house *house, bool project, struct fault *fault)
{
    int code = project ? project_settings(house) : own_settings(house);
    if (code == OK) code = courier_keep_new(house->base->loop, &house->sent, &house->courier);
    if (code < 0) return fault_set(fault, code, "out of memory");
    house_look_at_clock(house);
    struct notifier_options options = {.loop = house->base->loop,
                                       .store = house->base->store,
                                       .clock = &house->told_at,
                                       .world = house->world->name,
                                       .courier = house->courier};
    code = notifier_new(&options, &house->notifier, fault);
    if (code < 0) return code;
    notifier_settings(house->notifier, &house->settings);
    code = notifier_start(house->notifier, house->engine);
    return code < 0 ? fault_set(fault, code, "alerts: %s", err_text(code)) : OK;
}

/* ---- begin and end ---- */

static int open_world(struct house *house, const struct house_options *options, struct fault *fault)
{
    char name[32]; /* everything in the store is kept by it */
    snprintf(name, sizeof name, "test-%llu", (unsigned long long)++house->base->houses);
    struct world_fixed_options fixed = {
        .loop = house->base->loop, .name = name, .start_ms = options->at_ms};
    int code = world_fixed_new(&fixed, &house->world, fault);
    if (code < 0) return code;
    house->host = (struct host){.loop = house->base->loop,
                                .world = house->world,
                                .clock = &house->world->clock,
                                .offline = true,
                                .print = house->base->print,
                                .print_data = house->base->print_data,
                                .chunks = house->base->chunks,
                                .config = &house->config,
                                .world_name = house->world->name,
                                .kinds = house->base->kinds,
                                .cover = house->base->cover};
    return OK;
}

static int read_mode(const char *text, struct engine_options *out, struct fault *fault)
{
    int mode = 0;
    if (!text) return OK;
    while (mode_names[mode] && strcmp(mode_names[mode], text) != 0)
        mode++;
    if (!mode_names[mode])
        return fault_set(fault, ERR_INVALID, "mode '%s': observe, recommend or act", text);
    out->mode = (enum policy_mode)mode;
    out->mode_override = out->override_up = true;
    return OK;
}

static int open_engine(struct house *house, const struct house_options *options,
                       struct fault *fault)
{
    const struct config *config = &house->config;
    struct engine_options engine = {.loop = house->base->loop,
                                    .world = house->world,
                                    .store = house->base->store,
                                    .actor = kinds_actor(house->base->kinds),
                                    .rails = &config->rails,
                                    .listener = {house, house_target, house_report},
                                    .mode = config->mode,
                                    .settle_ms = options->settle_ms,
                                    .policy_wall_ms = config->policy_wall_ms,
                                    .collect_ms = config->collect_ms,
                                    .apply_ms = config->apply_ms,
                                    .price_per_1000_usd = config->price_per_1000_usd};
    int code = read_mode(options->mode, &engine, fault);
    return code < 0 ? code : engine_new(&engine, &house->engine, fault);
}

int house_new(struct ptest_base *base, const struct house_options *options, struct house **out,
              struct fault *fault)
{
    struct house *house = calloc(1, sizeof *house);
    if (!house) return fault_set(fault, ERR_NOMEM, "out of memory");
    house->base = base;
    house->config = *base->config;
    if (options->config_json) house->config.json = strdup(options->config_json);
    strbuf_init(&house->targets, HOUSE_JSON_MAX);
    strbuf_init(&house->errors, HOUSE_JSON_MAX);
    strbuf_init(&house->sent, HOUSE_JSON_MAX);
    int code = options->config_json && !house->config.json
                   ? fault_set(fault, ERR_NOMEM, "out of memory")
                   : open_world(house, options, fault);
    if (code == OK) code = open_engine(house, options, fault);
    if (code == OK) code = open_alerts(house, options->project_alerts, fault);
    if (code < 0) {
        house_free(house);
        return code;
    }
    *out = house;
    return OK;
}

void house_free(struct house *house)
{
    if (!house) return;
    if (house->engine) {
        house->done = false;
        engine_stop(house->engine, on_done, house);
        (void)turn_until_done(house);
    }
    if (house->notifier) {
        house->done = false;
        notifier_stop(house->notifier, on_done, house);
        (void)turn_until_done(house);
        notifier_free(house->notifier);
    }
    engine_free(house->engine);
    if (house->courier) house->courier->vtable->free(house->courier);
    world_free(house->world);
    if (house->config.json != house->base->config->json) free(house->config.json);
    free(house->receivers);
    strbuf_done(&house->targets);
    strbuf_done(&house->errors);
    strbuf_done(&house->sent);
    free(house);
}

/* ---- policies ---- */

static void on_put(void *data, const char *policy, int code)
{
    struct house *house = data;
    (void)policy;
    house->code = code;
    house->done = true;
}

static int put(struct house *house, struct ptest_policy *policy, struct faults *faults)
{
    struct fault fault = {0};
    struct evaluator *evaluator = ptest_policy_evaluator(policy);
    house->done = false;
    house->discovery = (struct fault){.code = OK};
    int code = engine_put(house->engine, evaluator, on_put, house, &fault);
    if (code < 0) return faults_add(faults, &fault);
    code = turn_until_done(house);
    if (code == OK) code = house->code;
    if (code < 0) {
        if (house->discovery.code >= 0) fault_set(&house->discovery, code, "%s", err_text(code));
        return faults_add(faults, &house->discovery);
    }
    house->policies[house->policy_count++] = policy;
    return OK;
}

int house_policy(struct house *house, const struct policy_spec *spec, struct faults *faults)
{
    struct evaluator *evaluator = NULL;
    struct ptest_policy *policy = NULL;
    struct fault fault = {0};
    if (house->policy_count == HOUSE_POLICIES_MAX) {
        fault_set(&fault, ERR_LIMIT, "more than %d policies in one run()", HOUSE_POLICIES_MAX);
        return faults_add(faults, &fault);
    }
    int code = policy_load(&house->host, spec->path, spec->shown, &evaluator, faults);
    if (code < 0) return code;
    code = ptest_policy_new(evaluator, spec, &house->discovery, &policy, &fault);
    if (code < 0) return faults_add(faults, &fault);
    return put(house, policy, faults);
}

/* ---- datapoints ---- */

/* Of a percentile with `low_samples` the second metric of its key counts the samples: a test says
 * nothing of them, so there are enough wherever there is a value. */
static int put_samples(struct house *house, struct metric *metric, int64_t start_s,
                       const double *values, size_t count, bool hold)
{
    double *many = malloc((count + 1) * sizeof *many);
    if (!many) return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        many[i] = isnan(values[i]) ? NAN : SAMPLES_ENOUGH;
    int code = world_fixed_put(house->world, metric, start_s, many, count, hold);
    free(many);
    return code;
}

int house_series(struct house *house, size_t policy, size_t target, const char *key,
                 int64_t start_s, const double *values, size_t count, bool hold)
{
    struct evaluator *evaluator = ptest_policy_evaluator(house->policies[policy]);
    struct collector *collector = engine_collector(house->engine);
    const struct target *of = evaluator->vtable->target(evaluator, target);
    int code = ERR_NOT_FOUND;
    for (uint32_t i = 0; i < of->use_count; i++) {
        const struct metric_use *use = &of->uses[i];
        if (strcmp(use->key, key) != 0) continue;
        bool samples = code != ERR_NOT_FOUND && strcmp(use->metric->stat, "SampleCount") == 0;
        code = samples ? put_samples(house, use->metric, start_s, values, count, hold)
                       : world_fixed_put(house->world, use->metric, start_s, values, count, hold);
        if (code < 0) return code;
        collector_forget(collector, use->metric);
    }
    return code;
}

/* ---- time ---- */

int house_tick(struct house *house)
{
    strbuf_reset(&house->targets);
    strbuf_reset(&house->errors);
    house_look_at_clock(house);
    house->done = false;
    int code = engine_tick(house->engine, NULL, on_tick_done, house);
    if (code == OK) code = turn_until_done(house);
    return code == OK ? deliver(house) : code;
}

int house_advance(struct house *house, int64_t ms)
{
    world_fixed_advance(house->world, ms);
    house_look_at_clock(house);
    return deliver(house);
}
