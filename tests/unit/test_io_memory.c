/* The io layer while each of its allocations, and of curl's, fails in turn: every failure is told,
 * none crashes, leaks (the sanitizer's part) or leaves a handle open. */
#include "moontide/base/err.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "moontide/io/watch.h"
#include "support/failing_alloc.h"
#include "support/fault_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ALLOCATIONS_MAX = 5000, TURNS_MAX = 10000 };

/* The server has a process of its own, where nothing fails. */
static pid_t server_pid;
static int server_port;

static int start_server(void **state)
{
    (void)state;
    int fds[2];
    if (pipe(fds) < 0) return -1;
    server_pid = fork();
    if (server_pid < 0) return -1;
    if (server_pid == 0) {
        struct loop *loop = NULL;
        if (loop_new(&loop) < 0) _exit(1);
        struct fault_server *server = fault_server_new(loop, NULL, NULL);
        int port = fault_server_port(server);
        if (write(fds[1], &port, sizeof port) != sizeof port) _exit(1);
        loop_run(loop);
        _exit(0);
    }
    ssize_t n = read(fds[0], &server_port, sizeof server_port);
    close(fds[0]);
    close(fds[1]);
    return n == sizeof server_port ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    kill(server_pid, SIGKILL);
    return waitpid(server_pid, NULL, 0) == server_pid ? 0 : -1;
}

struct outcome {
    int times, code;
    size_t body_len;
};

static void note(void *data, const struct http_response *response)
{
    struct outcome *outcome = data;
    outcome->times++;
    outcome->code = response->code;
    outcome->body_len = response->body_len;
    if (response->code < 0) assert_true(response->fault.text[0] != '\0');
}

/* One request on a fresh client. Returns its code, or that of what failed before. */
static int request_once(struct loop *loop, const char *path, size_t body_len)
{
    struct http *http = NULL;
    int rc = http_new(loop, NULL, &http);
    if (rc < 0) return rc;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server_port, path);
    const struct http_header headers[] = {{"X-One", "1"}, {"X-Two", "2"}};
    struct outcome outcome = {0};
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .header_count = 2,
                                   .body = "body",
                                   .body_len = 4,
                                   .timeout_ms = 1000}; /* where curl loses track, this ends it */
    rc = http_send(http, &request, note, &outcome, NULL);
    for (int turn = 0; rc == OK && !outcome.times && turn < TURNS_MAX; turn++)
        loop_turn(loop, true);
    http_free(http);
    if (rc < 0) return rc;
    assert_int_equal(outcome.times, 1);
    if (outcome.code == OK) assert_int_equal(outcome.body_len, body_len);
    return outcome.code;
}

static void each_allocation_of_a_request_may_fail(void **state)
{
    (void)state;
    int failures = 0;
    for (int nth = 1; nth < ALLOCATIONS_MAX; nth++) {
        struct loop *loop = NULL;
        alloc_fail_at(nth);
        int rc = loop_new(&loop);
        if (rc == OK) rc = request_once(loop, "/bytes/100000", 100000);
        bool failed = alloc_has_failed();
        alloc_fail_at(0);
        assert_int_equal(loop_free(loop), 0);
        if (!failed) {
            assert_int_equal(rc, OK);
            assert_in_range(failures, 10, ALLOCATIONS_MAX);
            return;
        }
        /* Without memory for a socket curl says that it could not connect. */
        assert_true(rc == ERR_NOMEM || rc == ERR_CONNECT);
        failures++;
    }
    fail_msg("there was no end of allocations");
}

static void a_request_survives_each_failed_allocation_of_curl(void **state)
{
    (void)state;
    assert_int_equal(curl_global_init_mem(CURL_GLOBAL_DEFAULT, __wrap_malloc, free, __wrap_realloc,
                                          __wrap_strdup, __wrap_calloc),
                     CURLE_OK);
    int told = 0;
    for (int nth = 1; nth < ALLOCATIONS_MAX; nth++) {
        struct loop *loop = NULL;
        alloc_fail_at(nth);
        int rc = loop_new(&loop);
        if (rc == OK) rc = request_once(loop, "/ok", 5);
        bool failed = alloc_has_failed();
        alloc_fail_at(0);
        assert_int_equal(loop_free(loop), 0);
        if (!failed) {
            assert_int_equal(rc, OK);
            assert_in_range(told, 20, ALLOCATIONS_MAX);
            curl_global_cleanup();
            return;
        }
        told += rc < 0; /* some of them curl can do without */
    }
    fail_msg("there was no end of allocations");
}

static void nothing(void *data)
{
    (void)data;
}

static void ended(void *data, int status)
{
    (void)data;
    (void)status;
}

static int use_loop(struct loop *loop)
{
    struct loop_timer *timer = NULL;
    int rc = loop_timer_start(loop, 1000, nothing, NULL, &timer);
    if (rc < 0) return rc;
    rc = loop_timer_start(loop, 0, nothing, NULL, NULL);
    if (rc == OK) {
        rc = loop_work(loop, nothing, ended, NULL);
        loop_turn(loop, false);
    }
    loop_timer_cancel(timer);
    if (rc < 0) return rc;
    static const char *const directories[] = {"/tmp", "/tmp/moontide-not-there/deep", NULL};
    struct watch_options options = {.directories = directories};
    struct watch *watch = NULL;
    rc = watch_new(loop, &options, nothing, NULL, &watch);
    watch_free(watch);
    return rc;
}

static void each_allocation_of_timers_work_and_watches_may_fail(void **state)
{
    (void)state;
    for (int nth = 1; nth < ALLOCATIONS_MAX; nth++) {
        struct loop *loop = NULL;
        alloc_fail_at(nth);
        int rc = loop_new(&loop);
        if (rc == OK) rc = use_loop(loop);
        bool failed = alloc_has_failed();
        alloc_fail_at(0);
        assert_int_equal(loop_free(loop), 0);
        if (!failed) {
            assert_int_equal(rc, OK);
            assert_in_range(nth, 8, ALLOCATIONS_MAX);
            return;
        }
        assert_true(rc == ERR_NOMEM || rc == OK); /* a watch does without looking nearer once */
    }
    fail_msg("there was no end of allocations");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_request_may_fail),
        cmocka_unit_test(a_request_survives_each_failed_allocation_of_curl),
        cmocka_unit_test(each_allocation_of_timers_work_and_watches_may_fail),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
