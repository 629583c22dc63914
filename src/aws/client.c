/* aws/client.c - a client: what it is made of, its queue, and what it counts.
 *
 *   client_send --room?--> active --call_begin--> (client_call.c) --> client_call_ends -> done
 *        |                   ^                                              |
 *        +----> waiting -----+------------------- pump <--------------------+
 *
 * A call is out of all lists before its `done`, so that `done` may send, cancel others or free the
 * client: `entered` counts the callbacks that run, and a client that is freed in one goes with the
 * last of them. Calls are kept and used again with the memory of their requests. */
#include "moontide/aws/client.h"

#include "moontide/base/log.h"

#include "client_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    CONCURRENCY = 50,
    SPARE_CALLS = 64,
    KEEP_BODY_BYTES = 256 * 1024, /* a spare call keeps at most this much */
};

int64_t client_now_ns(const struct client *client)
{
    return clock_mono_ns(client->options.clock ? client->options.clock : &client->real);
}

int64_t client_now_s(const struct client *client)
{
    const struct clock *clock = client->options.clock ? client->options.clock : &client->real;
    return clock_now_ms(clock) / 1000 + client->skew_s;
}

int client_max_attempts(const struct client *client)
{
    return client->options.backoff.max_attempts;
}

/* ---- lists of calls ---- */

static void list_append(struct call_list *list, struct client_call *call)
{
    call->list = list;
    call->prev = list->last;
    call->next = NULL;
    if (list->last)
        list->last->next = call;
    else
        list->first = call;
    list->last = call;
}

static void list_remove(struct client_call *call)
{
    struct call_list *list = call->list;
    if (call->prev)
        call->prev->next = call->next;
    else
        list->first = call->next;
    if (call->next)
        call->next->prev = call->prev;
    else
        list->last = call->prev;
    call->list = NULL;
}

static void call_free(struct client_call *call)
{
    wire_request_done(&call->request);
    free(call);
}

static struct client_call *take_spare(struct client *client)
{
    struct client_call *call = client->spare.first;
    if (call) {
        list_remove(call);
        client->spare_count--;
        return call;
    }
    call = calloc(1, sizeof *call);
    if (!call) return NULL;
    call->client = client;
    wire_request_init(&call->request);
    return call;
}

static void recycle(struct client_call *call)
{
    struct client *client = call->client;
    if (client->doomed || client->spare_count == SPARE_CALLS ||
        call->request.body.cap > KEEP_BODY_BYTES) {
        call_free(call);
        return;
    }
    wire_request_reset(&call->request);
    list_append(&client->spare, call);
    client->spare_count++;
}

/* ---- what is counted ---- */

static struct operation_metrics *metrics_of(struct client *client,
                                            const struct operation *operation)
{
    struct operation_metrics **slot = &client->metrics[operation - client->model->operations];
    if (!*slot) *slot = calloc(1, sizeof **slot);
    return *slot;
}

static void count(struct client_call *call)
{
    struct operation_metrics *m = call->metrics;
    const struct client_result *result = &call->result;
    int status = result->response.status;
    m->calls++;
    if (result->code < 0 || status < 200 || status > 299) m->failures++;
    if (result->attempts > 0) histogram_add(&m->latency_us, result->elapsed_us);
}

void client_each_metric(const struct client *client,
                        void (*each)(void *data, const struct client_metrics *metrics), void *data)
{
    for (uint32_t i = 0; i < client->model->operation_count; i++) {
        const struct operation_metrics *m = client->metrics[i];
        if (!m || m->calls == 0) continue;
        struct client_metrics out = {
            .operation = client->model->operations[i].snake,
            .calls = m->calls,
            .attempts = m->attempts,
            .retries = m->retries,
            .throttles = m->throttles,
            .failures = m->failures,
            .p50_ms = histogram_quantile(&m->latency_us, 0.5) / 1000,
            .p90_ms = histogram_quantile(&m->latency_us, 0.9) / 1000,
            .p99_ms = histogram_quantile(&m->latency_us, 0.99) / 1000,
        };
        each(data, &out);
    }
}

