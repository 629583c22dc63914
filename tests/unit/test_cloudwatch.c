/* The CloudWatch client against a server on loopback that answers, stalls, lies and hangs up.
 *
 * Size: each way in which CloudWatch answers is a fact of its own. */
#include "moontide/aws/cloudwatch.h"
#include "moontide/aws/credentials.h"
#include "moontide/aws/rates.h"
#include "moontide/base/clock.h"
#include "moontide/base/err.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "support/answer_server.h"
#include "support/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUESTIONS = 3, PERIOD = 300, SLOTS = 12, END = 1767225600, WAIT_MAX_MS = 30000 };

struct world {
    struct loop *loop;
    struct http *http;
    struct answer_server *server;
    struct credential_chain *chain;
    struct cloudwatch *client;
    struct rates *rates;
    struct metric *metrics[QUESTIONS];
    struct metric_question questions[QUESTIONS];
    struct cloudwatch_result result;
    int done;
    bool too_late;
};

static void give_up(void *data)
{
    struct world *w = data;
    w->too_late = true;
    loop_stop(w->loop);
}

static void on_done(void *data, const struct cloudwatch_result *result)
{
    struct world *w = data;
    w->result = *result;
    w->done++;
    loop_stop(w->loop);
}

static void make_client(struct world *w, const char *endpoint)
{
    struct cloudwatch_options options = {
        .loop = w->loop,
        .http = w->http,
        .credentials = w->chain,
        .region = "eu-west-1",
        .endpoint = endpoint,
        .backoff = {.base_ms = 1},
        .rates = w->rates,
        .timeout_ms = 5000,
    };
    assert_int_equal(cloudwatch_new(&options, &w->client), OK);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct credentials *keys = NULL;
    char endpoint[64];
    assert_non_null(w);
    assert_int_equal(loop_new(&w->loop), OK);
    assert_int_equal(http_new(w->loop, NULL, &w->http), OK);
    w->server = answer_server_new(loop_uv(w->loop), NULL, -1);
    assert_non_null(w->server);
    assert_int_equal(credentials_new("AKID", "secret", NULL, 0, "configuration", &keys), OK);
    struct credential_options chain = {
        .loop = w->loop, .http = w->http, .explicit_credentials = keys};
    assert_int_equal(credential_chain_new(&chain, &w->chain), OK);
    credentials_release(keys);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", answer_server_port(w->server));
    make_client(w, endpoint);
    for (int i = 0; i < QUESTIONS; i++) {
        char name[16];
        snprintf(name, sizeof name, "Metric%d", i);
        struct metric draft = {
            .namespace_name = "N", .name = name, .stat = "Sum", .period_s = PERIOD};
        assert_int_equal(metric_new(&draft, &w->metrics[i]), OK);
        struct series *series = NULL;
        assert_int_equal(series_new(PERIOD, SLOTS, &series), OK);
        series_move(series, END);
        w->questions[i] = (struct metric_question){w->metrics[i], series, 0};
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    cloudwatch_free(w->client);
    credential_chain_free(w->chain);
    http_free(w->http);
    answer_server_free(w->server);
    for (int i = 0; i < QUESTIONS; i++) {
        metric_release(w->metrics[i]);
        free(w->questions[i].series);
    }
    int open = loop_free(w->loop);
    free(w);
    return open; /* a handle that somebody forgot */
}

static void begin(struct world *w, struct cloudwatch_call **call)
{
    w->done = 0;
    assert_int_equal(cloudwatch_get_metric_data(w->client, w->questions, QUESTIONS,
                                                END - SLOTS * PERIOD, END, PERIOD, on_done, w,
                                                call),
                     OK);
    assert_int_equal(w->done, 0); /* never before return */
}

static void wait(struct world *w)
{
    struct loop_timer *timer = NULL;
    assert_int_equal(loop_timer_start(w->loop, WAIT_MAX_MS, give_up, w, &timer), OK);
    (void)loop_run(w->loop);
    assert_false(w->too_late);
    loop_timer_cancel(timer);
    assert_int_equal(w->done, 1);
}

static void ask(struct world *w, const char *mode, int times)
{
    answer_server_mode(w->server, mode, times);
    begin(w, NULL);
    wait(w);
}

static int requests(const struct world *w)
{
    return answer_server_counts(w->server)->requests;
}

static void expect_whole(const struct world *w, size_t from)
{
    for (size_t i = from; i < QUESTIONS; i++) {
        const struct series *s = w->questions[i].series;
        assert_int_equal(w->questions[i].state, SERIES_READY);
        assert_int_equal(s->state, SERIES_READY);
        for (uint32_t k = 0; k < SLOTS; k++)
            assert_true(s->values[k] == answers_value(i, s->start_s + k * PERIOD, PERIOD));
    }
}

static void expect_failed(const struct world *w, int code, const char *says)
{
    assert_int_equal(w->result.code, code);
    if (!strstr(w->result.fault.text, says)) print_error("fault: %s\n", w->result.fault.text);
    assert_non_null(strstr(w->result.fault.text, says));
    for (size_t i = 0; i < QUESTIONS; i++) {
        assert_int_equal(w->questions[i].state,
                         code == ERR_DENIED ? SERIES_FORBIDDEN : SERIES_FAILED);
        assert_int_equal(view_count(series_view(w->questions[i].series, SLOTS)), 0);
    }
}

static void answers_go_into_the_series_by_id(void **state)
{
    struct world *w = *state;
    ask(w, "ok", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->result.datapoints, QUESTIONS * SLOTS);
    assert_int_equal(w->result.calls, 1);
    assert_int_equal(w->result.pages, 1);
    assert_string_equal(w->result.messages, "");
    assert_int_equal(w->result.protocol, CLOUDWATCH_CBOR);
    expect_whole(w, 0);
}

static void a_request_is_signed_for_monitoring(void **state)
{
    struct world *w = *state;
    ask(w, "ok", -1);
    const char *head = answer_server_last_head(w->server);
    assert_non_null(strstr(head, "POST /service/GraniteServiceVersion20100801/operation/"
                                 "GetMetricData HTTP/1.1\r\n"));
    assert_non_null(strstr(head, "/eu-west-1/monitoring/aws4_request, "
                                 "SignedHeaders=content-type;host;smithy-protocol;x-amz-date, "));
    assert_non_null(strstr(head, "smithy-protocol: rpc-v2-cbor\r\n"));
    assert_non_null(strstr(head, "content-type: application/cbor\r\n"));
    assert_non_null(strstr(head, "accept: application/cbor\r\n"));
}

static void pages_are_followed_to_the_last(void **state)
{
    struct world *w = *state;
    ask(w, "pages:5", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->result.pages, 5);
    expect_whole(w, 0);
}

static void no_more_is_asked_a_second_than_the_quota_allows(void **state)
{
    struct world *w = *state;
    const struct clock real = {0};
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", answer_server_port(w->server));
    cloudwatch_free(w->client);
    assert_int_equal(rates_new(&w->rates), OK);
    make_client(w, endpoint);
    int64_t before_ns = clock_mono_ns(&real);
    ask(w, "pages:15", -1);
    assert_int_equal(w->result.pages, 15);
    assert_true(clock_mono_ns(&real) - before_ns >= 190 * 1000000ll); /* five, then one in 20 ms */
    struct cloudwatch_call *calls[20];
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        begin(w, &calls[i]);
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        cloudwatch_cancel(calls[i]); /* those that wait give their places back */
    cloudwatch_free(w->client);
    w->client = NULL;
    rates_free(w->rates);
}

static void a_thousand_pages_are_the_end(void **state)
{
    struct world *w = *state;
    ask(w, "pages:1001", -1);
    assert_int_equal(w->result.code, ERR_LIMIT);
    assert_non_null(strstr(w->result.fault.text, "1000 pages"));
    assert_int_equal(w->questions[0].state, SERIES_FAILED);
    assert_int_equal(requests(w), CLOUDWATCH_PAGES_MAX);
}

static void the_same_token_twice_is_an_error(void **state)
{
    struct world *w = *state;
    ask(w, "same-token", -1);
    assert_int_equal(w->result.code, ERR_PARSE);
    assert_int_equal(requests(w), 2);
    assert_non_null(strstr(w->result.fault.text, "NextToken"));
}

static void what_was_partial_is_asked_again_alone(void **state)
{
    struct world *w = *state;
    ask(w, "partial", 1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->result.calls, 2);
    /* m0 of the second request is the first question again */
    expect_whole(w, 0);
}

static void what_stays_partial_says_so(void **state)
{
    struct world *w = *state;
    ask(w, "partial", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->questions[0].state, SERIES_PARTIAL);
    assert_int_equal(view_count(series_view(w->questions[0].series, SLOTS)), SLOTS / 2);
    expect_whole(w, 1);
    assert_int_equal(requests(w), 1 + CLOUDWATCH_PARTIAL_MAX);
}

static void an_internal_error_is_asked_again(void **state)
{
    struct world *w = *state;
    ask(w, "internal", 2);
    assert_int_equal(w->result.code, OK);
    expect_whole(w, 0);
    ask(w, "internal", -1);
    assert_int_equal(w->questions[0].state, SERIES_FAILED);
    expect_whole(w, 1);
}

static void a_result_that_is_left_out_is_not_an_empty_one(void **state)
{
    struct world *w = *state;
    ask(w, "missing", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->questions[0].state, SERIES_FAILED);
    expect_whole(w, 1);
}

static void forbidden_is_the_state_of_that_question_alone(void **state)
{
    struct world *w = *state;
    ask(w, "forbidden", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->questions[0].state, SERIES_FORBIDDEN);
    expect_whole(w, 1);
    assert_int_equal(requests(w), 1); /* asking again would not help */
}

static void throttling_and_server_errors_are_retried(void **state)
{
    struct world *w = *state;
    static const char *const modes[] = {"throttle", "error500"};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        ask(w, modes[i], 2);
        assert_int_equal(w->result.code, OK);
        assert_int_equal(w->result.retries, 2);
        expect_whole(w, 0);
    }
    assert_int_equal(w->result.protocol, CLOUDWATCH_CBOR);
}

