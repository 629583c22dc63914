/* io/http_call.c - one request and its answer: what curl is told, what it hands back, and how a
 * failure reads.
 *
 * Easy handles are kept and used again: what never changes is set once, and each request sets
 * everything else anew, so that nothing of an earlier one can leak into it. */
#include "http_internal.h"

#include "moontide/base/clock.h"
#include "moontide/base/err.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    STALL_TIMEOUT_MS = 10000,
    KEEP_BODY_BYTES = 256 * 1024,     /* a spare call keeps at most this much */
    TRUST_LENGTH_BYTES = 1024 * 1024, /* room made on the word of a Content-Length */
};

/* Sets an option of `easy` unless one before failed; `ok` tells. */
#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)

static const struct clock real_clock;

static long whole_seconds(int64_t ms)
{
    return (long)((ms + 999) / 1000);
}

/* What curl hands back. */

static int refuse(struct http_call *call, int code, const char *what, size_t limit)
{
    return fault_set(&call->refusal, code, "%s:%d: %s %zu", call->place.host, call->place.port,
                     what, limit);
}

static int refuse_nomem(struct http_call *call)
{
    return fault_set(&call->refusal, ERR_NOMEM, "%s:%d: %s", call->place.host, call->place.port,
                     err_text(ERR_NOMEM));
}

/* Stores one "Name: value" line with the name in lower case. */
static int add_header(struct http_call *call, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon) return OK;
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && isspace((unsigned char)end[-1]))
        end--;
    size_t name_len = (size_t)(colon - line), value_len = (size_t)(end - value);
    if (call->header_count == HTTP_HEADERS_MAX)
        return refuse(call, ERR_LIMIT, "the answer's headers are more than", HTTP_HEADERS_MAX);

    struct strbuf *text = &call->header_text;
    uint32_t name_at = (uint32_t)text->len;
    char *to = strbuf_reserve(text, name_len + value_len + 2);
    if (!to && strbuf_status(text) == ERR_NOMEM) return refuse_nomem(call);
    if (!to)
        return refuse(call, ERR_LIMIT, "the answer's headers have more bytes than",
                      HTTP_HEADER_BYTES_MAX);
    for (size_t i = 0; i < name_len; i++)
        to[i] = (char)tolower((unsigned char)line[i]);
    to[name_len] = '\0';
    memcpy(to + name_len + 1, value, value_len);
    to[name_len + 1 + value_len] = '\0';
    text->len += name_len + value_len + 2;
    call->header_at[call->header_count].name = name_at;
    call->header_at[call->header_count].value = name_at + (uint32_t)name_len + 1;
    call->header_count++;
    return OK;
}

/* The headers are complete: an answer that says it is too large is refused before it is read.
 * (curl itself evaluates Content-Length only after this callback.) */
static int end_headers(struct http_call *call)
{
    if (call->bodyless) return OK;
    unsigned long long length = 0;
    for (size_t i = 0; i < call->header_count; i++)
        if (strcmp(call->header_text.data + call->header_at[i].name, "content-length") == 0)
            length = strtoull(call->header_text.data + call->header_at[i].value, NULL, 10);
    if (length > call->body.max_bytes)
        return fault_set(&call->refusal, ERR_LIMIT,
                         "%s:%d: the answer has %llu bytes, more than the limit of %zu",
                         call->place.host, call->place.port, length, call->body.max_bytes);
    if (length == 0) return OK;
    size_t room = length < TRUST_LENGTH_BYTES ? (size_t)length : (size_t)TRUST_LENGTH_BYTES;
    return strbuf_reserve(&call->body, room) ? OK : refuse_nomem(call);
}

/* The answer begins. Where it took longer than a stall may, curl, which has been counting all the
 * while, would at once call it one: then the longer time stays. */
static void begins(struct http_call *call)
{
    if (call->first_byte_ms <= call->stall_ms) return;
    int64_t waited_ms = (clock_mono_ns(&real_clock) - call->began_ns) / 1000000;
    if (waited_ms >= call->stall_ms) return;
    (void)curl_easy_setopt(call->ride.easy, CURLOPT_LOW_SPEED_TIME, whole_seconds(call->stall_ms));
    call->first_byte_ms = 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *data)
{
    struct http_call *call = data;
    size_t len = size * count;
    int rc = OK;
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* also after an interim 1xx answer */
        begins(call);
        call->header_count = 0;
        strbuf_reset(&call->header_text);
    } else if (len && (line[0] == '\r' || line[0] == '\n')) {
        rc = end_headers(call);
    } else {
        rc = add_header(call, line, len);
    }
    return rc < 0 ? 0 : len; /* anything but len ends the transfer with CURLE_WRITE_ERROR */
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    struct http_call *call = data;
    size_t len = size * count;
    strbuf_add(&call->body, bytes, len);
    int rc = strbuf_status(&call->body);
    if (rc == OK) return len;
    if (rc == ERR_LIMIT)
        refuse(call, ERR_LIMIT, "the answer has more bytes than the limit of",
               call->body.max_bytes);
    else
        refuse_nomem(call);
    return 0;
}

