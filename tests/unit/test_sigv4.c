/* Facts about signing, stage by stage. All cases of the public test suite are in
 * test_sigv4_suite.c; two of them are here as examples. */
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
#include <stdio.h>

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
    {"post-vanilla",
     "POST",
     "/",
     "",
     {HOST, DATE},
     "",
     NULL,
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
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
    struct sign_request r = request_of(&vectors[1]); /* post-vanilla */
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

/* The canonical request of a GET with these headers. */
static const char *canonical_of(const struct sign_header *headers, size_t count, struct strbuf *out)
{
    struct credentials *c = example_credentials(NULL);
    struct strbuf to_sign;
    struct sign_request r = request_of(&vectors[0]);
    r.headers = headers;
    r.header_count = count;
    strbuf_init(&to_sign, 65536);
    strbuf_reset(out);
    assert_int_equal(sigv4_explain(c, &r, out, &to_sign), OK);
    strbuf_done(&to_sign);
    credentials_release(c);
    return strbuf_cstr(out);
}

static void headers_that_others_may_change_are_not_signed(void **state)
{
    (void)state;
    struct strbuf out;
    const struct sign_header headers[] = {
        HOST,           DATE,       {"User-Agent", "x"},      {"Expect", "100-continue"},
        {"TE", "x"},    {"t", "1"}, {"X-Amzn-Trace-Id", "x"}, {"authorization", "x"},
        {"x-amzn", "2"}};
    strbuf_init(&out, 65536);
    assert_string_equal(canonical_of(headers, COUNT_OF(headers), &out),
                        "GET\n/\n\nhost:example.amazonaws.com\nt:1\nx-amz-date:20150830T123600Z\n"
                        "x-amzn:2\n\nhost;t;x-amz-date;x-amzn\n" EMPTY_HASH);
    strbuf_done(&out);
}

static void names_sort_by_all_their_letters_and_values_fold(void **state)
{
    (void)state;
    struct strbuf out;
    const struct sign_header headers[] = {{"abcdefgh2", "2"},
                                          {"ABCDEFGHI", " \t a \r\n\t b\t"},
                                          {"abcdefgh", ""},
                                          {"a-b", "x  y "},
                                          {"abcdefghi", "c"},
                                          {"Abcdefgh1", "1"},
                                          HOST};
    strbuf_init(&out, 65536);
    assert_string_equal(canonical_of(headers, COUNT_OF(headers), &out),
                        "GET\n/\n\na-b:x y\nabcdefgh:\nabcdefgh1:1\nabcdefgh2:2\nabcdefghi:a b,c\n"
                        "host:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
                        "a-b;abcdefgh;abcdefgh1;abcdefgh2;abcdefghi;host;x-amz-date\n" EMPTY_HASH);
    strbuf_done(&out);
}

struct signed_example {
    struct signing_keys *keys;
    struct credentials *credentials;
    struct strbuf out;
    struct sigv4_result result;
};

static void begin_example(struct signed_example *e, const char *token)
{
    e->credentials = example_credentials(token);
    strbuf_init(&e->out, 65536);
    assert_int_equal(signing_keys_new(&e->keys), OK);
}

static void end_example(struct signed_example *e)
{
    strbuf_done(&e->out);
    signing_keys_free(e->keys);
    credentials_release(e->credentials);
}

static int sign_example(struct signed_example *e, const struct sign_request *r)
{
    return sigv4_sign(e->keys, e->credentials, r, &e->out, &e->result);
}

static const char *added(const struct signed_example *e, const char *name)
{
    for (size_t i = 0; i < e->result.added_count; i++)
        if (strcmp(e->result.added[i].name, name) == 0) return e->result.added[i].value;
    return NULL;
}

static void what_is_added_is_told_and_nothing_twice(void **state)
{
    (void)state;
    struct signed_example e;
    struct sign_request r = request_of(&vectors[0]); /* has x-amz-date */
    begin_example(&e, "token");
    r.sign_content_sha256 = true;
    assert_int_equal(sign_example(&e, &r), OK);
    assert_int_equal(e.result.added_count, 3);
    assert_string_equal(added(&e, "x-amz-security-token"), "token");
    assert_string_equal(added(&e, "x-amz-content-sha256"), EMPTY_HASH);
    assert_string_equal(added(&e, "authorization"), strbuf_cstr(&e.out));
    assert_non_null(strstr(strbuf_cstr(&e.out),
                           "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                           "x-amz-security-token,"));
    r.header_count = 1;
    r.omit_session_token = true;
    assert_int_equal(sign_example(&e, &r), OK);
    assert_string_equal(added(&e, "x-amz-date"), "20150830T123600Z");
    assert_string_equal(added(&e, "x-amz-security-token"), "token"); /* sent, not signed */
    assert_non_null(
        strstr(strbuf_cstr(&e.out), "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"));
    end_example(&e);
}

static void a_hash_among_the_headers_is_the_payload_s(void **state)
{
    (void)state;
    struct signed_example e;
    const struct sign_header headers[] = {HOST, {"X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"}};
    struct sign_request r = request_of(&vectors[0]);
    begin_example(&e, NULL);
    r.headers = headers;
    r.header_count = COUNT_OF(headers);
    r.body = "body";
    r.body_len = 4;
    assert_int_equal(sign_example(&e, &r), OK);
    assert_string_equal(e.result.payload_hash, "UNSIGNED-PAYLOAD");
    char given[65];
    strcpy(given, e.result.signature);
    r.payload_hash = "UNSIGNED-PAYLOAD";
    assert_int_equal(sign_example(&e, &r), OK);
    assert_string_equal(e.result.signature, given);
    end_example(&e);
}

static void a_presigned_query_ends_in_its_signature(void **state)
{
    (void)state;
    struct signed_example e;
    struct sign_request r = request_of(&vectors[0]);
    begin_example(&e, "t/k=");
    r.header_count = 1;
    r.placement = SIGN_QUERY;
    r.query = "a=1";
    r.expires_s = 60;
    assert_int_equal(sign_example(&e, &r), OK);
    assert_int_equal(e.result.added_count, 0);
    const char *query = strbuf_cstr(&e.out);
    static const char begins[] =
        "a=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1"
        "%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&"
        "X-Amz-SignedHeaders=host&X-Amz-Security-Token=t%2Fk%3D&X-Amz-Signature=";
    assert_memory_equal(query, begins, sizeof begins - 1);
    assert_string_equal(query + sizeof begins - 1, e.result.signature);
    r.omit_session_token = true;
    assert_int_equal(sign_example(&e, &r), OK);
    assert_non_null(strstr(strbuf_cstr(&e.out), e.result.signature));
    assert_string_equal(strchr(strstr(strbuf_cstr(&e.out), "X-Amz-Signature="), '&'),
                        "&X-Amz-Security-Token=t%2Fk%3D");
    for (int i = 0; i < 2; i++) {
        r.expires_s = i ? SIGN_EXPIRES_MAX_S + 1 : -1;
        assert_int_equal(sign_example(&e, &r), ERR_INVALID);
    }
    end_example(&e);
}

static void bad_input_is_refused_and_the_next_is_signed(void **state)
{
    (void)state;
    struct signed_example e;
    struct sign_header many[SIGN_HEADERS_MAX + 1];
    struct sign_request good = request_of(&vectors[0]), r = good;
    char region[80];
    begin_example(&e, NULL);
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = (struct sign_header){"a", "b"};
    r.headers = many;
    r.header_count = COUNT_OF(many);
    assert_int_equal(sign_example(&e, &r), ERR_LIMIT);
    r = good;
    memset(region, 'r', sizeof region);
    region[sizeof region - 1] = '\0';
    r.region = region;
    assert_int_equal(sign_example(&e, &r), ERR_INVALID);
    r = good;
    r.time_s = 300000000000;
    assert_int_equal(sign_example(&e, &r), ERR_INVALID);
    assert_int_equal(sign_example(&e, &good), OK);
    assert_string_equal(e.result.signature, vectors[0].signature);
    credentials_release(e.credentials);
    e.credentials = example_credentials("evil\r\nx-header: 1");
    assert_int_equal(sign_example(&e, &good), ERR_INVALID);
    end_example(&e);
}

static void queries_sort_as_encoded_texts(void **state)
{
    (void)state;
    struct strbuf out, names;
    struct sign_request r = request_of(&vectors[0]);
    strbuf_init(&out, 65536);
    strbuf_init(&names, 65536);
    r.query = "b&a=2&a=1&&a=&aa=%20&a-=x y&=v&a\xe1=q&A%zz=%2f&c=d=e";
    assert_int_equal(sigv4_canonical_request(&r, &out, &names), OK);
    const char *query = strstr(strbuf_cstr(&out), "\n/\n") + 3;
    static const char wanted[] = "=v&A%zz=%2f&a=&a=1&a=2&a%E1=q&a-=x%20y&aa=%20&b=&c=d%3De\n";
    assert_memory_equal(query, wanted, sizeof wanted - 1);
    struct strbuf many; /* more than one run of the sort */
    strbuf_init(&many, 65536);
    for (int i = 0; i < 500; i++)
        strbuf_addf(&many, "&p%03d=%d", (i * 37) % 500, i);
    r.query = strbuf_cstr(&many);
    assert_int_equal(sigv4_canonical_request(&r, &out, &names), OK);
    const char *at = strstr(strbuf_cstr(&out), "p000=");
    for (int i = 1; i < 500; i++) {
        char name[16];
        snprintf(name, sizeof name, "&p%03d=", i);
        assert_non_null(at = strstr(at, name));
    }
    strbuf_done(&many);
    strbuf_done(&out);
    strbuf_done(&names);
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
        cmocka_unit_test(headers_that_others_may_change_are_not_signed),
        cmocka_unit_test(names_sort_by_all_their_letters_and_values_fold),
        cmocka_unit_test(what_is_added_is_told_and_nothing_twice),
        cmocka_unit_test(a_hash_among_the_headers_is_the_payload_s),
        cmocka_unit_test(a_presigned_query_ends_in_its_signature),
        cmocka_unit_test(bad_input_is_refused_and_the_next_is_signed),
        cmocka_unit_test(queries_sort_as_encoded_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
