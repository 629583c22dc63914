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

static const struct vm_field file_fields[] = {
    {"path", "string", "Where."},
    {"max_size", "string|integer?", "When it is turned; 100MiB."},
    {"keep", "integer?", "How many old ones; 7."},
    {"level", "\"debug\"|\"info\"|\"warn\"|\"error\"|\"off\"?",
     "The least that is written; \"info\"."},
    {NULL, NULL, NULL}};
const struct vm_docs config_file_fields_docs = {
    DOCS_CLASS, "config.log.file", DOCS_CONFIG, "A log file of JSON lines.", NULL, file_fields};

static void read_file(struct config_reading *r, struct fields *log)
{
    struct config_log_file *file = &r->config->log_file;
    struct fields inner;
    if (!config_open_table(log, "file", "configuration: log.file", &inner)) return;
    fields_documented(&inner, file_fields);
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

static const struct vm_field syslog_fields[] = {{"facility", "string?", "\"daemon\"."},
                                                {"ident", "string?", "\"moontide\"."},
                                                {"path", "string?", "Its socket."},
                                                {"level",
                                                 "\"debug\"|\"info\"|\"warn\"|\"error\"|\"off\"?",
                                                 "The least that is written; \"info\"."},
                                                {NULL, NULL, NULL}};
const struct vm_docs config_syslog_fields_docs = {
    DOCS_CLASS, "config.log.syslog", DOCS_CONFIG, "What is other than usual.", NULL, syslog_fields};

/* true, or a table of what is other than usual. */
static void read_syslog(struct config_reading *r, struct fields *log)
{
    struct config_log_syslog *syslog = &r->config->log_syslog;
    struct fields inner;
    int type = fields_push(log, "syslog", TABLE | BOOLEAN, "true or a table");
    if (type == LUA_TNIL) return;
    syslog->on = lua_toboolean(log->L, -1);
    syslog->facility = FACILITY_DAEMON;
    syslog->level = LOG_INFO;
    if (type == LUA_TTABLE) {
        fields_inside(&inner, log, -1, "configuration: log.syslog", "syslog");
        fields_documented(&inner, syslog_fields);
        syslog->facility = fields_choice(&inner, "facility", log_facilities, FACILITY_DAEMON);
        config_take_text(&inner, "ident", &syslog->ident);
        config_take_path(&inner, "path", r->config->dir, &syslog->path);
        syslog->level = take_level(&inner);
    }
    lua_pop(log->L, 1);
}

static const struct vm_field cloudwatch_fields[] = {
    {"group", "string", "The log group."},
    {"stream", "string", "The log stream."},
    {"region", "string?", "Else the configuration's."},
    {"metrics", "string?", "The namespace of each tick's metrics."},
    {"level", "\"debug\"|\"info\"|\"warn\"|\"error\"|\"off\"?",
     "The least that is written; \"info\"."},
    {NULL, NULL, NULL}};
const struct vm_docs config_cloudwatch_fields_docs = {
    DOCS_CLASS, "config.log.cloudwatch", DOCS_CONFIG, "CloudWatch Logs.", NULL, cloudwatch_fields};

static void read_cloudwatch(struct config_reading *r, struct fields *log)
{
    struct config_log_cloudwatch *cloudwatch = &r->config->log_cloudwatch;
    struct fields inner;
    if (!config_open_table(log, "cloudwatch", "configuration: log.cloudwatch", &inner)) return;
    fields_documented(&inner, cloudwatch_fields);
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

static const struct vm_field log_table_fields[] = {
    {"level", "\"debug\"|\"info\"|\"warn\"|\"error\"|\"off\"?",
     "The least that is written; \"info\"."},
    {"format", "\"text\"|\"json\"|\"auto\"?", "\"auto\": text on a terminal."},
    {"file", "config.log.file?", "To a file too."},
    {"syslog", "boolean|config.log.syslog?", "To syslog too."},
    {"cloudwatch", "config.log.cloudwatch?", "To CloudWatch Logs too."},
    {NULL, NULL, NULL}};
const struct vm_docs config_log_fields_docs = {
    DOCS_CLASS, "config.log", DOCS_CONFIG, "Where the log goes.", NULL, log_table_fields};

void config_read_log(struct config_reading *r)
{
    static const char *const formats[] = {"text", "json", "auto", NULL};
    struct fields inner;
    if (!config_open_table(&r->root, "log", "configuration: log", &inner)) return;
    fields_documented(&inner, log_table_fields);
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