/* A call and what never changes in it. */

int http_set_common(struct http *http, CURL *easy, const char *ca_file)
{
    bool ok = true;
    SET(CURLOPT_OPENSOCKETFUNCTION, http_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, http);
    SET(CURLOPT_CLOSESOCKETFUNCTION, http_close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, http);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* else ending a transfer waits for its getaddrinfo() */
    SET(CURLOPT_CAPATH, NULL);   /* with a directory curl does not cache the parsed bundle */
    SET(CURLOPT_CAINFO, ca_file);
    return ok ? OK : ERR_NOMEM;
}

struct http_call *http_call_new(struct http *http, const struct http_limits *limits,
                                const char *ca_file, const char *user_agent)
{
    struct http_call *call = calloc(1, sizeof *call);
    CURL *easy = call ? curl_easy_init() : NULL;
    if (!easy) {
        free(call);
        return NULL;
    }
    call->ride.http = http;
    call->limits = limits;
    call->ride.easy = easy;
    call->user_agent = user_agent;
    strbuf_init(&call->request_lines, SIZE_MAX / 2);
    strbuf_init(&call->header_text, HTTP_HEADER_BYTES_MAX);
    strbuf_init(&call->body, limits->max_body_bytes);
    bool ok = true;
    SET(CURLOPT_PRIVATE, &call->ride);
    SET(CURLOPT_ERRORBUFFER, call->reason);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, call);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, call);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L); /* the path was signed as it is */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_MAXAGE_CONN, 3600L); /* curl's own 118 s would not last from one tick to the next */
    SET(CURLOPT_UPLOAD_BUFFERSIZE, 16384L); /* the least; each spare handle holds on to it */
    if (!ok || http_set_common(http, easy, ca_file) < 0) {
        http_call_free(call);
        return NULL;
    }
    return call;
}

void http_call_clear(struct http_call *call)
{
    free(call->request_body);
    call->request_body = NULL;
    strbuf_reset(&call->request_lines);
    strbuf_reset(&call->header_text);
    call->header_count = 0;
    if (call->body.cap > KEEP_BODY_BYTES)
        strbuf_done(&call->body);
    else
        strbuf_reset(&call->body);
    call->refusal.code = OK;
    call->reason[0] = '\0';
    call->done = NULL;
    call->data = NULL;
}

void http_call_free(struct http_call *call)
{
    curl_easy_cleanup(call->ride.easy);
    free(call->request_body);
    free(call->request_headers);
    strbuf_done(&call->request_lines);
    strbuf_done(&call->header_text);
    strbuf_done(&call->body);
    free(call);
}

/* What each request sets. */

static int set_method(struct http_call *call, const struct http_request *request, bool has_body)
{
    CURL *easy = call->ride.easy;
    bool ok = true;
    const char *plain = has_body ? "POST" : call->bodyless ? "HEAD" : "GET";
    /* The order matters: POSTFIELDS implies POST, and HTTPGET undoes both it and NOBODY. */
    SET(CURLOPT_POSTFIELDS, has_body ? (call->request_body ? call->request_body : "") : NULL);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(has_body ? request->body_len : 0));
    if (has_body)
        SET(CURLOPT_POST, 1L);
    else
        SET(CURLOPT_HTTPGET, 1L);
    if (call->bodyless) SET(CURLOPT_NOBODY, 1L);
    SET(CURLOPT_CUSTOMREQUEST, strcmp(request->method, plain) == 0 ? NULL : request->method);
    return ok ? OK : ERR_NOMEM;
}

static bool wants_body(const struct http_request *request)
{
    return request->body_len > 0 || strcmp(request->method, "POST") == 0 ||
           strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
}

static int64_t or_default(int64_t given, int64_t fallback)
{
    return given > 0 ? given : fallback;
}

