/* The client of any service against a server on loopback that throttles, stalls, lies and hangs up.
 *
 * Size: each way in which a service misbehaves is a fact of its own. */
#include "moontide/aws/client.h"
#include "moontide/aws/rates.h"
#include "moontide/base/clock.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "support/fault_server.h"
#include "support/reply_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MAX_MS = 30000, MANY = 200 };

struct world {
    struct loop *loop;
    struct http *http;
    struct reply_server *server;
    struct credential_chain *chain;
    struct model *model;
    struct client_options options;
    struct client *client;
    char endpoint[64];

    int wanted, done, order[MANY];
    bool too_late, free_in_done;
    struct client_call *cancel_in_done;
    int code, status;
    uint32_t attempts;
    bool sent;
    char body[4096], fault[1024];
};

/* ---- a world ---- */

static void give_up(void *data)
{
    struct world *w = data;
    w->too_late = true;
    loop_stop(w->loop);
}

static void on_done(void *data, const struct client_result *result)
{
    struct world *w = data;
    w->done++;
    w->code = result->code;
    w->status = result->response.status;
    w->attempts = result->attempts;
    w->sent = result->sent;
    size_t len = result->response.body_len < sizeof w->body - 1 ? result->response.body_len
                                                                : sizeof w->body - 1;
    if (len > 0) memcpy(w->body, result->response.body, len);
    w->body[len] = '\0';
    snprintf(w->fault, sizeof w->fault, "%s", result->fault.text);
    if (w->cancel_in_done) client_cancel(w->cancel_in_done);
    w->cancel_in_done = NULL;
    if (w->free_in_done) {
        client_free(w->client);
        w->client = NULL;
    }
    if (w->done >= w->wanted) loop_stop(w->loop);
}

static void make_client(struct world *w)
{
    struct fault fault = {0};
    client_free(w->client);
    w->client = NULL;
    if (client_new(&w->options, &w->client, &fault) < 0) fail_msg("%s", fault.text);
}

static int setup(void **state)
{
    static const struct reply ok = {.status = 200, .body = "{}"};
    struct world *w = calloc(1, sizeof *w);
    struct credentials *keys = NULL;
    struct fault fault = {0};
    assert_non_null(w);
    setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    unsetenv("AWS_ENDPOINT_URL");
    assert_int_equal(loop_new(&w->loop), OK);
    assert_int_equal(http_new(w->loop, NULL, &w->http), OK);
    w->server = reply_server_new(loop_uv(w->loop), &ok, 1);
    assert_non_null(w->server);
    assert_int_equal(
        credentials_new("AKID", "wJalrXUtnFEMI", "session-token-text", 0, "configuration", &keys),
        OK);
    struct credential_options chain = {
        .loop = w->loop, .http = w->http, .explicit_credentials = keys};
    assert_int_equal(credential_chain_new(&chain, &w->chain), OK);
    credentials_release(keys);
    assert_int_equal(model_load("ecs", NULL, &w->model, &fault), OK);
    snprintf(w->endpoint, sizeof w->endpoint, "http://127.0.0.1:%d", reply_server_port(w->server));
    w->options = (struct client_options){
        .loop = w->loop,
        .http = w->http,
        .credentials = w->chain,
        .model = w->model,
        .region = "eu-west-1",
        .endpoint = w->endpoint,
        .backoff = {.base_ms = 1},
        .timeout_ms = 5000,
    };
    make_client(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    client_free(w->client);
    model_release(w->model);
    credential_chain_free(w->chain);
    http_free(w->http);
    reply_server_free(w->server);
    int open = loop_free(w->loop);
    free(w);
    return open; /* a handle that somebody forgot */
}

static void use_model(struct world *w, struct model *model)
{
    model_release(w->model);
    w->model = w->options.model = model;
    make_client(w);
}

/* An empty call of an operation, as its serializer would make it. */
static void fill(struct wire_request *request, const char *body)
{
    strbuf_adds(&request->uri, "/");
    strbuf_adds(&request->body, body);
    assert_int_equal(wire_set_header(request, "content-type", "application/x-amz-json-1.1", 26),
                     OK);
    assert_int_equal(wire_set_header(request, "x-amz-target", "Ecs.DescribeServices", 20), OK);
}

static int send_body(struct world *w, const char *name, const char *body, struct client_call **call,
                     struct fault *fault)
{
    struct wire_request request;
    wire_request_init(&request);
    fill(&request, body);
    const struct operation *operation = model_operation(w->model, name);
    assert_non_null(operation);
    int done = w->done;
    int code = client_send(w->client, operation, &request, on_done, w, call, fault);
    assert_int_equal(w->done, done); /* never before return */
    wire_request_done(&request);
    return code;
}

static void begin(struct world *w, const char *name, struct client_call **call)
{
    struct fault fault = {0};
    if (send_body(w, name, "{}", call, &fault) < 0) fail_msg("%s", fault.text);
}

static void wait(struct world *w, int wanted)
{
    struct loop_timer *timer = NULL;
    w->wanted = wanted;
    assert_int_equal(loop_timer_start(w->loop, WAIT_MAX_MS, give_up, w, &timer), OK);
    if (w->done < wanted) (void)loop_run(w->loop);
    assert_false(w->too_late);
    loop_timer_cancel(timer);
    assert_int_equal(w->done, wanted);
}

static void script(struct world *w, const struct reply *replies, size_t count)
{
    reply_server_script(w->server, replies, count);
}
#define SCRIPT(w, replies) script(w, replies, COUNT_OF(replies))

/* One call of describe_services, to its end. */
static void ask(struct world *w)
{
    w->done = 0;
    begin(w, "describe_services", NULL);
    wait(w, 1);
}

static int requests(const struct world *w)
{
    return reply_server_requests(w->server);
}

static bool asked(const struct world *w, int i, const char *line)
{
    return strcasestr(reply_server_head(w->server, i), line) != NULL;
}

/* ---- what is sent ---- */

static void a_call_is_signed_and_answered(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.status = 200, .body = "{\"services\":[]}"}};
    SCRIPT(w, replies);
    ask(w);
    assert_int_equal(w->code, OK);
    assert_int_equal(w->status, 200);
    assert_int_equal(w->attempts, 1);
    assert_true(w->sent);
    assert_string_equal(w->body, "{\"services\":[]}");
    assert_true(asked(w, 0, "POST / HTTP/1.1\r\n"));
    assert_true(asked(w, 0,
                      "/eu-west-1/ecs/aws4_request, "
                      "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;"
                      "x-amz-target, Signature="));
    assert_true(asked(w, 0, "x-amz-security-token: session-token-text\r\n"));
    assert_string_equal(reply_server_body(w->server, 0), "{}");
}

