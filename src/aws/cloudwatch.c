/* aws/cloudwatch.c - the client of GetMetricData: one call is one batch, whatever it takes.
 *
 *   get_metric_data -> ask --credentials--> send --answer--> answered
 *                       ^                                      |
 *                       |   ANSWER_OK: decode; NextToken ------+--> next page: ask
 *                       |   ANSWER_RETRY: wait (quota, Retry-After) --> ask
 *                       |   ANSWER_OTHER: the next protocol ---------> ask
 *                       |   ANSWER_SKEW, _EXPIRED, once: correct ----> ask
 *                       |   else: conclude
 *                       |
 *                       +-- round_ends: some are PartialData or InternalError: those alone again
 *                           else: conclude -> done
 *
 * `done` never runs before cloudwatch_get_metric_data() returns: while `starting`, the end is put
 * off to a timer. A call is taken out of the client's list before its `done`, so that `done` may
 * free the client. This file is one state machine; what an answer means is in cloudwatch_answer.c.
 *
 * Size: one state machine; its edges read together, and the answers' half is cloudwatch_answer.c.
 */
#include "moontide/aws/cloudwatch.h"

#include "moontide/aws/credentials.h"
#include "moontide/aws/rates.h"
#include "moontide/aws/sigv4.h"
#include "moontide/base/clock.h"
#include "moontide/base/hash.h"
#include "moontide/base/log.h"
#include "moontide/base/strbuf.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"

#include "cloudwatch_answer.h"
#include "gmd.h"
#include "throttle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_MAX_MS = 20000, /* of one backoff, when the policy names no cap */
    ATTEMPTS = 3,
    BODY_MAX = 32 * 1024 * 1024,
};

#define CBOR_PATH "/service/GraniteServiceVersion20100801/operation/GetMetricData"

struct cloudwatch {
    struct cloudwatch_options options;
    struct clock clock;
    char *region, *endpoint;
    char *host;            /* as signed and sent: without a default port */
    const char *base_path; /* of the endpoint, in `endpoint`; "" mostly */
    struct signing_keys *keys;
    struct strbuf authorization, url;
    struct retry_quota quota;
    struct throttle *throttle; /* NULL: none */
    uint64_t random;
    int64_t skew_s; /* the service's time less ours */
    enum cloudwatch_protocol protocol;
    size_t body_hint;
    struct cloudwatch_call *calls;
};

struct cloudwatch_call {
    struct cloudwatch *client;
    struct cloudwatch_call *next, **link;
    struct metric_question *questions;
    size_t count;
    int64_t start_s, end_s;
    cloudwatch_done_fn *done;
    void *data;

    /* the round: first all questions, then those that were not answered whole */
    struct metric_question *asked; /* questions, or memory of its own with `origin` */
    uint32_t *origin;
    size_t asked_count;
    int round;

    /* the page */
    struct gmd_answer answer; /* its next_token is that of the page to ask for */
    uint64_t *tokens;         /* hashes of those seen */
    size_t token_count;
    enum cloudwatch_protocol protocol;
    int attempt, retry_cost;
    bool skew_corrected, refreshed, starting;
    bool promised; /* waiting for a token of the throttle */
    int64_t signed_s;
    struct fault first; /* why the first protocol was left */

    struct http_call *http;
    struct loop_timer *timer;
    struct cloudwatch_result result;
};

static void ask(struct cloudwatch_call *call);

static int64_t now_s(const struct cloudwatch *client)
{
    const struct clock *clock = client->options.clock ? client->options.clock : &client->clock;
    return clock_now_ms(clock) / 1000 + client->skew_s;
}

/* ---- the end of a call ---- */

static void forget_round(struct cloudwatch_call *call)
{
    if (call->asked != call->questions) free(call->asked);
    free(call->origin);
    call->asked = NULL;
    call->origin = NULL;
}

static void call_free(struct cloudwatch_call *call)
{
    forget_round(call);
    free(call->tokens);
    free(call);
}

static void unlink_call(struct cloudwatch_call *call)
{
    *call->link = call->next;
    if (call->next) call->next->link = call->link;
}

