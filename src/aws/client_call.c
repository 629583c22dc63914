/* aws/client_call.c - one call, from its turn to its answer.
 *
 *   call_begin -> attempt --throttle, adaptive rate--> credentials -> send -> answered
 *                    ^                                                           |
 *                    |   transient, throttled: quota, backoff, Retry-After ------+
 *                    +-- skew, expired: mended, once each -----------------------+
 *                                                         else: client_call_ends
 *
 * Whatever ends a call while it is still being started is told by a timer (client_call_ends). */
#include "client_internal.h"

#include "moontide/base/log.h"

enum { WAIT_MAX_MS = 20000 }; /* of one backoff, when the policy names no cap */

static void attempt(struct client_call *call);

static void call_fails(struct client_call *call, int code, const char *what)
{
    call->result.code = code;
    call->result.response = (struct wire_response){0};
    fault_set(&call->result.fault, code, "%s %s: %s", call->client->model->service,
              call->operation->snake, what);
    client_call_ends(call);
}

static void attempt_again(void *data)
{
    struct client_call *call = data;
    call->timer = NULL;
    call->promised = false;
    attempt(call);
}

/* OK: `attempt_again` will run; else the call has failed. */
static void wait_ns(struct client_call *call, int64_t ns)
{
    int64_t ms = (ns + 999999) / 1000000;
    int code = loop_timer_start(call->client->options.loop, ms, attempt_again, call, &call->timer);
    if (code < 0) call_fails(call, code, err_text(code));
}

/* ---- what an answer leads to ---- */

static void give_answer(struct client_call *call, const struct http_response *response)
{
    struct client_result *result = &call->result;
    if (response->code < 0) {
        call_fails(call, response->code,
                   response->fault.text[0] ? response->fault.text : err_text(response->code));
        return;
    }
    result->code = OK;
    result->response = (struct wire_response){
        .status = response->status,
        .headers = response->headers,
        .header_count = response->header_count,
        .body = response->body,
        .body_len = response->body_len,
    };
    if (response->status >= 200 && response->status < 300)
        retry_quota_give(&call->client->quota, call->retry_cost);
    client_call_ends(call);
}

static bool may_retry(struct client_call *call, const struct retry_judgement *judgement)
{
    struct client *client = call->client;
    const struct backoff_policy *policy = &client->options.backoff;
    int64_t cap_ms = policy->cap_ms > 0 ? policy->cap_ms : WAIT_MAX_MS;
    /* Never sooner than it was told; but a call does not wait for ever either. */
    return call->retries + 1 < client_max_attempts(client) && judgement->retry_after_ms <= cap_ms &&
           retry_quota_take(&client->quota, judgement->timeout, &call->retry_cost);
}

static void retry(struct client_call *call, const struct retry_judgement *judgement,
                  const struct http_response *response)
{
    struct client *client = call->client;
    if (!may_retry(call, judgement)) {
        give_answer(call, response);
        return;
    }
    call->retries++;
    call->metrics->retries++;
    int64_t wait_ms =
        backoff_ms(&client->options.backoff, call->retries, backoff_random(&client->random));
    if (wait_ms < judgement->retry_after_ms) wait_ms = judgement->retry_after_ms;
    wait_ns(call, wait_ms * 1000000);
}

static bool mend_skew(struct client_call *call, const struct retry_judgement *judgement)
{
    struct client *client = call->client;
    if (call->skew_corrected || retry_skew_s(judgement, call->signed_s) == 0) return false;
    call->skew_corrected = true;
    /* From the clock itself: another call may have corrected it meanwhile. */
    client->skew_s += judgement->date_s - client_now_s(client);
    log_event(LOG_WARN, "aws.clock_skew", LOG_S("endpoint", client->endpoint.url),
              LOG_I("clock_off_s", client->skew_s));
    return true;
}

static bool mend_credentials(struct client_call *call)
{
    struct client *client = call->client;
    if (call->refreshed || !client->options.credentials) return false;
    call->refreshed = true;
    /* Of many calls that were under way with the same ones only the first asks for others. */
    if (call->sent_ns >= client->invalidated_ns) {
        credential_chain_invalidate(client->options.credentials);
        client->invalidated_ns = client_now_ns(client);
    }
    return true;
}

