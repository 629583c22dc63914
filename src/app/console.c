/* app/console.c - the sessions of consoles.
 *
 *   consoles_accept -> session --closed()--> session_end
 *        on_line: run -> console_run -> on_done
 *                 complete, interrupt: at once, whatever runs
 *
 * A command that is sent while another runs is refused; `trace(false)` ends a trace that runs. */
#include "console_server.h"

#include "moontide/app/daemon.h"
#include "moontide/base/log.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- traces ---- */

static void on_evaluated(void *data, const struct evaluation_trace *trace)
{
    struct consoles *consoles = data;
    for (struct session *s = consoles->sessions; s; s = s->next)
        if (s->traced) console_trace(s->console, trace);
}

/* The engine is told of one tracer for all who watch the policy. */
static void untrace(struct session *session)
{
    struct consoles *consoles = session->consoles;
    char *policy = session->traced;
    bool others = false;
    if (!policy) return;
    session->traced = NULL;
    for (const struct session *s = consoles->sessions; s; s = s->next)
        others = others || (s->traced && strcmp(s->traced, policy) == 0);
    if (!others && engine_trace(consoles->options.instance->engine, policy, NULL) < 0)
        log_event(LOG_DEBUG, "console.untraced", LOG_S("policy", policy)); /* it is gone */
    free(policy);
}

static int call_trace(void *data, const char *policy)
{
    struct session *session = data;
    struct consoles *consoles = session->consoles;
    untrace(session);
    if (!policy) return OK;
    char *copy = strdup(policy);
    if (!copy) return ERR_NOMEM;
    int code = engine_trace(consoles->options.instance->engine, policy, &consoles->tracer);
    if (code < 0)
        free(copy);
    else
        session->traced = copy;
    return code;
}

/* ---- what a console's Lua asks ---- */

static void call_output(void *data, const char *text, size_t len)
{
    struct session *session = data;
    struct json_writer w = line_begin(session, true, session->id);
    json_key(&w, "output");
    json_stringn(&w, text, len);
    line_send(session, &w);
}

static bool call_behind(void *data)
{
    return wire_behind(((struct session *)data)->wire);
}

static void call_status(void *data, struct strbuf *json)
{
    const struct consoles *consoles = ((struct session *)data)->consoles;
    daemon_summary_json(consoles->options.instance, consoles->options.started_ms, json);
}

static void call_decisions(void *data, struct strbuf *json)
{
    decisions_json(((struct session *)data)->consoles->decisions, json);
}

static const struct console_calls calls = {.output = call_output,
                                           .behind = call_behind,
                                           .status = call_status,
                                           .decisions = call_decisions,
                                           .act = act_begin,
                                           .trace = call_trace};

/* ---- lines from the client ---- */

static void on_done(void *data, const char *error)
{
    struct session *session = data;
    session->running = false;
    send_done(session, session->id, error);
}

static bool ends_trace(const struct session *session, const struct console_line *line)
{
    static const char text[] = "trace(false)";
    return session->traced && line->len == sizeof text - 1 &&
           memcmp(line->text, text, line->len) == 0;
}

static void run(struct session *session, const struct console_line *line)
{
    bool incomplete = false;
    if (session->running) {
        if (ends_trace(session, line)) console_interrupt(session->console);
        send_done(session, line->id,
                  ends_trace(session, line) ? NULL
                                            : "a command is still running: interrupt it first");
        return;
    }
    session->id = line->id;
    session->running = true;
    int code = console_run(session->console, line->text, line->len, &incomplete, on_done, session);
    if (code >= 0) return;
    session->running = false;
    if (!incomplete) {
        send_done(session, line->id, err_text(code));
        return;
    }
    struct json_writer w = line_begin(session, true, line->id);
    json_key(&w, "incomplete");
    json_bool(&w, true);
    line_send(session, &w);
}

static void complete(struct session *session, const struct console_line *line)
{
    struct strbuf list;
    size_t from = 0;
    strbuf_init(&list, CONSOLE_LINE_MAX);
    console_complete(session->console, line->text, line->cursor, &from, &list);
    struct json_writer w = line_begin(session, true, line->id);
    json_key(&w, "from");
    json_int(&w, (int64_t)from);
    json_key(&w, "candidates");
    json_array(&w);
    const char *at = strbuf_status(&list) == OK ? strbuf_cstr(&list) : "";
    for (; *at; at += strcspn(at, "\n"), at += *at == '\n')
        json_stringn(&w, at, strcspn(at, "\n"));
    json_array_end(&w);
    line_send(session, &w);
    strbuf_done(&list);
}

static void session_end(struct session *session, const char *why);

static void on_line(void *data, const char *text, size_t len)
{
    struct session *session = data;
    struct console_line line;
    int code = console_line_read(text, len, &session->text, &line);
    if (code < 0) {
        send_event(session, "error",
                   "expected {\"id\":n,\"run\":\"...\"}, {\"id\":n,\"complete\":"
                   "\"...\",\"cursor\":n} or {\"id\":n,\"interrupt\":true}");
        session_end(session, "it sent what is no line of a console");
        return;
    }
    switch (line.ask) {
    case CONSOLE_RUN: run(session, &line); break;
    case CONSOLE_COMPLETE: complete(session, &line); break;
    case CONSOLE_INTERRUPT:
        if (session->running && line.id == session->id) console_interrupt(session->console);
        break;
    }
}

static void on_drained(void *data)
{
    console_go_on(((struct session *)data)->console);
}

static void on_cut(void *data, const char *why)
{
    session_end(data, why);
}

/* ---- sessions ---- */

