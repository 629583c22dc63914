/* aws/sigv4.c - stages 2 and 3 of signing, the cache of derived keys, and all of it in one call.
 *
 * A derived key depends on the secret, the day, the region and the service; a host that asks a few
 * regions needs a few of them a day, so a small table with the least recently used one replaced is
 * enough. The string to sign begins alike for all requests of one second and scope, so the table
 * also keeps the HMAC's state after that beginning: what is left of stage 3 is the hash of one
 * line. Secrets and keys are wiped when they leave the table. */
#include "canonical.h"

#include "moontide/aws/credentials.h"
#include "moontide/base/err.h"
#include "moontide/base/timetext.h"

#include <openssl/crypto.h>
#include <stdlib.h>

enum {
    KEYS_MAX = 16,
    SCOPE_TEXT_MAX = 64, /* the longest region is 24, the longest signing name 40 */
    SCOPE_MAX = 8 + 2 * SCOPE_TEXT_MAX + sizeof "///aws4_request",
    SECRET_MAX = 256,
    DAY_LEN = 8, /* 20150830 */
    CANONICAL_MAX = 1024 * 1024,
};

#define ALGORITHM "AWS4-HMAC-SHA256"

struct signing_key {
    char secret[SECRET_MAX], region[SCOPE_TEXT_MAX], service[SCOPE_TEXT_MAX];
    char scope[SCOPE_MAX]; /* begins with the day */
    size_t scope_len;
    struct hmac_key key;
    SHA256_CTX begun; /* after the lines that go before the hash, for date_s */
    int64_t date_s;
    uint64_t used; /* 0: empty */
};

struct signing_keys {
    struct signing_key keys[KEYS_MAX];
    uint64_t uses;
    int64_t date_s; /* whose text is */
    char date[SIGV4_DATE_MAX];
    struct strbuf canonical, signed_headers;
};

int signing_keys_new(struct signing_keys **out)
{
    struct signing_keys *keys = calloc(1, sizeof *keys);
    if (!keys) return ERR_NOMEM;
    strbuf_init(&keys->canonical, CANONICAL_MAX);
    strbuf_init(&keys->signed_headers, CANONICAL_MAX);
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
    OPENSSL_cleanse(keys, sizeof *keys);
    free(keys);
}

/* ---- stage 2 ---- */

static int date_text(int64_t time_s, char out[SIGV4_DATE_MAX])
{
    char text[TIME_TEXT_MAX];
    time_format_compact(time_s, text);
    if (strlen(text) != SIGV4_DATE_MAX - 1) return ERR_INVALID; /* past the year 9999 */
    memcpy(out, text, SIGV4_DATE_MAX);
    return OK;
}

static void add_scope(struct strbuf *out, const char *date, const struct sign_request *request)
{
    strbuf_add(out, date, DAY_LEN);
    strbuf_addf(out, "/%s/%s/aws4_request", request->region, request->service);
}

int sigv4_string_to_sign(const struct sign_request *request, const char *canonical_request,
                         size_t len, struct strbuf *out)
{
    char date[SIGV4_DATE_MAX], hash[SHA256_HEX_MAX];
    int code = date_text(request->time_s, date);
    if (code < 0) return code;
    quick_sha256_hex(canonical_request, len, hash);
    strbuf_reset(out);
    strbuf_addf(out, ALGORITHM "\n%s\n", date);
    add_scope(out, date, request);
    strbuf_addf(out, "\n%s", hash);
    return strbuf_status(out);
}

/* ---- stage 3 ---- */

static void chain(struct hmac_key *key, const char *text, size_t len)
{
    unsigned char digest[SHA256_BYTES];
    hmac_sha256(key, text, len, digest);
    hmac_key_init(key, digest, sizeof digest);
    OPENSSL_cleanse(digest, sizeof digest);
}