static void tell(void *data)
{
    struct cloudwatch_call *call = data;
    call->timer = NULL;
    unlink_call(call);
    call->done(call->data, &call->result);
    call_free(call);
}

static void tell_states(struct cloudwatch_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        struct metric_question *q = &call->questions[i];
        if (call->result.code == ERR_DENIED)
            q->state = SERIES_FORBIDDEN;
        else if (call->result.code < 0 || q->state == SERIES_NEW)
            q->state = SERIES_FAILED;
        bool empty = q->state == SERIES_READY && q->metric->unit &&
                     view_count(series_view(q->series, q->series->slots)) == 0;
        q->series->hint = empty ? SERIES_HINT_UNIT : SERIES_HINT_NONE;
        q->series->state = q->state;
    }
}

static void conclude(struct cloudwatch_call *call, int code, const struct fault *fault)
{
    call->result.code = code;
    if (code < 0 && fault) call->result.fault = *fault;
    call->result.protocol = call->protocol;
    tell_states(call);
    if (!call->starting) {
        tell(call);
        return;
    }
    /* No memory for a timer: then get_metric_data() itself fails, as `timer` stays NULL. */
    if (loop_timer_start(call->client->options.loop, 0, tell, call, &call->timer) < 0)
        call->timer = NULL;
}

static void fail(struct cloudwatch_call *call, int code, const char *what)
{
    struct fault fault = {0};
    fault_set(&fault, code, "GetMetricData at %s: %s", call->client->endpoint, what);
    conclude(call, code, &fault);
}

static void add_messages(struct cloudwatch_result *result, const char *text)
{
    size_t used = strlen(result->messages);
    if (!text[0] || strstr(result->messages, text) || used + 3 >= sizeof result->messages) return;
    if (used > 0) used = (size_t)(stpcpy(result->messages + used, "; ") - result->messages);
    gmd_copy(result->messages + used, sizeof result->messages - used, text, strlen(text));
}

/* ---- rounds and pages ---- */

static void begin_page(struct cloudwatch_call *call)
{
    call->attempt = 1;
    call->retry_cost = 0;
    ask(call);
}

static bool answered_whole(const struct metric_question *question)
{
    return question->state == SERIES_READY || question->state == SERIES_FORBIDDEN;
}

/* What this round found out goes back to the caller's questions. */
static void keep_states(struct cloudwatch_call *call)
{
    for (size_t i = 0; call->origin && i < call->asked_count; i++)
        if (call->asked[i].state != SERIES_NEW)
            call->questions[call->origin[i]].state = call->asked[i].state;
}

/* The next round: only those that were not answered whole. */
static int choose(struct cloudwatch_call *call, size_t open)
{
    forget_round(call);
    call->asked = malloc(open * sizeof *call->asked);
    call->origin = malloc(open * sizeof *call->origin);
    call->asked_count = 0;
    if (!call->asked || !call->origin) return ERR_NOMEM;
    for (size_t i = 0; i < call->count; i++) {
        if (answered_whole(&call->questions[i])) continue;
        call->origin[call->asked_count] = (uint32_t)i;
        call->asked[call->asked_count] = call->questions[i];
        call->asked[call->asked_count++].state = SERIES_NEW;
    }
    return OK;
}

static void next_round(void *data)
{
    struct cloudwatch_call *call = data;
    call->timer = NULL;
    begin_page(call);
}

static int start_timer(struct cloudwatch_call *call, int64_t wait_ms, void (*fire)(void *))
{
    return loop_timer_start(call->client->options.loop, wait_ms, fire, call, &call->timer);
}

static void round_ends(struct cloudwatch_call *call)
{
    struct cloudwatch *client = call->client;
    size_t open = 0;
    bool failed = false;
    keep_states(call);
    for (size_t i = 0; i < call->count; i++) {
        open += !answered_whole(&call->questions[i]);
        failed = failed || call->questions[i].state == SERIES_FAILED;
    }
    if (open == 0 || ++call->round > CLOUDWATCH_PARTIAL_MAX) {
        conclude(call, OK, NULL);
        return;
    }
    /* PartialData may be continued at once; after an InternalError the service gets time. */
    int64_t wait_ms =
        failed ? backoff_ms(&client->options.backoff, call->round, backoff_random(&client->random))
               : 0;
    call->token_count = 0;
    call->answer.next_token[0] = '\0';
    int code = choose(call, open);
    if (code == OK) code = start_timer(call, wait_ms, next_round);
    if (code < 0) fail(call, code, err_text(code));
}

