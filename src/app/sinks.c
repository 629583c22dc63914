/* app/sinks.c - the log's further writers, by the configuration. */
#include "moontide/app/sinks.h"

#include "moontide/app/log_cloudwatch.h"
#include "moontide/base/log_file.h"
#include "moontide/base/log_syslog.h"

#include <signal.h>

static int open_file(const struct config_log_file *config, struct fault *fault)
{
    struct log_writer *writer = NULL;
    const struct log_file_options options = {.path = config->path,
                                             .max_bytes = config->max_bytes,
                                             .keep = config->keep,
                                             .level = config->level};
    if (!config->path) return OK;
    int code = log_file_open(&options, &writer, fault);
    if (code == OK) log_add_writer(writer);
    return code;
}

static int open_syslog(const struct config_log_syslog *config, struct fault *fault)
{
    struct log_writer *writer = NULL;
    const struct log_syslog_options options = {.path = config->path,
                                               .ident = config->ident,
                                               .facility = config->facility,
                                               .level = config->level};
    if (!config->on) return OK;
    int code = log_syslog_open(&options, &writer, fault);
    if (code == OK) log_add_writer(writer);
    return code;
}

static int open_logs(const struct instance *instance, struct tick_metrics *metrics,
                     struct fault *fault)
{
    struct log_writer *writer = NULL;
    const struct config *config = instance->config;
    const struct config_log_cloudwatch *own = &config->log_cloudwatch;
    const struct log_cloudwatch_options options = {.loop = instance->loop,
                                                   .http = instance->http,
                                                   .group = own->group,
                                                   .stream = own->stream,
                                                   .profile = config->profile,
                                                   .region =
                                                       own->region ? own->region : config->region,
                                                   .endpoint = config->endpoint,
                                                   .level = own->level};
    if (!own->group) return OK;
    int code = log_cloudwatch_open(&options, &writer, fault);
    if (code < 0) return code;
    log_add_writer(writer);
    *metrics = (struct tick_metrics){writer, own->metrics};
    return OK;
}

int sinks_open(const struct instance *instance, struct tick_metrics *metrics, struct fault *fault)
{
    const struct config *config = instance->config;
    /* Past a limit of file sizes a write shall fail like on a full disk, not end the program. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, NULL);
    int code = open_file(&config->log_file, fault);
    if (code == OK) code = open_syslog(&config->log_syslog, fault);
    if (code == OK) code = open_logs(instance, metrics, fault);
    if (code < 0) log_close_writers();
    return code;
}
