/* app/alerting.c - makes the courier and the notifier, and passes reports on to it. */
#include "moontide/app/alerting.h"

#include "moontide/base/clock.h"
#include "moontide/base/fs.h"
#include "moontide/bind/courier.h"
#include "moontide/io/loop.h"
#include "moontide/notify/outbox.h"
#include "moontide/notify/silences.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What of a file tells that it is another one. */
struct stamp {
    ino_t inode;
    off_t bytes;
    struct timespec at;
};

struct alerting {
    struct engine_listener listener;
    struct loop *loop;
    struct courier *courier;
    struct courier *real; /* the one that sends; in a simulated world it only checks */
    struct notifier *notifier;
    struct config *reloaded; /* whose `alerts` hold; NULL: those of the start */
    char *silences_path;
    struct stamp silences;
};

bool alerting_wanted(const struct config *config)
{
    return config->alerts.receiver_count > 0 || config->alerts.heartbeat_json;
}

int alerting_new(const struct engine_listener *listener, struct alerting **out)
{
    struct alerting *alerting = calloc(1, sizeof *alerting);
    if (!alerting) return ERR_NOMEM;
    alerting->listener = *listener;
    *out = alerting;
    return OK;
}

/* ---- reports ---- */

static void stamp_of(const char *path, struct stamp *out)
{
    struct stat st;
    memset(out, 0, sizeof *out);
    if (stat(path, &st) < 0) return;
    out->inode = st.st_ino;
    out->bytes = st.st_size;
    out->at = st.st_mtim;
}

/* Whoever wrote SILENCES also says so by the control socket; a daemon that did not hear it sees it
 * here. */
static void look_at_silences(struct alerting *alerting)
{
    struct stamp now;
    stamp_of(alerting->silences_path, &now);
    if (memcmp(&now, &alerting->silences, sizeof now) == 0) return;
    alerting->silences = now;
    notifier_silences_changed(alerting->notifier);
}

static void on_target(void *data, const struct target_report *report)
{
    struct alerting *alerting = data;
    if (alerting->listener.target) alerting->listener.target(alerting->listener.data, report);
    if (alerting->notifier) notifier_target(alerting->notifier, report);
}

static void on_tick(void *data, const struct tick_report *report)
{
    struct alerting *alerting = data;
    if (alerting->listener.tick) alerting->listener.tick(alerting->listener.data, report);
    if (!alerting->notifier) return;
    look_at_silences(alerting);
    notifier_tick(alerting->notifier, report);
}

struct engine_listener alerting_listener(struct alerting *alerting)
{
    return (struct engine_listener){alerting, on_target, on_tick};
}

/* ---- begin and end ---- */

/* All that is wrong with the receivers; answers the code of the first. */
static int check_receivers(struct alerting *alerting, const struct config *config,
                           struct faults *faults)
{
    int first = OK;
    for (size_t i = 0; i < config->alerts.receiver_count; i++) {
        struct fault fault = {0};
        int code = courier_check(alerting->real, &config->alerts.receivers[i], &fault);
        if (code == OK) continue;
        if (!fault.file[0] && config->file) fault_at(&fault, config->file, 0, 0);
        faults_add(faults, &fault);
        if (first == OK) first = code;
    }
    return first;
}

static int open_courier(struct alerting *alerting, struct instance *instance, struct faults *faults)
{
    struct fault fault = {0};
    const struct config *config = instance->config;
    bool simulated = strcmp(instance->world->name, "aws") != 0 && !config->alerts.send_simulated;
    int code = courier_new(&instance->host, &alerting->real);
    if (code < 0) {
        fault_set(&fault, code, "no courier: %s", err_text(code));
        return faults_add(faults, &fault);
    }
    code = check_receivers(alerting, config, faults);
    if (code < 0) return code;
    alerting->courier = alerting->real;
    if (!simulated) return OK;
    alerting->courier = NULL;
    code = courier_sim_new(instance->loop, &alerting->courier);
    if (code == OK) return OK;
    fault_set(&fault, code, "out of memory");
    return faults_add(faults, &fault);
}

