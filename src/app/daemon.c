/* app/daemon.c - the long run; see the diagram in daemon.h. */
#include "moontide/app/daemon.h"

#include "moontide/app/alerting.h"
#include "moontide/app/control.h"
#include "moontide/app/notify.h"
#include "moontide/base/fs.h"
#include "moontide/base/json.h"
#include "moontide/base/log.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "moontide/tick/pause.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum {
    PRUNE_FIRST_MS = 60 * 1000,
    PRUNE_EVERY_MS = 3600 * 1000,
    PRUNE_AGAIN_MS = 200, /* between two steps */
};
enum { SIGNALS = 3, STATUS_BYTES_MAX = 64 * 1024 * 1024 };

struct daemon {
    struct instance *instance;
    struct policy_dir *dir;
    struct control *control;
    struct control_request *reloading; /* the client that waits for the reload under way */
    struct faults config_faults;       /* of moontide.lua, in the last reload */
    uv_signal_t signals[SIGNALS];
    size_t signal_count;
    struct loop_timer *watchdog, *drain, *prune;
    int64_t started_ms;
    int exit_status;
    bool stopping;
};

static void fail_to_start(const char *what, int code)
{
    fprintf(stderr, "moontide: %s: %s\n", what, err_text(code));
}

/* ---- the end ---- */

static void on_drained(void *data)
{
    struct daemon *d = data;
    loop_timer_cancel(d->drain);
    d->drain = NULL;
    loop_stop(d->instance->loop);
}

/* What the last tick found is still put into the outbox; what is there is on disk. */
static void on_engine_stopped(void *data)
{
    struct daemon *d = data;
    alerting_stop(d->instance->alerting, on_drained, d);
}

static void on_drain_timeout(void *data)
{
    struct daemon *d = data;
    d->drain = NULL;
    log_event(LOG_ERROR, "daemon.drain_timeout", LOG_I("ms", DAEMON_DRAIN_MS));
    fflush(NULL);
    _exit(1); /* what is durable is on disk; what is not would not come */
}

static void stop(struct daemon *d, const char *why)
{
    if (d->stopping) return;
    d->stopping = true;
    log_event(LOG_INFO, "daemon.stopping", LOG_S("reason", why));
    notify_send("STOPPING=1");
    if (loop_timer_start(d->instance->loop, DAEMON_DRAIN_MS, on_drain_timeout, d, &d->drain) < 0)
        log_event(LOG_WARN, "daemon.drain_unbounded", LOG_S("error", "no timer"));
    engine_stop(d->instance->engine, on_engine_stopped, d);
}

/* ---- reload ---- */

static void write_faults(struct json_writer *w, const struct faults *faults)
{
    char line[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
    for (size_t i = 0; i < faults->count; i++) {
        fault_print(&faults->items[i], line, sizeof line);
        json_string(w, line);
    }
}

static void answer_reload(struct daemon *d, const struct scan_result *result)
{
    struct strbuf out;
    struct json_writer writer, *w = &writer;
    strbuf_init(&out, STATUS_BYTES_MAX);
    json_writer_init(w, &out);
    json_object(w);
    json_key(w, "policies");
    json_int(w, (int64_t)result->policies);
    json_key(w, "loaded");
    json_int(w, (int64_t)result->loaded);
    json_key(w, "removed");
    json_int(w, (int64_t)result->removed);
    json_key(w, "faults");
    json_array(w);
    write_faults(w, &d->config_faults);
    write_faults(w, &result->faults);
    json_array_end(w);
    json_object_end(w);
    control_answer(d->reloading, strbuf_cstr(&out), out.len);
    strbuf_done(&out);
}

static void on_reloaded(void *data, const struct scan_result *result)
{
    struct daemon *d = data;
    log_event(LOG_INFO, "daemon.reloaded", LOG_I("policies", result->policies),
              LOG_I("loaded", result->loaded), LOG_I("removed", result->removed),
              LOG_I("faults", result->faults.count + d->config_faults.count));
    notify_send("READY=1");
    if (d->reloading) answer_reload(d, result);
    d->reloading = NULL;
}

/* Who is told follows moontide.lua; a faulty one leaves it as it is. */
static void reload_alerts(struct daemon *d)
{
    char line[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
    faults_done(&d->config_faults);
    faults_init(&d->config_faults);
    if (alerting_reload(d->instance, &d->config_faults) == OK) return;
    for (size_t i = 0; i < d->config_faults.count; i++) {
        fault_print(&d->config_faults.items[i], line, sizeof line);
        log_event(LOG_ERROR, "config.rejected", LOG_S("error", line));
    }
}

/* sd_notify(3): a reload is told with its time, and once it is sure that its end will be told. */
static int reload(struct daemon *d)
{
    const struct clock real = {.kind = CLOCK_REAL};
    char state[64];
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)(clock_mono_ns(&real) / 1000));
    int code = policy_dir_scan(d->dir, true, on_reloaded, d);
    if (code < 0) return code;
    notify_send(state);
    reload_alerts(d);
    return code;
}

