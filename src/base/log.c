/* base/log.c - the log sink: one line an event, text or JSON. */
#include "moontide/base/log.h"

#include "moontide/base/clock.h"
#include "moontide/base/err.h"
#include "moontide/base/json.h"
#include "moontide/base/strbuf.h"
#include "moontide/base/timetext.h"

#include <string.h>

enum { LINE_BYTES_MAX = 64 * 1024 };

/* The one global of the program. */
static struct {
    FILE *stream;
    enum log_level level;
    enum log_format format;
    bool color;
    const struct clock *clock;
} sink = {.level = LOG_OFF};

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

void log_open(FILE *stream, enum log_level level, enum log_format format, bool color,
              const struct clock *clock)
{
    sink.stream = stream;
    sink.level = level;
    sink.format = format;
    sink.color = color;
    sink.clock = clock;
}

void log_set_level(enum log_level level)
{
    sink.level = level;
}

bool log_enabled(enum log_level level)
{
    return sink.stream && level >= sink.level && level < LOG_OFF;
}

int log_level_parse(const char *text)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++)
        if (strcmp(text, level_names[i]) == 0) return (int)i;
    return -1;
}

static bool plain(const char *text)
{
    if (!*text) return false;
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == '"' || *text == '=' || *text == 0x7f)
            return false;
    return true;
}

static void add_value(struct strbuf *line, const struct log_field *f, bool json)
{
    switch (f->type) {
    case LOG_T_STR:
        if (!json && plain(f->v.str))
            strbuf_adds(line, f->v.str);
        else
            json_quote(line, f->v.str, strlen(f->v.str));
        break;
    case LOG_T_INT: strbuf_add_int(line, f->v.i); break;
    case LOG_T_NUM:
        if (json && (f->v.num != f->v.num || f->v.num - f->v.num != 0))
            strbuf_adds(line, "null");
        else if (json)
            strbuf_add_double(line, f->v.num);
        else
            strbuf_addf(line, "%.6g", f->v.num);
        break;
    case LOG_T_BOOL: strbuf_adds(line, f->v.b ? "true" : "false"); break;
    case LOG_T_END: break;
    }
}

static void add_text(struct strbuf *line, enum log_level level, const char *event,
                     const struct log_field *f, const char *at)
{
    static const char *const labels[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
    static const char *const colors[] = {"\033[2m", "\033[32m", "\033[33m", "\033[31m"};
    const char *on = sink.color ? colors[level] : "", *off = sink.color ? "\033[0m" : "";
    strbuf_addf(line, "%.8s %s%s%s %s", at + 11, on, labels[level], off, event);
    for (; f->type != LOG_T_END; f++) {
        if (f->type == LOG_T_STR && !f->v.str) continue;
        strbuf_addf(line, sink.color ? " \033[2m%s=\033[0m" : " %s=", f->key);
        add_value(line, f, false);
    }
}

static void add_json(struct strbuf *line, enum log_level level, const char *event,
                     const struct log_field *f, const char *at)
{
    strbuf_addf(line, "{\"at\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", at, level_names[level],
                event);
    for (; f->type != LOG_T_END; f++) {
        if (f->type == LOG_T_STR && !f->v.str) continue;
        strbuf_addc(line, ',');
        json_quote(line, f->key, strlen(f->key));
        strbuf_addc(line, ':');
        add_value(line, f, true);
    }
    strbuf_addc(line, '}');
}

static void add_line(struct strbuf *line, enum log_level level, const char *event,
                     const struct log_field *fields)
{
    struct clock real = {.kind = CLOCK_REAL};
    char at[TIME_TEXT_MAX];
    time_format(clock_now_ms(sink.clock ? sink.clock : &real), at);
    if (sink.format == LOG_JSON)
        add_json(line, level, event, fields, at);
    else
        add_text(line, level, event, fields, at);
    strbuf_addc(line, '\n');
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
    if (!log_enabled(level)) return;
    struct strbuf line;
    strbuf_init(&line, LINE_BYTES_MAX);
    add_line(&line, level, event, fields);
    if (strbuf_status(&line) < 0) {
        static const struct log_field too_long[] = {
            {.key = "too_long", .type = LOG_T_BOOL, .v.b = true}, {.type = LOG_T_END}};
        strbuf_reset(&line);
        add_line(&line, level, event, too_long);
    }
    fwrite(strbuf_cstr(&line), 1, line.len, sink.stream);
    fflush(sink.stream);
    strbuf_done(&line);
}