static void a_call_says_who_it_is_as_the_sdks_do(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.status = 503}, {.status = 200}};
    SCRIPT(w, replies);
    ask(w);
    assert_true(asked(w, 0, "\r\namz-sdk-request: attempt=1; max=3\r\n"));
    assert_true(asked(w, 1, "\r\namz-sdk-request: attempt=2; max=3\r\n"));
    assert_true(asked(w, 0, "\r\nuser-agent: moontide/"));
    assert_true(asked(w, 0, " api/ECS\r\n"));
    static const char name[] = "\r\namz-sdk-invocation-id: ";
    const char *first = strcasestr(reply_server_head(w->server, 0), name);
    const char *second = strcasestr(reply_server_head(w->server, 1), name);
    assert_non_null(first);
    assert_non_null(second);
    assert_memory_equal(first, second, sizeof name - 1 + 36 + 2); /* one name for both attempts */
    first += sizeof name - 1;
    assert_true(first[8] == '-' && first[14] == '4' && first[23] == '-' && first[36] == '\r');
}

static void the_callers_request_can_be_filled_again_at_once(void **state)
{
    struct world *w = *state;
    struct wire_request request;
    struct fault fault = {0};
    const struct operation *operation = model_operation(w->model, "describe_services");
    wire_request_init(&request);
    for (int i = 0; i < 3; i++) {
        char body[16];
        assert_int_equal(request.body.len, 0);
        assert_int_equal(request.header_count, 0);
        snprintf(body, sizeof body, "{\"n\":%d}", i);
        fill(&request, body);
        assert_int_equal(client_send(w->client, operation, &request, on_done, w, NULL, &fault), OK);
    }
    wait(w, 3);
    wire_request_done(&request);
    bool seen[3] = {false};
    for (int i = 0; i < 3; i++)
        seen[reply_server_body(w->server, i)[5] - '0'] = true;
    assert_true(seen[0] && seen[1] && seen[2]);
}

static struct model *toy(const char *metadata, const char *operation)
{
    char text[2048];
    struct model *model = NULL;
    struct fault fault = {0};
    int n = snprintf(text, sizeof text,
                     "{\"metadata\":{\"apiVersion\":\"2020-01-01\",\"endpointPrefix\":\"toy\","
                     "\"protocol\":\"rest-json\",\"serviceId\":\"Toy Box\"%s},\"operations\":{"
                     "\"GetToy\":{\"name\":\"GetToy\",\"http\":{\"method\":\"GET\",\"requestUri\":"
                     "\"/\"}%s}},\"shapes\":{}}",
                     metadata, operation);
    if (model_read("toy", text, (size_t)n, &model, &fault) < 0) fail_msg("%s", fault.text);
    return model;
}