static int set_limits(struct http_call *call, const struct http_request *request)
{
    CURL *easy = call->ride.easy;
    bool ok = true;
    int64_t patience_ms = request->first_byte_timeout_ms;
    if (patience_ms <= 0 && request->stall_timeout_ms <= 0) patience_ms = request->timeout_ms;
    call->stall_ms = or_default(request->stall_timeout_ms, STALL_TIMEOUT_MS);
    call->first_byte_ms = or_default(patience_ms, call->stall_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        (long)or_default(request->connect_timeout_ms, call->limits->connect_timeout_ms));
    SET(CURLOPT_TIMEOUT_MS, (long)or_default(request->timeout_ms, call->limits->timeout_ms));
    SET(CURLOPT_LOW_SPEED_TIME, whole_seconds(call->first_byte_ms));
    SET(CURLOPT_SSL_VERIFYPEER, request->verify_tls_off ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, request->verify_tls_off ? 0L : 2L);
    SET(CURLOPT_PROXY, http_place_is_direct(&call->place) ? "" : NULL);
    call->body.max_bytes =
        request->max_body_bytes ? request->max_body_bytes : call->limits->max_body_bytes;
    return ok ? OK : ERR_NOMEM;
}

int http_call_prepare(struct http_call *call, const struct http_request *request)
{
    call->request_body = request->take_body;
    if (!http_is_token(request->method) || !request->url) return ERR_INVALID;
    int rc = http_place_parse(request->url, &call->place);
    if (rc < 0) return rc;
    if (!call->request_body && request->body_len > 0) {
        if (!(call->request_body = malloc(request->body_len))) return ERR_NOMEM;
        memcpy(call->request_body, request->body, request->body_len);
    }
    bool has_body = wants_body(request);
    call->bodyless = !has_body && strcmp(request->method, "HEAD") == 0;
    rc = set_method(call, request, has_body);
    if (rc == OK) rc = http_head_set(call, request, has_body);
    if (rc == OK) rc = set_limits(call, request);
    if (rc == OK && curl_easy_setopt(call->ride.easy, CURLOPT_URL, request->url) != CURLE_OK)
        rc = ERR_NOMEM;
    call->began_ns = clock_mono_ns(&real_clock);
    return rc;
}

/* The outcome. */

int http_code_of(CURLcode result)
{
    switch (result) {
    case CURLE_OK: return OK;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_ABORTED_BY_CALLBACK: return ERR_NOMEM; /* our socket callback, out of memory */
    case CURLE_URL_MALFORMAT: return ERR_INVALID;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY: return ERR_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: return ERR_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return ERR_TLS;
    default: return ERR_IO;
    }
}

static void explain(const struct http_call *call, CURLcode result, struct fault *fault)
{
    const char *why = call->reason[0] ? call->reason : curl_easy_strerror(result);
    /* curl quotes the proxy's address here, perhaps with its password */
    if (result == CURLE_COULDNT_RESOLVE_PROXY) why = curl_easy_strerror(result);
    long errnum = 0;
    if (result == CURLE_COULDNT_CONNECT)
        curl_easy_getinfo(call->ride.easy, CURLINFO_OS_ERRNO, &errnum);
    fault_set(fault, http_code_of(result), "%s:%d: %s%s%s%s", call->place.host, call->place.port,
              why, errnum ? " (" : "", errnum ? strerror((int)errnum) : "", errnum ? ")" : "");
}

void http_call_deliver(struct http_call *call, CURLcode result)
{
    struct http_response response;
    long status = 0, request_bytes = 0;
    curl_easy_getinfo(call->ride.easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->ride.easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    response.fault.code = OK;
    response.fault.text[0] = response.fault.file[0] = '\0';
    response.fault.line = response.fault.column = 0;
    if (result != CURLE_OK && call->refusal.code < 0)
        response.fault = call->refusal;
    else if (result != CURLE_OK)
        explain(call, result, &response.fault);

    for (size_t i = 0; i < call->header_count; i++) {
        call->headers[i].name = call->header_text.data + call->header_at[i].name;
        call->headers[i].value = call->header_text.data + call->header_at[i].value;
    }
    response.code = response.fault.code;
    response.status = status >= 200 ? (int)status : 0;
    response.sent = request_bytes > 0;
    response.headers = call->headers;
    response.header_count = call->header_count;
    response.body = strbuf_cstr(&call->body);
    response.body_len = call->body.len;
    response.elapsed_us = (clock_mono_ns(&real_clock) - call->began_ns) / 1000;
    call->done(call->data, &response);
}

const char *http_header(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (strcmp(response->headers[i].name, name) == 0) return response->headers[i].value;
    return NULL;
}
