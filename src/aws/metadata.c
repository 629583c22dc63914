/* aws/metadata.c - one small request to a metadata server, tried again a little. */
#include "metadata.h"

/* The server is on this host or its link: one second to connect tells that nobody is there. */
enum { CONNECT_MS = 1000, TOTAL_MS = 5000, ATTEMPTS = 2 };

static int send_once(struct metadata_request *request);

static void answered(void *data, const struct http_response *response)
{
    struct metadata_request *request = data;
    bool again = response->code < 0 ? err_retryable(response->code) || response->code == ERR_IO
                                    : response->status >= 500;
    request->call = NULL;
    int attempts = request->attempts > 0 ? request->attempts : ATTEMPTS;
    if (again && request->tries < attempts && send_once(request) == OK) return;
    request->done(request->data, response);
}

static int send_once(struct metadata_request *request)
{
    int64_t total_ms = request->timeout_ms > 0 ? request->timeout_ms : TOTAL_MS;
    int64_t connect_ms = request->connect_ms > 0 ? request->connect_ms : CONNECT_MS;
    struct http_request r = {
        .method = request->method,
        .url = request->url,
        .headers = request->headers,
        .header_count = request->header_count,
        .connect_timeout_ms = total_ms < connect_ms ? total_ms : connect_ms,
        .timeout_ms = total_ms,
        .max_body_bytes = METADATA_BODY_MAX,
    };
    request->tries++;
    return http_send(request->http, &r, answered, request, &request->call);
}

int metadata_send(struct metadata_request *request)
{
    request->tries = 0;
    return send_once(request);
}

void metadata_cancel(struct metadata_request *request)
{
    if (request->call) http_cancel(request->call);
    request->call = NULL;
}