static void get(struct world *w, const char *uri, const char *host_prefix)
{
    struct wire_request request;
    struct fault fault = {0};
    wire_request_init(&request);
    request.method = "GET";
    strbuf_adds(&request.uri, uri);
    strbuf_adds(&request.host_prefix, host_prefix);
    w->done = 0;
    if (client_send(w->client, &w->model->operations[0], &request, on_done, w, NULL, &fault) < 0)
        fail_msg("%s", fault.text);
    wire_request_done(&request);
    wait(w, 1);
    assert_int_equal(w->code, OK);
}

static void an_operation_without_authorization_is_not_signed(void **state)
{
    struct world *w = *state;
    use_model(w, toy("", ",\"authtype\":\"none\""));
    get(w, "/a%20b?x=1", "");
    assert_true(asked(w, 0, "GET /a%20b?x=1 HTTP/1.1\r\n"));
    assert_false(asked(w, 0, "authorization"));
    assert_false(asked(w, 0, "x-amz-"));
}

static void a_client_without_credentials_sends_unsigned(void **state)
{
    struct world *w = *state;
    w->options.credentials = NULL;
    w->options.region = NULL;
    make_client(w);
    ask(w);
    assert_int_equal(w->status, 200);
    assert_false(asked(w, 0, "authorization"));
}

static void s3_is_signed_with_the_hash_of_its_body(void **state)
{
    struct world *w = *state;
    use_model(w, toy(",\"signingName\":\"s3\"", ""));
    get(w, "/bucket/a%20b//c/../d", "");
    assert_true(asked(w, 0, "GET /bucket/a%20b//c/../d HTTP/1.1\r\n"));
    assert_true(asked(w, 0, "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb924"));
    assert_true(asked(w, 0, "/eu-west-1/s3/aws4_request"));
}

static void a_payload_stays_signed_where_nothing_else_protects_it(void **state)
{
    struct world *w = *state;
    use_model(w, toy("", ",\"authtype\":\"v4-unsigned-body\""));
    assert_true(w->model->operations[0].unsigned_payload);
    get(w, "/", "");
    assert_false(asked(w, 0, "UNSIGNED-PAYLOAD")); /* no TLS here */
}

static void over_tls_a_large_payload_need_not_be_signed(void **state)
{
    struct world *w = *state;
    char ca_file[64], endpoint[64];
    struct fault_server *server = fault_server_new(w->loop, "localhost", ca_file);
    assert_non_null(server);
    struct http_options options = {.ca_file = ca_file};
    struct http *http = NULL;
    assert_int_equal(http_new(w->loop, &options, &http), OK);
    snprintf(endpoint, sizeof endpoint, "https://localhost:%d", fault_server_port(server));
    w->options.http = http;
    w->options.endpoint = endpoint;
    use_model(w, toy("", ",\"authtype\":\"v4-unsigned-body\""));
    get(w, "/ok", "");
    assert_int_equal(w->status, 200);
    assert_string_equal(w->body, "hello");
    const char *head = fault_server_last_head(server);
    assert_non_null(strstr(head, "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n"));
    assert_non_null(strstr(head, "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"));
    client_free(w->client);
    w->client = NULL;
    http_free(http);
    fault_server_free(server);
    unlink(ca_file);
}

static void a_host_prefix_goes_before_the_name_of_the_service(void **state)
{
    struct world *w = *state;
    struct wire_request request;
    struct fault fault = {0};
    w->options.endpoint = NULL;
    w->options.dry_run = true;
    make_client(w);
    wire_request_init(&request);
    strbuf_adds(&request.uri, "/v1");
    strbuf_adds(&request.host_prefix, "data-");
    assert_int_equal(client_send(w->client, model_operation(w->model, "run_task"), &request,
                                 on_done, w, NULL, &fault),
                     ERR_DENIED);
    assert_non_null(strstr(fault.text, "POST https://data-ecs.eu-west-1.amazonaws.com/v1 "));
    wire_request_done(&request);
}

static void the_endpoints_own_path_goes_before_the_requests(void **state)
{
    struct world *w = *state;
    char endpoint[80];
    snprintf(endpoint, sizeof endpoint, "%s/base/", w->endpoint);
    w->options.endpoint = endpoint;
    use_model(w, toy("", ""));
    get(w, "/v1/x", "data-");
    assert_true(asked(w, 0, "GET /base/v1/x HTTP/1.1\r\n"));
    char host[64];
    snprintf(host, sizeof host, "\r\nhost: 127.0.0.1:%d\r\n", reply_server_port(w->server));
    assert_true(asked(w, 0, host)); /* an address takes no host prefix */
}

