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
struct signing_keys; /* a small cache of derived keys, and the buffers that signing works in */

struct sign_header {
    const char *name, *value; /* name in any case */
};

/* SIGN_QUERY: a presigned URL; date, scope, token and signature go into the query, and no header is
 * added. */
enum sign_placement { SIGN_HEADERS, SIGN_QUERY };

enum { SIGN_EXPIRES_DEFAULT_S = 3600, SIGN_EXPIRES_MAX_S = 604800, SIGN_HEADERS_MAX = 64 };

/* Zero is the right value of what is not named. */
struct sign_request {
    const char *method;
    const char *path;  /* as sent, percent-encoded; "" is "/" */
    const char *query; /* as sent, percent-encoded, without "?"; NULL or "" when none */
    /* Those to be signed: host, x-amz-*, content-type ... in any order; those of one name are
     * joined by commas in the order given. White space and folded lines count as one space. Those
     * that a proxy or the transport may change are never signed: authorization, connection, expect,
     * keep-alive, proxy-*, te, trailer, transfer-encoding, upgrade, user-agent, x-amzn-trace-id. */
    const struct sign_header *headers;
    size_t header_count; /* at most SIGN_HEADERS_MAX */
    const void *body;
    size_t body_len;
    const char *region, *service;
    int64_t time_s;
    bool normalize_path;      /* remove dot segments and empty ones: true but for S3 */
    bool double_encode;       /* encode the path once more: true but for S3 */
    const char *payload_hash; /* NULL: the body's; else used as it is, e.g. "UNSIGNED-PAYLOAD" */
    bool sign_content_sha256; /* sign (and send) x-amz-content-sha256: S3; not with SIGN_QUERY */
    bool omit_session_token;  /* the token is sent, but not signed */
    enum sign_placement placement;
    int64_t expires_s; /* of SIGN_QUERY; 0: SIGN_EXPIRES_DEFAULT_S */
};

MUST_CHECK int signing_keys_new(struct signing_keys **out);
void signing_keys_free(struct signing_keys *keys);

/* Stage 1 and 2 of exactly this request (nothing is added to it), into buffers that the caller
 * initialised. ERR_LIMIT, ERR_INVALID as below. */
MUST_CHECK int sigv4_canonical_request(const struct sign_request *request, struct strbuf *out,
                                       struct strbuf *signed_headers);
MUST_CHECK int sigv4_string_to_sign(const struct sign_request *request,
                                    const char *canonical_request, size_t len, struct strbuf *out);

enum { SIGV4_DATE_MAX = 17, SIGV4_HASH_MAX = 128, SIGV4_ADDED_MAX = 4 };

struct sigv4_result {
    char amz_date[SIGV4_DATE_MAX];
    char payload_hash[SIGV4_HASH_MAX];
    char signature[65];
    /* What has to be sent beside request->headers: x-amz-date, x-amz-security-token,
     * x-amz-content-sha256 (each unless it is among them) and authorization. They point into this
     * struct, the credentials and `out`, so it is not copied. None with SIGN_QUERY. */
    struct sign_header added[SIGV4_ADDED_MAX];
    size_t added_count;
};

/* All stages. `out` (reset first) receives the value of the Authorization header or, with
 * SIGN_QUERY, the whole query that is to be sent, request->query included.
 *
 * The signed date is that of time_s; an x-amz-date among the headers has to be the same. ERR_LIMIT:
 * too many headers or parameters, or too long; ERR_INVALID: a header's name that is none or a value
 * with a newline that folds nothing, a time past the year 9999, an expiry that is not within a
 * week; ERR_NOMEM. In the steady state nothing is allocated. */
MUST_CHECK int sigv4_sign(struct signing_keys *keys, const struct credentials *credentials,
                          const struct sign_request *request, struct strbuf *out,
                          struct sigv4_result *result);

/* The texts of stages 1 and 2 as sigv4_sign() makes them, for those who want to look. They hold the
 * session token. */
MUST_CHECK int sigv4_explain(const struct credentials *credentials,
                             const struct sign_request *request, struct strbuf *canonical_request,
                             struct strbuf *string_to_sign);

#endif
