/* aws/client_internal.h - what the files of the client share: client.c makes and frees it, queues
 * calls and counts them; client_call.c is one call from throttle to answer; client_send.c is one
 * attempt, signed and sent. */
#ifndef MOONTIDE_AWS_CLIENT_INTERNAL_H
#define MOONTIDE_AWS_CLIENT_INTERNAL_H

#include "moontide/aws/client.h"
#include "moontide/aws/endpoint.h"
#include "moontide/aws/rates.h"
#include "moontide/aws/retry.h"
#include "moontide/aws/sigv4.h"
#include "moontide/base/clock.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"

#include "metrics.h"
#include "throttle.h"
#include "trace.h"

enum { INVOCATION_ID_MAX = 37 };

struct call_list {
    struct client_call *first, *last;
};

struct client {
    struct client_options options; /* its texts are not used: they are the caller's */
    struct clock real;
    struct model *model;
    struct endpoint endpoint;
    const char *host;      /* of the endpoint, in endpoint.url */
    const char *base_path; /* likewise; "" mostly */
    size_t host_len;       /* without a default port */
    bool https, literal_host, s3;
    char *user_agent;
    char first_attempt[32]; /* the value of amz-sdk-request then */

    struct signing_keys *keys;
    struct strbuf authorization, url, path, signed_host; /* of the attempt that is being sent */
    int64_t skew_s;                                      /* the service's time less ours */

    struct retry_quota quota;
    struct throttle *throttle;         /* NULL: none */
    const struct operation *throttled; /* that the throttle is for; NULL: for all */
    struct throttle own_throttle;
    struct rates *own_rates; /* where nobody shares; or NULL */
    struct adaptive adaptive;
    uint64_t random;
    struct trace *trace; /* NULL: no tracing */

    int64_t invalidated_ns;             /* when the credentials were last found to be expired */
    struct operation_metrics **metrics; /* shape: metrics[operation_count]; NULL: never called */
    struct call_list active, waiting, spare;
    int active_count, spare_count;
    int reserved; /* connections of http */
    int entered;  /* callbacks that are running */
    bool pumping, doomed;
};

struct client_call {
    struct client *client;
    struct client_call *prev, *next;
    struct call_list *list;
    const struct operation *operation;
    struct operation_metrics *metrics;
    struct wire_request request;
    client_done_fn *done;
    void *data;

    int64_t began_ns, sent_ns, signed_s;
    int retry_cost, retries; /* of backoff; what was mended does not count */
    bool starting, may_send; /* may_send: the throttle's token is taken */
    bool promised;           /* waiting for a token of the throttle */
    bool skew_corrected, refreshed;
    char invocation_id[INVOCATION_ID_MAX];

    struct http_call *http;
    struct loop_timer *timer;
    struct client_result result;
};

int64_t client_now_ns(const struct client *client);
int64_t client_now_s(const struct client *client); /* as the service sees it */

/* client_call.c: begins a call that is in the active list. */
void call_begin(struct client_call *call);
/* Ends what the call waits for; it is then neither sent nor answered. */
void call_stop(struct client_call *call);

/* client.c: the call is over; tells the caller and goes on with those that wait. */
void client_call_ends(struct client_call *call);

/* client_send.c: signs (credentials may be NULL: then not) and sends one attempt. */
MUST_CHECK int call_send(struct client_call *call, const struct credentials *credentials,
                         http_done_fn *answered);
/* Into client->url, and its host as it is signed into client->signed_host. */
MUST_CHECK int call_url(struct client *client, const struct wire_request *request);
void trace_answer(const struct client_call *call, const struct http_response *response);

int client_max_attempts(const struct client *client);

#endif