static void session_free(struct session *session)
{
    console_free(session->console);
    wire_close(session->wire);
    strbuf_done(&session->text);
    strbuf_done(&session->out);
    free(session->traced);
    free(session);
}

/* Not from inside its Lua. */
static void session_end(struct session *session, const char *why)
{
    struct consoles *consoles = session->consoles;
    struct session **at = &consoles->sessions;
    log_event(LOG_INFO, "console.closed", LOG_S("by", session->hello.by), LOG_S("reason", why));
    while (*at != session)
        at = &(*at)->next;
    untrace(session);
    *at = session->next;
    consoles->count--;
    acts_forget(consoles, session);
    session_free(session);
}

static int open_wire(struct session *session, struct control_request *request)
{
    const struct wire_options options = {.loop = session->consoles->options.instance->loop,
                                         .line_max = CONSOLE_LINE_MAX,
                                         .queue_max = CONSOLE_QUEUE_MAX,
                                         .queue_high = CONSOLE_QUEUE_HIGH,
                                         .stall_ms = CONSOLE_STALL_MS,
                                         .data = session,
                                         .line = on_line,
                                         .drained = on_drained,
                                         .closed = on_cut};
    struct strbuf rest;
    int fd = -1;
    strbuf_init(&rest, CONTROL_REQUEST_MAX);
    int code = control_detach(request, &fd, &rest);
    if (code == OK) code = wire_open(&options, fd, &session->wire);
    if (code == OK) wire_feed(session->wire, strbuf_cstr(&rest), rest.len);
    strbuf_done(&rest);
    return code;
}

static int session_new(struct consoles *consoles, const struct console_hello *hello,
                       struct session **out)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session) return ERR_NOMEM;
    session->consoles = consoles;
    session->hello = *hello;
    strbuf_init(&session->text, CONSOLE_LINE_MAX);
    strbuf_init(&session->out, CONSOLE_LINE_OUT_MAX);
    const struct console_options options = {.host = &consoles->options.instance->host,
                                            .engine = consoles->options.instance->engine,
                                            .gate = &consoles->gate,
                                            .write = hello->write,
                                            .color = hello->color,
                                            .utf8 = hello->utf8,
                                            .width = hello->width,
                                            .calls = &calls,
                                            .data = session};
    int code = console_new(&options, &session->console);
    if (code < 0) {
        session_free(session);
        return code;
    }
    *out = session;
    return OK;
}

static void refuse(struct control_request *request, const char *json)
{
    control_answer(request, json, strlen(json));
}

void consoles_accept(struct consoles *consoles, const char *text, struct control_request *request)
{
    struct console_hello hello;
    struct session *session = NULL;
    if (console_hello_read(text, strlen(text), &hello) < 0) {
        refuse(request, "{\"error\":\"console: write and color are true or false, width is a "
                        "number from 1 to 1000\"}");
        return;
    }
    if (consoles->count >= CONSOLES_MAX) {
        refuse(request, "{\"error\":\"8 consoles are open, which is the most there may be: end one "
                        "first\"}");
        return;
    }
    if (session_new(consoles, &hello, &session) < 0) {
        refuse(request, "{\"error\":\"no memory for a console\"}");
        return;
    }
    if (open_wire(session, request) < 0) {
        session_free(session);
        return;
    }
    session->next = consoles->sessions;
    consoles->sessions = session;
    consoles->count++;
    log_event(LOG_INFO, "console.opened", LOG_S("by", hello.by), LOG_B("write", hello.write));
    send_hello(session);
}

/* ---- all of them ---- */

int consoles_new(const struct consoles_options *options, struct consoles **out)
{
    struct consoles *consoles = calloc(1, sizeof *consoles);
    if (!consoles) return ERR_NOMEM;
    consoles->options = *options;
    consoles->tracer = (struct tracer){consoles, on_evaluated};
    int code = decisions_new(&options->instance->world->clock, &consoles->decisions);
    if (code < 0) {
        free(consoles);
        return code;
    }
    *out = consoles;
    return OK;
}

void consoles_free(struct consoles *consoles)
{
    if (!consoles) return;
    acts_forget(consoles, NULL);
    while (consoles->sessions)
        session_end(consoles->sessions, "the daemon ends");
    decisions_free(consoles->decisions);
    free(consoles);
}

void consoles_target(struct consoles *consoles, const struct target_report *report)
{
    if (!consoles || report->decision_count == 0) return;
    decisions_add(consoles->decisions, report);
    for (struct session *s = consoles->sessions; s; s = s->next)
        if (s->traced) console_trace_report(s->console, report);
}

/* A policy that was gone and is back is traced again. */
void consoles_tick(struct consoles *consoles)
{
    if (!consoles) return;
    for (struct session *s = consoles->sessions; s; s = s->next)
        if (s->traced &&
            engine_trace(consoles->options.instance->engine, s->traced, &consoles->tracer) < 0)
            continue; /* it is not back yet */
}

void consoles_reloaded(struct consoles *consoles, const struct scan_result *result)
{
    char text[128];
    if (!consoles) return;
    acts_reloaded(consoles, result);
    snprintf(text, sizeof text, "the daemon reloaded: %zu policies, %zu loaded, %zu faults",
             result->policies, result->loaded, result->faults.count);
    for (struct session *s = consoles->sessions; s; s = s->next)
        send_event(s, "reloaded", text);
}

void consoles_stopping(struct consoles *consoles, const char *why)
{
    char text[128];
    if (!consoles) return;
    snprintf(text, sizeof text, "the daemon is stopping (%s)", why);
    for (struct session *s = consoles->sessions; s; s = s->next)
        send_event(s, "stopping", text);
}