/* ---- retries ---- */

static void what_is_transient_is_asked_again(void **state)
{
    struct world *w = *state;
    static const struct reply first[] = {
        {.status = 500},
        {.status = 502},
        {.status = 503},
        {.status = 504},
        {.status = 429},
        {.status = 400, .body = "{\"__type\":\"ThrottlingException\"}"},
        {.status = 400, .headers = "x-amzn-ErrorType: RequestTimeout:x\r\n"},
        {.how = REPLY_CLOSE},
        {.how = REPLY_RESET},
        {.status = 200, .body = "{\"a\":\"half of it\"}", .how = REPLY_TRUNCATE},
    };
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        struct reply replies[] = {first[i], {.status = 200, .body = "{\"fine\":1}"}};
        SCRIPT(w, replies);
        ask(w);
        assert_int_equal(w->code, OK);
        assert_int_equal(requests(w), 2); /* (curl itself asks again on a kept connection) */
        assert_string_equal(w->body, "{\"fine\":1}");
        make_client(w);
    }
}

static void what_is_the_callers_fault_is_not_asked_again(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {
        {.status = 400, .body = "{\"__type\":\"ClusterNotFoundException\"}"}};
    SCRIPT(w, replies);
    ask(w);
    assert_int_equal(w->code, OK);
    assert_int_equal(w->status, 400);
    assert_int_equal(w->attempts, 1);
    assert_string_equal(w->body, replies[0].body);
}

static void the_last_answer_is_given_when_all_attempts_failed(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.status = 503, .body = "busy"}};
    SCRIPT(w, replies);
    ask(w);
    assert_int_equal(w->code, OK);
    assert_int_equal(w->status, 503);
    assert_int_equal(w->attempts, 3);
    assert_int_equal(requests(w), 3);
    assert_string_equal(w->body, "busy");
    w->options.backoff.max_attempts = 5;
    make_client(w);
    ask(w);
    assert_int_equal(w->attempts, 5);
}

static void a_failure_of_the_network_names_service_operation_and_host(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.how = REPLY_CLOSE}};
    SCRIPT(w, replies);
    ask(w);
    assert_int_equal(w->code, ERR_IO);
    assert_int_equal(w->attempts, 3);
    assert_true(w->sent);
    assert_non_null(strstr(w->fault, "ecs describe_services: 127.0.0.1:"));
}

static void nobody_there_means_that_nothing_was_sent(void **state)
{
    struct world *w = *state;
    reply_server_free(w->server);
    w->server = NULL;
    ask(w);
    assert_int_equal(w->code, ERR_CONNECT);
    assert_int_equal(w->attempts, 3);
    assert_false(w->sent);
}

static void a_stalled_answer_times_out_and_is_asked_again(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.how = REPLY_STALL}, {.status = 200}};
    w->options.timeout_ms = 100;
    make_client(w);
    SCRIPT(w, replies);
    ask(w);
    assert_int_equal(w->status, 200);
    assert_int_equal(w->attempts, 2);
}

static void an_answer_that_does_not_begin_ends_at_its_own_timeout(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.how = REPLY_STALL}};
    w->options.timeout_ms = 25000;
    w->options.first_byte_ms = 1000;
    w->options.backoff.max_attempts = 1;
    make_client(w);
    SCRIPT(w, replies);
    const struct clock real = {0};
    int64_t before_ns = clock_mono_ns(&real);
    ask(w);
    assert_int_equal(w->code, ERR_TIMEOUT);
    assert_true(clock_mono_ns(&real) - before_ns < 15 * 1000000000ll);
}

static void a_trickled_answer_is_waited_for(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {
        {.status = 200, .body = "a byte at a time", .how = REPLY_TRICKLE}};
    SCRIPT(w, replies);
    ask(w);
    assert_string_equal(w->body, "a byte at a time");
    assert_int_equal(w->attempts, 1);
}

static void it_waits_as_long_as_it_was_told_and_no_longer_than_its_cap(void **state)
{
    struct world *w = *state;
    static const struct reply once[] = {{.status = 503, .headers = "Retry-After: 1\r\n"},
                                        {.status = 200}};
    static const struct reply hour[] = {{.status = 429, .headers = "Retry-After: 3600\r\n"},
                                        {.status = 200}};
    const struct clock real = {0};
    int64_t before_ns = clock_mono_ns(&real);
    SCRIPT(w, once);
    ask(w);
    assert_int_equal(w->status, 200);
    assert_true(clock_mono_ns(&real) - before_ns >= 990 * 1000000ll);
    SCRIPT(w, hour);
    ask(w);
    assert_int_equal(w->status, 429);
    assert_int_equal(w->attempts, 1);
}

