/* aws/retry.c - reads by transport, status and error code whether to ask again. */
#include "moontide/aws/retry.h"

#include "moontide/aws/cbor.h"
#include "moontide/base/json.h"
#include "moontide/base/timetext.h"

#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400 * 1000, SKEW_DOUBT_S = 240, PEEK_MAX = 64 * 1024 };

static bool listed(const char *code, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(code, *list) == 0) return true;
    return false;
}

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

/* Seconds, or a date; a nonsense one counts as not said. */
static int64_t read_retry_after(const char *text, int64_t date_s)
{
    int64_t at_s;
    if (!text) return 0;
    if (text[0] >= '0' && text[0] <= '9') {
        long seconds = strtol(text, NULL, 10);
        return seconds < DAY_MS / 1000 ? seconds * 1000 : DAY_MS;
    }
    if (time_parse_http(text, &at_s) < 0 || date_s == 0 || at_s <= date_s) return 0;
    return at_s - date_s < DAY_MS / 1000 ? (at_s - date_s) * 1000 : DAY_MS;
}

static void by_transport(const struct http_response *response, struct retry_judgement *out)
{
    bool again = err_retryable(response->code) || response->code == ERR_IO;
    out->kind = again ? RETRY_TRANSIENT : RETRY_NOT;
    out->timeout = response->code == ERR_TIMEOUT;
    out->code = response->code;
}

static void by_code(const char *code, int status, struct retry_judgement *out)
{
    out->kind = RETRY_NOT;
    out->code = ERR_HTTP;
    if (status == 429 || listed(code, throttling)) {
        out->kind = RETRY_THROTTLED;
        out->code = ERR_THROTTLED;
    } else if (listed(code, skew)) {
        out->kind = RETRY_SKEW;
        out->code = ERR_SKEW;
        out->surely_skew = true;
    } else if (listed(code, perhaps_skew)) {
        out->kind = RETRY_SKEW;
        out->code = ERR_DENIED;
    } else if (listed(code, expired) || listed(code, unknown_keys)) {
        out->kind = RETRY_EXPIRED;
        out->code = listed(code, expired) ? ERR_EXPIRED : ERR_DENIED;
    } else if (status == 500 || status == 502 || status == 503 || status == 504 ||
               listed(code, transient)) {
        out->kind = RETRY_TRANSIENT;
        out->code = ERR_SERVER;
    } else if (status == 401 || status == 403 || listed(code, denied)) {
        out->code = ERR_DENIED;
    } else if (status >= 500) {
        out->code = ERR_SERVER;
    }
}

void retry_judge(const struct http_response *response, const char *error_code,
                 struct retry_judgement *out)
{
    *out = (struct retry_judgement){.kind = RETRY_NOT, .code = OK};
    if (response->code < 0) {
        by_transport(response, out);
        return;
    }
    const char *date = http_header(response, "date");
    if (date && time_parse_http(date, &out->date_s) < 0) out->date_s = 0;
    if (response->status >= 200 && response->status < 300) return;
    out->retry_after_ms = read_retry_after(http_header(response, "retry-after"), out->date_s);
    by_code(error_code, response->status, out);
}

int64_t retry_skew_s(const struct retry_judgement *judgement, int64_t signed_s)
{
    int64_t off_s = judgement->date_s ? judgement->date_s - signed_s : 0;
    bool far = off_s > SKEW_DOUBT_S || off_s < -SKEW_DOUBT_S;
    return far || judgement->surely_skew ? off_s : 0;
}

/* ---- the error code ---- */

/* "aws.protocoltests#Code:http://..." and "Code;Sender" are "Code". */
static bool take(const char *text, size_t len, char out[RETRY_CODE_MAX])
{
    size_t begin = 0, end = 0;
    for (; end < len && text[end] != ':' && text[end] != ';'; end++) {
        if (text[end] <= ' ' || text[end] > '~') return false;
        if (text[end] == '#') begin = end + 1;
    }
    if (end == begin || end - begin >= RETRY_CODE_MAX) return false;
    memcpy(out, text + begin, end - begin);
    out[end - begin] = '\0';
    return true;
}

static bool key_is(const struct json_reader *r, const char *name)
{
    return r->len == strlen(name) && memcmp(r->text, name, r->len) == 0;
}

/* __type goes before code, wherever it stands. */
static bool from_json(const char *body, size_t len, char out[RETRY_CODE_MAX])
{
    struct json_reader r;
    bool found = false, typed = false;
    json_reader_init(&r, body, len, PEEK_MAX);
    if (json_next(&r) != JSON_OBJECT) goto done;
    while (!typed && json_next(&r) == JSON_KEY) {
        bool type = key_is(&r, "__type");
        if (!type && !key_is(&r, "code") && !key_is(&r, "Code")) {
            if (json_skip(&r) < 0) break;
            continue;
        }
        int token = json_next(&r);
        if (token == JSON_STRING && take(r.text, r.len, out))
            found = true, typed = type;
        else if ((token == JSON_OBJECT || token == JSON_ARRAY) && json_skip(&r) < 0)
            break;
        else if (token < 0)
            break;
    }
done:
    json_reader_done(&r);
    return found;
}

static bool from_xml(const char *body, size_t len, char out[RETRY_CODE_MAX])
{
    static const char open[] = "<Code>";
    const char *at = memmem(body, len, open, sizeof open - 1);
    if (!at) return false;
    at += sizeof open - 1;
    const char *end = memchr(at, '<', (size_t)(body + len - at));
    return end && take(at, (size_t)(end - at), out);
}

static bool from_cbor(const char *body, size_t len, char out[RETRY_CODE_MAX])
{
    struct cbor_reader r;
    struct cbor_items items;
    struct cbor_text text;
    bool found = false;
    cbor_reader_init(&r, body, len);
    if (cbor_open(&r, CBOR_MAP, &items) == OK) {
        while (!found && cbor_more(&r, &items) > 0) {
            if (cbor_text(&r, &text) < 0) break;
            if (!CBOR_IS(text, "__type")) {
                if (cbor_skip(&r) < 0) break;
            } else if (cbor_text(&r, &text) < 0 || !(found = take(text.at, text.len, out))) {
                break;
            }
        }
    }
    cbor_reader_done(&r);
    return found;
}

bool retry_error_code(const struct http_response *response, char out[RETRY_CODE_MAX])
{
    out[0] = '\0';
    const char *header = http_header(response, "x-amzn-query-error");
    if (!header) header = http_header(response, "x-amzn-errortype");
    if (header && take(header, strlen(header), out)) return true;
    const char *at = response->body, *end = at ? at + response->body_len : at;
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    if (at == end) return false;
    size_t len = (size_t)(end - at);
    if (*at == '{') return from_json(at, len, out);
    if (*at == '<') return from_xml(at, len < PEEK_MAX ? len : PEEK_MAX, out);
    if (((unsigned char)*at >> 5) == CBOR_MAP) return from_cbor(at, len, out);
    return false;
}
