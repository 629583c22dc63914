/* fuzz/fuzz_sigv4.c - any bytes as a request to be signed: a line each for method, path, query and
 * up to eight headers ("name:value"), the rest is the body; the first byte holds the two flags. */
#include "moontide/aws/credentials.h"
#include "moontide/aws/sigv4.h"
#include "moontide/base/err.h"
#include "target.h"

enum { HEADERS_MAX = 8, TEXT_MAX = 1 << 20 };

static void sign(const struct sign_request *request)
{
    static struct signing_keys *keys;
    static struct credentials *credentials;
    struct sigv4_result result, again;
    struct strbuf canonical, names, to_sign, authorization;
    strbuf_init(&canonical, TEXT_MAX);
    strbuf_init(&names, TEXT_MAX);
    strbuf_init(&to_sign, TEXT_MAX);
    strbuf_init(&authorization, TEXT_MAX);
    if (!keys) {
        fuzz_require(signing_keys_new(&keys) == OK);
        fuzz_require(credentials_new("AKID", "secret", "token", 0, "fuzz", &credentials) == OK);
    }
    if (sigv4_canonical_request(request, &canonical, &names) == OK)
        fuzz_require(sigv4_string_to_sign(request, canonical.data, canonical.len, &to_sign) == OK);
    if (sigv4_sign(keys, credentials, request, &authorization, &result) == OK) {
        fuzz_require(strlen(result.signature) == SIGV4_HASH_MAX - 1);
        fuzz_require(!memchr(authorization.data, '\n', authorization.len));
        fuzz_require(sigv4_sign(keys, credentials, request, &authorization, &again) == OK);
        fuzz_require(strcmp(result.signature, again.signature) == 0);
    }
    strbuf_done(&canonical);
    strbuf_done(&names);
    strbuf_done(&to_sign);
    strbuf_done(&authorization);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0) return 0;
    unsigned flags = bytes[0];
    char *lines[3 + HEADERS_MAX] = {0};
    struct sign_header headers[HEADERS_MAX];
    size_t count = 0, want = 3 + (flags >> 2) % (HEADERS_MAX + 1);
    bytes++;
    len--;
    for (size_t i = 0; i < want; i++)
        if (!(lines[i] = fuzz_line(&bytes, &len))) lines[i] = fuzz_text(bytes, 0);
    for (size_t i = 3; i < want; i++) {
        char *colon = strchr(lines[i], ':');
        if (!colon || colon == lines[i]) continue;
        *colon = '\0';
        headers[count++] = (struct sign_header){lines[i], colon + 1};
    }
    char *body = fuzz_copy(bytes, len);
    struct sign_request request = {
        .method = lines[0],
        .path = lines[1],
        .query = lines[2],
        .headers = headers,
        .header_count = count,
        .body = body,
        .body_len = len,
        .region = "us-east-1",
        .service = "monitoring",
        .time_s = 1767225600,
        .normalize_path = flags & 1,
        .double_encode = flags & 2,
    };
    sign(&request);
    free(body);
    for (size_t i = 0; i < want; i++)
        free(lines[i]);
    return 0;
}
