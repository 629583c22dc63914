/* app/run.c - `moontide run`: the daemon, or one tick; and `moontide plan`: one tick that changes
 * nothing. */
#include "moontide/app/alerting.h"
#include "moontide/app/daemon.h"
#include "moontide/app/options.h"
#include "moontide/app/report.h"
#include "moontide/app/sinks.h"
#include "moontide/base/log.h"
#include "moontide/base/terminal.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DELIVER_MS = 30 * 1000 };

struct once {
    struct instance *instance;
    bool failed;
};

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "moontide: %s: %s\n", what, value);
    return 1;
}

static int read_format(const struct arguments *arguments, enum report_format *out)
{
    const char *text = arguments_value(arguments, "format");
    *out = text && strcmp(text, "json") == 0 ? REPORT_JSON : REPORT_TEXT;
    if (text && strcmp(text, "json") != 0 && strcmp(text, "text") != 0)
        return wrong("--format is text or json, not", text);
    return 0;
}

struct log_choice {
    int level, format; /* of the command line; negative: not said there */
    bool once;
};

static int read_log(const struct arguments *arguments, struct log_choice *out)
{
    const char *level = arguments_value(arguments, "log-level");
    const char *format = arguments_value(arguments, "log-format");
    out->level = level ? log_level_parse(level) : -1;
    out->format = -1;
    if (level && out->level < 0)
        return wrong("--log-level is debug, info, warn, error or off, not", level);
    if (!format) return 0;
    out->format = strcmp(format, "json") == 0 ? LOG_JSON : LOG_TEXT;
    if (strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
        return wrong("--log-format is text or json, not", format);
    return 0;
}

/* The command line first, then the configuration, then what standard error is. */
static void begin_log(void *data, const struct instance *instance)
{
    const struct log_choice *choice = data;
    const struct config *config = instance->config;
    int level = choice->level >= 0 ? choice->level : (int)config->log_level;
    int format = choice->format >= 0 ? choice->format : config->log_format;
    if (choice->level < 0 && choice->once && level < LOG_WARN)
        level = LOG_WARN; /* the result says the rest */
    if (format < 0) format = isatty(STDERR_FILENO) ? LOG_TEXT : LOG_JSON;
    log_open(stderr, (enum log_level)level, (enum log_format)format, terminal_color(STDERR_FILENO),
             &instance->world->clock);
}

/* Only a daemon's log goes further than standard error. */
static int start_sinks(const struct instance *instance, bool once, struct tick_metrics *metrics)
{
    struct fault fault;
    if (once || sinks_open(instance, metrics, &fault) == OK) return 0;
    print_fault(&fault);
    return 1;
}

static int read_speed(const struct arguments *arguments, double *out)
{
    const char *text = arguments_value(arguments, "speed");
    char *end;
    *out = 1;
    if (!text) return 0;
    *out = strtod(text, &end);
    if (*end || !(*out >= 0.001) || *out > 1e6)
        return wrong("--speed is a number from 0.001 to 1000000, not", text);
    return 0;
}

/* ---- one tick ---- */

static void on_once_done(void *data, bool failed)
{
    struct once *once = data;
    once->failed = once->failed || failed;
    loop_stop(once->instance->loop);
}

static void on_once_loaded(void *data, const struct scan_result *result)
{
    struct once *once = data;
    int code = result->code < 0 ? result->code
                                : engine_tick(once->instance->engine, NULL, on_once_done, once);
    if (code >= 0) return;
    if (result->code < 0) print_faults(&result->faults);
    once->failed = true;
    loop_stop(once->instance->loop);
}

static void on_alerting_stopped(void *data)
{
    loop_stop(((struct once *)data)->instance->loop);
}

static void on_engine_stopped(void *data)
{
    struct once *once = data;
    alerting_stop(once->instance->alerting, on_alerting_stopped, once);
}

/* A group is told of when its group_wait is over, so those that began just now are the next
 * run's. */
static void deliver(struct instance *instance)
{
    if (!alerting_notifier(instance->alerting)) return;
    size_t waiting = alerting_deliver(instance->alerting, DELIVER_MS);
    if (waiting > 0)
        fprintf(stderr,
                "moontide: %zu alert%s not told of yet (group_wait): a later run or the daemon "
                "tells\n",
                waiting, waiting == 1 ? " is" : "s are");
}

static int run_once(struct instance *instance, struct policy_dir *dir)
{
    struct once once = {.instance = instance};
    if (policy_dir_scan(dir, false, on_once_loaded, &once) < 0) return 1;
    loop_run(instance->loop);
    deliver(instance);
    engine_stop(instance->engine, on_engine_stopped, &once);
    loop_run(instance->loop);
    return once.failed ? 1 : 0;
}

/* ---- both ---- */

static void greet(const struct instance *instance, double speed)
{
    if (!isatty(STDERR_FILENO)) return;
    fprintf(stderr, "moontide " MOONTIDE_VERSION ", world %s", instance->world->name);
    if (speed != 1) fprintf(stderr, " at %g times real time", speed);
    fprintf(stderr, ". Policies: %s (saved changes are live at once). Ctrl-C stops.\n",
            instance->config->policies_dir);
}

int command_run(const struct arguments *arguments)
{
    bool is_once = arguments_flag(arguments, "once");
    const char *world = arguments_value(arguments, "world"),
               *dir_text = arguments_value(arguments, "dir");
    enum report_format format;
    struct report *report = NULL;
    struct policy_dir *dir = NULL;
    struct instance instance;
    struct daemon_ears ears = {0};
    struct log_choice log = {.once = is_once};
    double speed;
    int status = 1;
    if (read_format(arguments, &format) || read_speed(arguments, &speed)) return 1;
    if (read_log(arguments, &log)) return 1;
    if (report_new(format, stdout, terminal_color(STDOUT_FILENO), &report) < 0) return 1;
    struct instance_options options = {.dir = dir_text ? dir_text : ".",
                                       .world = world ? world : "aws",
                                       .mode = arguments_value(arguments, "mode"),
                                       .speed = speed,
                                       .trace_aws = arguments_flag(arguments, "trace-aws"),
                                       .store = true,
                                       .record = true,
                                       .policies = true,
                                       .begin_log = begin_log,
                                       .log = &log};
    options.listener = is_once ? (struct engine_listener){report, report_target, report_tick}
                               : (struct engine_listener){&ears, daemon_target, daemon_tick};
    if (instance_open(&options, &instance) < 0) {
        report_free(report);
        return 1;
    }
    struct policy_dir_options dir_options = {.host = &instance.host,
                                             .engine = instance.engine,
                                             .directory = instance.config->policies_dir,
                                             .source_bytes = instance.config->source_bytes};
    if (start_sinks(&instance, is_once, &ears.metrics) == 0 && instance_alerting(&instance) >= 0 &&
        policy_dir_new(&dir_options, &dir) >= 0) {
        if (!is_once) greet(&instance, speed);
        status = is_once ? run_once(&instance, dir) : daemon_run(&instance, dir, &ears);
    }
    policy_dir_free(dir);
    log_close_writers();
    instance_close(&instance);
    report_free(report);
    return status;
}

/* ---- plan ---- */

struct planning {
    struct report *report;
    size_t proposed;
};

static void plan_target(void *data, const struct target_report *target)
{
    struct planning *planning = data;
    for (size_t i = 0; i < target->decision_count; i++)
        planning->proposed += target->decisions[i].outcome == OUTCOME_PROPOSED;
    report_target(planning->report, target);
}

static void plan_tick(void *data, const struct tick_report *tick)
{
    struct planning *planning = data;
    report_tick(planning->report, tick);
}

int command_plan(const struct arguments *arguments)
{
    const char *world = arguments_value(arguments, "world"),
               *dir_text = arguments_value(arguments, "dir");
    enum report_format format;
    struct planning planning = {0};
    struct policy_dir *dir = NULL;
    struct instance instance;
    struct log_choice log = {.once = true};
    int status = 1;
    if (read_format(arguments, &format) || read_log(arguments, &log)) return 1;
    if (format == REPORT_TEXT) format = REPORT_PLAN;
    if (report_new(format, stdout, terminal_color(STDOUT_FILENO), &planning.report) < 0) return 1;
    struct instance_options options = {.dir = dir_text ? dir_text : ".",
                                       .world = world ? world : "aws",
                                       .mode = arguments_value(arguments, "mode"),
                                       .speed = 1,
                                       .trace_aws = arguments_flag(arguments, "trace-aws"),
                                       .store = true,
                                       .plan = true,
                                       .policies = true,
                                       .begin_log = begin_log,
                                       .log = &log};
    options.listener = (struct engine_listener){&planning, plan_target, plan_tick};
    if (instance_open(&options, &instance) < 0) {
        report_free(planning.report);
        return 1;
    }
    struct policy_dir_options dir_options = {.host = &instance.host,
                                             .engine = instance.engine,
                                             .directory = instance.config->policies_dir,
                                             .source_bytes = instance.config->source_bytes};
    if (policy_dir_new(&dir_options, &dir) >= 0) status = run_once(&instance, dir);
    if (status == 0 && planning.proposed > 0 && arguments_flag(arguments, "detailed-exitcode"))
        status = 2;
    policy_dir_free(dir);
    instance_close(&instance);
    report_free(planning.report);
    return status;
}