/* Attempts of a call that is refused for ever, of a client made now. */
static int attempts_now(struct world *w)
{
    static const struct reply replies[] = {{.status = 503}};
    make_client(w);
    SCRIPT(w, replies);
    ask(w);
    assert_int_equal(w->status, 503);
    return requests(w);
}

static void attempts_come_from_the_caller_the_environment_the_profile(void **state)
{
    struct world *w = *state;
    char path[] = "/tmp/moontide-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "[default]\nmax_attempts = 4\n[profile bad]\nmax_attempts = many\n") >
                0);
    close(fd);
    assert_int_equal(attempts_now(w), 3);
    setenv("AWS_CONFIG_FILE", path, 1);
    assert_int_equal(attempts_now(w), 4);
    setenv("AWS_MAX_ATTEMPTS", "2", 1);
    assert_int_equal(attempts_now(w), 2);
    w->options.backoff.max_attempts = 1;
    assert_int_equal(attempts_now(w), 1);
    w->options.backoff.max_attempts = 0;
    unsetenv("AWS_MAX_ATTEMPTS");

    struct fault fault = {0};
    struct client *client = NULL;
    w->options.profile = "bad";
    assert_int_equal(client_new(&w->options, &client, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.text, "max_attempts in the profile is \"many\""));
    w->options.profile = NULL;
    setenv("AWS_MAX_ATTEMPTS", "0", 1);
    assert_int_equal(client_new(&w->options, &client, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.text, "AWS_MAX_ATTEMPTS is \"0\""));
    unsetenv("AWS_MAX_ATTEMPTS");
    setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    unlink(path);
}

static void an_empty_quota_ends_retries(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.status = 500}};
    SCRIPT(w, replies);
    for (int i = 0; i < 50; i++) /* two retries of 5 tokens each: 500 are gone */
        ask(w);
    assert_int_equal(w->attempts, 3);
    ask(w);
    assert_int_equal(w->attempts, 1);
    static const struct reply fine[] = {{.status = 200}};
    SCRIPT(w, fine);
    for (int i = 0; i < 5; i++)
        ask(w);
    SCRIPT(w, replies);
    ask(w);
    assert_int_equal(w->attempts, 2); /* five calls that ended well paid for one */
}

/* ---- what is mended ---- */

static void a_skewed_clock_is_mended_once_and_stays_so(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.status = 200, .how = REPLY_SKEW}};
    SCRIPT(w, replies);
    ask(w);
    assert_int_equal(w->status, 200);
    assert_int_equal(w->attempts, 2);
    ask(w);
    assert_int_equal(w->attempts, 1);
}

static void skew_without_a_difference_is_an_error_like_any_other(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {
        {.status = 403, .body = "{\"__type\":\"InvalidSignatureException\"}"}};
    SCRIPT(w, replies);
    ask(w);
    assert_int_equal(w->status, 403);
    assert_int_equal(w->attempts, 1);
}

static void expired_credentials_are_asked_for_again_once(void **state)
{
    struct world *w = *state;
    static const struct reply once[] = {
        {.status = 400, .body = "{\"__type\":\"ExpiredTokenException\"}"}, {.status = 200}};
    static const struct reply always[] = {
        {.status = 400, .body = "{\"__type\":\"ExpiredTokenException\"}"}};
    SCRIPT(w, once);
    ask(w);
    assert_int_equal(w->status, 200);
    assert_int_equal(w->attempts, 2);
    SCRIPT(w, always);
    ask(w);
    assert_int_equal(w->status, 400);
    assert_int_equal(w->attempts, 2);
}

static void without_credentials_nothing_is_sent(void **state)
{
    struct world *w = *state;
    struct credential_chain *chain = NULL;
    struct credential_options none = {
        .loop = w->loop, .http = w->http, .imds_endpoint = "http://127.0.0.1:1"};
    static const char *const variables[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                            "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"};
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        unsetenv(variables[i]);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    assert_int_equal(credential_chain_new(&none, &chain), OK);
    w->options.credentials = chain;
    make_client(w);
    ask(w);
    assert_int_equal(w->code, ERR_CREDENTIALS);
    assert_int_equal(w->attempts, 0);
    assert_false(w->sent);
    assert_int_equal(requests(w), 0);
    /* And when many fail at once, each is told, one after the other. */
    w->options.max_concurrency = 1;
    make_client(w);
    w->done = 0;
    for (int i = 0; i < MANY; i++)
        begin(w, "describe_services", NULL);
    wait(w, MANY);
    assert_int_equal(w->code, ERR_CREDENTIALS);
    client_free(w->client);
    w->client = NULL;
    credential_chain_free(chain);
    unsetenv("AWS_EC2_METADATA_DISABLED");
}

