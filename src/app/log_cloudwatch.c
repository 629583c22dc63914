/* app/log_cloudwatch.c - PutLogEvents, and what it takes before.
 *
 *   write --timer, or full--> PUT --2xx--> the batch goes; more: timer
 *                             ^ |--not found--> CREATE_STREAM --not found--> CREATE_GROUP --+
 *                             | |                  | ^------------------------------------- +
 *                             +-|------made--------+
 *                               |--refused for its content--> the batch is lost
 *                               +--else--> waits (5 s to 5 min), and again
 *
 * Limits: PutLogEvents in the CloudWatch Logs API Reference. */
#include "moontide/app/log_cloudwatch.h"

#include "moontide/aws/client.h"
#include "moontide/base/clock.h"
#include "moontide/base/json.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"

#include <stdlib.h>
#include <string.h>

enum {
    BATCH_BYTES = 1048576,
    BATCH_EVENTS = 10000,
    EVENT_BYTES = 26, /* that each costs besides its text */
    BATCH_SPAN_MS = 24 * 3600 * 1000,
    QUEUE_BYTES = 8 * 1024 * 1024,
    FLUSH_MS = 5000,
    WAIT_MAX_MS = 300 * 1000,
    FINISH_MS = 2000,
};
#define SAY_AGAIN_NS (60 * INT64_C(1000000000))

enum step { PUT, CREATE_STREAM, CREATE_GROUP };

struct event {
    struct event *next;
    int64_t at_ms;
    size_t len;
    char text[];
};

struct log_cloudwatch {
    struct log_writer writer;
    struct loop *loop;
    char *group, *stream;
    struct credential_chain *credentials;
    struct model *model;
    struct client *client;
    struct wire_request request;
    struct event *first, **end;
    size_t bytes, unsent_bytes; /* of what waits; of it in the service's count */
    size_t sent;                /* events of the batch under way, from the first */
    bool busy, over;
    struct loop_timer *timer;
    int64_t wait_ms, said_ns;
};

static void send_step(struct log_cloudwatch *c, enum step step);

/* ---- the queue ---- */

static void pop(struct log_cloudwatch *c, size_t count)
{
    while (count-- > 0) {
        struct event *event = c->first;
        c->first = event->next;
        c->bytes -= sizeof *event + event->len;
        c->unsent_bytes -= event->len + EVENT_BYTES;
        free(event);
    }
    if (!c->first) c->end = &c->first;
}

static void on_timer(void *data)
{
    struct log_cloudwatch *c = data;
    c->timer = NULL;
    if (c->first && !c->busy) send_step(c, PUT);
}

static void send_later(struct log_cloudwatch *c, int64_t delay_ms)
{
    loop_timer_cancel(c->timer);
    c->timer = NULL;
    if (loop_timer_start(c->loop, delay_ms, on_timer, c, &c->timer) < 0) c->timer = NULL;
}

static void cloudwatch_write(struct log_writer *w, enum log_level level, const char *line,
                             size_t len, int64_t at_ms)
{
    struct log_cloudwatch *c = (struct log_cloudwatch *)w;
    (void)level;
    struct event *event =
        c->bytes + sizeof *event + len <= QUEUE_BYTES ? malloc(sizeof *event + len) : NULL;
    if (!event) {
        log_writer_failed(w, "too much waits to be sent");
        return;
    }
    *event = (struct event){.at_ms = at_ms, .len = len};
    memcpy(event->text, line, len);
    size_t before = c->unsent_bytes;
    *c->end = event;
    c->end = &event->next;
    c->bytes += sizeof *event + len;
    c->unsent_bytes += len + EVENT_BYTES;
    if (c->busy || c->wait_ms > 0) return;
    if (before <= BATCH_BYTES && c->unsent_bytes > BATCH_BYTES)
        send_later(c, 0);
    else if (!c->timer)
        send_later(c, FLUSH_MS);
}

/* ---- requests ---- */

