/* base/log.h - structured events: a stable name and fields.
 *
 * The sink is the one global of the program. Text for a terminal:
 *   12:00:05 INFO  metrics.collected policy=performance queries=26 ms=41
 * JSON lines otherwise: {"at":"...","level":"info","event":"metrics.collected",...}
 *
 * Rule 1: events have stable dotted names; what varies is in fields.
 * Rule 2: an error is logged where it is handled, once.
 * Rule 3: loop thread only; worker threads hand their errors back.
 * Rule 4: further writers (a file, syslog, a service) get the same events in the same order, always
 * as JSON lines; what goes wrong in one is told to the stream alone, at most once a minute. */
#ifndef MOONTIDE_BASE_LOG_H
#define MOONTIDE_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_TEXT, LOG_JSON };
enum log_type { LOG_T_END, LOG_T_STR, LOG_T_INT, LOG_T_NUM, LOG_T_BOOL };

struct log_field {
    const char *key;
    enum log_type type;
    union {
        const char *str; /* borrowed for the call; NULL leaves the field out */
        int64_t i;
        double num;
        bool b;
    } v;
};

#define LOG_S(k, value) ((struct log_field){.key = (k), .type = LOG_T_STR, .v.str = (value)})
#define LOG_I(k, value) ((struct log_field){.key = (k), .type = LOG_T_INT, .v.i = (int64_t)(value)})
#define LOG_N(k, value) ((struct log_field){.key = (k), .type = LOG_T_NUM, .v.num = (value)})
#define LOG_B(k, value) ((struct log_field){.key = (k), .type = LOG_T_BOOL, .v.b = (value)})
#define LOG_END         ((struct log_field){.key = NULL, .type = LOG_T_END})

struct clock;

/* The sink. stream is borrowed; clock may be NULL (real time). color only matters for text. */
void log_open(FILE *stream, enum log_level level, enum log_format format, bool color,
              const struct clock *clock);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* fields ends with LOG_END. A line past 64 KiB gives way to its event with too_long=true. */
void log_fields(enum log_level level, const char *event, const struct log_field *fields);
#define log_event(level, event, ...)                                                               \
    do {                                                                                           \
        if (log_enabled(level))                                                                    \
            log_fields(level, event, (const struct log_field[]){__VA_ARGS__, LOG_END});            \
    } while (0)

/* Somewhere else that events go to. Embedded first in the struct of its kind. */
struct log_writer;
struct log_writer_vtable {
    const char *name; /* "file" */
    /* A line of the instant at_ms (epoch); len is without the line break, which is line[len]. It
     * must not block. */
    void (*write)(struct log_writer *w, enum log_level level, const char *line, size_t len,
                  int64_t at_ms);
    void (*reopen)(struct log_writer *w); /* may be NULL */
    void (*close)(struct log_writer *w);  /* frees it */
};
struct log_writer {
    const struct log_writer_vtable *vtable;
    enum log_level level; /* less than that is left out */
    struct log_writer *next;
    bool failing;
    int64_t said_ns;  /* when its failure was told last; 0: never */
    uint64_t dropped; /* lines, since the last success */
    uint64_t lost;    /* lines, in all */
};
void log_add_writer(struct log_writer *take_writer);
/* For a writer: a line was lost, or came through again; log.sink_failed and log.sink_resumed. */
void log_writer_failed(struct log_writer *w, const char *error);
void log_writer_works(struct log_writer *w);
void log_reopen(void); /* after logrotate */
void log_close_writers(void);

/* "debug", "info", "warn", "error", "off" -> level; -1 when it is none of them. */
int log_level_parse(const char *text);

#endif
