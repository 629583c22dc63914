/* aws/cloudwatch_answer.c - reads what an answer means: by transport, then protocol, then code.
 *
 * CBOR is left only when an answer lacks `smithy-protocol` and is neither 429 nor 5xx; JSON and
 * Query likewise when it is neither JSON nor XML. So an overloaded endpoint, or a proxy that is,
 * never talks moontide out of the fast path. */
#include "cloudwatch_answer.h"

#include "moontide/base/timetext.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool listed(const char *code, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(code, *list) == 0) return true;
    return false;
}

/* AWS SDKs and Tools Reference Guide, "Retry behavior". */
static const char *const throttling[] = {"Throttling",
                                         "ThrottlingException",
                                         "ThrottledException",
                                         "RequestThrottled",
                                         "RequestThrottledException",
                                         "TooManyRequestsException",
                                         "ProvisionedThroughputExceededException",
                                         "TransactionInProgressException",
                                         "RequestLimitExceeded",
                                         "BandwidthLimitExceeded",
                                         "LimitExceededException",
                                         "SlowDown",
                                         "PriorRequestNotComplete",
                                         "EC2ThrottledException",
                                         NULL};
static const char *const transient[] = {"RequestTimeout",
                                        "RequestTimeoutException",
                                        "InternalServiceFault",
                                        "InternalServiceError",
                                        "InternalFailure",
                                        "ServiceUnavailable",
                                        NULL};
static const char *const skew[] = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture",
                                   NULL};
static const char *const perhaps_skew[] = {"SignatureDoesNotMatch", "InvalidSignatureException",
                                           "AuthFailure", NULL};
static const char *const expired[] = {"ExpiredToken", "ExpiredTokenException", NULL};
static const char *const unknown_keys[] = {"UnrecognizedClientException", "InvalidClientTokenId",
                                           NULL};
static const char *const denied[] = {"AccessDenied", "AccessDeniedException",
                                     "UnauthorizedOperation", "NotAuthorized", NULL};
static const char *const no_such_operation[] = {"UnknownOperationException", "UnknownOperation",
                                                "InvalidAction", "MissingAction", NULL};

static bool contains(const char *text, const char *part)
{
    return text && strcasestr(text, part) != NULL;
}

/* Some servers (moto) send JSON without saying so. */
static bool is_object(const struct http_response *response)
{
    size_t i = 0;
    while (i < response->body_len && (response->body[i] == ' ' || response->body[i] == '\n'))
        i++;
    return i < response->body_len && response->body[i] == '{';
}

static bool speaks(enum cloudwatch_protocol protocol, const struct http_response *response)
{
    const char *type = http_header(response, "content-type");
    switch (protocol) {
    case CLOUDWATCH_CBOR: return http_header(response, "smithy-protocol") != NULL;
    case CLOUDWATCH_JSON: return contains(type, "json") || is_object(response);
    case CLOUDWATCH_QUERY: return contains(type, "xml");
    }
    return false;
}

/* Seconds, or a date; a nonsense one counts as not said. */
static int64_t retry_after_ms(const struct http_response *response, int64_t date_s)
{
    const char *text = http_header(response, "retry-after");
    int64_t at_s;
    if (!text) return 0;
    if (text[0] >= '0' && text[0] <= '9') {
        long seconds = strtol(text, NULL, 10);
        return seconds < 86400 ? seconds * 1000 : 86400 * 1000;
    }
    if (time_parse_http(text, &at_s) < 0 || date_s == 0 || at_s <= date_s) return 0;
    return at_s - date_s < 86400 ? (at_s - date_s) * 1000 : 86400 * 1000;
}

static void by_transport(const struct http_response *response, struct answer_meaning *out)
{
    bool again = err_retryable(response->code) || response->code == ERR_IO;
    out->kind = again ? ANSWER_RETRY : ANSWER_REFUSED;
    out->timeout = response->code == ERR_TIMEOUT;
    out->code = response->code;
    out->fault = response->fault;
    if (!out->fault.text[0]) fault_set(&out->fault, out->code, "%s", err_text(out->code));
}

