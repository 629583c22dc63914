/* The way from the shared files to datapoints in a series, while each of its allocations fails in
 * turn: every failure is told, none crashes, leaks (the sanitizer's part) or leaves a handle open.
 */
#include "moontide/aws/cloudwatch.h"
#include "moontide/aws/credentials.h"
#include "moontide/aws/endpoint.h"
#include "moontide/base/err.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "support/alloc_fail.h"
#include "support/answer_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ALLOCATIONS_MAX = 5000, TURNS_MAX = 10000, PERIOD = 60, SLOTS = 12, END = 1767225600 };

/* The server has a process of its own, where nothing fails. */
static pid_t server_pid;
static int server_port;
static char config[] = "/tmp/moontide-memory-XXXXXX";

static void serve(int fd)
{
    uv_loop_t *loop = uv_default_loop();
    struct answer_server *server = answer_server_new(loop, NULL, -1);
    int port = server ? answer_server_port(server) : 0;
    if (write(fd, &port, sizeof port) != sizeof port) _exit(1);
    uv_run(loop, UV_RUN_DEFAULT);
    _exit(0);
}

static int start(void **state)
{
    static const char keys[] = "[default]\ns3 =\n  a = b\nrole =\nregion = eu-west-1\n  more\n"
                               "aws_access_key_id = A\naws_secret_access_key = s\n";
    int fds[2], fd = mkstemp(config);
    (void)state;
    if (fd < 0 || write(fd, keys, sizeof keys - 1) != sizeof keys - 1 || close(fd) < 0) return -1;
    setenv("AWS_CONFIG_FILE", config, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_PROFILE");
    if (pipe(fds) < 0) return -1;
    server_pid = fork();
    if (server_pid == 0) serve(fds[1]);
    ssize_t n = read(fds[0], &server_port, sizeof server_port);
    close(fds[0]);
    close(fds[1]);
    return n == sizeof server_port && server_port > 0 ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    unlink(config);
    kill(server_pid, SIGKILL);
    return waitpid(server_pid, NULL, 0) == server_pid ? 0 : -1;
}

struct journey {
    struct loop *loop;
    struct http *http;
    struct credential_chain *chain;
    struct cloudwatch *client;
    char *endpoint;
    struct metric *metrics[2];
    struct metric_question questions[2];
    int times, code;
    uint64_t datapoints;
};

static void on_done(void *data, const struct cloudwatch_result *result)
{
    struct journey *j = data;
    j->times++;
    j->code = result->code;
    j->datapoints = result->datapoints;
    if (result->code < 0) assert_true(result->fault.text[0] != '\0');
}

static int make_questions(struct journey *j)
{
    struct metric plain = {.namespace_name = "N", .name = "M", .stat = "Sum", .period_s = PERIOD};
    int code = metric_new(&plain, &j->metrics[0]);
    if (code < 0) return code;
    const struct metric_input input = {"e", j->metrics[0]};
    struct metric math = {
        .expression = "e * 2", .period_s = PERIOD, .inputs = &input, .input_count = 1};
    code = metric_new(&math, &j->metrics[1]);
    for (int i = 0; i < 2 && code == OK; i++) {
        code = series_new(PERIOD, SLOTS, &j->questions[i].series);
        j->questions[i].metric = j->metrics[i];
        if (code == OK) series_move(j->questions[i].series, END);
    }
    return code;
}

static int prepare(struct journey *j, const char *mode)
{
    char url[96];
    struct fault fault = {0};
    int code = make_questions(j);
    if (code == OK) code = loop_new(&j->loop);
    if (code == OK) code = http_new(j->loop, NULL, &j->http);
    struct credential_options chain = {.loop = j->loop, .http = j->http};
    if (code == OK) code = credential_chain_new(&chain, &j->chain);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/mode/%s", server_port, mode);
    if (code == OK)
        code = endpoint_resolve("cloudwatch", "monitoring", "eu-west-1", NULL, url, &j->endpoint,
                                &fault);
    struct cloudwatch_options options = {.loop = j->loop,
                                         .http = j->http,
                                         .credentials = j->chain,
                                         .region = "eu-west-1",
                                         .endpoint = j->endpoint,
                                         .backoff = {.base_ms = 1}};
    return code == OK ? cloudwatch_new(&options, &j->client) : code;
}

static int travel(const char *mode, uint64_t *datapoints)
{
    struct journey j = {0};
    int code = prepare(&j, mode);
    if (code == OK)
        code = cloudwatch_get_metric_data(j.client, j.questions, 2, END - SLOTS * PERIOD, END,
                                          PERIOD, on_done, &j, NULL);
    if (code == OK) {
        for (int i = 0; i < TURNS_MAX && j.times == 0; i++)
            (void)loop_turn(j.loop, true);
        assert_int_equal(j.times, 1);
        code = j.code;
        for (int i = 0; i < 2; i++)
            assert_true(code == OK || j.questions[i].state == SERIES_FAILED);
    } else {
        assert_int_equal(j.times, 0);
    }
    *datapoints = j.datapoints;
    cloudwatch_free(j.client);
    credential_chain_free(j.chain);
    http_free(j.http);
    free(j.endpoint);
    for (int i = 0; i < 2; i++) {
        metric_release(j.metrics[i]);
        free(j.questions[i].series);
    }
    if (j.loop) assert_int_equal(loop_free(j.loop), 0);
    return code;
}

static void fail_each(const char *mode, uint64_t whole)
{
    uint64_t datapoints;
    bool all = false;
    unsigned tried = 0;
    while (tried < ALLOCATIONS_MAX && !all) {
        alloc_fail_at(++tried);
        int code = travel(mode, &datapoints);
        all = !alloc_fail_done();
        assert_true(code <= 0);
        if (all) assert_int_equal(code, OK);
    }
    assert_true(all);
    assert_true(tried > 30); /* it was the way that failed, not its first step */
    assert_int_equal(datapoints, whole);
}

static void any_allocation_of_a_call_may_fail(void **state)
{
    (void)state;
    fail_each("ok", 2 * SLOTS);
}

static void any_allocation_of_pages_may_fail(void **state)
{
    (void)state;
    fail_each("pages:3", 2 * SLOTS);
}

static void any_allocation_of_another_round_may_fail(void **state)
{
    (void)state;
    fail_each("partial", SLOTS + 6 * SLOTS / 2);
}

static void any_allocation_of_another_protocol_may_fail(void **state)
{
    (void)state;
    fail_each("query-only", 2 * SLOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_of_a_call_may_fail),
        cmocka_unit_test(any_allocation_of_pages_may_fail),
        cmocka_unit_test(any_allocation_of_another_round_may_fail),
        cmocka_unit_test(any_allocation_of_another_protocol_may_fail),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