/* ---- the control socket ---- */

static void answer_text(struct control_request *request, const char *json)
{
    control_answer(request, json, strlen(json));
}

/* The file PAUSED was changed by a command, which waits for the answer only to say that it is known
 * here. */
static void on_pauses(struct daemon *d, struct control_request *request)
{
    engine_pauses_changed(d->instance->engine);
    answer_text(request, "{\"ok\":true}");
}

/* `resume RESOURCE` lifts what a failed verification froze, too. */
static void on_unfreeze(struct daemon *d, const char *arguments, struct control_request *request)
{
    char resource[1024];
    char answer[64];
    if (control_argument(arguments, "resource", resource, sizeof resource) < 0) {
        answer_text(request, "{\"error\":\"unfreeze needs a resource\"}");
        return;
    }
    size_t count = engine_unfreeze(d->instance->engine, resource);
    snprintf(answer, sizeof answer, "{\"unfrozen\":%s}", count > 0 ? "true" : "false");
    answer_text(request, answer);
}

static void on_command(void *data, const char *command, const char *arguments,
                       struct control_request *request)
{
    struct daemon *d = data;
    if (strcmp(command, "status") == 0) {
        struct strbuf out;
        strbuf_init(&out, STATUS_BYTES_MAX);
        daemon_status_json(d->instance, d->started_ms, &out);
        if (strbuf_status(&out) < 0)
            answer_text(request, "{\"error\":\"the status is too large\"}");
        else
            control_answer(request, strbuf_cstr(&out), out.len);
        strbuf_done(&out);
    } else if (strcmp(command, "reload") == 0) {
        if (d->stopping || d->reloading || reload(d) < 0)
            answer_text(request,
                        "{\"error\":\"a reload is under way, or the daemon is stopping\"}");
        else
            d->reloading = request;
    } else if (strcmp(command, "pauses") == 0) {
        on_pauses(d, request);
    } else if (strcmp(command, "unfreeze") == 0) {
        on_unfreeze(d, arguments, request);
    } else if (!alerting_command(d->instance, command, arguments, request)) {
        answer_text(request, "{\"error\":\"unknown command: status, reload, pauses, unfreeze, "
                             "silences, alerts, alerts_test, alerts_resend\"}");
    }
}

static int open_control(struct daemon *d)
{
    struct fault fault;
    char *path = fs_join(d->instance->config->state_dir, "control.sock");
    if (!path) return ERR_NOMEM;
    int code = control_new(d->instance->loop, path, on_command, d, &d->control, &fault);
    if (code < 0) print_fault(&fault);
    free(path);
    return code;
}

/* ---- signals and the watchdog ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    if (number == SIGHUP) {
        log_reopen();
        if (!d->stopping && !d->reloading && reload(d) < 0)
            log_event(LOG_WARN, "daemon.reload_busy", LOG_S("error", "a reload is under way"));
    } else if (d->stopping && number == SIGINT) {
        _exit(130); /* asked twice: at once */
    } else {
        stop(d, number == SIGINT ? "SIGINT" : "SIGTERM");
    }
}

static int watch_signals(struct daemon *d)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < SIGNALS; i++) {
        int status = uv_signal_init(loop_uv(d->instance->loop), &d->signals[i]);
        if (status < 0) return err_from_uv(status);
        d->signals[i].data = d;
        d->signal_count++;
        status = uv_signal_start(&d->signals[i], on_signal, numbers[i]);
        if (status < 0) return err_from_uv(status);
    }
    return OK;
}

static void on_watchdog(void *data)
{
    struct daemon *d = data;
    d->watchdog = NULL;
    notify_send("WATCHDOG=1");
    if (loop_timer_start(d->instance->loop, notify_watchdog_ms(), on_watchdog, d, &d->watchdog) < 0)
        log_event(LOG_ERROR, "daemon.watchdog_lost", LOG_S("error", "no timer"));
}

