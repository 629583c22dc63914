/* aws/client.h - a service client: a model, a signer and a transport, with the manners of the
 * official SDKs.
 *
 * One call: serialize -> credentials -> throttle -> sign -> send -> (retry) -> the raw answer.
 * Parsing the answer is the caller's next step (protocol_parse), as it writes into the caller's
 * world.
 *
 * Retries: "standard" (SEMANTICS: docs/semantics.md, "Retry") or "adaptive" (standard plus a
 * client-side rate from throttling answers, after the SDK reference guide). Clock skew and expired
 * credentials are mended once each. */
#ifndef MOONTIDE_AWS_CLIENT_H
#define MOONTIDE_AWS_CLIENT_H

#include "moontide/aws/credentials.h"
#include "moontide/aws/model.h"
#include "moontide/aws/protocol.h"
#include "moontide/aws/retry.h"
#include "moontide/io/backoff.h"

struct http;
struct loop;
struct clock;
struct client;
struct client_call;
struct rates;

struct client_options {
    struct loop *loop;
    struct http *http;
    const struct clock *clock;            /* NULL: real */
    struct credential_chain *credentials; /* borrowed; NULL: unsigned calls only */
    struct model *model;                  /* retained */
    const char *region;                   /* NULL only for global services */
    const char *profile;                  /* for endpoints of the shared files; may be NULL */
    const char *endpoint;                 /* NULL: by the rules of endpoint.h */
    /* What is not said here, the environment says, then the profile (retry_settings_complete()). */
    struct backoff_policy backoff;
    enum retry_mode retry_mode;
    int64_t timeout_ms;    /* of one attempt; 0: 30,000 */
    int64_t first_byte_ms; /* until its answer begins; 0: timeout_ms */
    /* 0: 50; further calls wait in order. The client opens as many connections where the service
     * does not speak HTTP/2, whatever the defaults of `http` are. */
    int max_concurrency;
    /* Client-side throttle of all operations. 0: none but the known ones (CloudWatch's
     * GetMetricData: 50); negative: none at all. */
    double rate_per_s;
    struct rates *rates; /* borrowed: shares the known ones with other clients; NULL: its own */
    bool dry_run; /* refuses what is not read_only with ERR_DENIED and what it would have sent */
    /* Requests and answers on stderr, with signatures, tokens and what looks secret blanked. */
    bool trace;
};

/* ERR_INVALID: no region, or an endpoint that is none; ERR_NOMEM. */
MUST_CHECK int client_new(const struct client_options *options, struct client **out,
                          struct fault *fault);
/* Cancels calls without calling back. May be called in a callback. NULL is allowed. */
void client_free(struct client *client);
const struct model *client_model(const struct client *client);
const char *client_endpoint(const struct client *client);
const char *client_region(const struct client *client); /* the one that is signed for; or NULL */

/* Borrowed for the callback. code OK: an answer came, of whatever status (the last attempt's). Else
 * none came: the fault says why, in words that hold no secret. */
struct client_result {
    int code;
    struct fault fault;
    struct wire_response response;
    uint32_t attempts; /* 0: it failed before anything was sent */
    int64_t elapsed_us;
    bool sent; /* false: certainly nothing has left, so nothing was done; else it may have been */
    bool refused; /* whatever has left was refused (4xx), attempt for attempt: nothing was done */
};
typedef void client_done_fn(void *data, const struct client_result *result);

/* Takes the content of *take_request (it is reset, and may be used for the next one). done exactly
 * once, never before return; not at all when this fails (ERR_NOMEM, ERR_DENIED: dry run; then
 * *take_request is as it was) or after client_cancel(). *out (may be NULL) is valid until done is
 * entered. `operation` is one of the client's model. */
MUST_CHECK int client_send(struct client *client, const struct operation *operation,
                           struct wire_request *take_request, client_done_fn *done, void *data,
                           struct client_call **out, struct fault *fault);
void client_cancel(struct client_call *call);

/* Of one operation: calls, retries, throttles, failures and latency by quantile (from a bounded
 * sketch). */
struct client_metrics {
    const char *operation;
    uint64_t calls, attempts, retries, throttles, failures;
    double p50_ms, p90_ms, p99_ms; /* of whole calls, retries included; 4 % */
};
/* Those that were called, in the model's order. */
void client_each_metric(const struct client *client,
                        void (*each)(void *data, const struct client_metrics *metrics), void *data);

#endif