/* As many as one request may hold; a clock that went back ends it too. */
static void write_batch(struct log_cloudwatch *c, struct json_writer *w)
{
    size_t bytes = 0;
    const struct event *last = NULL;
    c->sent = 0;
    json_key(w, "logEvents");
    json_array(w);
    for (const struct event *e = c->first; e && c->sent < BATCH_EVENTS; last = e, e = e->next) {
        bytes += e->len + EVENT_BYTES;
        if (bytes > BATCH_BYTES) break;
        if (last && (e->at_ms < last->at_ms || e->at_ms - c->first->at_ms >= BATCH_SPAN_MS)) break;
        json_object(w);
        json_key(w, "timestamp");
        json_int(w, e->at_ms);
        json_key(w, "message");
        json_stringn(w, e->text, e->len);
        json_object_end(w);
        c->sent++;
    }
    json_array_end(w);
}

static void write_body(struct log_cloudwatch *c, enum step step)
{
    struct json_writer w;
    json_writer_init(&w, &c->request.body);
    json_object(&w);
    json_key(&w, "logGroupName");
    json_string(&w, c->group);
    if (step != CREATE_GROUP) {
        json_key(&w, "logStreamName");
        json_string(&w, c->stream);
    }
    if (step == PUT) write_batch(c, &w);
    json_object_end(&w);
}

static void try_again(struct log_cloudwatch *c, const char *error)
{
    const struct clock real = {.kind = CLOCK_REAL};
    int64_t now_ns = clock_mono_ns(&real);
    c->wait_ms = c->wait_ms == 0 ? FLUSH_MS : 2 * c->wait_ms;
    if (c->wait_ms > WAIT_MAX_MS) c->wait_ms = WAIT_MAX_MS;
    send_later(c, c->wait_ms);
    if (c->said_ns && now_ns - c->said_ns < SAY_AGAIN_NS) return;
    c->said_ns = now_ns;
    log_event(LOG_WARN, "log.cloudwatch_waits", LOG_S("error", error), LOG_I("bytes", c->bytes));
}

static bool answer_says(const struct client_result *r, const char *what)
{
    return r->response.body && memmem(r->response.body, r->response.body_len, what, strlen(what));
}

static void was_put(struct log_cloudwatch *c, const struct client_result *r)
{
    if (r->response.status == 200) {
        pop(c, c->sent);
        log_writer_works(&c->writer);
    } else if (answer_says(r, "InvalidParameterException")) {
        pop(c, c->sent);
        for (size_t i = 0; i < c->sent; i++)
            log_writer_failed(&c->writer, "PutLogEvents refused them as invalid");
    } else if (answer_says(r, "ResourceNotFoundException")) {
        send_step(c, CREATE_STREAM);
        return;
    } else {
        try_again(c, "PutLogEvents was refused");
        return;
    }
    c->wait_ms = 0;
    if (c->first) send_later(c, c->unsent_bytes > BATCH_BYTES || c->over ? 0 : FLUSH_MS);
}

static void answered(struct log_cloudwatch *c, enum step step, const struct client_result *r)
{
    c->busy = false;
    bool there = r->code == OK &&
                 (r->response.status == 200 || answer_says(r, "ResourceAlreadyExistsException"));
    if (r->code < 0)
        try_again(c, r->fault.text);
    else if (step == PUT)
        was_put(c, r);
    else if (there)
        send_step(c, step == CREATE_GROUP ? CREATE_STREAM : PUT);
    else if (step == CREATE_STREAM && answer_says(r, "ResourceNotFoundException"))
        send_step(c, CREATE_GROUP);
    else
        try_again(c, "the log group or its stream could not be made");
}

static void on_put(void *data, const struct client_result *result)
{
    answered(data, PUT, result);
}

static void on_stream(void *data, const struct client_result *result)
{
    answered(data, CREATE_STREAM, result);
}

static void on_group(void *data, const struct client_result *result)
{
    answered(data, CREATE_GROUP, result);
}