/* A call that fails while it asks again for the rest keeps what it has. */
static void round_fails(struct cloudwatch_call *call, int code, const struct fault *fault)
{
    if (call->round == 0) {
        conclude(call, code, fault);
        return;
    }
    keep_states(call);
    add_messages(&call->result, fault->text);
    conclude(call, OK, NULL);
}

static int remember_token(struct cloudwatch_call *call)
{
    uint64_t hash = hash64(call->answer.next_token, strlen(call->answer.next_token), 0);
    for (size_t i = 0; i < call->token_count; i++)
        if (call->tokens[i] == hash) return ERR_EXISTS;
    if ((call->token_count & (call->token_count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        size_t cap = call->token_count ? call->token_count * 2 : 1;
        uint64_t *grown = realloc(call->tokens, cap * sizeof *grown);
        if (!grown) return ERR_NOMEM;
        call->tokens = grown;
    }
    call->tokens[call->token_count++] = hash;
    return OK;
}

static void page_ends(struct cloudwatch_call *call)
{
    call->result.pages++;
    call->result.datapoints += call->answer.datapoints;
    add_messages(&call->result, call->answer.messages);
    if (!call->answer.next_token[0]) {
        round_ends(call);
        return;
    }
    int code = remember_token(call);
    struct fault fault = {0};
    if (call->result.pages >= CLOUDWATCH_PAGES_MAX)
        code = fault_set(&fault, ERR_LIMIT, "GetMetricData at %s: more than %d pages",
                         call->client->endpoint, CLOUDWATCH_PAGES_MAX);
    else if (code == ERR_EXISTS)
        code = fault_set(&fault, ERR_PARSE, "GetMetricData at %s: the same NextToken twice",
                         call->client->endpoint);
    else if (code < 0)
        fault_set(&fault, code, "%s", err_text(code));
    if (code < 0)
        round_fails(call, code, &fault);
    else
        begin_page(call);
}

/* ---- what an answer leads to ---- */

static void ask_later(void *data)
{
    struct cloudwatch_call *call = data;
    call->timer = NULL;
    ask(call);
}

static void retry(struct cloudwatch_call *call, const struct answer_meaning *meaning)
{
    struct cloudwatch *client = call->client;
    const struct backoff_policy *policy = &client->options.backoff;
    int attempts = policy->max_attempts > 0 ? policy->max_attempts : ATTEMPTS;
    int64_t cap_ms = policy->cap_ms > 0 ? policy->cap_ms : WAIT_MAX_MS;
    /* Never sooner than it was told; but a call does not wait for ever either. */
    bool may = call->attempt < attempts && meaning->judgement.retry_after_ms <= cap_ms &&
               retry_quota_take(&client->quota, meaning->judgement.timeout, &call->retry_cost);
    if (!may) {
        round_fails(call, meaning->code, &meaning->fault);
        return;
    }
    int64_t wait_ms = backoff_ms(policy, call->attempt, backoff_random(&client->random));
    if (wait_ms < meaning->judgement.retry_after_ms) wait_ms = meaning->judgement.retry_after_ms;
    call->attempt++;
    call->result.retries++;
    int code = start_timer(call, wait_ms, ask_later);
    if (code < 0) fail(call, code, err_text(code));
}

static void other_protocol(struct cloudwatch_call *call, const struct answer_meaning *meaning)
{
    if (!call->first.text[0]) call->first = meaning->fault;
    if (call->protocol != CLOUDWATCH_QUERY) {
        call->protocol++;
        ask(call);
        return;
    }
    /* Nobody there speaks any: what answered was something else. Begin anew next time. */
    call->client->protocol = CLOUDWATCH_CBOR;
    round_fails(call, call->first.code, &call->first);
}

static void correct_skew(struct cloudwatch_call *call, const struct answer_meaning *meaning)
{
    struct cloudwatch *client = call->client;
    if (retry_skew_s(&meaning->judgement, call->signed_s) != 0 && !call->skew_corrected) {
        call->skew_corrected = true;
        /* From the clock itself: another call may have corrected it meanwhile. */
        client->skew_s += meaning->judgement.date_s - now_s(client);
        call->result.retries++;
        log_event(LOG_WARN, "cloudwatch.clock_skew", LOG_S("endpoint", client->endpoint),
                  LOG_I("clock_off_s", client->skew_s));
        ask(call);
        return;
    }
    round_fails(call, meaning->code, &meaning->fault);
}

static void refresh(struct cloudwatch_call *call, const struct answer_meaning *meaning)
{
    if (call->refreshed) {
        round_fails(call, meaning->code, &meaning->fault);
        return;
    }
    call->refreshed = true;
    call->result.retries++;
    credential_chain_invalidate(call->client->options.credentials);
    ask(call);
}

/* Only once an answer made sense in it: a proxy's page, whatever its type, is not remembered. */
static void remember_protocol(struct cloudwatch_call *call)
{
    static const char *const names[] = {"rpc-v2-cbor", "json", "query"};
    struct cloudwatch *client = call->client;
    if (client->protocol == call->protocol) return;
    client->protocol = call->protocol;
    log_event(LOG_INFO, "cloudwatch.protocol", LOG_S("endpoint", client->endpoint),
              LOG_S("protocol", names[call->protocol]));
}

static void decode(struct cloudwatch_call *call, const struct http_response *response)
{
    struct fault fault = {0};
    int code = gmd_decode(call->protocol, response->body, response->body_len, call->asked,
                          call->asked_count, &call->answer, &fault);
    if (code < 0) {
        round_fails(call, code, &fault);
        return;
    }
    remember_protocol(call);
    retry_quota_give(&call->client->quota, call->retry_cost);
    page_ends(call);
}

static void answered(void *data, const struct http_response *response)
{
    struct cloudwatch_call *call = data;
    struct answer_meaning meaning;
    call->http = NULL;
    answer_read(call->protocol, response, call->client->endpoint, &call->answer, &meaning);
    if (meaning.understood && call->answer.error_code[0]) remember_protocol(call);
    switch (meaning.kind) {
    case ANSWER_OK: decode(call, response); break;
    case ANSWER_RETRY: retry(call, &meaning); break;
    case ANSWER_OTHER: other_protocol(call, &meaning); break;
    case ANSWER_SKEW: correct_skew(call, &meaning); break;
    case ANSWER_EXPIRED: refresh(call, &meaning); break;
    case ANSWER_REFUSED: round_fails(call, meaning.code, &meaning.fault); break;
    }
}

/* ---- one request ---- */

/* Those after the first `signed_count` are sent but not signed. */
static size_t protocol_headers(enum cloudwatch_protocol protocol, struct http_header *out,
                               size_t *signed_count)
{
    size_t n = 0;
    switch (protocol) {
    case CLOUDWATCH_CBOR:
        out[n++] = (struct http_header){"content-type", "application/cbor"};
        out[n++] = (struct http_header){"smithy-protocol", "rpc-v2-cbor"};
        *signed_count = n;
        out[n++] = (struct http_header){"accept", "application/cbor"};
        break;
    case CLOUDWATCH_JSON:
        out[n++] = (struct http_header){"content-type", "application/x-amz-json-1.0"};
        out[n++] =
            (struct http_header){"x-amz-target", "GraniteServiceVersion20100801.GetMetricData"};
        out[n++] = (struct http_header){"x-amzn-query-mode", "true"};
        *signed_count = n;
        break;
    case CLOUDWATCH_QUERY:
        out[n++] = (struct http_header){"content-type",
                                        "application/x-www-form-urlencoded; charset=utf-8"};
        *signed_count = n;
        break;
    }
    return n;
}

enum { HEADERS_MAX = 10 };

/* Fills in host, date, token and authorization; *count grows by them. */
static int sign(struct cloudwatch_call *call, const struct credentials *credentials,
                const struct strbuf *body, size_t signed_count, struct http_header *headers,
                size_t *count, struct sigv4_result *result)
{
    struct cloudwatch *client = call->client;
    struct sign_header signs[HEADERS_MAX] = {{"host", client->host}};
    size_t n = 1;
    for (size_t i = 0; i < signed_count; i++)
        signs[n++] = (struct sign_header){headers[i].name, headers[i].value};
    call->signed_s = now_s(client);
    struct sign_request request = {
        .method = "POST",
        .path = strbuf_cstr(&client->url) + (client->base_path - client->endpoint),
        .headers = signs,
        .header_count = n,
        .body = strbuf_cstr(body),
        .body_len = body->len,
        .region = client->region,
        .service = "monitoring",
        .time_s = call->signed_s,
        .normalize_path = true,
        .double_encode = true,
    };
    int code = sigv4_sign(client->keys, credentials, &request, &client->authorization, result);
    if (code < 0) return code;
    headers[(*count)++] = (struct http_header){"host", client->host};
    headers[(*count)++] = (struct http_header){"x-amz-date", result->amz_date};
    if (credentials->session_token)
        headers[(*count)++] =
            (struct http_header){"x-amz-security-token", credentials->session_token};
    headers[(*count)++] =
        (struct http_header){"authorization", strbuf_cstr(&client->authorization)};
    return OK;
}

static int send_signed(struct cloudwatch_call *call, const struct credentials *credentials,
                       struct strbuf *body)
{
    struct cloudwatch *client = call->client;
    struct http_header headers[HEADERS_MAX];
    struct sigv4_result result;
    size_t signed_count = 0, count = protocol_headers(call->protocol, headers, &signed_count);
    strbuf_reset(&client->url);
    strbuf_adds(&client->url, client->endpoint);
    strbuf_adds(&client->url, call->protocol == CLOUDWATCH_CBOR ? CBOR_PATH : "/");
    int code = strbuf_status(&client->url);
    if (code == OK) code = sign(call, credentials, body, signed_count, headers, &count, &result);
    if (code < 0) return code;
    struct http_request request = {
        .method = "POST",
        .url = strbuf_cstr(&client->url),
        .headers = headers,
        .header_count = count,
        .timeout_ms = client->options.timeout_ms,
    };
    request.take_body = strbuf_take(body, &request.body_len);
    if (!request.take_body) return ERR_NOMEM;
    return http_send(client->options.http, &request, answered, call, &call->http);
}

static int send_page(struct cloudwatch_call *call, const struct credentials *credentials)
{
    struct cloudwatch *client = call->client;
    const char *token = call->answer.next_token;
    struct strbuf body;
    strbuf_init(&body, BODY_MAX);
    (void)strbuf_reserve(&body, client->body_hint); /* a failure shows in what follows */
    int code = gmd_encode(call->protocol, call->asked, call->asked_count, call->start_s,
                          call->end_s, token[0] ? token : NULL, &body);
    if (code == OK) {
        client->body_hint = body.len + 64;
        code = send_signed(call, credentials, &body);
    }
    strbuf_done(&body);
    if (code == OK) call->result.calls++;
    return code;
}

static void with_credentials(void *data, int code, struct credentials *credentials,
                             const struct fault *fault)
{
    struct cloudwatch_call *call = data;
    if (code < 0) {
        round_fails(call, code, fault);
        return;
    }
    code = send_page(call, credentials);
    if (code < 0) fail(call, code, err_text(code));
}

static void goes(void *data)
{
    struct cloudwatch_call *call = data;
    call->timer = NULL;
    call->promised = false;
    credential_chain_get(call->client->options.credentials, with_credentials, call);
}

/* Waits for its turn where too many have asked. */
static void ask(struct cloudwatch_call *call)
{
    struct cloudwatch *client = call->client;
    const struct clock *clock = client->options.clock ? client->options.clock : &client->clock;
    int64_t ns = client->throttle ? throttle_take(client->throttle, clock_mono_ns(clock)) : 0;
    if (ns > 0) {
        int code = start_timer(call, (ns + 999999) / 1000000, goes);
        call->promised = code == OK;
        if (code < 0) fail(call, code, err_text(code));
        return;
    }
    credential_chain_get(call->client->options.credentials, with_credentials, call);
}

/* ---- the client ---- */

/* Splits the endpoint into what is signed: host without a default port, and the path's place. */
static int take_endpoint(struct cloudwatch *client, const char *endpoint)
{
    const char *scheme = strstr(endpoint, "://");
    if (!scheme) return ERR_INVALID;
    client->endpoint = strdup(endpoint);
    if (!client->endpoint) return ERR_NOMEM;
    const char *host = client->endpoint + (scheme - endpoint) + 3;
    size_t len = strcspn(host, "/");
    client->base_path = host + len;
    const char *port = strncmp(endpoint, "https", 5) == 0 ? ":443" : ":80";
    size_t port_len = strlen(port);
    if (len > port_len && memcmp(host + len - port_len, port, port_len) == 0) len -= port_len;
    if (len == 0) return ERR_INVALID;
    client->host = strndup(host, len);
    return client->host ? OK : ERR_NOMEM;
}

int cloudwatch_new(const struct cloudwatch_options *options, struct cloudwatch **out)
{
    if (!options->region || !options->endpoint) return ERR_INVALID;
    struct cloudwatch *client = calloc(1, sizeof *client);
    if (!client) return ERR_NOMEM;
    client->options = *options;
    clock_init_real(&client->clock);
    strbuf_init(&client->authorization, 16 * 1024);
    strbuf_init(&client->url, 8 * 1024);
    retry_quota_init(&client->quota);
    client->random = (uint64_t)clock_mono_ns(&client->clock) ^ (uint64_t)(uintptr_t)client;
    client->region = strdup(options->region);
    int code = client->region ? take_endpoint(client, options->endpoint) : ERR_NOMEM;
    if (code == OK) code = signing_keys_new(&client->keys);
    if (code == OK && options->rates) {
        int64_t now_ns = clock_mono_ns(options->clock ? options->clock : &client->clock);
        client->throttle = rates_get(options->rates, "CloudWatch", options->region, now_ns);
        if (!client->throttle) code = ERR_NOMEM;
    }
    if (code < 0)
        cloudwatch_free(client);
    else
        *out = client;
    return code;
}

void cloudwatch_free(struct cloudwatch *client)
{
    if (!client) return;
    while (client->calls)
        cloudwatch_cancel(client->calls);
    signing_keys_free(client->keys);
    strbuf_done(&client->authorization);
    strbuf_done(&client->url);
    free(client->region);
    free(client->endpoint);
    free(client->host);
    free(client);
}

void cloudwatch_cancel(struct cloudwatch_call *call)
{
    credential_chain_forget(call->client->options.credentials, call);
    if (call->promised) throttle_give_back(call->client->throttle);
    if (call->http) http_cancel(call->http);
    loop_timer_cancel(call->timer);
    unlink_call(call);
    call_free(call);
}

static void link_call(struct cloudwatch *client, struct cloudwatch_call *call)
{
    call->next = client->calls;
    call->link = &client->calls;
    if (call->next) call->next->link = &call->next;
    client->calls = call;
}

int cloudwatch_get_metric_data(struct cloudwatch *client, struct metric_question *questions,
                               size_t count, int64_t start_s, int64_t end_s, int32_t period_s,
                               cloudwatch_done_fn *done, void *data, struct cloudwatch_call **out)
{
    if (count == 0 || period_s <= 0 || end_s <= start_s) return ERR_INVALID;
    if (count > CLOUDWATCH_QUERIES_MAX ||
        gmd_query_total(questions, count) > CLOUDWATCH_QUERIES_MAX)
        return ERR_LIMIT;
    struct cloudwatch_call *call = calloc(1, sizeof *call);
    if (!call) return ERR_NOMEM;
    call->client = client;
    call->questions = call->asked = questions;
    call->count = call->asked_count = count;
    call->start_s = start_s;
    call->end_s = end_s;
    call->done = done;
    call->data = data;
    call->protocol = client->protocol;
    for (size_t i = 0; i < count; i++) {
        questions[i].state = SERIES_NEW;
        questions[i].series->refused = 0;
    }
    link_call(client, call);
    call->starting = true;
    begin_page(call);
    call->starting = false;
    if (call->result.code < 0 && !call->timer) { /* it could not even tell its end later */
        unlink_call(call);
        call_free(call);
        return ERR_NOMEM;
    }
    if (out) *out = call;
    return OK;
}