static void answered(void *data, const struct http_response *response)
{
    struct client_call *call = data;
    struct client *client = call->client;
    struct retry_judgement judgement;
    char code[RETRY_CODE_MAX];
    call->http = NULL;
    call->result.sent = call->result.sent || response->sent;
    bool refusal =
        response->code == OK ? response->status >= 400 && response->status <= 499 : !response->sent;
    call->result.refused = call->result.refused && refusal;
    bool error = response->code == OK && (response->status < 200 || response->status > 299);
    code[0] = '\0';
    if (error) (void)retry_error_code(response, code);
    retry_judge(response, code, &judgement);
    if (client->trace) trace_answer(call, response);
    if (judgement.kind == RETRY_THROTTLED) call->metrics->throttles++;
    if (client->options.retry_mode == RETRY_MODE_ADAPTIVE)
        adaptive_answer(&client->adaptive, judgement.kind == RETRY_THROTTLED,
                        client_now_ns(client));
    bool mended = false;
    switch (judgement.kind) {
    case RETRY_TRANSIENT:
    case RETRY_THROTTLED: retry(call, &judgement, response); return;
    case RETRY_SKEW: mended = mend_skew(call, &judgement); break;
    case RETRY_EXPIRED: mended = mend_credentials(call); break;
    case RETRY_NOT: break;
    }
    if (!mended) {
        give_answer(call, response);
        return;
    }
    call->metrics->retries++;
    attempt(call);
}

/* ---- one attempt ---- */

static void with_credentials(void *data, int code, struct credentials *credentials,
                             const struct fault *fault)
{
    struct client_call *call = data;
    if (code < 0) {
        call_fails(call, code, fault && fault->text[0] ? fault->text : err_text(code));
        return;
    }
    call->may_send = false;
    call->sent_ns = client_now_ns(call->client);
    code = call_send(call, credentials, answered);
    if (code < 0) {
        call_fails(call, code, err_text(code));
        return;
    }
    call->result.attempts++;
    call->metrics->attempts++;
}

/* Whether it may be sent now; if not, a timer goes on with the attempt. */
static bool passes_rates(struct client_call *call)
{
    struct client *client = call->client;
    bool throttled =
        client->throttle && (!client->throttled || client->throttled == call->operation);
    if (throttled && !call->may_send) {
        int64_t ns = throttle_take(client->throttle, client_now_ns(client));
        call->may_send = true;
        if (ns > 0) {
            call->promised = true;
            wait_ns(call, ns);
            return false;
        }
    }
    if (client->options.retry_mode != RETRY_MODE_ADAPTIVE) return true;
    int64_t ns = adaptive_acquire(&client->adaptive, client_now_ns(client));
    if (ns > 0) wait_ns(call, ns);
    return ns == 0;
}

static void attempt(struct client_call *call)
{
    struct credential_chain *chain = call->client->options.credentials;
    if (!passes_rates(call)) return;
    if (chain && !call->operation->no_auth)
        credential_chain_get(chain, with_credentials, call);
    else
        with_credentials(call, OK, NULL, NULL);
}

/* Source: RFC 9562, section 5.4 (version 4). It only names the call in the service's logs. */
static void make_invocation_id(struct client_call *call)
{
    static const char hex[] = "0123456789abcdef";
    char *out = call->invocation_id;
    uint64_t bits = 0;
    for (int i = 0; i < INVOCATION_ID_MAX - 1; i++) {
        if (i % 12 == 0) bits = (uint64_t)(backoff_random(&call->client->random) * 0x1p48);
        unsigned digit = bits & 15;
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        out[i] = dash ? '-' : i == 14 ? '4' : i == 19 ? hex[8 + (digit & 3)] : hex[digit];
        bits >>= 4;
    }
    out[INVOCATION_ID_MAX - 1] = '\0';
}

void call_begin(struct client_call *call)
{
    make_invocation_id(call);
    attempt(call);
}

void call_stop(struct client_call *call)
{
    struct client *client = call->client;
    if (client->options.credentials) credential_chain_forget(client->options.credentials, call);
    if (call->http) http_cancel(call->http);
    loop_timer_cancel(call->timer);
    if (call->promised) throttle_give_back(client->throttle);
    call->http = NULL;
    call->timer = NULL;
    call->promised = false;
}
