/* aws/sigv4.c - stages 2 and 3 of signing, the cache of derived keys, and all of it in one call.
 *
 * A derived key depends on the secret, the day, the region and the service; a host that asks a few
 * regions needs a few of them a day, so a small table with the least recently used one replaced is
 * enough. Secrets and keys are wiped when they leave it. */
#include "moontide/aws/sigv4.h"

#include "moontide/aws/credentials.h"
#include "moontide/base/err.h"
#include "moontide/base/timetext.h"

#include "hmac.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    KEYS_MAX = 8,
    SCOPE_TEXT_MAX = 64, /* the longest region is 24, the longest signing name 40 */
    DAY_LEN = 8,         /* 20150830 */
    HEADERS_MAX = 62,    /* two more are added */
    CANONICAL_MAX = 256 * 1024,
};

struct signing_key {
    unsigned char secret[SHA256_BYTES]; /* its digest: the secret itself is not kept */
    char day[DAY_LEN + 1], region[SCOPE_TEXT_MAX], service[SCOPE_TEXT_MAX];
    struct hmac_key key;
    uint64_t used; /* 0: empty */
};

struct signing_keys {
    struct signing_key keys[KEYS_MAX];
    uint64_t uses;
    struct strbuf canonical, signed_headers, to_sign;
};

int signing_keys_new(struct signing_keys **out)
{
    struct signing_keys *keys = calloc(1, sizeof *keys);
    if (!keys) return ERR_NOMEM;
    strbuf_init(&keys->canonical, CANONICAL_MAX);
    strbuf_init(&keys->signed_headers, CANONICAL_MAX);
    strbuf_init(&keys->to_sign, CANONICAL_MAX);
    *out = keys;
    return OK;
}

void signing_keys_free(struct signing_keys *keys)
{
    if (!keys) return;
    /* the canonical request holds the session token */
    if (keys->canonical.data) OPENSSL_cleanse(keys->canonical.data, keys->canonical.cap);
    strbuf_done(&keys->canonical);
    strbuf_done(&keys->signed_headers);
    strbuf_done(&keys->to_sign);
    OPENSSL_cleanse(keys, sizeof *keys);
    free(keys);
}

static void hash_hex(const void *bytes, size_t len, char out[SIGV4_HASH_MAX])
{
    unsigned char digest[SHA256_BYTES];
    quick_sha256(bytes, len, digest);
    hex_encode(digest, sizeof digest, out);
}

static void add_scope(struct strbuf *out, const char *day, const struct sign_request *request)
{
    strbuf_add(out, day, DAY_LEN);
    strbuf_addc(out, '/');
    strbuf_adds(out, request->region);
    strbuf_addc(out, '/');
    strbuf_adds(out, request->service);
    strbuf_adds(out, "/aws4_request");
}

int sigv4_string_to_sign(const struct sign_request *request, const char *canonical_request,
                         size_t len, struct strbuf *out)
{
    char date[TIME_TEXT_MAX], hash[SIGV4_HASH_MAX];
    time_format_compact(request->time_s, date);
    hash_hex(canonical_request, len, hash);
    strbuf_reset(out);
    strbuf_adds(out, "AWS4-HMAC-SHA256\n");
    strbuf_adds(out, date);
    strbuf_addc(out, '\n');
    add_scope(out, date, request);
    strbuf_addc(out, '\n');
    strbuf_adds(out, hash);
    return strbuf_status(out);
}

static void chain(struct hmac_key *key, const char *text)
{
    unsigned char digest[SHA256_BYTES];
    hmac_sha256(key, text, strlen(text), digest);
    hmac_key_init(key, digest, sizeof digest);
    OPENSSL_cleanse(digest, sizeof digest);
}

static int derive(struct signing_key *slot, const char *secret)
{
    char first[4 + 256];
    size_t len = strlen(secret);
    if (len > sizeof first - 4) return ERR_INVALID;
    memcpy(first, "AWS4", 4);
    memcpy(first + 4, secret, len);
    hmac_key_init(&slot->key, first, 4 + len);
    OPENSSL_cleanse(first, sizeof first);
    chain(&slot->key, slot->day);
    chain(&slot->key, slot->region);
    chain(&slot->key, slot->service);
    chain(&slot->key, "aws4_request");
    return OK;
}