/* ---- many at once ---- */

static void calls_beyond_the_limit_wait_in_order(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.status = 200, .delay_ms = 1}};
    w->options.max_concurrency = 1;
    make_client(w);
    SCRIPT(w, replies);
    for (int i = 0; i < 20; i++) {
        struct fault fault = {0};
        char body[16];
        snprintf(body, sizeof body, "%02d", i);
        assert_int_equal(send_body(w, "describe_services", body, NULL, &fault), OK);
    }
    wait(w, 20);
    assert_int_equal(reply_server_most_at_once(w->server), 1);
    for (int i = 0; i < 20; i++)
        assert_int_equal(atoi(reply_server_body(w->server, i)), i);
}

static void two_hundred_calls_are_under_way_at_once(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.status = 200, .together = MANY}};
    w->options.max_concurrency = MANY;
    w->options.timeout_ms = 20000;
    make_client(w);
    SCRIPT(w, replies);
    for (int i = 0; i < MANY; i++)
        begin(w, "describe_services", NULL);
    wait(w, MANY);
    assert_int_equal(requests(w), MANY);
    assert_int_equal(reply_server_most_at_once(w->server), MANY);
}

static void a_cancelled_call_is_never_told(void **state)
{
    struct world *w = *state;
    struct client_call *calls[3];
    w->options.max_concurrency = 2;
    make_client(w);
    for (int i = 0; i < 3; i++)
        begin(w, "describe_services", &calls[i]);
    client_cancel(calls[2]); /* it waits for its turn */
    client_cancel(calls[0]); /* it is under way */
    wait(w, 1);
    assert_int_equal(w->code, OK);
    ask(w);
    assert_int_equal(w->code, OK);
}

static void the_place_of_a_cancelled_call_is_taken_by_the_next(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.how = REPLY_STALL}, {.status = 200}};
    struct client_call *first;
    w->options.max_concurrency = 1;
    make_client(w);
    SCRIPT(w, replies);
    begin(w, "describe_services", &first);
    begin(w, "describe_services", NULL);
    while (requests(w) == 0)
        (void)loop_turn(w->loop, true);
    client_cancel(first);
    wait(w, 1);
    assert_int_equal(w->status, 200);
}

static void a_callback_may_cancel_another_call(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.status = 200}, {.how = REPLY_STALL}};
    SCRIPT(w, replies);
    struct client_call *first, *second;
    begin(w, "describe_services", &first);
    while (requests(w) == 0)
        (void)loop_turn(w->loop, true);
    begin(w, "describe_services", &second);
    w->cancel_in_done = second;
    wait(w, 1);
    assert_null(w->cancel_in_done);
}

static void a_callback_may_free_the_client(void **state)
{
    struct world *w = *state;
    w->options.max_concurrency = 1;
    make_client(w);
    for (int i = 0; i < 5; i++)
        begin(w, "describe_services", NULL);
    w->free_in_done = true;
    wait(w, 1);
    assert_null(w->client);
}

static void a_client_may_go_with_calls_in_every_state(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {{.status = 503, .headers = "Retry-After: 10\r\n"},
                                           {.how = REPLY_STALL}};
    w->options.max_concurrency = 3;
    w->options.rate_per_s = 0.5; /* the third waits for a token */
    make_client(w);
    SCRIPT(w, replies);
    for (int i = 0; i < 5; i++)
        begin(w, "describe_services", NULL);
    while (requests(w) == 0)
        (void)loop_turn(w->loop, true);
    client_free(w->client);
    w->client = NULL;
    assert_int_equal(w->done, 0);
}

/* ---- rates ---- */

static int64_t took_ms(struct world *w, const char *operation, int calls)
{
    const struct clock real = {0};
    int64_t before_ns = clock_mono_ns(&real);
    w->done = 0;
    for (int i = 0; i < calls; i++)
        begin(w, operation, NULL);
    wait(w, calls);
    return (clock_mono_ns(&real) - before_ns) / 1000000;
}

static void a_rate_spreads_the_calls(void **state)
{
    struct world *w = *state;
    w->options.rate_per_s = 20;
    make_client(w);
    assert_true(took_ms(w, "describe_services", 7) >= 240); /* two at once, five each 50 ms */
}

static void a_cancelled_call_gives_its_token_back(void **state)
{
    struct world *w = *state;
    struct client_call *calls[20];
    w->options.rate_per_s = 10;
    make_client(w);
    for (int i = 0; i < 20; i++)
        begin(w, "describe_services", &calls[i]);
    for (int i = 1; i < 20; i++)
        client_cancel(calls[i]);
    assert_true(took_ms(w, "list_clusters", 1) < 1500); /* two seconds, were they not */
}