static void send_step(struct log_cloudwatch *c, enum step step)
{
    static const struct {
        const char *operation, *target;
        client_done_fn *done;
    } steps[] = {{"PutLogEvents", "Logs_20140328.PutLogEvents", on_put},
                 {"CreateLogStream", "Logs_20140328.CreateLogStream", on_stream},
                 {"CreateLogGroup", "Logs_20140328.CreateLogGroup", on_group}};
    static const char type[] = "application/x-amz-json-1.1";
    struct wire_request *request = &c->request;
    struct fault fault;
    wire_request_reset(request);
    request->method = "POST";
    strbuf_addc(&request->uri, '/');
    write_body(c, step);
    int code = strbuf_status(&request->body);
    if (code == OK) code = wire_set_header(request, "Content-Type", type, sizeof type - 1);
    if (code == OK)
        code = wire_set_header(request, "X-Amz-Target", steps[step].target,
                               strlen(steps[step].target));
    if (code == OK)
        code = client_send(c->client, model_operation(c->model, steps[step].operation), request,
                           steps[step].done, c, NULL, &fault);
    c->busy = code == OK;
    if (code < 0) try_again(c, err_text(code));
}

/* ---- the ends ---- */

static void on_finish_timeout(void *data)
{
    *(struct loop_timer **)data = NULL;
}

/* Gives what waits a last chance. */
static void finish(struct log_cloudwatch *c)
{
    struct loop_timer *timer = NULL;
    c->over = true;
    if (!c->first || loop_timer_start(c->loop, FINISH_MS, on_finish_timeout, &timer, &timer) < 0)
        return;
    if (!c->busy) send_later(c, 0);
    while (c->first && timer)
        (void)loop_turn(c->loop, true);
    loop_timer_cancel(timer);
}

static void cloudwatch_close(struct log_writer *w)
{
    struct log_cloudwatch *c = (struct log_cloudwatch *)w;
    if (c->client) finish(c);
    loop_timer_cancel(c->timer);
    client_free(c->client);
    if (c->credentials) credential_chain_free(c->credentials);
    model_release(c->model);
    wire_request_done(&c->request);
    while (c->first)
        pop(c, 1);
    free(c->group);
    free(c->stream);
    free(c);
}

static const struct log_writer_vtable cloudwatch_vtable = {
    .name = "cloudwatch", .write = cloudwatch_write, .close = cloudwatch_close};

static int open_client(struct log_cloudwatch *c, const struct log_cloudwatch_options *o,
                       struct fault *fault)
{
    char *found = NULL;
    const struct credential_options credentials = {
        .loop = o->loop, .http = o->http, .profile = o->profile};
    int code = credential_chain_new(&credentials, &c->credentials);
    if (code < 0) return fault_set(fault, code, "%s", err_text(code));
    if ((code = model_load("logs", NULL, &c->model, fault)) < 0) return code;
    if (!o->region && (code = region_default(o->profile, &found, fault)) < 0) return code;
    const struct client_options options = {.loop = o->loop,
                                           .http = o->http,
                                           .credentials = c->credentials,
                                           .model = c->model,
                                           .region = o->region ? o->region : found,
                                           .profile = o->profile,
                                           .endpoint = o->endpoint};
    code = client_new(&options, &c->client, fault);
    free(found);
    return code;
}

int log_cloudwatch_open(const struct log_cloudwatch_options *options, struct log_writer **out,
                        struct fault *fault)
{
    struct log_cloudwatch *c = calloc(1, sizeof *c);
    if (!c) return fault_set(fault, ERR_NOMEM, "out of memory");
    c->writer = (struct log_writer){.vtable = &cloudwatch_vtable, .level = options->level};
    c->loop = options->loop;
    c->end = &c->first;
    wire_request_init(&c->request);
    c->group = strdup(options->group);
    c->stream = strdup(options->stream);
    int code = c->group && c->stream ? open_client(c, options, fault)
                                     : fault_set(fault, ERR_NOMEM, "out of memory");
    if (code < 0) {
        cloudwatch_close(&c->writer);
        return code;
    }
    *out = &c->writer;
    return OK;
}
