/* base/log.c - the log sink: one line an event, text or JSON. */
#include "moontide/base/log.h"

#include "moontide/base/clock.h"
#include "moontide/base/err.h"
#include "moontide/base/json.h"
#include "moontide/base/strbuf.h"
#include "moontide/base/timetext.h"

#include <string.h>

enum { LINE_BYTES_MAX = 64 * 1024 };
#define SAY_AGAIN_NS (60 * INT64_C(1000000000)) /* a failure of one writer */

/* The one global of the program. */
static struct {
    FILE *stream;
    enum log_level level;
    enum log_format format;
    bool color;
    const struct clock *clock;
    struct log_writer *writers; /* in the order of log_add_writer() */
    enum log_level floor;       /* the lowest level that any of them wants */
    bool writing;               /* they are at work: what they log is the stream's alone */
} sink = {.level = LOG_OFF, .floor = LOG_OFF};

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
    return level < LOG_OFF && ((sink.stream && level >= sink.level) || level >= sink.floor);
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

static void add_line(struct strbuf *line, enum log_format format, enum log_level level,
                     const char *event, const struct log_field *fields, int64_t at_ms)
{
    char at[TIME_TEXT_MAX];
    time_format(at_ms, at);
    if (format == LOG_JSON)
        add_json(line, level, event, fields, at);
    else
        add_text(line, level, event, fields, at);
    strbuf_addc(line, '\n');
}

/* The caller ends it by strbuf_done(). */
static void make_line(struct strbuf *line, enum log_format format, enum log_level level,
                      const char *event, const struct log_field *fields, int64_t at_ms)
{
    static const struct log_field too_long[] = {
        {.key = "too_long", .type = LOG_T_BOOL, .v.b = true}, {.type = LOG_T_END}};
    strbuf_init(line, LINE_BYTES_MAX);
    add_line(line, format, level, event, fields, at_ms);
    if (strbuf_status(line) == OK) return;
    strbuf_reset(line);
    add_line(line, format, level, event, too_long, at_ms);
}

static void write_stream(enum log_level level, const char *event, const struct log_field *fields,
                         int64_t at_ms)
{
    struct strbuf line;
    make_line(&line, sink.format, level, event, fields, at_ms);
    fwrite(strbuf_cstr(&line), 1, line.len, sink.stream);
    fflush(sink.stream);
    strbuf_done(&line);
}

static void write_others(enum log_level level, const char *event, const struct log_field *fields,
                         int64_t at_ms)
{
    struct strbuf line;
    make_line(&line, LOG_JSON, level, event, fields, at_ms);
    sink.writing = true;
    for (struct log_writer *w = sink.writers; w && line.len > 1; w = w->next)
        if (level >= w->level) w->vtable->write(w, level, strbuf_cstr(&line), line.len - 1, at_ms);
    sink.writing = false;
    strbuf_done(&line);
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
    struct clock real = {.kind = CLOCK_REAL};
    if (!log_enabled(level)) return;
    int64_t at_ms = clock_now_ms(sink.clock ? sink.clock : &real);
    if (sink.stream && level >= sink.level) write_stream(level, event, fields, at_ms);
    if (level >= sink.floor && !sink.writing) write_others(level, event, fields, at_ms);
}

/* ---- writers ---- */

void log_add_writer(struct log_writer *take_writer)
{
    struct log_writer **end = &sink.writers;
    while (*end)
        end = &(*end)->next;
    *end = take_writer;
    take_writer->next = NULL;
    if (take_writer->level < sink.floor) sink.floor = take_writer->level;
}

/* To the stream alone, whoever asks: a sink that fails must not fill itself or the others. */
static void say(enum log_level level, const char *event, const struct log_field *fields)
{
    bool writing = sink.writing;
    sink.writing = true;
    log_fields(level, event, fields);
    sink.writing = writing;
}

void log_writer_failed(struct log_writer *w, const char *error)
{
    const struct clock real = {.kind = CLOCK_REAL};
    int64_t now_ns = clock_mono_ns(&real);
    bool again = w->failing;
    w->dropped++;
    w->lost++;
    w->failing = true;
    if (again || (w->said_ns && now_ns - w->said_ns < SAY_AGAIN_NS)) return;
    w->said_ns = now_ns;
    say(LOG_ERROR, "log.sink_failed",
        (const struct log_field[]){LOG_S("sink", w->vtable->name), LOG_S("error", error),
                                   LOG_I("lost", w->lost), LOG_END});
}

void log_writer_works(struct log_writer *w)
{
    if (!w->failing) return;
    say(LOG_INFO, "log.sink_resumed",
        (const struct log_field[]){LOG_S("sink", w->vtable->name), LOG_I("dropped", w->dropped),
                                   LOG_END});
    w->failing = false;
    w->dropped = 0;
}

void log_reopen(void)
{
    for (struct log_writer *w = sink.writers; w; w = w->next)
        if (w->vtable->reopen) w->vtable->reopen(w);
}

void log_close_writers(void)
{
    struct log_writer *next, *w = sink.writers;
    sink.writers = NULL; /* a close may log */
    sink.floor = LOG_OFF;
    for (; w; w = next) {
        next = w->next;
        w->vtable->close(w);
    }
}
