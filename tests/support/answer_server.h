/* support/answer_server.h - a CloudWatch on loopback that answers GetMetricData, as fast as it can
 * or as wrong as it is told.
 *
 * It lives on a uv loop: that of a test, or of the `answerer` program (support/answerer.c). The
 * mode is the caller's, or chosen by the path of the endpoint: http://127.0.0.1:PORT/mode/throttle
 * (with /mode/throttle:2 only the first two requests fail).
 *
 * - ok: twelve datapoints a query
 * - partial, internal, forbidden, nan, unordered, future, wrong-type, uneven, empty, missing: see
 *   support/answers.h
 * - throttle: 400 ThrottlingException; busy: 429 with Retry-After: 1; invalid: 400 ValidationError;
 *   expired: 403 ExpiredToken; denied: 403 AccessDenied; error500: 500 and a page
 * - retry-after: 503 with Retry-After: 1; retry-long: 503 with Retry-After: 3600
 * - html-403: a proxy's page; html-200: the same, as if all were well
 * - skew: 403 RequestTimeTooSkewed unless the request is dated an hour ahead, as this Date is
 * - truncate: half an answer, then close; stall: no answer; garbage: bytes that are no CBOR
 * - huge: 1 GiB of body; endless: the same without a Content-Length
 * - pages:N: N pages by NextToken; same-token: the same NextToken for ever
 * - no-cbor: 404 for CBOR, as moto does; query-only: 404 for CBOR and JSON */
#ifndef MOONTIDE_TESTS_ANSWER_SERVER_H
#define MOONTIDE_TESTS_ANSWER_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct answer_server;

struct answer_counts {
    int connections, requests;
    int by_protocol[3]; /* enum cloudwatch_protocol */
};

/* mode NULL: ok. times < 0: the mode holds for ever, else for so many requests, and is ok then.
 * NULL on failure. */
struct answer_server *answer_server_new(uv_loop_t *loop, const char *mode, int times);
/* The same on a port of one's choice; 0: any. */
struct answer_server *answer_server_open(uv_loop_t *loop, int port, const char *mode, int times);
/* Closes all handles; its memory goes in their close callbacks. */
void answer_server_free(struct answer_server *server);
int answer_server_port(const struct answer_server *server);
const struct answer_counts *answer_server_counts(const struct answer_server *server);
void answer_server_mode(struct answer_server *server, const char *mode, int times);
const char *answer_server_last_head(const struct answer_server *server);

#endif