/* slot is empty. */
static void derive(struct signing_key *slot, const char *secret, const char *date,
                   const struct sign_request *request)
{
    char first[4 + SECRET_MAX];
    size_t secret_len = strlen(secret), region = strlen(request->region);
    size_t service = strlen(request->service);
    memcpy(put(first, "AWS4", 4), secret, secret_len);
    memcpy(slot->secret, secret, secret_len);
    memcpy(slot->region, request->region, region);
    memcpy(slot->service, request->service, service);
    char *to = put(slot->scope, date, DAY_LEN);
    *to++ = '/';
    to = put(to, request->region, region);
    *to++ = '/';
    to = put(to, request->service, service);
    to = put(to, "/aws4_request", sizeof "/aws4_request" - 1);
    slot->scope_len = (size_t)(to - slot->scope);
    hmac_key_init(&slot->key, first, 4 + secret_len);
    OPENSSL_cleanse(first, sizeof first);
    chain(&slot->key, date, DAY_LEN);
    chain(&slot->key, request->region, region);
    chain(&slot->key, request->service, service);
    chain(&slot->key, "aws4_request", sizeof "aws4_request" - 1);
    slot->date_s = INT64_MIN;
}

static bool fits(const struct signing_key *key, const char *secret, const char *date,
                 const struct sign_request *request)
{
    return key->used && memcmp(key->scope, date, DAY_LEN) == 0 &&
           strcmp(key->service, request->service) == 0 &&
           strcmp(key->region, request->region) == 0 && strcmp(key->secret, secret) == 0;
}

/* The derived key, from the table or made anew in place of the least recently used one. */
static int find_key(struct signing_keys *keys, const char *secret, const char *date,
                    const struct sign_request *request, struct signing_key **out)
{
    struct signing_key *oldest = &keys->keys[0];
    for (struct signing_key *k = keys->keys; k < keys->keys + KEYS_MAX; k++) {
        if (fits(k, secret, date, request)) {
            k->used = ++keys->uses;
            *out = k;
            return OK;
        }
        if (k->used < oldest->used) oldest = k;
    }
    if (strlen(request->region) >= SCOPE_TEXT_MAX || strlen(request->service) >= SCOPE_TEXT_MAX ||
        strlen(secret) >= SECRET_MAX)
        return ERR_INVALID;
    OPENSSL_cleanse(oldest, sizeof *oldest);
    memset(oldest, 0, sizeof *oldest);
    derive(oldest, secret, date, request);
    oldest->used = ++keys->uses;
    *out = oldest;
    return OK;
}

static void begin_second(struct signing_key *key, const char *date, int64_t time_s)
{
    char lines[sizeof ALGORITHM + SIGV4_DATE_MAX + SCOPE_MAX], *to = lines;
    to = put(to, ALGORITHM "\n", sizeof ALGORITHM);
    to = put(to, date, SIGV4_DATE_MAX - 1);
    *to++ = '\n';
    to = put(to, key->scope, key->scope_len);
    *to++ = '\n';
    hmac_begin(&key->key, lines, (size_t)(to - lines), &key->begun);
    key->date_s = time_s;
}

/* ---- all stages ---- */

static int decide_payload_hash(const struct sign_request *request, const struct signables *list,
                               char out[SIGV4_HASH_MAX])
{
    const struct signable *header = NULL;
    const char *given = request->payload_hash;
    size_t len = given ? strlen(given) : 0;
    if (!given && (header = signables_find(list, KNOWN_HASH))) {
        given = header->value;
        len = header->value_len;
    }
    if (!given) {
        quick_sha256_hex(request->body, request->body_len, out);
        return OK;
    }
    for (; len > 0 && *given == ' '; len--)
        given++;
    while (len > 0 && given[len - 1] == ' ')
        len--;
    if (len >= SIGV4_HASH_MAX || memchr(given, '\n', len)) return ERR_INVALID;
    memcpy(out, given, len);
    out[len] = '\0';
    return OK;
}

static int add(struct sigv4_result *result, struct signables *list, enum known_header known,
               const char *value, bool is_signed)
{
    if (signables_find(list, known)) return OK;
    result->added[result->added_count++] = (struct sign_header){known_header_names[known], value};
    return is_signed ? signables_add(list, known, value) : OK;
}

static int add_headers(const struct credentials *credentials, const struct sign_request *request,
                       struct sigv4_result *result, struct signables *list)
{
    const char *token = credentials->session_token;
    int code = add(result, list, KNOWN_DATE, result->amz_date, true);
    if (code == OK && request->sign_content_sha256)
        code = add(result, list, KNOWN_HASH, result->payload_hash, true);
    if (code == OK && token)
        code = add(result, list, KNOWN_TOKEN, token, !request->omit_session_token);
    return code;
}

/* All headers, the payload's hash, and stage 1 of what will be sent; `query` receives that of a
 * presigned URL. */
