/* The public Signature Version 4 test suite, each case by header and by query, stage by stage.
 * data/README says where it is from. */
#include "moontide/aws/credentials.h"
#include "moontide/aws/sigv4.h"
#include "moontide/base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { AT_S = 1440938160 /* 2015-08-30T12:36:00Z */, CASES = 38, HEADERS_MAX = 8 };

static const char *text(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static bool flag(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static void expect(const char *got, const char *wanted, const char *name, const char *what)
{
    if (strcmp(got, wanted) != 0) print_error("%s, %s\n", name, what);
    assert_string_equal(got, wanted);
}

static void check(const cJSON *one, struct sign_request *request, const char *placement)
{
    const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(one, placement);
    const char *name = text(one, "name");
    struct strbuf canonical, to_sign, out;
    struct credentials *credentials = NULL;
    struct signing_keys *keys = NULL;
    struct sigv4_result result;
    strbuf_init(&canonical, 65536);
    strbuf_init(&to_sign, 65536);
    strbuf_init(&out, 65536);
    request->placement = placement[0] == 'q' ? SIGN_QUERY : SIGN_HEADERS;
    request->sign_content_sha256 = flag(one, "sign_body") && request->placement == SIGN_HEADERS;
    assert_int_equal(credentials_new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                     text(one, "token"), 0, "configuration", &credentials),
                     OK);
    assert_int_equal(signing_keys_new(&keys), OK);
    assert_int_equal(sigv4_explain(credentials, request, &canonical, &to_sign), OK);
    expect(strbuf_cstr(&canonical), text(wanted, "canonical_request"), name, placement);
    expect(strbuf_cstr(&to_sign), text(wanted, "string_to_sign"), name, placement);
    assert_int_equal(sigv4_sign(keys, credentials, request, &out, &result), OK);
    expect(result.signature, text(wanted, "signature"), name, placement);
    assert_non_null(strstr(strbuf_cstr(&out), result.signature));
    signing_keys_free(keys);
    credentials_release(credentials);
    strbuf_done(&canonical);
    strbuf_done(&to_sign);
    strbuf_done(&out);
}

static void check_both(const cJSON *one)
{
    struct sign_header headers[HEADERS_MAX];
    char uri[1024];
    const char *body = text(one, "body");
    struct sign_request request = {
        .method = text(one, "method"),
        .path = uri,
        .headers = headers,
        .body = body,
        .body_len = strlen(body),
        .region = "us-east-1",
        .service = "service",
        .time_s = AT_S,
        .normalize_path = flag(one, "normalize"),
        .double_encode = true,
        .omit_session_token = flag(one, "omit_session_token"),
        .expires_s = 3600,
    };
    assert_true(strlen(text(one, "uri")) < sizeof uri);
    strcpy(uri, text(one, "uri"));
    char *mark = strchr(uri, '?');
    if (mark) *mark = '\0';
    if (mark) request.query = mark + 1;
    const cJSON *header = NULL;
    cJSON_ArrayForEach(header, cJSON_GetObjectItemCaseSensitive(one, "headers"))
    {
        assert_true(request.header_count < HEADERS_MAX);
        headers[request.header_count++] = (struct sign_header){
            cJSON_GetArrayItem(header, 0)->valuestring, cJSON_GetArrayItem(header, 1)->valuestring};
    }
    check(one, &request, "header");
    check(one, &request, "query");
}

static void every_case_of_the_public_suite_is_signed_alike(void **state)
{
    (void)state;
    char *file = NULL;
    size_t len = 0;
    int cases = 0;
    struct fault fault = {0};
    assert_int_equal(fs_read_file(TEST_DATA "/sigv4_suite.jsonl", 1 << 20, &file, &len, &fault),
                     OK);
    for (char *line = strtok(file, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *one = cJSON_Parse(line);
        assert_non_null(one);
        check_both(one);
        cJSON_Delete(one);
        cases++;
    }
    assert_int_equal(cases, CASES);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_public_suite_is_signed_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