/* ---- the queue ---- */

static void activate(struct client_call *call)
{
    struct client *client = call->client;
    list_append(&client->active, call);
    client->active_count++;
    call->starting = true;
    call_begin(call);
    call->starting = false;
}

static int concurrency(const struct client *client)
{
    int most = client->options.max_concurrency;
    return most > 0 ? most : CONCURRENCY;
}

static void end_now(void *data)
{
    struct client_call *call = data;
    call->timer = NULL;
    client_call_ends(call);
}

static void destroy(struct client *client);

/* Starts those that wait. What fails at once is told here, in this loop and not in a nested one. */
static void pump(struct client *client)
{
    if (client->pumping) return;
    client->pumping = true;
    client->entered++;
    while (!client->doomed && client->waiting.first && client->active_count < concurrency(client)) {
        struct client_call *call = client->waiting.first;
        list_remove(call);
        activate(call);
        if (call->result.code < 0 && !call->timer) client_call_ends(call);
    }
    client->pumping = false;
    if (--client->entered == 0 && client->doomed) destroy(client);
}

void client_call_ends(struct client_call *call)
{
    struct client *client = call->client;
    if (call->starting) { /* never before client_send() returns */
        if (loop_timer_start(client->options.loop, 0, end_now, call, &call->timer) < 0)
            call->timer = NULL; /* who started it looks */
        return;
    }
    list_remove(call);
    client->active_count--;
    call->result.elapsed_us = (client_now_ns(client) - call->began_ns) / 1000;
    count(call);
    client->entered++;
    call->done(call->data, &call->result);
    client->entered--;
    recycle(call);
    if (!client->doomed)
        pump(client);
    else if (client->entered == 0)
        destroy(client);
}

/* ---- sending ---- */

static int refuse_dry(struct client *client, const struct operation *operation,
                      const struct wire_request *request, struct fault *fault)
{
    struct strbuf text;
    struct trace *trace = NULL;
    strbuf_init(&text, TRACE_BYTES_MAX);
    int code = call_url(client, request);
    if (code == OK) code = trace_new(client->model, &trace);
    if (code == OK) {
        trace_url(trace, &text, strbuf_cstr(&client->url));
        strbuf_addc(&text, ' ');
        trace_body(trace, &text, strbuf_cstr(&request->body), request->body.len);
        code = fault_set(fault, ERR_DENIED, "dry run: %s %s was not sent: %s %s",
                         client->model->service, operation->snake, request->method,
                         strbuf_cstr(&text));
    } else {
        fault_set(fault, code, "%s", err_text(code));
    }
    trace_free(trace);
    strbuf_done(&text);
    return code;
}

static void set_up(struct client_call *call, const struct operation *operation,
                   client_done_fn *done, void *data)
{
    call->operation = operation;
    call->done = done;
    call->data = data;
    call->began_ns = client_now_ns(call->client);
    call->retry_cost = call->retries = 0;
    call->may_send = call->promised = call->skew_corrected = call->refreshed = false;
    call->invocation_id[0] = '\0';
    call->http = NULL;
    call->timer = NULL;
    call->result.code = OK;
    call->result.fault.code = OK;
    call->result.fault.text[0] = call->result.fault.file[0] = '\0';
    call->result.response = (struct wire_response){0};
    call->result.attempts = 0;
    call->result.sent = false;
    call->result.refused = true;
}

