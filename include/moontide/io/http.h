/* io/http.h - HTTP by libcurl's multi interface on the uv loop.
 *
 * One struct http holds one curl multi handle: its connection pool (kept alive between ticks), its
 * DNS cache and its TLS store. CURLOPT_CAPATH is NULL and the CA bundle a file, so that curl caches
 * the parsed bundle in the multi handle and it is parsed once per process (libcurl 7.88 with
 * OpenSSL 3 otherwise spends 17-19 ms CPU on it for each connection).
 *
 * Rule 1: every request has a connect timeout, a total timeout, a stall timeout and a bound on its
 * body. Rule 2: a callback runs on the loop, exactly once, never before http_send() returns, and
 * not at all after http_cancel(). Rule 3: redirects are not followed; only http and https are
 * spoken. Proxies come from the environment, but never for 169.254.169.254, 169.254.170.2/23 and
 * loopback. */
#ifndef MOONTIDE_IO_HTTP_H
#define MOONTIDE_IO_HTTP_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_call;
struct loop;

enum {
    HTTP_BODY_MAX_DEFAULT = 32 * 1024 * 1024,
    HTTP_HEADERS_MAX = 256,
    HTTP_HEADER_BYTES_MAX = 64 * 1024
};

struct http_options {
    /* Further requests wait. Those who make many at once raise both: http_reserve(). */
    int max_host_connections;  /* 0: 16 */
    int max_total_connections; /* 0: 64 */
    const char *ca_file;       /* NULL: SSL_CERT_FILE, AWS_CA_BUNDLE, then the system's bundle */
    const char *user_agent;    /* NULL: "moontide/<version>" */
    /* Of requests that name none; 0: 3,000, 30,000 and HTTP_BODY_MAX_DEFAULT. */
    int64_t connect_timeout_ms, timeout_ms;
    size_t max_body_bytes;
};

struct http_header {
    const char *name, *value;
};

struct http_request {
    const char *method; /* "GET", "POST", ... */
    const char *url;
    const struct http_header *headers; /* Host, Content-Length are set by themselves unless given */
    size_t header_count;
    const void *body; /* copied unless take_body */
    size_t body_len;
    char *
        take_body; /* malloc'ed bytes used in place of body, body_len long; the callee frees them */
    int64_t connect_timeout_ms; /* 0: that of the options */
    int64_t timeout_ms;         /* whole request; 0: that of the options */
    int64_t stall_timeout_ms;   /* less than 1 byte/s for that long, averaged over 5 s; 0: 10,000 */
    /* The same until the answer begins, which a service may take its time for (a long poll). 0: the
     * request's own timeout_ms when it names one and no stall timeout, else the stall timeout. */
    int64_t first_byte_timeout_ms;
    size_t max_body_bytes; /* 0: that of the options */
    bool verify_tls_off;   /* only for tests that ask for it */
};

/* Valid only during the callback. code < 0: no usable answer, fault says why in words that name
 * host and port but never a query or a header (ERR_CONNECT, ERR_TIMEOUT, ERR_TLS, ERR_LIMIT: body
 * or headers too large, ERR_IO: cut off or not HTTP, ERR_INVALID: a URL that curl does not take,
 * ERR_NOMEM); status is then 0 unless a status line had come, and body holds what had come. */
struct http_response {
    int code;
    int status;
    bool sent; /* false: certainly nothing of the request has left, so nothing was done */
    const struct http_header *headers; /* names in lower case */
    size_t header_count;
    const char *body;
    size_t body_len;
    int64_t elapsed_us;
    struct fault fault;
};

typedef void http_done_fn(void *data, const struct http_response *response);

/* options may be NULL. */
MUST_CHECK int http_new(struct loop *loop, const struct http_options *options, struct http **out);
/* Cancels what is under way without calling back, closes all connections. May be called in a
 * callback; the loop must turn once more (loop_free does) to close the handles. NULL is allowed. */
void http_free(struct http *http);

/* Room for so many connections more (negative: gives it back), to one host and in all: whoever lets
 * that many requests go at once would else wait here behind a limit that nobody asked for. NULL is
 * allowed. */
void http_reserve(struct http *http, int connections);

/* The request is borrowed for the call. On failure (ERR_NOMEM, ERR_INVALID: a URL, method or header
 * that is none) no callback follows, and take_body is freed all the same. out may be NULL; *out is
 * valid until the callback is entered or http_cancel() returns. */
MUST_CHECK int http_send(struct http *http, const struct http_request *request, http_done_fn *done,
                         void *data, struct http_call **out);
void http_cancel(struct http_call *call); /* NULL is allowed */

/* A header's value by (lower case) name, or NULL. */
const char *http_header(const struct http_response *response, const char *name);

/* Percent-encodes all but RFC 3986 unreserved characters; "/" too unless keep_slash. */
struct strbuf;
void http_encode(struct strbuf *out, const char *text, size_t len, bool keep_slash);

#endif
