/* aws/sigv4.h - Signature Version 4 in three stages that can be checked one by one.
 *
 *   request --canonical--> canonical request --string--> string to sign --key--> signature
 *
 * Source: AWS General Reference, "Create a signed AWS API request". The signing key is kept as HMAC
 * pad states by (secret, date, region, service), so that in the steady state a signature costs the
 * hash of the body, of the canonical request, and two short HMAC blocks; no allocation, no OpenSSL
 * fetch. */
#ifndef MOONTIDE_AWS_SIGV4_H
#define MOONTIDE_AWS_SIGV4_H

#include "moontide/base/compiler.h"
#include "moontide/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct credentials;
struct signing_keys; /* a small cache of derived keys */

struct sign_header {
    const char *name, *value; /* name in any case */
};

struct sign_request {
    const char *method;
    const char *path;                  /* as sent, percent-encoded; "" is "/" */
    const char *query;                 /* as sent, without "?"; NULL or "" when none */
    const struct sign_header *headers; /* those to be signed: host, x-amz-*, content-type ... */
    size_t header_count;
    const void *body;
    size_t body_len;
    const char *region, *service;
    int64_t time_s;
    bool normalize_path;      /* remove dot segments and empty ones: true but for S3 */
    bool double_encode;       /* encode the path once more: true but for S3 */
    const char *payload_hash; /* NULL: computed; else used as it is, e.g. "UNSIGNED-PAYLOAD" */
};

MUST_CHECK int signing_keys_new(struct signing_keys **out);
void signing_keys_free(struct signing_keys *keys);

/* Stage 1 and 2, into buffers that the caller initialised. */
MUST_CHECK int sigv4_canonical_request(const struct sign_request *request, struct strbuf *out,
                                       struct strbuf *signed_headers);
MUST_CHECK int sigv4_string_to_sign(const struct sign_request *request,
                                    const char *canonical_request, size_t len, struct strbuf *out);

enum { SIGV4_DATE_MAX = 17, SIGV4_HASH_MAX = 65 };

/* What has to be sent beside the signed headers. x-amz-date and, with a session token,
 * x-amz-security-token are signed whether they are among request->headers or not. */
struct sigv4_result {
    char amz_date[SIGV4_DATE_MAX];
    char payload_hash[SIGV4_HASH_MAX];
    char signature[SIGV4_HASH_MAX];
};

/* All stages; `authorization` receives the header's value (reset first). Never fails for good
 * input: ERR_LIMIT (a buffer), ERR_INVALID (a header with a newline). */
MUST_CHECK int sigv4_sign(struct signing_keys *keys, const struct credentials *credentials,
                          const struct sign_request *request, struct strbuf *authorization,
                          struct sigv4_result *out);

#endif