int client_send(struct client *client, const struct operation *operation,
                struct wire_request *take_request, client_done_fn *done, void *data,
                struct client_call **out, struct fault *fault)
{
    if (client->options.dry_run && !operation->read_only)
        return refuse_dry(client, operation, take_request, fault);
    struct client_call *call = take_spare(client);
    struct operation_metrics *metrics = metrics_of(client, operation);
    if (!call || !metrics) {
        if (call) recycle(call);
        return fault_set(fault, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    }
    set_up(call, operation, done, data);
    call->metrics = metrics;
    /* The memory changes places: the caller's next request goes into what this call had. */
    struct wire_request spare = call->request;
    call->request = *take_request;
    *take_request = spare;
    if (client->waiting.first || client->active_count >= concurrency(client)) {
        list_append(&client->waiting, call);
    } else {
        activate(call);
        if (call->result.code < 0 && !call->timer) { /* it could not even tell its end later */
            list_remove(call);
            client->active_count--;
            *fault = call->result.fault;
            spare = call->request;
            call->request = *take_request;
            *take_request = spare;
            recycle(call);
            return ERR_NOMEM;
        }
    }
    if (out) *out = call;
    return OK;
}

void client_cancel(struct client_call *call)
{
    struct client *client = call->client;
    bool was_active = call->list == &client->active;
    call_stop(call);
    list_remove(call);
    recycle(call);
    if (!was_active) return;
    client->active_count--;
    pump(client);
}

/* ---- the client ---- */

/* Splits the endpoint into what is signed: host without a default port, and the path's place. */
static int split_endpoint(struct client *client)
{
    const char *url = client->endpoint.url, *scheme = strstr(url, "://");
    if (!scheme) return ERR_INVALID;
    client->https = strncmp(url, "https", 5) == 0;
    client->host = scheme + 3;
    size_t len = strcspn(client->host, "/");
    client->base_path = client->host + len;
    const char *port = client->https ? ":443" : ":80";
    size_t port_len = strlen(port);
    if (len > port_len && memcmp(client->host + len - port_len, port, port_len) == 0)
        len -= port_len;
    client->host_len = len;
    /* A host prefix makes no sense before an address. */
    client->literal_host = client->host[0] == '[' ||
                           strspn(client->host, "0123456789.") >= strcspn(client->host, ":/") ||
                           strncasecmp(client->host, "localhost", 9) == 0;
    return OK;
}

/* moontide/0.1.0 api/Application_Auto_Scaling: the start of what the SDKs send. */
static int make_user_agent(struct client *client)
{
    const struct model *model = client->model;
    struct strbuf text;
    strbuf_init(&text, 512);
    strbuf_adds(&text, "moontide/" MOONTIDE_VERSION " api/");
    for (const char *c = model->service_id ? model->service_id : model->service; *c; c++)
        strbuf_addc(&text, *c == ' ' ? '_' : *c);
    client->user_agent = strbuf_take(&text, NULL);
    if (client->user_agent) return OK;
    strbuf_done(&text);
    return ERR_NOMEM;
}

/* A rate that the caller names is the client's own; a known one is shared. */
static int set_rates(struct client *client)
{
    const struct model *model = client->model;
    struct client_options *options = &client->options;
    int64_t now_ns = client_now_ns(client);
    adaptive_init(&client->adaptive, now_ns);
    if (options->rate_per_s > 0) {
        throttle_init(&client->own_throttle, options->rate_per_s, now_ns);
        client->throttle = &client->own_throttle;
        return OK;
    }
    const char *operation = rates_operation(model->service_id);
    if (options->rate_per_s < 0 || !operation) return OK;
    client->throttled = model_operation(model, operation);
    if (!client->throttled) return OK;
    if (!options->rates && rates_new(&client->own_rates) < 0) return ERR_NOMEM;
    client->throttle = rates_get(options->rates ? options->rates : client->own_rates,
                                 model->service_id, client->endpoint.region, now_ns);
    return client->throttle ? OK : ERR_NOMEM;
}

static int find_endpoint(struct client *client, const struct client_options *options,
                         struct fault *fault)
{
    struct endpoint_question question = {
        .service_id =
            client->model->service_id ? client->model->service_id : client->model->service,
        .prefix = client->model->endpoint_prefix,
        .region = options->region,
        .profile = options->profile,
        .configured = options->endpoint,
    };
    int code = endpoint_find(&question, &client->endpoint, fault);
    if (code == OK && !client->endpoint.region && options->credentials)
        code = fault_set(fault, ERR_INVALID,
                         "no region to sign for: set `region`, AWS_REGION, or region in the "
                         "profile");
    if (code == OK && split_endpoint(client) < 0)
        code = fault_set(fault, ERR_INVALID, "%s is no endpoint", client->endpoint.url);
    return code;
}

static int find_retries(struct client *client, const struct client_options *options,
                        struct fault *fault)
{
    struct retry_settings settings = {options->retry_mode, options->backoff.max_attempts};
    int code = retry_settings_complete(&settings, options->profile, fault);
    client->options.retry_mode = settings.mode;
    client->options.backoff.max_attempts = settings.max_attempts;
    return code;
}

int client_new(const struct client_options *options, struct client **out, struct fault *fault)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client) return fault_set(fault, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    client->options = *options;
    client->options.region = client->options.profile = client->options.endpoint = NULL;
    client->model = model_retain(options->model);
    clock_init_real(&client->real);
    strbuf_init(&client->authorization, 16 * 1024);
    strbuf_init(&client->url, 512 * 1024);
    strbuf_init(&client->path, 512 * 1024);
    strbuf_init(&client->signed_host, 1024);
    retry_quota_init(&client->quota);
    client->random = (uint64_t)clock_mono_ns(&client->real) ^ (uint64_t)(uintptr_t)client;
    const char *signing = client->model->signing_name;
    client->s3 = signing && strncmp(signing, "s3", 2) == 0;
    int code = find_endpoint(client, options, fault);
    if (code == OK) code = find_retries(client, options, fault);
    if (code == OK) {
        client->metrics = calloc(client->model->operation_count + 1u, sizeof *client->metrics);
        if (!client->metrics) code = ERR_NOMEM;
        if (code == OK) code = make_user_agent(client);
        if (code == OK) code = signing_keys_new(&client->keys);
        if (code == OK && options->trace) code = trace_new(client->model, &client->trace);
        if (code == OK) code = set_rates(client);
        if (code < 0) fault_set(fault, code, "%s", err_text(code));
    }
    if (code < 0) {
        client_free(client);
        return code;
    }
    client->reserved = concurrency(client);
    http_reserve(client->options.http, client->reserved);
    snprintf(client->first_attempt, sizeof client->first_attempt, "attempt=1; max=%d",
             client_max_attempts(client));
    *out = client;
    return OK;
}

