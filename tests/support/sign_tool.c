/* support/sign_tool.c - signs requests that come as JSON, one a line on standard input, and writes
 * what sigv4_sign() made of each: for tests that compare with another signer.
 *
 * In: { method, path, query, headers = [[name, value], ...], body (base64), region, service, id,
 * secret, token, time, placement = "headers" | "query", expires, normalize_path, double_encode,
 * payload_hash, sign_content_sha256, omit_session_token }. Out: { signature, out, added,
 * canonical_request, string_to_sign } or { error }. */
#include "moontide/aws/credentials.h"
#include "moontide/aws/sigv4.h"
#include "moontide/base/json.h"

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const cJSON *in, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(in, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static bool flag(const cJSON *in, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(in, name));
}

static int64_t number(const cJSON *in, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(in, name);
    return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0;
}

/* The caller frees *out. */
static int decode_body(const char *base64, unsigned char **out, size_t *len)
{
    size_t given = base64 ? strlen(base64) : 0;
    *out = malloc(given + 1);
    if (!*out) return ERR_NOMEM;
    int n = given ? EVP_DecodeBlock(*out, (const unsigned char *)base64, (int)given) : 0;
    if (n < 0) return ERR_INVALID;
    *len = (size_t)n;
    for (size_t i = given; i > 0 && base64[i - 1] == '='; i--)
        (*len)--;
    return OK;
}

static void write_answer(const struct strbuf *out, const struct sigv4_result *result,
                         const struct strbuf *canonical, const struct strbuf *to_sign)
{
    struct strbuf line;
    struct json_writer w;
    strbuf_init(&line, 8 << 20);
    json_writer_init(&w, &line);
    json_object(&w);
    json_key(&w, "signature");
    json_string(&w, result->signature);
    json_key(&w, "out");
    json_string(&w, strbuf_cstr(out));
    json_key(&w, "added");
    json_object(&w);
    for (size_t i = 0; i < result->added_count; i++) {
        json_key(&w, result->added[i].name);
        json_string(&w, result->added[i].value);
    }
    json_object_end(&w);
    json_key(&w, "canonical_request");
    json_stringn(&w, strbuf_cstr(canonical), canonical->len);
    json_key(&w, "string_to_sign");
    json_string(&w, strbuf_cstr(to_sign));
    json_object_end(&w);
    puts(strbuf_cstr(&line));
    strbuf_done(&line);
}

static int sign(struct signing_keys *keys, const cJSON *in)
{
    struct sign_header headers[SIGN_HEADERS_MAX];
    struct credentials *credentials = NULL;
    struct strbuf out, canonical, to_sign;
    struct sigv4_result result;
    unsigned char *body = NULL;
    const char *placement = text(in, "placement");
    struct sign_request request = {
        .method = text(in, "method"),
        .path = text(in, "path"),
        .query = text(in, "query"),
        .headers = headers,
        .region = text(in, "region"),
        .service = text(in, "service"),
        .time_s = number(in, "time"),
        .normalize_path = flag(in, "normalize_path"),
        .double_encode = flag(in, "double_encode"),
        .payload_hash = text(in, "payload_hash"),
        .sign_content_sha256 = flag(in, "sign_content_sha256"),
        .omit_session_token = flag(in, "omit_session_token"),
        .placement = placement && strcmp(placement, "query") == 0 ? SIGN_QUERY : SIGN_HEADERS,
        .expires_s = number(in, "expires"),
    };
    strbuf_init(&out, 4 << 20);
    strbuf_init(&canonical, 4 << 20);
    strbuf_init(&to_sign, 65536);
    const cJSON *header = NULL;
    cJSON_ArrayForEach(header, cJSON_GetObjectItemCaseSensitive(in, "headers"))
    {
        if (request.header_count == SIGN_HEADERS_MAX) break;
        headers[request.header_count++] = (struct sign_header){
            cJSON_GetArrayItem(header, 0)->valuestring, cJSON_GetArrayItem(header, 1)->valuestring};
    }
    int code = decode_body(text(in, "body"), &body, &request.body_len);
    request.body = body;
    if (code == OK)
        code = credentials_new(text(in, "id"), text(in, "secret"), text(in, "token"), 0,
                               "configuration", &credentials);
    if (code == OK) code = sigv4_sign(keys, credentials, &request, &out, &result);
    if (code == OK) code = sigv4_explain(credentials, &request, &canonical, &to_sign);
    if (code == OK)
        write_answer(&out, &result, &canonical, &to_sign);
    else
        printf("{\"error\":\"%s\"}\n", err_name(code));
    credentials_release(credentials);
    free(body);
    strbuf_done(&out);
    strbuf_done(&canonical);
    strbuf_done(&to_sign);
    return code;
}

int main(void)
{
    struct signing_keys *keys = NULL;
    char *line = NULL;
    size_t size = 0;
    int status = 0;
    if (signing_keys_new(&keys) < 0) return 1;
    while (getline(&line, &size, stdin) > 0) {
        cJSON *in = cJSON_Parse(line);
        if (!in) {
            fputs("sign_tool: a line is not JSON\n", stderr);
            status = 1;
            break;
        }
        (void)sign(keys, in);
        cJSON_Delete(in);
    }
    free(line);
    signing_keys_free(keys);
    return status;
}
