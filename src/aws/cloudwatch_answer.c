/* aws/cloudwatch_answer.c - reads what an answer means: by transport, then protocol, then code.
 *
 * CBOR is left only when an answer lacks `smithy-protocol` and is neither 429 nor 5xx; JSON and
 * Query likewise when it is neither JSON nor XML. So an overloaded endpoint, or a proxy that is,
 * never talks moontide out of the fast path. */
#include "cloudwatch_answer.h"

#include "moontide/aws/protocol.h"

#include <string.h>

static bool listed(const char *code, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(code, *list) == 0) return true;
    return false;
}

static const char *const no_such_operation[] = {"UnknownOperationException", "UnknownOperation",
                                                "InvalidAction", "MissingAction", NULL};

static bool speaks(enum cloudwatch_protocol protocol, const struct http_response *response)
{
    static const enum protocol_kind kinds[] = {PROTOCOL_CBOR, PROTOCOL_JSON, PROTOCOL_QUERY};
    const struct wire_response answer = {.status = response->status,
                                         .headers = response->headers,
                                         .header_count = response->header_count,
                                         .body = response->body,
                                         .body_len = response->body_len};
    return protocol_speaks(kinds[protocol], &answer);
}

static void by_transport(const struct http_response *response, struct answer_meaning *out)
{
    out->fault = response->fault;
    if (!out->fault.text[0]) fault_set(&out->fault, out->code, "%s", err_text(out->code));
}

static enum answer_kind kind_of(enum retry_kind kind)
{
    switch (kind) {
    case RETRY_TRANSIENT:
    case RETRY_THROTTLED: return ANSWER_RETRY;
    case RETRY_SKEW: return ANSWER_SKEW;
    case RETRY_EXPIRED: return ANSWER_EXPIRED;
    case RETRY_NOT: break;
    }
    return ANSWER_REFUSED;
}

static void judge(const struct http_response *response, const char *error_code,
                  struct answer_meaning *out)
{
    retry_judge(response, error_code, &out->judgement);
    out->kind = kind_of(out->judgement.kind);
    out->code = out->judgement.code == OK ? ERR_HTTP : out->judgement.code;
    /* A proxy's 403 page is no refusal of the service's. */
    if (out->code == ERR_DENIED && !error_code[0] && !out->understood) out->code = ERR_HTTP;
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
        judge(response, "", out);
        by_transport(response, out);
        return;
    }
    out->understood = speaks(protocol, response);
    if (response->status == 200 && out->understood) {
        out->kind = ANSWER_OK;
        return;
    }
    if (out->understood) read_error(protocol, response, answer);
    judge(response, answer->error_code, out);
    if (response->status < 500 && response->status != 429 &&
        (!out->understood ||
         (protocol != CLOUDWATCH_CBOR &&
          (!answer->error_code[0] || listed(answer->error_code, no_such_operation))))) {
        out->kind = ANSWER_OTHER;
        out->understood = false;
    }
    say(response, endpoint, answer, out);
}