static void get_metric_data_has_a_rate_of_its_own(void **state)
{
    struct world *w = *state;
    struct model *model = NULL;
    struct fault fault = {0};
    assert_int_equal(model_load("cloudwatch", NULL, &model, &fault), OK);
    use_model(w, model);
    assert_true(took_ms(w, "get_metric_data", 15) >= 190); /* five at once, ten each 20 ms */
    w->options.rate_per_s = -1;
    make_client(w);
    assert_true(took_ms(w, "get_metric_data", 15) < 5000);
}

static void clients_of_one_region_share_the_rate(void **state)
{
    struct world *w = *state;
    struct model *model = NULL;
    struct client *others[15] = {NULL};
    struct fault fault = {0};
    const struct clock real = {0};
    assert_int_equal(rates_new(&w->options.rates), OK);
    assert_int_equal(model_load("cloudwatch", NULL, &model, &fault), OK);
    use_model(w, model);
    struct client *first = w->client;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_int_equal(client_new(&w->options, &others[i], &fault), OK);
    int64_t before_ns = clock_mono_ns(&real);
    w->done = 0;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        w->client = others[i];
        begin(w, "get_metric_data", NULL);
    }
    wait(w, COUNT_OF(others));
    assert_true(clock_mono_ns(&real) - before_ns >= 190 * 1000000ll);
    w->client = first;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        client_free(others[i]);
    client_free(w->client);
    w->client = NULL;
    rates_free(w->options.rates);
}

/* How long a call takes that is throttled once. Nothing was measured yet: half a call a second
 * until something is. */
static int64_t throttled_once_ms(struct world *w)
{
    static const struct reply replies[] = {{.status = 429}, {.status = 200}};
    make_client(w);
    SCRIPT(w, replies);
    const struct clock real = {0};
    int64_t before_ns = clock_mono_ns(&real);
    ask(w);
    assert_int_equal(w->status, 200);
    return (clock_mono_ns(&real) - before_ns) / 1000000;
}

static void the_adaptive_mode_slows_down_after_throttling(void **state)
{
    struct world *w = *state;
    w->options.retry_mode = RETRY_MODE_ADAPTIVE;
    assert_true(throttled_once_ms(w) >= 500);
}

static void the_environment_may_choose_the_adaptive_mode(void **state)
{
    struct world *w = *state;
    struct fault fault = {0};
    struct client *client = NULL;
    setenv("AWS_RETRY_MODE", "Adaptive", 1);
    assert_true(throttled_once_ms(w) >= 500);
    setenv("AWS_RETRY_MODE", "eager", 1);
    assert_int_equal(client_new(&w->options, &client, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.text, "AWS_RETRY_MODE is \"eager\""));
    unsetenv("AWS_RETRY_MODE");
}

/* ---- the rest ---- */

static void a_dry_run_sends_only_what_reads(void **state)
{
    struct world *w = *state;
    struct fault fault = {0};
    w->options.dry_run = true;
    make_client(w);
    assert_int_equal(
        send_body(w, "update_service", "{\"service\":\"api\",\"password\":\"p4ss\"}", NULL, &fault),
        ERR_DENIED);
    assert_non_null(strstr(fault.text, "dry run: ecs update_service was not sent: POST "));
    assert_non_null(strstr(fault.text, w->endpoint));
    assert_non_null(strstr(fault.text, "\"service\":\"api\""));
    assert_null(strstr(fault.text, "p4ss"));
    assert_int_equal(requests(w), 0);
    ask(w);
    assert_int_equal(w->status, 200);
}

static void note(void *data, const struct client_metrics *metrics)
{
    struct client_metrics *out = data;
    assert_null(out->operation); /* only one was called */
    *out = *metrics;
}

static void what_was_called_is_counted(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {
        {.status = 429}, {.status = 500}, {.status = 200}, {.status = 400}, {.status = 200}};
    struct client_metrics m = {0};
    SCRIPT(w, replies);
    for (int i = 0; i < 3; i++)
        ask(w);
    client_each_metric(w->client, note, &m);
    assert_string_equal(m.operation, "describe_services");
    assert_int_equal(m.calls, 3);
    assert_int_equal(m.attempts, 5);
    assert_int_equal(m.retries, 2);
    assert_int_equal(m.throttles, 1);
    assert_int_equal(m.failures, 1);
    assert_true(m.p50_ms > 0 && m.p50_ms <= m.p90_ms && m.p90_ms <= m.p99_ms);
}

