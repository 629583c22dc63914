/* Each allocation of a client and of its calls fails in turn: it says so, forgets nothing and leaks
 * nothing. The server is another process, so that its allocations do not count. */
#include "moontide/aws/client.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "support/alloc_fail.h"
#include "support/reply_server.h"

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

enum { ALLOCATIONS_MAX = 2000, TURNS_MAX = 10000, CALLS = 3 };
enum { FINE, BUSY, SERVERS };

static const struct reply replies[SERVERS] = {
    [FINE] = {.status = 200, .body = "{}"},
    [BUSY] = {.status = 503, .body = "{\"__type\":\"SlowDown\"}"},
};
static int ports[SERVERS];
static pid_t server_pid;
static struct model *model;

static void serve(int fd)
{
    uv_loop_t loop;
    int open[SERVERS];
    if (uv_loop_init(&loop) < 0) _exit(1);
    for (int i = 0; i < SERVERS; i++) {
        struct reply_server *server = reply_server_new(&loop, &replies[i], 1);
        if (!server) _exit(1);
        open[i] = reply_server_port(server);
    }
    if (write(fd, open, sizeof open) != sizeof open) _exit(1);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    _exit(0);
}

static int start(void **state)
{
    struct fault fault = {0};
    int fds[2];
    (void)state;
    setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    if (pipe(fds) < 0 || (server_pid = fork()) < 0) return -1;
    if (server_pid == 0) serve(fds[1]);
    close(fds[1]);
    ssize_t n = read(fds[0], ports, sizeof ports);
    close(fds[0]);
    if (model_load("ecs", NULL, &model, &fault) < 0) return -1;
    return n == sizeof ports ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    model_release(model);
    kill(server_pid, SIGKILL);
    return waitpid(server_pid, NULL, 0) == server_pid ? 0 : -1;
}

struct journey {
    struct loop *loop;
    struct http *http;
    struct credential_chain *chain;
    struct client *client;
    int started, told, fine;
};

static void on_done(void *data, const struct client_result *result)
{
    struct journey *j = data;
    j->told++;
    j->fine += result->code == OK;
    if (result->code < 0) assert_true(result->fault.text[0] != '\0');
}

static int prepare(struct journey *j, int server)
{
    char url[64];
    struct fault fault = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ports[server]);
    int code = loop_new(&j->loop);
    if (code == OK) code = http_new(j->loop, NULL, &j->http);
    struct credential_options chain = {.loop = j->loop, .http = j->http};
    if (code == OK) code = credential_chain_new(&chain, &j->chain);
    if (code < 0) return code;
    struct client_options options = {
        .loop = j->loop,
        .http = j->http,
        .credentials = j->chain,
        .model = model,
        .region = "eu-west-1",
        .endpoint = url,
        .backoff = {.base_ms = 1},
        .max_concurrency = 1,
        .rate_per_s = 10000,
    };
    code = client_new(&options, &j->client, &fault);
    if (code < 0) assert_int_equal(fault.code, code);
    return code;
}

static int send_one(struct journey *j)
{
    struct wire_request request;
    struct fault fault = {0};
    wire_request_init(&request);
    strbuf_adds(&request.uri, "/");
    strbuf_adds(&request.body, "{}");
    int code = wire_set_header(&request, "content-type", "application/x-amz-json-1.1", 26);
    if (code == OK) code = strbuf_status(&request.uri);
    if (code == OK) code = strbuf_status(&request.body);
    if (code == OK) {
        size_t len = request.body.len;
        code = client_send(j->client, model_operation(model, "describe_services"), &request,
                           on_done, j, NULL, &fault);
        assert_int_equal(request.body.len, code == OK ? 0 : len); /* taken, or as it was */
        if (code < 0) assert_true(fault.text[0] != '\0');
    }
    wire_request_done(&request);
    return code;
}

/* ERR_NOMEM when anything failed. */
static int travel(int server)
{
    struct journey j = {0};
    int code = prepare(&j, server);
    for (int i = 0; i < CALLS && code == OK; i++)
        j.started += send_one(&j) == OK;
    for (int i = 0; i < TURNS_MAX && j.told < j.started; i++)
        (void)loop_turn(j.loop, true);
    assert_int_equal(j.told, j.started);
    bool whole = j.fine == CALLS;
    client_free(j.client);
    credential_chain_free(j.chain);
    http_free(j.http);
    if (j.loop) assert_int_equal(loop_free(j.loop), 0);
    return whole ? OK : ERR_NOMEM;
}

static void fail_each(int server)
{
    bool all = false;
    unsigned tried = 0;
    while (tried < ALLOCATIONS_MAX && !all) {
        alloc_fail_at(++tried);
        int code = travel(server);
        all = !alloc_fail_done();
        if (all) assert_int_equal(code, OK);
    }
    assert_true(all);
    assert_true(tried > 40); /* it was the way that failed, not its first step */
}

static void any_allocation_of_a_call_may_fail(void **state)
{
    (void)state;
    fail_each(FINE);
}

static void any_allocation_of_a_retry_may_fail(void **state)
{
    (void)state;
    fail_each(BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_of_a_call_may_fail),
        cmocka_unit_test(any_allocation_of_a_retry_may_fail),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
