/* support/courier_tool.c - drives the courier as the outbox does, for tests in other languages.
 *
 *   courier_tool DIR [TEMPLATES]     DIR: the project directory (moontide.lua, policies/lib)
 *
 * A line of standard input: { "do": "send" | "check" | "cancel" | "heartbeat", "type", "settings":
 *   {...}, "notification": {...}, "state": {...} | null }
 * A line of standard output: { "code", "permanent", "retry_after_ms", "answer", "state", "warning",
 *   "ms" }; of a check { "code", "text" }. `cancel` sends and takes it back after 300 ms; its
 * answer, and a heartbeat's, comes when nothing is under way any more. Log lines are on standard
 * error. */
#include "moontide/base/clock.h"
#include "moontide/base/json.h"
#include "moontide/bind/config.h"
#include "moontide/bind/courier.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 32 * 1024 * 1024, CANCEL_MS = 300, BEAT_MS = 2000 };

struct line {
    char *verb, *type, *settings, *notification, *state;
};

static struct loop *loop;
static struct clock clock;
static bool done;

/* The value after a key, as it stands. */
static char *raw_value(struct json_reader *r)
{
    const char *from = r->begin + json_offset(r);
    if (json_skip(r) < 0) return NULL;
    while (*from == ':' || *from == ' ')
        from++;
    return strndup(from, (size_t)(r->begin + json_offset(r) - from));
}

static bool read_line(const char *text, struct line *line)
{
    static const char *const names[] = {"do", "type", "settings", "notification", "state"};
    char **into[] = {&line->verb, &line->type, &line->settings, &line->notification, &line->state};
    struct json_reader r;
    json_reader_init(&r, text, strlen(text), TEXT_MAX);
    bool good = json_next(&r) == JSON_OBJECT;
    while (good && json_next(&r) == JSON_KEY) {
        size_t i = 0;
        while (i < COUNT_OF(names) &&
               (r.len != strlen(names[i]) || memcmp(r.text, names[i], r.len) != 0))
            i++;
        good = i < COUNT_OF(names);
        if (good && i < 2) {
            good = json_next(&r) == JSON_STRING;
            if (good) *into[i] = strndup(r.text, r.len);
        } else if (good) {
            *into[i] = raw_value(&r);
            good = *into[i] != NULL;
        }
    }
    json_reader_done(&r);
    if (line->state && strcmp(line->state, "null") == 0) {
        free(line->state);
        line->state = NULL;
    }
    return good && line->verb && line->type;
}

static void key_text(struct json_writer *w, const char *key, const char *text)
{
    if (!text) return;
    json_key(w, key);
    json_string(w, text);
}

static void on_delivered(void *data, const struct delivery *delivery)
{
    struct json_writer *w = data;
    key_text(w, "code", delivery->code ? err_name(delivery->code) : "OK");
    json_key(w, "permanent");
    json_bool(w, delivery->permanent);
    json_key(w, "retry_after_ms");
    json_int(w, delivery->retry_after_ms);
    key_text(w, "answer", delivery->answer);
    key_text(w, "warning", delivery->warning);
    if (delivery->state) {
        json_key(w, "state");
        json_raw(w, delivery->state, strlen(delivery->state));
    }
    done = true;
}

static void on_time(void *data)
{
    (void)data;
    done = true;
}

static void wait_until_done(void)
{
    while (!done)
        (void)loop_turn(loop, true);
    done = false;
}

static void wait_ms(int64_t ms)
{
    if (loop_timer_start(loop, ms, on_time, NULL, NULL) < 0) abort();
    wait_until_done();
}

static void send_one(struct courier *courier, const struct line *line,
                     const struct receiver_settings *settings, struct json_writer *w)
{
    struct courier_call *call = NULL;
    int64_t from_ns = clock_mono_ns(&clock);
    int code = courier->vtable->send(courier, settings, line->notification, line->state,
                                     on_delivered, w, &call);
    if (code < 0) {
        key_text(w, "code", err_name(code));
    } else if (strcmp(line->verb, "cancel") == 0) {
        wait_ms(CANCEL_MS);
        courier->vtable->cancel(courier, call);
        key_text(w, "code", "canceled");
    } else {
        wait_until_done();
    }
    json_key(w, "ms");
    json_int(w, (clock_mono_ns(&clock) - from_ns) / 1000000);
}

static void answer(struct courier *courier, const struct line *line, struct strbuf *out)
{
    char name[] = "one";
    const struct receiver_settings settings = {
        .name = name, .type = line->type, .json = line->settings};
    struct json_writer w;
    struct fault fault = {0};
    json_writer_init(&w, out);
    json_object(&w);
    if (strcmp(line->verb, "check") == 0) {
        int code = courier_check(courier, &settings, &fault);
        key_text(&w, "code", code ? err_name(code) : "OK");
        key_text(&w, "text", fault.text);
    } else if (strcmp(line->verb, "heartbeat") == 0) {
        courier->vtable->heartbeat(courier, line->settings);
        courier->vtable->heartbeat(courier, line->settings); /* one is under way: left out */
        wait_ms(BEAT_MS);
    } else {
        send_one(courier, line, &settings, &w);
    }
    json_object_end(&w);
}

static void line_done(struct line *line)
{
    free(line->verb);
    free(line->type);
    free(line->settings);
    free(line->notification);
    free(line->state);
}

int main(int argc, char **argv)
{
    struct config *config = NULL;
    struct http *http = NULL;
    struct courier *courier = NULL;
    struct faults faults;
    faults_init(&faults);
    if (argc < 2 || config_load(argv[1], &config, &faults) < 0 || loop_new(&loop) < 0) {
        fprintf(stderr, "courier_tool: %s\n", faults.count ? faults.items[0].text : "DIR");
        return 1;
    }
    if (argc > 2) config->alerts.templates_dir = strdup(argv[2]);
    signal(SIGPIPE, SIG_IGN); /* as moontide does */
    clock_init_real(&clock);
    log_open(stderr, LOG_INFO, LOG_JSON, false, &clock);
    if (http_new(loop, NULL, &http) < 0) abort();
    struct host host = {
        .loop = loop, .http = http, .clock = &clock, .config = config, .world_name = "aws"};
    if (courier_new(&host, &courier) < 0) abort();
    char *text = NULL;
    size_t cap = 0;
    struct strbuf out;
    strbuf_init(&out, TEXT_MAX);
    while (getline(&text, &cap, stdin) > 0) {
        struct line line = {0};
        strbuf_reset(&out);
        if (read_line(text, &line))
            answer(courier, &line, &out);
        else
            strbuf_adds(&out, "{\"error\":\"malformed\"}");
        line_done(&line);
        puts(strbuf_cstr(&out));
        fflush(stdout);
    }
    free(text);
    strbuf_done(&out);
    courier->vtable->free(courier);
    http_free(http);
    config_free(config);
    faults_done(&faults);
    return loop_free(loop);
}