static void three_attempts_are_all(void **state)
{
    struct world *w = *state;
    ask(w, "throttle", -1);
    expect_failed(w, ERR_THROTTLED, "400 ThrottlingException: no (request 1-2-3)");
    assert_int_equal(requests(w), 3);
    ask(w, "error500", -1);
    expect_failed(w, ERR_SERVER, "500 with text/html");
    assert_int_equal(requests(w), 6);
    ask(w, "ok", -1); /* still in CBOR: an error page talked nobody out of it */
    assert_int_equal(w->result.protocol, CLOUDWATCH_CBOR);
}

static void it_waits_as_long_as_it_was_told(void **state)
{
    struct world *w = *state;
    const struct clock real = {0};
    int64_t before_ns = clock_mono_ns(&real);
    ask(w, "retry-after", 1);
    assert_int_equal(w->result.code, OK);
    assert_true(clock_mono_ns(&real) - before_ns >= 990 * 1000000ll);
}

static void it_gives_up_when_it_was_told_to_wait_an_hour(void **state)
{
    struct world *w = *state;
    ask(w, "retry-long", -1);
    expect_failed(w, ERR_SERVER, "503");
    assert_int_equal(requests(w), 1);
}

static void cut_off_answers_are_retried_and_then_said(void **state)
{
    struct world *w = *state;
    ask(w, "truncate", 1);
    assert_int_equal(w->result.code, OK);
    expect_whole(w, 0);
    for (size_t i = 0; i < QUESTIONS; i++)
        series_move(w->questions[i].series, END + 100 * PERIOD);
    for (size_t i = 0; i < QUESTIONS; i++)
        series_move(w->questions[i].series, END);
    ask(w, "truncate", -1);
    expect_failed(w, ERR_IO, "127.0.0.1");
}