static void a_trace_shows_the_call_without_its_secrets(void **state)
{
    struct world *w = *state;
    static const struct reply replies[] = {
        {.status = 200,
         .headers = "Set-Cookie: c00kie\r\n",
         .body = "{\"Credentials\":{\"SecretAccessKey\":\"s3cret\",\"n\":[1]},\"ok\":\"shown\"}"}};
    char path[] = "/tmp/moontide-trace-XXXXXX", text[16384];
    int fd = mkstemp(path), saved = dup(STDERR_FILENO);
    assert_true(fd >= 0 && saved >= 0);
    w->options.trace = true;
    make_client(w);
    SCRIPT(w, replies);
    fflush(stderr);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    ask(w);
    fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    close(fd);
    unlink(path);
    assert_true(n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "> ecs describe_services, attempt 1\n> POST http://127.0.0.1:"));
    assert_non_null(strstr(text, "> x-amz-target: Ecs.DescribeServices\n"));
    assert_non_null(strstr(text, "Signature=***\n"));
    assert_non_null(strstr(text, "> x-amz-security-token: ***\n"));
    assert_non_null(strstr(text, "< ecs describe_services: 200 after "));
    assert_non_null(strstr(text, "\"ok\":\"shown\""));
    static const char *const secrets[] = {"session-token-text", "wJalrXUtnFEMI", "c00kie",
                                          "s3cret"};
    for (size_t i = 0; i < COUNT_OF(secrets); i++)
        assert_null(strstr(text, secrets[i]));
}

static void a_client_needs_a_region_and_an_endpoint(void **state)
{
    struct world *w = *state;
    struct fault fault = {0};
    struct client *client = NULL;
    w->options.region = NULL;
    assert_int_equal(client_new(&w->options, &client, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.text, "no region"));
    w->options.region = "eu-west-1";
    w->options.endpoint = "nonsense";
    assert_int_equal(client_new(&w->options, &client, &fault), ERR_INVALID);
    w->options.endpoint = NULL;
    make_client(w);
    assert_string_equal(client_endpoint(w->client), "https://ecs.eu-west-1.amazonaws.com");
    assert_string_equal(client_region(w->client), "eu-west-1");
    assert_ptr_equal(client_model(w->client), w->model);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_call_is_signed_and_answered),
        FACT(a_call_says_who_it_is_as_the_sdks_do),
        FACT(the_callers_request_can_be_filled_again_at_once),
        FACT(an_operation_without_authorization_is_not_signed),
        FACT(a_client_without_credentials_sends_unsigned),
        FACT(s3_is_signed_with_the_hash_of_its_body),
        FACT(a_payload_stays_signed_where_nothing_else_protects_it),
        FACT(over_tls_a_large_payload_need_not_be_signed),
        FACT(a_host_prefix_goes_before_the_name_of_the_service),
        FACT(the_endpoints_own_path_goes_before_the_requests),
        FACT(what_is_transient_is_asked_again),
        FACT(what_is_the_callers_fault_is_not_asked_again),
        FACT(the_last_answer_is_given_when_all_attempts_failed),
        FACT(a_failure_of_the_network_names_service_operation_and_host),
        FACT(nobody_there_means_that_nothing_was_sent),
        FACT(a_stalled_answer_times_out_and_is_asked_again),
        FACT(an_answer_that_does_not_begin_ends_at_its_own_timeout),
        FACT(a_trickled_answer_is_waited_for),
        FACT(it_waits_as_long_as_it_was_told_and_no_longer_than_its_cap),
        FACT(attempts_come_from_the_caller_the_environment_the_profile),
        FACT(an_empty_quota_ends_retries),
        FACT(a_skewed_clock_is_mended_once_and_stays_so),
        FACT(skew_without_a_difference_is_an_error_like_any_other),
        FACT(expired_credentials_are_asked_for_again_once),
        FACT(without_credentials_nothing_is_sent),
        FACT(calls_beyond_the_limit_wait_in_order),
        FACT(two_hundred_calls_are_under_way_at_once),
        FACT(a_cancelled_call_is_never_told),
        FACT(the_place_of_a_cancelled_call_is_taken_by_the_next),
        FACT(a_callback_may_cancel_another_call),
        FACT(a_callback_may_free_the_client),
        FACT(a_client_may_go_with_calls_in_every_state),
        FACT(a_rate_spreads_the_calls),
        FACT(a_cancelled_call_gives_its_token_back),
        FACT(get_metric_data_has_a_rate_of_its_own),
        FACT(clients_of_one_region_share_the_rate),
        FACT(the_adaptive_mode_slows_down_after_throttling),
        FACT(the_environment_may_choose_the_adaptive_mode),
        FACT(a_dry_run_sends_only_what_reads),
        FACT(what_was_called_is_counted),
        FACT(a_trace_shows_the_call_without_its_secrets),
        FACT(a_client_needs_a_region_and_an_endpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
