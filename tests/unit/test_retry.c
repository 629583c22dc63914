/* Facts about what an answer says about asking again. */
#include "moontide/aws/cbor.h"
#include "moontide/aws/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct http_response answer(int status, const char *body)
{
    return (struct http_response){.status = status, .body = body, .body_len = strlen(body)};
}

static void expect_code(const struct http_response *response, const char *code)
{
    char out[RETRY_CODE_MAX];
    assert_int_equal(retry_error_code(response, out), code[0] != '\0');
    assert_string_equal(out, code);
}

static void the_code_stands_where_the_protocol_puts_it(void **state)
{
    (void)state;
    static const struct {
        const char *body, *code;
    } cases[] = {
        {"{\"__type\":\"com.amazonaws.ecs#ClusterNotFoundException\",\"message\":\"x\"}",
         "ClusterNotFoundException"},
        {" \n{\"message\":{\"code\":\"no\"},\"code\":\"ThrottlingException\"}",
         "ThrottlingException"},
        {"{\"code\":\"Second\",\"__type\":\"First:http://internal/\"}", "First"},
        {"{\"code\":17,\"Code\":\"Upper\"}", "Upper"},
        {"{\"message\":\"none\"}", ""},
        {"{\"__type\":\"cut", ""},
        {"<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>Throttling</Code></Error>",
         "Throttling"},
        {"<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code></Error>", "SlowDown"},
        {"<html><body>Proxy says no</body></html>", ""},
        {"<Code>never ends", ""},
        {"", ""},
        {"plain text", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_response response = answer(400, cases[i].body);
        expect_code(&response, cases[i].code);
    }
}

static void the_code_of_a_cbor_answer_is_its_type(void **state)
{
    (void)state;
    struct strbuf body;
    strbuf_init(&body, 1024);
    cbor_put_head(&body, CBOR_MAP, 2);
    cbor_put_text(&body, "message", 7);
    cbor_put_text(&body, "slow", 4);
    cbor_put_text(&body, "__type", 6);
    cbor_put_text(&body, "aws.cloudwatch#Throttling", 25);
    struct http_response response = {.status = 400, .body = body.data, .body_len = body.len};
    expect_code(&response, "Throttling");
    response.body_len -= 3;
    expect_code(&response, "");
    strbuf_done(&body);
}

static void a_header_goes_before_the_body(void **state)
{
    (void)state;
    static const struct http_header type[] = {{"x-amzn-errortype", "ns#FromHeader:http://x/"}};
    static const struct http_header query[] = {{"x-amzn-errortype", "New"},
                                               {"x-amzn-query-error", "Old.Code;Sender"}};
    struct http_response response = answer(400, "{\"__type\":\"FromBody\"}");
    response.headers = type;
    response.header_count = 1;
    expect_code(&response, "FromHeader");
    response.headers = query;
    response.header_count = 2;
    expect_code(&response, "Old.Code");
}

static void judge(int status, const char *code, enum retry_kind kind, int err)
{
    struct http_response response = answer(status, "");
    struct retry_judgement j;
    retry_judge(&response, code, &j);
    assert_int_equal(j.kind, kind);
    assert_int_equal(j.code, err);
}

static void codes_and_statuses_are_told_apart(void **state)
{
    (void)state;
    judge(200, "", RETRY_NOT, OK);
    judge(429, "", RETRY_THROTTLED, ERR_THROTTLED);
    judge(400, "ThrottlingException", RETRY_THROTTLED, ERR_THROTTLED);
    judge(503, "SlowDown", RETRY_THROTTLED, ERR_THROTTLED);
    judge(500, "", RETRY_TRANSIENT, ERR_SERVER);
    judge(504, "Whatever", RETRY_TRANSIENT, ERR_SERVER);
    judge(501, "", RETRY_NOT, ERR_SERVER);
    judge(400, "RequestTimeout", RETRY_TRANSIENT, ERR_SERVER);
    judge(403, "RequestTimeTooSkewed", RETRY_SKEW, ERR_SKEW);
    judge(403, "SignatureDoesNotMatch", RETRY_SKEW, ERR_DENIED);
    judge(400, "ExpiredTokenException", RETRY_EXPIRED, ERR_EXPIRED);
    judge(400, "UnrecognizedClientException", RETRY_EXPIRED, ERR_DENIED);
    judge(400, "AccessDeniedException", RETRY_NOT, ERR_DENIED);
    judge(400, "ClusterNotFoundException", RETRY_NOT, ERR_HTTP);
}

static void a_transport_that_failed_is_transient_unless_it_can_never_work(void **state)
{
    (void)state;
    static const struct {
        int code;
        enum retry_kind kind;
    } cases[] = {{ERR_CONNECT, RETRY_TRANSIENT}, {ERR_TIMEOUT, RETRY_TRANSIENT},
                 {ERR_IO, RETRY_TRANSIENT},      {ERR_TLS, RETRY_NOT},
                 {ERR_LIMIT, RETRY_NOT},         {ERR_INVALID, RETRY_NOT}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_response response = {.code = cases[i].code};
        struct retry_judgement j;
        retry_judge(&response, "", &j);
        assert_int_equal(j.kind, cases[i].kind);
        assert_int_equal(j.code, cases[i].code);
        assert_int_equal(j.timeout, cases[i].code == ERR_TIMEOUT);
    }
}

static int64_t wait_said(const char *after, const char *date)
{
    struct http_header headers[] = {{"retry-after", after}, {"date", date}};
    struct http_response response = answer(503, "");
    struct retry_judgement j;
    response.headers = headers;
    response.header_count = date ? 2 : 1;
    retry_judge(&response, "", &j);
    return j.retry_after_ms;
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    static const char noon[] = "Sun, 06 Nov 1994 12:00:00 GMT";
    assert_int_equal(wait_said("7", NULL), 7000);
    assert_int_equal(wait_said("0", NULL), 0);
    assert_int_equal(wait_said("99999999999999999999", NULL), 86400 * 1000);
    assert_int_equal(wait_said("Sun, 06 Nov 1994 12:00:30 GMT", noon), 30000);
    assert_int_equal(wait_said("Sun, 06 Nov 1994 11:00:30 GMT", noon), 0);
    assert_int_equal(wait_said("Sun, 06 Nov 1994 12:00:30 GMT", NULL), 0);
    assert_int_equal(wait_said("soon", noon), 0);
    assert_int_equal(wait_said("-5", noon), 0);
}

static void skew_needs_a_date_and_a_doubtful_code_needs_four_minutes(void **state)
{
    (void)state;
    struct retry_judgement j = {.kind = RETRY_SKEW, .date_s = 10000};
    assert_int_equal(retry_skew_s(&j, 10000 - 240), 0);
    assert_int_equal(retry_skew_s(&j, 10000 - 241), 241);
    assert_int_equal(retry_skew_s(&j, 10000 + 3600), -3600);
    j.surely_skew = true;
    assert_int_equal(retry_skew_s(&j, 9990), 10);
    assert_int_equal(retry_skew_s(&j, 10000), 0);
    j.date_s = 0;
    assert_int_equal(retry_skew_s(&j, 9000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_code_stands_where_the_protocol_puts_it),
        cmocka_unit_test(the_code_of_a_cbor_answer_is_its_type),
        cmocka_unit_test(a_header_goes_before_the_body),
        cmocka_unit_test(codes_and_statuses_are_told_apart),
        cmocka_unit_test(a_transport_that_failed_is_transient_unless_it_can_never_work),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(skew_needs_a_date_and_a_doubtful_code_needs_four_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
