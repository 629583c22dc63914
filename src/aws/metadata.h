/* aws/metadata.h - one small request to a metadata server next door (container endpoint, IMDS):
 * short timeouts, few attempts. */
#ifndef MOONTIDE_AWS_METADATA_H
#define MOONTIDE_AWS_METADATA_H

#include "moontide/io/http.h"

enum { METADATA_BODY_MAX = 64 * 1024, METADATA_HEADERS_MAX = 2 };

/* Plain memory of its owner; zero-initialised it is idle. */
struct metadata_request {
    struct http *http;
    const char *method, *url; /* borrowed until done */
    struct http_header headers[METADATA_HEADERS_MAX];
    size_t header_count;
    void (*done)(void *data, const struct http_response *response);
    void *data;
    int64_t timeout_ms; /* 0: 5 s, one of them to connect */
    int64_t connect_ms; /* 0: one second, as the server is next door */
    int attempts;       /* 0: 2 */
    int tries;          /* private */
    struct http_call *call;
};

/* done is called exactly once, never before return; not at all when this fails. Connection errors,
 * timeouts and 5xx are tried again. */
MUST_CHECK int metadata_send(struct metadata_request *request);
void metadata_cancel(struct metadata_request *request);

#endif