static int open_notifier(struct alerting *alerting, struct instance *instance, struct fault *fault)
{
    struct notifier_options options = {.loop = instance->loop,
                                       .store = instance->store,
                                       .clock = &instance->world->clock,
                                       .world = instance->world->name,
                                       .silences_path = alerting->silences_path,
                                       .courier = alerting->courier};
    int code = notifier_new(&options, &alerting->notifier, fault);
    if (code < 0) return code;
    stamp_of(alerting->silences_path, &alerting->silences);
    notifier_settings(alerting->notifier, &instance->config->alerts);
    code = notifier_start(alerting->notifier, instance->engine);
    return code < 0 ? fault_set(fault, code, "alerts: %s", err_text(code)) : OK;
}

int alerting_open(struct alerting *alerting, struct instance *instance, struct faults *faults)
{
    struct fault fault = {0};
    alerting->loop = instance->loop;
    alerting->silences_path = fs_join(instance->config->state_dir, SILENCE_FILE);
    if (!alerting->silences_path) {
        fault_set(&fault, ERR_NOMEM, "out of memory");
        return faults_add(faults, &fault);
    }
    int code = open_courier(alerting, instance, faults);
    if (code < 0) return code;
    code = open_notifier(alerting, instance, &fault);
    return code < 0 ? faults_add(faults, &fault) : OK;
}

int alerting_reload(struct instance *instance, struct faults *faults)
{
    struct alerting *alerting = instance->alerting;
    struct config *config = NULL;
    struct fault fault = {0};
    int code = config_load(instance->config->dir, &config, faults);
    if (code < 0) return code;
    bool open = alerting && alerting->notifier;
    if (open) {
        code = check_receivers(alerting, config, faults);
    } else if (alerting_wanted(config)) {
        code = fault_set(&fault, ERR_INVALID,
                         "there were no receivers when the daemon started: "
                         "restart it for those that are there now");
        fault_at(&fault, config->file, 0, 0);
        faults_add(faults, &fault);
    }
    if (code < 0 || !open) {
        config_free(config);
        return code;
    }
    notifier_settings(alerting->notifier, &config->alerts);
    config_free(alerting->reloaded);
    alerting->reloaded = config;
    return OK;
}

void alerting_stop(struct alerting *alerting, void (*done)(void *data), void *data)
{
    if (alerting && alerting->notifier)
        notifier_stop(alerting->notifier, done, data);
    else
        done(data);
}

void alerting_free(struct alerting *alerting)
{
    if (!alerting) return;
    notifier_free(alerting->notifier);
    if (alerting->courier && alerting->courier != alerting->real)
        alerting->courier->vtable->free(alerting->courier);
    if (alerting->real) alerting->real->vtable->free(alerting->real);
    config_free(alerting->reloaded);
    free(alerting->silences_path);
    free(alerting);
}

struct notifier *alerting_notifier(const struct alerting *alerting)
{
    return alerting ? alerting->notifier : NULL;
}

/* ---- `run --once` ---- */

/* What waits for its turn by `rate` goes, too; what waits after a failure does not. */
static void see_sending(void *data, const struct outbox_status *status)
{
    bool waits = status->queued > 0 && status->failing_since_ms == 0;
    *(bool *)data = *(bool *)data || status->sending || waits;
}

static bool under_way(const struct alerting *alerting)
{
    bool sending = notifier_busy(alerting->notifier);
    outbox_each(notifier_outbox(alerting->notifier), see_sending, &sending);
    return sending;
}

static void limit_passed(void *data)
{
    *(struct loop_timer **)data = NULL;
}

static void count_waiting(void *data, const struct notifier_alert *alert)
{
    *(size_t *)data += alert->held == HELD_WAITING;
}

size_t alerting_deliver(struct alerting *alerting, int64_t limit_ms)
{
    struct loop_timer *limit = NULL;
    size_t waiting = 0;
    if (loop_timer_start(alerting->loop, limit_ms, limit_passed, (void *)&limit, &limit) < 0)
        return 0;
    while (limit && under_way(alerting))
        loop_turn(alerting->loop, true);
    loop_timer_cancel(limit);
    notifier_each(alerting->notifier, count_waiting, &waiting);
    return waiting;
}
