/* Facts about signing, stage by stage. The vectors are those of the published AWS Signature Version
 * 4 test suite (aws-sig-v4-test-suite); the last test's were made with botocore. */
#include "moontide/aws/credentials.h"
#include "moontide/aws/sigv4.h"
#include "moontide/base/err.h"
#include "moontide/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HOST                                                                                       \
    {                                                                                              \
        "Host", "example.amazonaws.com"                                                            \
    }
#define DATE                                                                                       \
    {                                                                                              \
        "X-Amz-Date", "20150830T123600Z"                                                           \
    }
/* clang-format off */
#define TOKEN "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
/* clang-format on */

enum { AT_S = 1440938160 }; /* 2015-08-30T12:36:00Z */

struct vector {
    const char *name, *method, *path, *query;
    struct sign_header headers[6];
    const char *body;
    const char *canonical; /* NULL: only the signature was published in this table */
    const char *signature;
};

static const struct vector vectors[] = {
    {"get-vanilla",
     "GET",
     "/",
     "",
     {HOST, DATE},
     "",
     "GET\n/"
     "\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n" EMPTY_HASH,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-empty-query-key",
     "GET",
     "/",
     "Param1=value1",
     {HOST, DATE},
     "",
     "GET\n/\nParam1=value1\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
     "host;x-amz-date\n" EMPTY_HASH,
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     "Param2=value2&Param1=value1",
     {HOST, DATE},
     "",
     "GET\n/\nParam1=value1&Param2=value2\nhost:example.amazonaws.com\n"
     "x-amz-date:20150830T123600Z\n\nhost;x-amz-date\n" EMPTY_HASH,
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-unreserved",
     "GET",
     "/",
     "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz="
     "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     {HOST, DATE},
     "",
     NULL,
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-utf8",
     "GET",
     "/\xe1\x88\xb4",
     "",
     {HOST, DATE},
     "",
     "GET\n/%E1%88%B4\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
     "host;x-amz-date\n" EMPTY_HASH,
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-space",
     "GET",
     "/example space/",
     "",
     {HOST, DATE},
     "",
     "GET\n/example%20space/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
     "host;x-amz-date\n" EMPTY_HASH,
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-slash",
     "GET",
     "//",
     "",
     {HOST, DATE},
     "",
     NULL,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slash-dot-slash",
     "GET",
     "/./",
     "",
     {HOST, DATE},
     "",
     NULL,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slash-pointless-dot",
     "GET",
     "/./example",
     "",
     {HOST, DATE},
     "",
     NULL,
     "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
    {"get-relative-relative",
     "GET",
     "/example1/example2/../..",
     "",
     {HOST, DATE},
     "",
     NULL,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-header-key-duplicate",
     "GET",
     "/",
     "",
     {HOST, {"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}, DATE},
     "",
     "GET\n/\n\nhost:example.amazonaws.com\nmy-header1:value2,value2,value1\n"
     "x-amz-date:20150830T123600Z\n\nhost;my-header1;x-amz-date\n" EMPTY_HASH,
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"get-header-value-trim",
     "GET",
     "/",
     "",
     {HOST, {"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}, DATE},
     "",
     "GET\n/\n\nhost:example.amazonaws.com\nmy-header1:value1\nmy-header2:\"a b c\"\n"
     "x-amz-date:20150830T123600Z\n\nhost;my-header1;my-header2;x-amz-date\n" EMPTY_HASH,
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"post-vanilla",
     "POST",
     "/",
     "",
     {HOST, DATE},
     "",
     NULL,
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     "",
     {{"Content-Type", "application/x-www-form-urlencoded"}, HOST, DATE},
     "Param1=value1",
     "POST\n/\n\ncontent-type:application/x-www-form-urlencoded\nhost:example.amazonaws.com\n"
     "x-amz-date:20150830T123600Z\n\ncontent-type;host;x-amz-date\n"
     "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"post-sts-header-before",
     "POST",
     "/",
     "",
     {HOST, DATE, {"X-Amz-Security-Token", TOKEN}},
     "",
     NULL,
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
};

static struct sign_request request_of(const struct vector *v)
{
    struct sign_request r = {
        .method = v->method,
        .path = v->path,
        .query = v->query,
        .headers = v->headers,
        .body = v->body,
        .body_len = strlen(v->body),
        .region = "us-east-1",
        .service = "service",
        .time_s = AT_S,
        .normalize_path = true,
        .double_encode = true,
    };
    while (r.header_count < COUNT_OF(v->headers) && v->headers[r.header_count].name)
        r.header_count++;
    return r;
}

static struct credentials *example_credentials(const char *token)
{
    struct credentials *c = NULL;
    assert_int_equal(credentials_new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                     token, 0, "configuration", &c),
                     OK);
    return c;
}

static void stage_1_gives_the_published_canonical_requests(void **state)
{
    (void)state;
    struct strbuf out, names;
    strbuf_init(&out, 65536);
    strbuf_init(&names, 65536);
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct sign_request r = request_of(&vectors[i]);
        assert_int_equal(sigv4_canonical_request(&r, &out, &names), OK);
        if (vectors[i].canonical) assert_string_equal(strbuf_cstr(&out), vectors[i].canonical);
    }
    strbuf_done(&out);
    strbuf_done(&names);
}

static void stage_2_gives_the_published_string_to_sign(void **state)
{
    (void)state;
    struct strbuf out;
    struct sign_request r = request_of(&vectors[0]);
    strbuf_init(&out, 65536);
    assert_int_equal(
        sigv4_string_to_sign(&r, vectors[0].canonical, strlen(vectors[0].canonical), &out), OK);
    assert_string_equal(strbuf_cstr(&out),
                        "AWS4-HMAC-SHA256\n20150830T123600Z\n"
                        "20150830/us-east-1/service/aws4_request\n"
                        "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63");
    strbuf_done(&out);
}

static void stage_3_gives_the_published_signatures(void **state)
{
    (void)state;
    struct signing_keys *keys = NULL;
    struct credentials *c = example_credentials(NULL);
    struct strbuf authorization;
    struct sigv4_result result;
    strbuf_init(&authorization, 65536);
    assert_int_equal(signing_keys_new(&keys), OK);
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct sign_request r = request_of(&vectors[i]);
        assert_int_equal(sigv4_sign(keys, c, &r, &authorization, &result), OK);
        if (strcmp(result.signature, vectors[i].signature) != 0)
            print_error("vector %s\n", vectors[i].name);
        assert_string_equal(result.signature, vectors[i].signature);
    }
    strbuf_done(&authorization);
    signing_keys_free(keys);
    credentials_release(c);
}

static void the_header_names_scope_and_signed_headers(void **state)
{
    (void)state;
    struct signing_keys *keys = NULL;
    struct credentials *c = example_credentials(NULL);
    struct strbuf authorization;
    struct sigv4_result result;
    struct sign_request r = request_of(&vectors[0]);
    strbuf_init(&authorization, 65536);
    assert_int_equal(signing_keys_new(&keys), OK);
    r.header_count = 1; /* x-amz-date is signed all the same */
    assert_int_equal(sigv4_sign(keys, c, &r, &authorization, &result), OK);
    assert_string_equal(
        strbuf_cstr(&authorization),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    assert_string_equal(result.amz_date, "20150830T123600Z");
    assert_string_equal(result.payload_hash, EMPTY_HASH);
    strbuf_done(&authorization);
    signing_keys_free(keys);
    credentials_release(c);
}

static void a_session_token_is_signed_without_being_asked(void **state)
{
    (void)state;
    struct signing_keys *keys = NULL;
    struct credentials *c = example_credentials(TOKEN);
    struct strbuf authorization;
    struct sigv4_result result;
    struct sign_request r = request_of(&vectors[12]); /* post-vanilla */
    strbuf_init(&authorization, 65536);
    assert_int_equal(signing_keys_new(&keys), OK);
    assert_int_equal(sigv4_sign(keys, c, &r, &authorization, &result), OK);
    assert_string_equal(result.signature,
                        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
    assert_non_null(strstr(strbuf_cstr(&authorization), "host;x-amz-date;x-amz-security-token"));
    strbuf_done(&authorization);
    signing_keys_free(keys);
    credentials_release(c);
}

static void a_kept_key_is_not_used_for_another_day_region_or_secret(void **state)
{
    (void)state;
    struct signing_keys *kept = NULL;
    struct credentials *c[2] = {example_credentials(NULL), NULL};
    struct strbuf authorization;
    strbuf_init(&authorization, 65536);
    assert_int_equal(credentials_new("AKIDEXAMPLE", "another", NULL, 0, "configuration", &c[1]),
                     OK);
    assert_int_equal(signing_keys_new(&kept), OK);
    static const char *const regions[] = {"us-east-1", "eu-west-1", "ap-northeast-2"};
    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < 2 * 3 * 2; n++) { /* more than the table holds */
            struct signing_keys *fresh = NULL;
            struct sigv4_result a, b;
            struct sign_request r = request_of(&vectors[0]);
            r.region = regions[n % 3];
            r.time_s += (n / 3 % 2) * 86400;
            const struct credentials *with = c[n / 6];
            assert_int_equal(signing_keys_new(&fresh), OK);
            assert_int_equal(sigv4_sign(kept, with, &r, &authorization, &a), OK);
            assert_int_equal(sigv4_sign(fresh, with, &r, &authorization, &b), OK);
            assert_string_equal(a.signature, b.signature);
            signing_keys_free(fresh);
        }
    }
    strbuf_done(&authorization);
    signing_keys_free(kept);
    credentials_release(c[0]);
    credentials_release(c[1]);
}

static void a_header_with_a_newline_is_refused(void **state)
{
    (void)state;
    struct strbuf out, names;
    struct sign_request r = request_of(&vectors[0]);
    strbuf_init(&out, 65536);
    strbuf_init(&names, 65536);
    const struct sign_header bad[][1] = {
        {{"host", "a\r\nx-evil: 1"}}, {{"ho\nst", "a"}}, {{"", "a"}}};
    r.header_count = 1;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        r.headers = bad[i];
        assert_int_equal(sigv4_canonical_request(&r, &out, &names), ERR_INVALID);
    }
    strbuf_done(&out);
    strbuf_done(&names);
}

static void more_parameters_than_the_bound_are_refused(void **state)
{
    (void)state;
    struct strbuf out, names, query;
    struct sign_request r = request_of(&vectors[0]);
    strbuf_init(&out, 65536);
    strbuf_init(&names, 65536);
    strbuf_init(&query, 65536);
    for (int i = 0; i < 1001; i++)
        strbuf_addf(&query, "p%d=1&", i);
    r.query = strbuf_cstr(&query);
    assert_int_equal(sigv4_canonical_request(&r, &out, &names), ERR_LIMIT);
    strbuf_done(&out);
    strbuf_done(&names);
    strbuf_done(&query);
}

static void it_signs_as_botocore_does(void **state)
{
    (void)state;
    const struct sign_header headers[] = {
        {"content-type", "application/cbor"},
        {"host", "monitoring.ap-northeast-2.amazonaws.com"},
        {"smithy-protocol", "rpc-v2-cbor"},
    };
    struct sign_request r = {
        .method = "POST",
        .path = "/service/GraniteServiceVersion20100801/operation/GetMetricData",
        .query = "b=%20x&a=1&a=%2F&c",
        .headers = headers,
        .header_count = COUNT_OF(headers),
        .body = "\xa1\x61\x61\x01",
        .body_len = 4,
        .region = "ap-northeast-2",
        .service = "monitoring",
        .time_s = 1767225600,
        .normalize_path = true,
        .double_encode = true,
    };
    struct signing_keys *keys = NULL;
    struct credentials *c = example_credentials("a+token/==");
    struct strbuf authorization;
    struct sigv4_result result;
    strbuf_init(&authorization, 65536);
    assert_int_equal(signing_keys_new(&keys), OK);
    assert_int_equal(sigv4_sign(keys, c, &r, &authorization, &result), OK);
    assert_string_equal(result.signature,
                        "0fffac112d7313926a0311db12f4776f87241bd407ed8f2ea4dbc28dee8fc031");
    strbuf_done(&authorization);
    signing_keys_free(keys);
    credentials_release(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stage_1_gives_the_published_canonical_requests),
        cmocka_unit_test(stage_2_gives_the_published_string_to_sign),
        cmocka_unit_test(stage_3_gives_the_published_signatures),
        cmocka_unit_test(the_header_names_scope_and_signed_headers),
        cmocka_unit_test(a_session_token_is_signed_without_being_asked),
        cmocka_unit_test(a_kept_key_is_not_used_for_another_day_region_or_secret),
        cmocka_unit_test(a_header_with_a_newline_is_refused),
        cmocka_unit_test(more_parameters_than_the_bound_are_refused),
        cmocka_unit_test(it_signs_as_botocore_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
