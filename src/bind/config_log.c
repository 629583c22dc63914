/* bind/config_log.c - `log` of moontide.lua: where the log goes besides standard error. */
#include "config_fields.h"
#include "moontide/base/log_syslog.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE = 1 << LUA_TTABLE, BOOLEAN = 1 << LUA_TBOOLEAN };
enum { FACILITY_DAEMON = 3, KEEP_MAX = 1000 };
/* PutMetricData's limit of a namespace. */
enum { CLOUDWATCH_NAMESPACE_MAX = 255 };
#define FILE_BYTES_MIN     1024.0
#define FILE_BYTES_MAX     1e12
#define FILE_BYTES_DEFAULT ((size_t)100 * 1024 * 1024)

static const char *const levels[] = {"debug", "info", "warn", "error", "off", NULL};

static enum log_level take_level(struct fields *f)
{
    return (enum log_level)fields_choice(f, "level", levels, LOG_INFO);
}

static void read_file(struct config_reading *r, struct fields *log)
{
    static const char *const known[] = {"path", "max_size", "keep", "level", NULL};
    struct config_log_file *file = &r->config->log_file;
    struct fields inner;
    if (!config_open_table(log, "file", "configuration: log.file", &inner)) return;
    fields_known(&inner, known);
    if (lua_getfield(inner.L, inner.at, "path") == LUA_TNIL)
        fields_fault(log, "file", "file: path is missing");
    lua_pop(inner.L, 1);
    config_take_path(&inner, "path", r->config->dir, &file->path);
    file->max_bytes = (int64_t)config_take_size(&inner, "max_size", FILE_BYTES_MIN, FILE_BYTES_MAX,
                                                FILE_BYTES_DEFAULT);
    file->keep = (int)fields_integer(&inner, "keep", 0, KEEP_MAX, 7);
    file->level = take_level(&inner);
    config_close_table(&inner);
}

/* true, or a table of what is other than usual. */
static void read_syslog(struct config_reading *r, struct fields *log)
{
    static const char *const known[] = {"facility", "ident", "path", "level", NULL};
    struct config_log_syslog *syslog = &r->config->log_syslog;
    struct fields inner;
    int type = fields_push(log, "syslog", TABLE | BOOLEAN, "true or a table");
    if (type == LUA_TNIL) return;
    syslog->on = lua_toboolean(log->L, -1);
    syslog->facility = FACILITY_DAEMON;
    syslog->level = LOG_INFO;
    if (type == LUA_TTABLE) {
        fields_inside(&inner, log, -1, "configuration: log.syslog", "syslog");
        fields_known(&inner, known);
        syslog->facility = fields_choice(&inner, "facility", log_facilities, FACILITY_DAEMON);
        config_take_text(&inner, "ident", &syslog->ident);
        config_take_path(&inner, "path", r->config->dir, &syslog->path);
        syslog->level = take_level(&inner);
    }
    lua_pop(log->L, 1);
}

static void read_cloudwatch(struct config_reading *r, struct fields *log)
{
    static const char *const known[] = {"group", "stream", "region", "metrics", "level", NULL};
    struct config_log_cloudwatch *cloudwatch = &r->config->log_cloudwatch;
    struct fields inner;
    if (!config_open_table(log, "cloudwatch", "configuration: log.cloudwatch", &inner)) return;
    fields_known(&inner, known);
    config_take_text(&inner, "group", &cloudwatch->group);
    config_take_text(&inner, "stream", &cloudwatch->stream);
    config_take_text(&inner, "region", &cloudwatch->region);
    config_take_text(&inner, "metrics", &cloudwatch->metrics);
    if (cloudwatch->metrics && strlen(cloudwatch->metrics) > CLOUDWATCH_NAMESPACE_MAX)
        fields_fault(&inner, "metrics", "metrics: a namespace has at most %d bytes",
                     CLOUDWATCH_NAMESPACE_MAX);
    cloudwatch->level = take_level(&inner);
    if (!inner.failed && (!cloudwatch->group || !cloudwatch->stream))
        fields_fault(log, "cloudwatch", "cloudwatch: group and stream are needed");
    config_close_table(&inner);
}

void config_read_log(struct config_reading *r)
{
    static const char *const known[] = {"level", "format", "file", "syslog", "cloudwatch", NULL};
    static const char *const formats[] = {"text", "json", "auto", NULL};
    struct fields inner;
    if (!config_open_table(&r->root, "log", "configuration: log", &inner)) return;
    fields_known(&inner, known);
    r->config->log_level = take_level(&inner);
    int format = fields_choice(&inner, "format", formats, 2);
    r->config->log_format = format == 2 ? -1 : format;
    read_file(r, &inner);
    read_syslog(r, &inner);
    read_cloudwatch(r, &inner);
    config_close_table(&inner);
}

void config_log_done(struct config *config)
{
    free(config->log_file.path);
    free(config->log_syslog.ident);
    free(config->log_syslog.path);
    free(config->log_cloudwatch.group);
    free(config->log_cloudwatch.stream);
    free(config->log_cloudwatch.region);
    free(config->log_cloudwatch.metrics);
}
