/* aws/client_send.c - one attempt: its URL, its signature, its headers, and how both show in a
 * trace.
 *
 * curl 7.88 formats headers byte by byte, about 10 ns each, so what is sent beside the signed ones
 * is short; the Host header is curl's own, which is the host of the URL as it is signed. */
#include "client_internal.h"

#include <stdio.h>
#include <string.h>

enum {
    TIMEOUT_MS = 30000,
    HEADERS_MAX = WIRE_HEADERS_MAX + SIGV4_ADDED_MAX + 8,
};

/* ---- the URL ---- */

int call_url(struct client *client, const struct wire_request *request)
{
    const char *prefix = client->literal_host ? "" : strbuf_cstr(&request->host_prefix);
    const char *uri = strbuf_cstr(&request->uri);
    strbuf_reset(&client->signed_host);
    strbuf_adds(&client->signed_host, prefix);
    strbuf_add(&client->signed_host, client->host, client->host_len);
    strbuf_reset(&client->url);
    strbuf_add(&client->url, client->endpoint.url, (size_t)(client->host - client->endpoint.url));
    strbuf_adds(&client->url, prefix);
    strbuf_adds(&client->url, client->host); /* and the base path behind it */
    if (uri[0] != '/') strbuf_addc(&client->url, '/');
    strbuf_adds(&client->url, uri);
    /* The path as it is signed: without the query. */
    size_t query = strcspn(uri, "?");
    strbuf_reset(&client->path);
    strbuf_adds(&client->path, client->base_path);
    if (uri[0] != '/') strbuf_addc(&client->path, '/');
    strbuf_add(&client->path, uri, query);
    int code = strbuf_status(&client->url);
    if (code == OK) code = strbuf_status(&client->signed_host);
    return code == OK ? strbuf_status(&client->path) : code;
}

/* ---- the signature ---- */

static int sign(struct client_call *call, const struct credentials *credentials,
                struct sigv4_result *result)
{
    struct client *client = call->client;
    const struct wire_request *r = &call->request;
    struct sign_header signs[SIGN_HEADERS_MAX];
    if (r->header_count + 1 > SIGN_HEADERS_MAX) return ERR_LIMIT;
    signs[0] = (struct sign_header){"host", strbuf_cstr(&client->signed_host)};
    for (size_t i = 0; i < r->header_count; i++)
        signs[i + 1] = (struct sign_header){wire_header_name(r, i), wire_header_value(r, i)};
    const char *uri = strbuf_cstr(&r->uri), *query = strchr(uri, '?');
    /* Without TLS somebody could change what is not signed. */
    bool unsigned_payload =
        client->https && (r->unsigned_payload || call->operation->unsigned_payload);
    call->signed_s = client_now_s(client);
    struct sign_request request = {
        .method = r->method,
        .path = strbuf_cstr(&client->path),
        .query = query ? query + 1 : NULL,
        .headers = signs,
        .header_count = r->header_count + 1,
        .body = strbuf_cstr(&r->body),
        .body_len = r->body.len,
        .region = client->endpoint.region,
        .service = client->model->signing_name,
        .time_s = call->signed_s,
        .normalize_path = !client->s3,
        .double_encode = !client->s3,
        .payload_hash = unsigned_payload ? "UNSIGNED-PAYLOAD" : NULL,
        .sign_content_sha256 = client->s3 || unsigned_payload,
    };
    return sigv4_sign(client->keys, credentials, &request, &client->authorization, result);
}

/* ---- the trace ---- */

static void show(struct strbuf *text)
{
    if (strbuf_status(text) == OK) (void)fwrite(strbuf_cstr(text), 1, text->len, stderr);
    strbuf_done(text);
}

static void trace_headers(const struct trace *trace, struct strbuf *text, const char *mark,
                          const struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_adds(text, mark);
        trace_header(trace, text, headers[i].name, headers[i].value);
        strbuf_addc(text, '\n');
    }
}

static void trace_request(const struct client_call *call, const struct http_request *request)
{
    const struct client *client = call->client;
    struct strbuf text;
    strbuf_init(&text, TRACE_BYTES_MAX);
    strbuf_addf(&text, "> %s %s, attempt %u\n> %s ", client->model->service, call->operation->snake,
                call->result.attempts + 1, request->method);
    trace_url(client->trace, &text, request->url);
    strbuf_addc(&text, '\n');
    trace_headers(client->trace, &text, "> ", request->headers, request->header_count);
    trace_body(client->trace, &text, strbuf_cstr(&call->request.body), call->request.body.len);
    strbuf_addc(&text, '\n');
    show(&text);
}

void trace_answer(const struct client_call *call, const struct http_response *response)
{
    const struct client *client = call->client;
    struct strbuf text;
    strbuf_init(&text, TRACE_BYTES_MAX);
    strbuf_addf(&text, "< %s %s: ", client->model->service, call->operation->snake);
    if (response->code < 0)
        strbuf_adds(&text, response->fault.text);
    else
        strbuf_addf(&text, "%d", response->status);
    strbuf_addf(&text, " after %.1f ms\n", (double)response->elapsed_us / 1000);
    trace_headers(client->trace, &text, "< ", response->headers, response->header_count);
    trace_body(client->trace, &text, response->body, response->body_len);
    strbuf_addc(&text, '\n');
    show(&text);
}

/* ---- sending ---- */

/* Those of the SDKs that are not signed. */
static size_t add_sdk_headers(const struct client_call *call, struct http_header *out,
                              char *attempt, size_t size)
{
    const struct client *client = call->client;
    bool first = call->result.attempts == 0;
    if (!first)
        snprintf(attempt, size, "attempt=%u; max=%d", call->result.attempts + 1,
                 client_max_attempts(client));
    out[0] = (struct http_header){"amz-sdk-invocation-id", call->invocation_id};
    out[1] = (struct http_header){"amz-sdk-request", first ? client->first_attempt : attempt};
    out[2] = (struct http_header){"user-agent", client->user_agent};
    return 3;
}

int call_send(struct client_call *call, const struct credentials *credentials,
              http_done_fn *answered)
{
    struct client *client = call->client;
    const struct wire_request *r = &call->request;
    struct http_header headers[HEADERS_MAX];
    struct sigv4_result result;
    char attempt[48];
    size_t count = 0;
    int code = call_url(client, r);
    if (code == OK && credentials) code = sign(call, credentials, &result);
    if (code < 0) return code;
    for (size_t i = 0; i < r->header_count; i++)
        headers[count++] = (struct http_header){wire_header_name(r, i), wire_header_value(r, i)};
    for (size_t i = 0; credentials && i < result.added_count; i++)
        headers[count++] = (struct http_header){result.added[i].name, result.added[i].value};
    count += add_sdk_headers(call, headers + count, attempt, sizeof attempt);
    int64_t timeout_ms = client->options.timeout_ms > 0 ? client->options.timeout_ms : TIMEOUT_MS;
    int64_t first_byte_ms = client->options.first_byte_ms;
    struct http_request request = {
        .method = r->method,
        .url = strbuf_cstr(&client->url),
        .headers = headers,
        .header_count = count,
        .body = strbuf_cstr(&r->body),
        .body_len = r->body.len,
        .timeout_ms = timeout_ms,
        .first_byte_timeout_ms = first_byte_ms > 0 ? first_byte_ms : timeout_ms,
    };
    if (client->trace) trace_request(call, &request);
    return http_send(client->options.http, &request, answered, call, &call->http);
}