static void a_body_without_end_is_refused(void **state)
{
    struct world *w = *state;
    ask(w, "huge", -1);
    expect_failed(w, ERR_LIMIT, "127.0.0.1");
    assert_int_equal(requests(w), 1);
}

static void garbage_is_said_with_its_place(void **state)
{
    struct world *w = *state;
    ask(w, "garbage", -1);
    expect_failed(w, ERR_PARSE, "the CBOR answer is wrong at byte");
    ask(w, "wrong-type", -1);
    expect_failed(w, ERR_PARSE, "a number was expected");
}

static void an_endpoint_without_cbor_is_spoken_to_in_json(void **state)
{
    struct world *w = *state;
    ask(w, "no-cbor", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->result.protocol, CLOUDWATCH_JSON);
    expect_whole(w, 0);
    ask(w, "no-cbor", -1);
    assert_int_equal(answer_server_counts(w->server)->by_protocol[CLOUDWATCH_CBOR], 1);
    assert_int_equal(answer_server_counts(w->server)->by_protocol[CLOUDWATCH_JSON], 2);
    assert_non_null(strstr(answer_server_last_head(w->server),
                           "x-amz-target: GraniteServiceVersion20100801.GetMetricData\r\n"));
}

static void an_endpoint_with_query_alone_is_spoken_to_in_query(void **state)
{
    struct world *w = *state;
    ask(w, "query-only", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->result.protocol, CLOUDWATCH_QUERY);
    expect_whole(w, 0);
    ask(w, "pages:3", -1);
    assert_int_equal(w->result.pages, 3);
    assert_int_equal(answer_server_counts(w->server)->by_protocol[CLOUDWATCH_JSON], 1);
}

