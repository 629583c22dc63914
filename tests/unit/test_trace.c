/* Facts about what a trace shows, and what it never does. */
#include "../../src/aws/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The names in a trace are its model's, which has to live as long. */
static struct model *model;

static struct trace *trace_of(const char *service)
{
    struct trace *trace = NULL;
    struct fault fault = {0};
    if (model_load(service, NULL, &model, &fault) < 0) fail_msg("%s", fault.text);
    assert_int_equal(trace_new(model, &trace), OK);
    return trace;
}

static void release(struct trace *trace, struct strbuf *out)
{
    strbuf_done(out);
    trace_free(trace);
    model_release(model);
    model = NULL;
}

static void shows_body(const char *service, const char *body, const char *as)
{
    struct trace *trace = trace_of(service);
    struct strbuf out;
    strbuf_init(&out, TRACE_BYTES_MAX);
    trace_body(trace, &out, body, strlen(body));
    assert_string_equal(strbuf_cstr(&out), as);
    release(trace, &out);
}

static void shows_header(const char *name, const char *value, const char *as)
{
    struct trace *trace = trace_of("ecs");
    struct strbuf out;
    strbuf_init(&out, TRACE_BYTES_MAX);
    trace_header(trace, &out, name, value);
    assert_string_equal(strbuf_cstr(&out), as);
    release(trace, &out);
}

static void a_signature_is_blanked_and_its_scope_shown(void **state)
{
    (void)state;
    shows_header("authorization",
                 "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/ecs/aws4_request, "
                 "SignedHeaders=host;x-amz-date, Signature=0123abc",
                 "authorization: AWS4-HMAC-SHA256 "
                 "Credential=AKID/20260101/us-east-1/ecs/aws4_request, "
                 "SignedHeaders=host;x-amz-date, Signature=***");
    shows_header("Authorization", "Bearer abc", "Authorization: ***");
    shows_header("X-Amz-Security-Token", "abc", "X-Amz-Security-Token: ***");
    shows_header("set-cookie", "abc", "set-cookie: ***");
    shows_header("x-api-key", "abc", "x-api-key: ***");
    shows_header("x-amz-target", "abc", "x-amz-target: abc");
}

static void a_presigned_url_shows_no_signature(void **state)
{
    (void)state;
    struct trace *trace = trace_of("ecs");
    struct strbuf out;
    strbuf_init(&out, TRACE_BYTES_MAX);
    trace_url(trace, &out,
              "https://x/a?X-Amz-Date=1&X-Amz-Security-Token=t%2Bk&X-Amz-Signature=00ff&b");
    assert_string_equal(strbuf_cstr(&out), "https://x/a?X-Amz-Date=1&X-Amz-Security-Token=***&"
                                           "X-Amz-Signature=***&b");
    strbuf_reset(&out);
    trace_url(trace, &out, "https://x/a");
    assert_string_equal(strbuf_cstr(&out), "https://x/a");
    release(trace, &out);
}

static void json_is_blanked_by_name_with_all_that_is_nested(void **state)
{
    (void)state;
    shows_body("ecs", "{\"a\":1,\"password\":\"x\\\"y\",\"b\":[true]}",
               "{\"a\":1,\"password\":\"***\",\"b\":[true]}");
    shows_body("ecs", "{\"Credentials\" : {\"x\":\"}\",\"y\":[\"]\"]}, \"b\":\"c\"}",
               "{\"Credentials\":\"***\", \"b\":\"c\"}");
    shows_body("ecs", "[{\"secretNumber\":12,\"n\":null}]",
               "[{\"secretNumber\":\"***\",\"n\":null}]");
    shows_body("ecs", "{\"s\":\"password\",\"p\":\"a:b\"}", "{\"s\":\"password\",\"p\":\"a:b\"}");
}

static void what_is_cut_off_shows_no_secret_either(void **state)
{
    (void)state;
    shows_body("ecs", "{\"password\":\"half", "{\"password\":\"***\"");
    shows_body("ecs", "{\"password\":{\"a\":\"half", "{\"password\":\"***\"");
    shows_body("ecs", "{\"password\":", "{\"password\":\"***\"");
    shows_body("ecs", "<Secret>half", "<Secret>***");
}

static void the_model_tells_what_is_sensitive(void **state)
{
    (void)state;
    /* A parameter's value, of ssm: a name that does not look secret. */
    shows_body("ssm", "{\"Parameter\":{\"Name\":\"n\",\"Value\":\"v\"}}",
               "{\"Parameter\":{\"Name\":\"n\",\"Value\":\"***\"}}");
    shows_body("ecs", "{\"Parameter\":{\"Name\":\"n\",\"Value\":\"v\"}}",
               "{\"Parameter\":{\"Name\":\"n\",\"Value\":\"v\"}}");
    shows_body("secretsmanager", "{\"SecretString\":\"{\\\"user\\\":1}\"}",
               "{\"SecretString\":\"***\"}");
}

static void xml_is_blanked_between_its_tags(void **state)
{
    (void)state;
    shows_body("sts",
               "<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
               "</Credentials><User a=\"b\">u</User></R>",
               "<R><Credentials>***</Credentials><User a=\"b\">u</User></R>");
    shows_body("sts", "<SessionToken/><A>b</A>", "<SessionToken/><A>b</A>");
}

static void a_form_is_blanked_by_the_last_part_of_its_names(void **state)
{
    (void)state;
    shows_body("sts", "Action=AssumeRole&Tags.member.1.Key=k&WebIdentityToken=abc&X=y",
               "Action=AssumeRole&Tags.member.1.Key=k&WebIdentityToken=***&X=y");
    shows_body("rds", "Action=CreateDBInstance&MasterUserPassword=p%26w",
               "Action=CreateDBInstance&MasterUserPassword=***");
}

static void what_is_no_text_is_a_number_of_bytes(void **state)
{
    (void)state;
    shows_body("ecs", "\xa1\x61\x01", "(3 bytes)");
    shows_body("ecs", "just words", "(10 bytes)");
    shows_body("ecs", "", "");
}

static void a_long_body_is_cut(void **state)
{
    (void)state;
    struct trace *trace = trace_of("ecs");
    struct strbuf out;
    char *body = malloc(1 << 20);
    assert_non_null(body);
    memset(body, 'x', 1 << 20);
    body[0] = '[';
    strbuf_init(&out, TRACE_BYTES_MAX);
    trace_body(trace, &out, body, 1 << 20);
    assert_int_equal(out.len, TRACE_BODY_MAX + 3);
    free(body);
    release(trace, &out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_blanked_and_its_scope_shown),
        cmocka_unit_test(a_presigned_url_shows_no_signature),
        cmocka_unit_test(json_is_blanked_by_name_with_all_that_is_nested),
        cmocka_unit_test(what_is_cut_off_shows_no_secret_either),
        cmocka_unit_test(the_model_tells_what_is_sensitive),
        cmocka_unit_test(xml_is_blanked_between_its_tags),
        cmocka_unit_test(a_form_is_blanked_by_the_last_part_of_its_names),
        cmocka_unit_test(what_is_no_text_is_a_number_of_bytes),
        cmocka_unit_test(a_long_body_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
