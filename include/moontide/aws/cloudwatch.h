/* aws/cloudwatch.h - GetMetricData, fast: signed calls whose answers go straight into series.
 *
 * Speaks smithy rpc-v2-cbor first; falls back to AWS JSON 1.0, then Query, by what the endpoint
 * answers, and remembers it per client. It leaves CBOR only when an answer lacks the
 * `smithy-protocol` header and is neither 429 nor 5xx, so that a proxy's error page is not
 * remembered.
 *
 * One call here is one batch: follows NextToken, asks PartialData and InternalError again, retries
 * by the standard mode, corrects clock skew once, refreshes expired credentials once. Results are
 * matched by Id.
 *
 * Limits: 500 queries a batch, CLOUDWATCH_PAGES_MAX pages, 32 MiB a body, CBOR and JSON depth 128.
 */
#ifndef MOONTIDE_AWS_CLOUDWATCH_H
#define MOONTIDE_AWS_CLOUDWATCH_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/io/backoff.h"
#include "moontide/model/metric.h"
#include "moontide/model/series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct rates;
struct loop;
struct clock;
struct credential_chain;
struct cloudwatch;
struct cloudwatch_call;

enum { CLOUDWATCH_QUERIES_MAX = 500, CLOUDWATCH_PAGES_MAX = 1000, CLOUDWATCH_PARTIAL_MAX = 5 };

enum cloudwatch_protocol { CLOUDWATCH_CBOR, CLOUDWATCH_JSON, CLOUDWATCH_QUERY };

struct cloudwatch_options {
    struct loop *loop;
    struct http *http;
    const struct clock *clock;            /* NULL: real */
    struct credential_chain *credentials; /* borrowed */
    const char *region;
    const char *endpoint; /* resolved, see endpoint.h */
    struct backoff_policy backoff;
    int64_t timeout_ms;  /* of one HTTP request; 0: that of http */
    struct rates *rates; /* borrowed: what is asked a second, with others; NULL: as it comes */
};

MUST_CHECK int cloudwatch_new(const struct cloudwatch_options *options, struct cloudwatch **out);
void cloudwatch_free(struct cloudwatch *client); /* cancels calls without calling back */

/* One question of a batch. The caller owns all of it, and keeps it until done. */
struct metric_question {
    const struct metric
        *metric;           /* period_s is that of the batch; region and account fit the client */
    struct series *series; /* already moved to its window; datapoints are put into it */
    uint8_t state;         /* out: enum series_state */
};

/* How many of the 500 queries a metric takes: 1, or 1 + its inputs' for an expression. */
uint32_t metric_query_count(const struct metric *metric);

struct cloudwatch_result {
    int code; /* OK: every question has its state; else the whole batch failed, and all states say
                 so */
    struct fault fault;
    char messages[512]; /* top-level and per-result Messages, joined; "" when none */
    uint32_t calls, pages, retries;
    uint64_t datapoints;
    enum cloudwatch_protocol protocol;
};
typedef void cloudwatch_done_fn(void *data, const struct cloudwatch_result *result);

/* start_s inclusive, end_s exclusive, both multiples of period_s. On failure to start (ERR_NOMEM,
 * ERR_LIMIT: more than 500 queries) done is not called; else exactly once, never before return. */
MUST_CHECK int cloudwatch_get_metric_data(struct cloudwatch *client,
                                          struct metric_question *questions, size_t count,
                                          int64_t start_s, int64_t end_s, int32_t period_s,
                                          cloudwatch_done_fn *done, void *data,
                                          struct cloudwatch_call **out);
void cloudwatch_cancel(struct cloudwatch_call *call);

/* The codecs, pure, for tests, fuzzing and benchmarks. */
struct strbuf;
struct gmd_answer {
    char next_token[2048]; /* "" when there is none; a longer one is ERR_LIMIT */
    char messages[512];
    char error_code[128], error_message[512]; /* of an error answer */
    uint64_t datapoints;
};
/* Encodes the request body of one page. next_token may be NULL. */
MUST_CHECK int gmd_encode(enum cloudwatch_protocol protocol,
                          const struct metric_question *questions, size_t count, int64_t start_s,
                          int64_t end_s, const char *next_token, struct strbuf *out);
/* Decodes a 200 answer into the questions' series. ERR_PARSE: *fault names the offset and what was
 * wrong. */
MUST_CHECK int gmd_decode(enum cloudwatch_protocol protocol, const char *body, size_t len,
                          struct metric_question *questions, size_t count,
                          struct gmd_answer *answer, struct fault *fault);
/* Reads code and message of an error answer; leaves them empty when there are none. */
void gmd_decode_error(enum cloudwatch_protocol protocol, const char *body, size_t len,
                      struct gmd_answer *answer);

#endif