static int canonical(const struct credentials *credentials, const struct sign_request *request,
                     struct sigv4_result *result, struct strbuf *text,
                     struct strbuf *signed_headers, struct strbuf *query)
{
    struct signables list;
    const char *asked = request->query ? request->query : "";
    size_t asked_len = strlen(asked);
    result->added_count = 0;
    int code = signables_init(&list, request->headers, request->header_count);
    if (code == OK) code = decide_payload_hash(request, &list, result->payload_hash);
    if (code == OK && request->placement == SIGN_HEADERS)
        code = add_headers(credentials, request, result, &list);
    else if (code == OK)
        code = presign_query(credentials, request, result->amz_date, &list, query);
    if (code < 0) return code;
    if (request->placement == SIGN_QUERY) {
        asked = query->data;
        asked_len = query->len;
    }
    return canonical_request_write(request, asked, asked_len, &list, result->payload_hash, text,
                                   signed_headers);
}

static int write_authorization(struct strbuf *out, const struct credentials *credentials,
                               const struct signing_key *key, const struct strbuf *signed_headers,
                               const char *signature)
{
    static const char first[] = ALGORITHM " Credential=", second[] = ", SignedHeaders=",
                      third[] = ", Signature=";
    size_t id_len = strlen(credentials->access_key_id);
    strbuf_reset(out);
    char *begin = strbuf_reserve(out, sizeof first + sizeof second + sizeof third + id_len +
                                          key->scope_len + signed_headers->len + SHA256_HEX_MAX),
         *to = begin;
    if (!to) return strbuf_status(out);
    to = put(to, first, sizeof first - 1);
    to = put(to, credentials->access_key_id, id_len);
    *to++ = '/';
    to = put(to, key->scope, key->scope_len);
    to = put(to, second, sizeof second - 1);
    to = put(to, signed_headers->data, signed_headers->len);
    to = put(to, third, sizeof third - 1);
    to = put(to, signature, SHA256_HEX_MAX - 1);
    *to = '\0';
    out->len = (size_t)(to - begin);
    return OK;
}

int sigv4_sign(struct signing_keys *keys, const struct credentials *credentials,
               const struct sign_request *request, struct strbuf *out, struct sigv4_result *result)
{
    struct signing_key *key = NULL;
    char hash[SHA256_HEX_MAX];
    if (!keys->date[0] || keys->date_s != request->time_s) {
        keys->date[0] = '\0';
        int code = date_text(request->time_s, keys->date);
        if (code < 0) return code;
        keys->date_s = request->time_s;
    }
    memcpy(result->amz_date, keys->date, SIGV4_DATE_MAX);
    int code =
        canonical(credentials, request, result, &keys->canonical, &keys->signed_headers, out);
    if (code == OK)
        code = find_key(keys, credentials->secret_access_key, keys->date, request, &key);
    if (code < 0) return code;
    if (key->date_s != request->time_s) begin_second(key, keys->date, request->time_s);
    quick_sha256_hex(keys->canonical.data, keys->canonical.len, hash);
    hmac_finish_hex(&key->key, &key->begun, hash, SHA256_HEX_MAX - 1, result->signature);
    if (request->placement == SIGN_QUERY)
        return presign_finish(credentials, request, result->signature, out);
    code = write_authorization(out, credentials, key, &keys->signed_headers, result->signature);
    if (code < 0) return code;
    result->added[result->added_count++] = (struct sign_header){"authorization", out->data};
    return OK;
}

int sigv4_explain(const struct credentials *credentials, const struct sign_request *request,
                  struct strbuf *canonical_request, struct strbuf *string_to_sign)
{
    struct sigv4_result result;
    struct strbuf signed_headers, query;
    strbuf_init(&signed_headers, CANONICAL_MAX);
    strbuf_init(&query, CANONICAL_MAX);
    int code = date_text(request->time_s, result.amz_date);
    if (code == OK)
        code = canonical(credentials, request, &result, canonical_request, &signed_headers, &query);
    if (code == OK)
        code = sigv4_string_to_sign(request, strbuf_cstr(canonical_request), canonical_request->len,
                                    string_to_sign);
    if (query.data) OPENSSL_cleanse(query.data, query.cap);
    strbuf_done(&signed_headers);
    strbuf_done(&query);
    return code;
}