static void a_proxys_page_is_not_remembered(void **state)
{
    struct world *w = *state;
    static const char *const modes[] = {"html-403", "html-200"};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        ask(w, modes[i], -1);
        assert_true(w->result.code < 0);
        assert_non_null(strstr(w->result.fault.text, "text/html"));
        ask(w, "ok", -1);
        assert_int_equal(w->result.code, OK);
        assert_int_equal(w->result.protocol, CLOUDWATCH_CBOR);
    }
}

static void a_wrong_clock_is_corrected_once_and_for_all(void **state)
{
    struct world *w = *state;
    ask(w, "skew", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->result.retries, 1);
    expect_whole(w, 0);
    ask(w, "skew", -1);
    assert_int_equal(w->result.retries, 0);
}

static void expired_credentials_are_fetched_once_more(void **state)
{
    struct world *w = *state;
    ask(w, "expired", 1);
    assert_int_equal(w->result.code, OK);
    expect_whole(w, 0);
    for (size_t i = 0; i < QUESTIONS; i++)
        w->questions[i].series->values[0] = 0;
    ask(w, "expired", -1);
    assert_int_equal(w->result.code, ERR_EXPIRED);
    assert_int_equal(requests(w), 4);
}

static void denied_is_not_asked_again(void **state)
{
    struct world *w = *state;
    ask(w, "denied", -1);
    expect_failed(w, ERR_DENIED, "AccessDeniedException");
    assert_int_equal(requests(w), 1);
}

static void what_is_not_finite_is_refused_and_counted(void **state)
{
    struct world *w = *state;
    ask(w, "nan", -1);
    assert_int_equal(w->result.code, OK);
    for (size_t i = 0; i < QUESTIONS; i++) {
        assert_int_equal(w->questions[i].series->refused, 2);
        assert_int_equal(view_count(series_view(w->questions[i].series, SLOTS)), SLOTS - 2);
    }
    ask(w, "ok", -1);
    assert_int_equal(w->questions[0].series->refused, 0); /* of the last fill */
}

static void what_lies_after_the_window_is_refused_and_counted(void **state)
{
    struct world *w = *state;
    ask(w, "future", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->questions[0].series->refused, SLOTS);
    assert_int_equal(view_count(series_view(w->questions[0].series, SLOTS)), 0);
    expect_whole(w, 1);
}

static void the_order_of_datapoints_does_not_matter(void **state)
{
    struct world *w = *state;
    ask(w, "unordered", -1);
    assert_int_equal(w->result.code, OK);
    expect_whole(w, 0);
}