/* The derived key, from the table or made anew in place of the least recently used one. */
static int find_key(struct signing_keys *keys, const char *secret, const char *date,
                    const struct sign_request *request, const struct hmac_key **out)
{
    unsigned char digest[SHA256_BYTES];
    struct signing_key *oldest = &keys->keys[0];
    if (strlen(request->region) >= SCOPE_TEXT_MAX || strlen(request->service) >= SCOPE_TEXT_MAX)
        return ERR_INVALID;
    quick_sha256(secret, strlen(secret), digest);
    for (size_t i = 0; i < KEYS_MAX; i++) {
        struct signing_key *k = &keys->keys[i];
        if (k->used && memcmp(k->secret, digest, sizeof digest) == 0 &&
            memcmp(k->day, date, DAY_LEN) == 0 && strcmp(k->region, request->region) == 0 &&
            strcmp(k->service, request->service) == 0) {
            k->used = ++keys->uses;
            *out = &k->key;
            return OK;
        }
        if (k->used < oldest->used) oldest = k;
    }
    OPENSSL_cleanse(oldest, sizeof *oldest);
    memcpy(oldest->secret, digest, sizeof digest);
    memcpy(oldest->day, date, DAY_LEN);
    memcpy(oldest->region, request->region, strlen(request->region));
    memcpy(oldest->service, request->service, strlen(request->service));
    int code = derive(oldest, secret);
    if (code < 0) return code;
    oldest->used = ++keys->uses;
    *out = &oldest->key;
    return OK;
}

static bool has_header(const struct sign_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0) return true;
    return false;
}

static void add_authorization(struct strbuf *out, const struct credentials *credentials,
                              const struct sign_request *request, const struct signing_keys *keys,
                              const struct sigv4_result *result)
{
    strbuf_reset(out);
    strbuf_adds(out, "AWS4-HMAC-SHA256 Credential=");
    strbuf_adds(out, credentials->access_key_id);
    strbuf_addc(out, '/');
    add_scope(out, result->amz_date, request);
    strbuf_adds(out, ", SignedHeaders=");
    strbuf_adds(out, strbuf_cstr(&keys->signed_headers));
    strbuf_adds(out, ", Signature=");
    strbuf_adds(out, result->signature);
}

int sigv4_sign(struct signing_keys *keys, const struct credentials *credentials,
               const struct sign_request *request, struct strbuf *authorization,
               struct sigv4_result *out)
{
    struct sign_header headers[HEADERS_MAX + 2];
    struct sign_request full = *request;
    char date[TIME_TEXT_MAX];
    if (request->header_count > HEADERS_MAX) return ERR_LIMIT;
    time_format_compact(request->time_s, date);
    if (strlen(date) >= sizeof out->amz_date) return ERR_INVALID; /* past the year 9999 */
    memcpy(out->amz_date, date, sizeof out->amz_date);
    if (request->payload_hash) {
        if (strlen(request->payload_hash) >= sizeof out->payload_hash) return ERR_INVALID;
        memcpy(out->payload_hash, request->payload_hash, strlen(request->payload_hash) + 1);
    } else {
        hash_hex(request->body, request->body_len, out->payload_hash);
    }
    full.payload_hash = out->payload_hash;

    if (request->header_count > 0)
        memcpy(headers, request->headers, request->header_count * sizeof headers[0]);
    full.headers = headers;
    if (!has_header(request, "x-amz-date"))
        headers[full.header_count++] = (struct sign_header){"x-amz-date", out->amz_date};
    if (credentials->session_token && !has_header(request, "x-amz-security-token"))
        headers[full.header_count++] =
            (struct sign_header){"x-amz-security-token", credentials->session_token};

    int code = sigv4_canonical_request(&full, &keys->canonical, &keys->signed_headers);
    if (code == OK)
        code = sigv4_string_to_sign(&full, strbuf_cstr(&keys->canonical), keys->canonical.len,
                                    &keys->to_sign);
    const struct hmac_key *key = NULL;
    if (code == OK) code = find_key(keys, credentials->secret_access_key, date, request, &key);
    if (code < 0) return code;
    unsigned char digest[SHA256_BYTES];
    hmac_sha256(key, strbuf_cstr(&keys->to_sign), keys->to_sign.len, digest);
    hex_encode(digest, sizeof digest, out->signature);
    add_authorization(authorization, credentials, request, keys, out);
    return strbuf_status(authorization);
}
