/* io/http_internal.h - what the files of the HTTP client share: http.c drives curl on the loop,
 * http_call.c is one request and its answer, http_head.c
 * its lines before the body, http_url.c takes URLs apart. */
#ifndef MOONTIDE_IO_HTTP_INTERNAL_H
#define MOONTIDE_IO_HTTP_INTERNAL_H

#include "moontide/base/strbuf.h"
#include "moontide/io/http.h"

#include <curl/curl.h>
#include <uv.h>

enum { HTTP_HOST_BYTES_MAX = 256 }; /* a DNS name has at most 253 */

/* Where a request goes: enough for a fault and for the choice of a proxy. */
struct http_place {
    char host[HTTP_HOST_BYTES_MAX]; /* IPv6 addresses without their brackets */
    int port;
};

/* ERR_INVALID unless it is an absolute http or https URL with a host. */
MUST_CHECK int http_place_parse(const char *url, struct http_place *out);
/* The same of smtp and smtps; nothing may follow host and port, nor stand before them. */
MUST_CHECK int http_place_parse_mail(const char *url, struct http_place *out);
/* Whether a proxy must never be asked for it: loopback and the metadata services, whose answers
 * are credentials. */
bool http_place_is_direct(const struct http_place *place);

/* Of requests that name none. */
struct http_limits {
    int64_t connect_timeout_ms, timeout_ms;
    size_t max_body_bytes;
};

/* What the multi handle carries: a request, or the connection of a mail (smtp.c); the first member
 * of both. */
struct http_ride {
    const struct http_ride_kind *kind;
    struct http *http;
    CURL *easy;
    struct http_ride **list; /* the active ones or the lost ones, by prev and next; or the spare
                                calls, by next */
    struct http_ride *prev, *next;
};

struct http_ride_kind {
    /* curl is done with it, as far as it goes; it is still aboard until http_leave(). */
    void (*ended)(struct http_ride *ride, CURLcode result);
    /* The client ends: frees it without a word. It is not aboard any more. */
    void (*dropped)(struct http_ride *ride);
};

/* Takes the ride, which has its kind and its easy handle, along; ERR_NOMEM. */
MUST_CHECK int http_board(struct http *http, struct http_ride *ride);
void http_leave(struct http_ride *ride);
uv_loop_t *http_uv(const struct http *http);
const char *http_ca_file(const struct http *http);
/* Tells the easy handle where sockets are opened and closed, what certificates are trusted, and
 * what else never changes for anything that rides here. */
MUST_CHECK int http_set_common(struct http *http, CURL *easy, const char *ca_file);

int http_code_of(CURLcode result);

/* Lives from http_send() to the end of its callback; then it is kept for the next request. */
struct http_call {
    struct http_ride ride;
    const struct http_limits *limits;
    http_done_fn *done;
    void *data;

    struct http_place place;
    int64_t stall_ms, first_byte_ms;
    bool bodyless; /* a HEAD request: its Content-Length promises nothing */
    char *request_body;
    const char *user_agent;      /* of requests that name none; borrowed */
    struct strbuf request_lines; /* see http_head.c */
    bool has_target;             /* curl has been told one */
    struct curl_slist *request_headers;
    size_t request_headers_cap;

    int64_t began_ns;
    struct strbuf header_text;
    struct {
        uint32_t name, value; /* offsets into header_text */
    } header_at[HTTP_HEADERS_MAX];
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    struct strbuf body;
    struct fault refusal; /* why a callback of ours ended the transfer; code 0: it did not */
    char reason[CURL_ERROR_SIZE];
};

/* With the options that never change already set; the limits and texts are borrowed. NULL when out
 * of memory.
 */
struct http_call *http_call_new(struct http *http, const struct http_limits *limits,
                                const char *ca_file, const char *user_agent);
void http_call_free(struct http_call *call);
/* Sets up the transfer; takes request->take_body in any case. */
MUST_CHECK int http_call_prepare(struct http_call *call, const struct http_request *request);
/* http_head.c: tells curl the target and the headers; ERR_INVALID for what is no header. */
MUST_CHECK int http_head_set(struct http_call *call, const struct http_request *request,
                             bool has_body);
bool http_is_token(const char *text);
/* Calls back with the outcome. */
void http_call_deliver(struct http_call *call, CURLcode result);
/* Forgets the last request, keeps what the next one can use. */
void http_call_clear(struct http_call *call);

/* Socket callbacks of http.c that each easy handle is given. */
curl_socket_t http_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address);
int http_close_socket(void *data, curl_socket_t fd);

#endif