static void uneven_columns_use_the_shorter_and_say_so(void **state)
{
    struct world *w = *state;
    ask(w, "uneven", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(view_count(series_view(w->questions[0].series, SLOTS)), SLOTS - 1);
    assert_non_null(strstr(w->result.messages, "more timestamps than values"));
}

static void an_empty_answer_with_a_unit_is_a_hint(void **state)
{
    struct world *w = *state;
    struct metric draft = *w->metrics[1], *without = w->metrics[1];
    draft.unit = "Bytes";
    assert_int_equal(metric_new(&draft, &w->metrics[1]), OK);
    metric_release(without);
    w->questions[1].metric = w->metrics[1];
    ask(w, "empty", -1);
    assert_int_equal(w->result.code, OK);
    assert_int_equal(w->questions[0].series->hint, SERIES_HINT_NONE);
    assert_int_equal(w->questions[1].series->hint, SERIES_HINT_UNIT);
    assert_int_equal(w->questions[1].state, SERIES_READY);
    ask(w, "ok", -1);
    assert_int_equal(w->questions[1].series->hint, SERIES_HINT_NONE);
}

static void nobody_there_is_an_error_that_names_the_host(void **state)
{
    struct world *w = *state;
    cloudwatch_free(w->client);
    make_client(w, "http://127.0.0.1:1");
    begin(w, NULL);
    wait(w);
    expect_failed(w, ERR_CONNECT, "127.0.0.1:1");
    assert_int_equal(w->result.retries, 2);
}

static void a_canceled_call_is_never_told(void **state)
{
    struct world *w = *state;
    struct cloudwatch_call *call = NULL;
    answer_server_mode(w->server, "stall", -1);
    begin(w, &call);
    while (requests(w) == 0)
        assert_true(loop_turn(w->loop, true));
    cloudwatch_cancel(call);
    begin(w, &call);
    cloudwatch_cancel(call); /* before anything was sent */
    ask(w, "ok", -1);
    expect_whole(w, 0);
}

static void freeing_the_client_ends_its_calls_without_a_word(void **state)
{
    struct world *w = *state;
    answer_server_mode(w->server, "throttle", -1);
    begin(w, NULL);
    begin(w, NULL);
    while (requests(w) == 0)
        assert_true(loop_turn(w->loop, true));
    cloudwatch_free(w->client);
    w->client = NULL;
    (void)loop_turn(w->loop, false);
    assert_int_equal(w->done, 0);
}

static void more_than_500_queries_do_not_start(void **state)
{
    struct world *w = *state;
    struct metric_question *many = calloc(501, sizeof *many);
    assert_non_null(many);
    for (size_t i = 0; i < 501; i++)
        many[i] = w->questions[0];
    assert_int_equal(cloudwatch_get_metric_data(w->client, many, 501, END - PERIOD, END, PERIOD,
                                                on_done, w, NULL),
                     ERR_LIMIT);
    struct metric_input inputs[2] = {{"a", w->metrics[0]}, {"b", w->metrics[1]}};
    struct metric draft = {
        .expression = "a / b", .period_s = PERIOD, .inputs = inputs, .input_count = 2};
    struct metric *expression = NULL;
    assert_int_equal(metric_new(&draft, &expression), OK);
    assert_int_equal(metric_query_count(expression), 3);
    for (size_t i = 0; i < 167; i++)
        many[i].metric = expression;
    assert_int_equal(cloudwatch_get_metric_data(w->client, many, 167, END - PERIOD, END, PERIOD,
                                                on_done, w, NULL),
                     ERR_LIMIT);
    metric_release(expression);
    free(many);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_go_into_the_series_by_id),
        TEST(a_request_is_signed_for_monitoring),
        TEST(pages_are_followed_to_the_last),
        TEST(no_more_is_asked_a_second_than_the_quota_allows),
        TEST(a_thousand_pages_are_the_end),
        TEST(the_same_token_twice_is_an_error),
        TEST(what_was_partial_is_asked_again_alone),
        TEST(what_stays_partial_says_so),
        TEST(an_internal_error_is_asked_again),
        TEST(a_result_that_is_left_out_is_not_an_empty_one),
        TEST(forbidden_is_the_state_of_that_question_alone),
        TEST(throttling_and_server_errors_are_retried),
        TEST(three_attempts_are_all),
        TEST(it_waits_as_long_as_it_was_told),
        TEST(it_gives_up_when_it_was_told_to_wait_an_hour),
        TEST(cut_off_answers_are_retried_and_then_said),
        TEST(a_body_without_end_is_refused),
        TEST(garbage_is_said_with_its_place),
        TEST(an_endpoint_without_cbor_is_spoken_to_in_json),
        TEST(an_endpoint_with_query_alone_is_spoken_to_in_query),
        TEST(a_proxys_page_is_not_remembered),
        TEST(a_wrong_clock_is_corrected_once_and_for_all),
        TEST(expired_credentials_are_fetched_once_more),
        TEST(denied_is_not_asked_again),
        TEST(what_is_not_finite_is_refused_and_counted),
        TEST(what_lies_after_the_window_is_refused_and_counted),
        TEST(the_order_of_datapoints_does_not_matter),
        TEST(uneven_columns_use_the_shorter_and_say_so),
        TEST(an_empty_answer_with_a_unit_is_a_hint),
        TEST(nobody_there_is_an_error_that_names_the_host),
        TEST(a_canceled_call_is_never_told),
        TEST(freeing_the_client_ends_its_calls_without_a_word),
        TEST(more_than_500_queries_do_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
