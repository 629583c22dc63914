/* fuzz/fuzz_sigv4.c - any bytes as a request to be signed: a byte of flags, one that tells how many
 * headers, then a line each for method, path, query and the headers ("name:value"); the rest is the
 * body.
 *
 * The signature must be that of the texts which sigv4_explain() shows, computed here once more with
 * nothing but OpenSSL. */
#include "moontide/aws/credentials.h"
#include "moontide/aws/sigv4.h"
#include "moontide/base/err.h"
#include "target.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

enum { HEADERS_MAX = 8, TEXT_MAX = 1 << 20, HASH_BYTES = 32 };

static const char DATE[] = "20260101", REGION[] = "us-east-1", SERVICE[] = "monitoring";
static struct signing_keys *keys;
static struct credentials *with_token, *without_token;

static void make_keys(void)
{
    if (keys) return;
    fuzz_require(signing_keys_new(&keys) == OK);
    fuzz_require(credentials_new("AKID", "secret", "to/ken==", 0, "fuzz", &with_token) == OK);
    fuzz_require(credentials_new("AKID", "secret", NULL, 0, "fuzz", &without_token) == OK);
}

static void hmac(unsigned char key[HASH_BYTES], size_t key_len, const void *text, size_t len)
{
    unsigned char out[HASH_BYTES];
    fuzz_require(HMAC(EVP_sha256(), key, (int)key_len, text, len, out, NULL) != NULL);
    memcpy(key, out, HASH_BYTES);
}

/* AWS General Reference, "Create a signed AWS API request": key and signature. */
static void signature_of(const struct strbuf *to_sign, char out[2 * HASH_BYTES + 1])
{
    unsigned char key[HASH_BYTES] = "AWS4secret";
    hmac(key, strlen("AWS4secret"), DATE, strlen(DATE));
    hmac(key, HASH_BYTES, REGION, strlen(REGION));
    hmac(key, HASH_BYTES, SERVICE, strlen(SERVICE));
    hmac(key, HASH_BYTES, "aws4_request", strlen("aws4_request"));
    hmac(key, HASH_BYTES, to_sign->data, to_sign->len);
    for (size_t i = 0; i < HASH_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", key[i]);
}

static void explain(const struct credentials *credentials, const struct sign_request *request,
                    const struct sigv4_result *result)
{
    struct strbuf canonical, to_sign;
    char signature[2 * HASH_BYTES + 1];
    strbuf_init(&canonical, TEXT_MAX);
    strbuf_init(&to_sign, TEXT_MAX);
    fuzz_require(sigv4_explain(credentials, request, &canonical, &to_sign) == OK);
    signature_of(&to_sign, signature);
    fuzz_require(strcmp(signature, result->signature) == 0);
    strbuf_done(&canonical);
    strbuf_done(&to_sign);
}

static void stages(const struct sign_request *request)
{
    struct strbuf canonical, names, to_sign;
    strbuf_init(&canonical, TEXT_MAX);
    strbuf_init(&names, TEXT_MAX);
    strbuf_init(&to_sign, TEXT_MAX);
    if (sigv4_canonical_request(request, &canonical, &names) == OK)
        fuzz_require(sigv4_string_to_sign(request, canonical.data, canonical.len, &to_sign) == OK);
    strbuf_done(&canonical);
    strbuf_done(&names);
    strbuf_done(&to_sign);
}

static void sign(const struct credentials *credentials, const struct sign_request *request)
{
    struct sigv4_result result;
    struct strbuf out;
    strbuf_init(&out, TEXT_MAX);
    if (sigv4_sign(keys, credentials, request, &out, &result) == OK) {
        fuzz_require(!memchr(out.data, '\n', out.len) && !memchr(out.data, '\0', out.len));
        fuzz_require(result.added_count <= SIGV4_ADDED_MAX);
        explain(credentials, request, &result);
    }
    strbuf_done(&out);
}

static size_t split_headers(char *const *lines, size_t count, struct sign_header *headers)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        char *colon = strchr(lines[i], ':');
        if (!colon) continue;
        *colon = '\0';
        headers[n++] = (struct sign_header){lines[i], colon + 1};
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2) return 0;
    unsigned flags = bytes[0];
    char *lines[3 + HEADERS_MAX];
    struct sign_header headers[HEADERS_MAX];
    size_t count = 3 + bytes[1] % (HEADERS_MAX + 1);
    make_keys();
    bytes += 2;
    len -= 2;
    for (size_t i = 0; i < count; i++)
        if (!(lines[i] = fuzz_line(&bytes, &len))) lines[i] = fuzz_text(bytes, 0);
    char *body = fuzz_copy(bytes, len);
    struct sign_request request = {
        .method = lines[0],
        .path = lines[1],
        .query = lines[2],
        .headers = headers,
        .header_count = split_headers(lines + 3, count - 3, headers),
        .body = body,
        .body_len = len,
        .region = REGION,
        .service = SERVICE,
        .time_s = 1767225600,
        .normalize_path = flags & 1,
        .double_encode = flags & 2,
        .payload_hash = flags & 4 ? "UNSIGNED-PAYLOAD" : NULL,
        .sign_content_sha256 = flags & 8,
        .omit_session_token = flags & 16,
        .placement = flags & 32 ? SIGN_QUERY : SIGN_HEADERS,
    };
    stages(&request);
    sign(flags & 64 ? without_token : with_token, &request);
    free(body);
    for (size_t i = 0; i < count; i++)
        free(lines[i]);
    return 0;
}