/* ---- the journal's bounds ---- */

static void on_prune(void *data);

static void prune_later(struct daemon *d, int64_t delay_ms)
{
    if (d->stopping) return;
    if (loop_timer_start(d->instance->loop, delay_ms, on_prune, d, &d->prune) < 0)
        log_event(LOG_ERROR, "journal.prune_failed", LOG_S("error", "no timer"));
}

static void on_pruned(void *data, int code, const struct fault *fault)
{
    struct daemon *d = data;
    if (code < 0)
        log_event(LOG_WARN, "journal.prune_failed",
                  LOG_S("error", fault ? fault->text : err_text(code)));
    prune_later(d, code > 0 ? PRUNE_AGAIN_MS : PRUNE_EVERY_MS);
}

/* A step at a time, so that no tick waits for long. */
static void on_prune(void *data)
{
    struct daemon *d = data;
    const struct config *config = d->instance->config;
    const struct store_retention retention = {.keep_ms = config->journal_keep_ms,
                                              .max_bytes = config->journal_max_bytes};
    d->prune = NULL;
    int code = store_prune(d->instance->store, &retention, clock_now_ms(&d->instance->world->clock),
                           on_pruned, d);
    if (code < 0) on_pruned(d, code, NULL);
}

/* ---- the start ---- */

static void on_first_scan(void *data, const struct scan_result *result)
{
    struct daemon *d = data;
    if (d->stopping) return;
    if (result->code < 0) { /* nothing has ever been good here: not a daemon to leave running */
        d->exit_status = 1;
        stop(d, "the policies cannot be read");
        return;
    }
    int code = engine_start(d->instance->engine);
    if (code < 0) {
        d->exit_status = 1;
        stop(d, err_text(code));
        return;
    }
    notify_send("READY=1");
    if (notify_watchdog_ms() > 0) on_watchdog(d);
    prune_later(d, PRUNE_FIRST_MS);
    log_event(LOG_INFO, "daemon.started", LOG_S("world", d->instance->world->name),
              LOG_I("policies", result->policies), LOG_I("faults", result->faults.count));
}

/* Without credentials a daemon would only fail, tick by tick: it ends, and says where it looked. */
static void on_ready(void *data, int code, const struct fault *fault)
{
    struct daemon *d = data;
    if (d->stopping) return;
    if (code >= 0) code = policy_dir_watch(d->dir);
    if (code >= 0) code = policy_dir_scan(d->dir, false, on_first_scan, d);
    if (code >= 0) return;
    if (fault)
        print_fault(fault);
    else
        fail_to_start("watching the policies", code);
    d->exit_status = 1;
    stop(d, err_name(code));
}

static void on_signal_closed(uv_handle_t *handle)
{
    struct daemon *d = handle->data;
    d->signal_count--;
}

/* The signal handles live in the daemon's own memory: it waits until they are closed. */
static void close_parts(struct daemon *d)
{
    faults_done(&d->config_faults);
    control_free(d->control);
    loop_timer_cancel(d->watchdog);
    loop_timer_cancel(d->prune);
    for (size_t i = d->signal_count; i-- > 0;)
        uv_close((uv_handle_t *)&d->signals[i], on_signal_closed);
    while (d->signal_count > 0)
        (void)loop_turn(d->instance->loop, false);
}

/* A target's status is news only when it changes. */
void daemon_target(void *data, const struct target_report *report)
{
    (void)data;
    if (report->status == report->before || (report->first && report->status == STATUS_HEALTHY))
        return;
    bool worse = report->status > STATUS_UNKNOWN;
    log_event(worse ? LOG_WARN : LOG_INFO, "status.changed", LOG_S("policy", report->policy),
              LOG_S("target", report->target),
              LOG_S("from", report->first ? NULL : status_names[report->before]),
              LOG_S("to", status_names[report->status]));
}

int daemon_run(struct instance *instance, struct policy_dir *dir)
{
    struct daemon d = {
        .instance = instance, .dir = dir, .started_ms = clock_now_ms(&instance->world->clock)};
    int code;
    if ((code = watch_signals(&d)) < 0) {
        fail_to_start("signals", code);
        goto failed;
    }
    if ((code = open_control(&d)) < 0) goto failed;
    world_ready(instance->world, on_ready, &d);
    loop_run(instance->loop);
    close_parts(&d);
    return d.exit_status;
failed:
    close_parts(&d);
    return 1;
}