static void destroy(struct client *client)
{
    if (client->reserved) http_reserve(client->options.http, -client->reserved);
    for (uint32_t i = 0; client->metrics && i < client->model->operation_count; i++)
        free(client->metrics[i]);
    free(client->metrics);
    rates_free(client->own_rates);
    trace_free(client->trace);
    signing_keys_free(client->keys);
    strbuf_done(&client->authorization);
    strbuf_done(&client->url);
    strbuf_done(&client->path);
    strbuf_done(&client->signed_host);
    free(client->user_agent);
    endpoint_done(&client->endpoint);
    model_release(client->model);
    free(client);
}

static void drop_all(struct call_list *list)
{
    while (list->first) {
        struct client_call *call = list->first;
        call_stop(call);
        list_remove(call);
        call_free(call);
    }
}

void client_free(struct client *client)
{
    if (!client || client->doomed) return;
    client->doomed = true;
    drop_all(&client->waiting);
    drop_all(&client->active);
    drop_all(&client->spare);
    if (client->entered == 0) destroy(client);
}

const struct model *client_model(const struct client *client)
{
    return client->model;
}

const char *client_endpoint(const struct client *client)
{
    return client->endpoint.url;
}

const char *client_region(const struct client *client)
{
    return client->endpoint.region;
}