static void by_code(const char *code, int status, struct answer_meaning *out)
{
    out->kind = ANSWER_REFUSED;
    out->code = ERR_HTTP;
    if (status == 429 || listed(code, throttling)) {
        out->kind = ANSWER_RETRY;
        out->code = ERR_THROTTLED;
    } else if (listed(code, skew)) {
        out->kind = ANSWER_SKEW;
        out->code = ERR_SKEW;
        out->surely_skew = true;
    } else if (listed(code, perhaps_skew)) {
        out->kind = ANSWER_SKEW;
        out->code = ERR_DENIED;
    } else if (listed(code, expired) || listed(code, unknown_keys)) {
        out->kind = ANSWER_EXPIRED;
        out->code = listed(code, expired) ? ERR_EXPIRED : ERR_DENIED;
    } else if (status == 500 || status == 502 || status == 503 || status == 504 ||
               listed(code, transient)) {
        out->kind = ANSWER_RETRY;
        out->code = ERR_SERVER;
    } else if (((status == 401 || status == 403) && out->understood) || listed(code, denied)) {
        out->code = ERR_DENIED;
    } else if (status >= 500) {
        out->code = ERR_SERVER;
    }
}

static void say(const struct http_response *response, const char *endpoint,
                const struct gmd_answer *answer, struct answer_meaning *out)
{
    const char *type = http_header(response, "content-type");
    const char *id = http_header(response, "x-amzn-requestid");
    if (answer->error_code[0])
        fault_set(&out->fault, out->code, "GetMetricData at %s: %d %s%s%s%s%s%s", endpoint,
                  response->status, answer->error_code, answer->error_message[0] ? ": " : "",
                  answer->error_message, id ? " (request " : "", id ? id : "", id ? ")" : "");
    else
        fault_set(&out->fault, out->code,
                  "GetMetricData at %s: %d with %s, no answer of CloudWatch", endpoint,
                  response->status, type ? type : "no content type");
}

/* The code may stand in a header, where a body has none. */
static void read_error(enum cloudwatch_protocol protocol, const struct http_response *response,
                       struct gmd_answer *answer)
{
    const char *type = http_header(response, "x-amzn-errortype");
    const char *query = http_header(response, "x-amzn-query-error"); /* "Code;Sender" */
    gmd_decode_error(protocol, response->body, response->body_len, answer);
    if (answer->error_code[0] || (!type && !query)) return;
    size_t len = strcspn(type ? type : query, ":;");
    if (len >= sizeof answer->error_code) len = sizeof answer->error_code - 1;
    memcpy(answer->error_code, type ? type : query, len);
    answer->error_code[len] = '\0';
}

void answer_read(enum cloudwatch_protocol protocol, const struct http_response *response,
                 const char *endpoint, struct gmd_answer *answer, struct answer_meaning *out)
{
    *out = (struct answer_meaning){.code = OK};
    answer->error_code[0] = answer->error_message[0] = '\0';
    if (response->code < 0) {
        by_transport(response, out);
        return;
    }
    const char *date = http_header(response, "date");
    if (date && time_parse_http(date, &out->date_s) < 0) out->date_s = 0;
    out->retry_after_ms = retry_after_ms(response, out->date_s);
    out->understood = speaks(protocol, response);
    if (response->status == 200 && out->understood) {
        out->kind = ANSWER_OK;
        return;
    }
    if (out->understood) read_error(protocol, response, answer);
    by_code(answer->error_code, response->status, out);
    if (response->status < 500 && response->status != 429 &&
        (!out->understood ||
         (protocol != CLOUDWATCH_CBOR &&
          (!answer->error_code[0] || listed(answer->error_code, no_such_operation))))) {
        out->kind = ANSWER_OTHER;
        out->understood = false;
    }
    say(response, endpoint, answer, out);
}
