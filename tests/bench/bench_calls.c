/* bench/bench_calls.c - signed calls over HTTPS keep-alive to a server on loopback (a process of
 * its own): medians of the calls a second of this process' CPU time.
 *
 *   bench_calls [CALLS [AT_ONCE [NAME]]]      NAME: one of those below
 *   bench_calls serve                         only the server: "PORT CA_FILE", until input ends
 *
 *   lua        a script that calls client:describe_services()
 *   client     the generic client in C, which only hands the answer over
 *   http       io/http alone, unsigned
 *   curl-uv    libcurl alone, unsigned, on libuv: what no client on libcurl and libuv can pass
 *   curl-poll  the same by curl_multi_poll() */
#include "bench_calls.h"

#include "moontide/aws/client.h"
#include "moontide/base/clock.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "support/fault_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char body[] = "{\"cluster\":\"gm-tool-production\",\"services\":[\"api\"]}";

struct hello {
    int port;
    char ca_file[64];
};

struct bench {
    struct loop *loop;
    struct http *http;
    struct client *client;
    const struct operation *operation;
    struct wire_request request;
    char url[64];
    struct model *model;
    struct credentials *keys;
    struct credential_chain *chain;
    struct lua_calls *lua;
    struct curl_calls *curl_uv, *curl_poll;
    bool by_client;
    int left, under_way, at_once, failed;
};

enum { ROUNDS = 5 };

void calls_die(const char *what)
{
    fprintf(stderr, "bench_calls: %s\n", what);
    exit(1);
}

static void serve(int fd)
{
    struct loop *loop = NULL;
    struct hello hello = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive a benchmark that failed */
    if (loop_new(&loop) < 0) _exit(1);
    struct fault_server *server = fault_server_new(loop, "localhost", hello.ca_file);
    if (!server) _exit(1);
    hello.port = fault_server_port(server);
    if (write(fd, &hello, sizeof hello) != sizeof hello) _exit(1);
    (void)loop_run(loop);
    _exit(0);
}

/* ---- calls of the client ---- */

static void go_on(struct bench *b);

static void on_call(void *data, const struct client_result *result)
{
    struct bench *b = data;
    b->under_way--;
    if (result->code < 0) calls_die(result->fault.text);
    b->failed += result->response.status != 200;
    go_on(b);
}

static void call_once(struct bench *b)
{
    struct wire_request *r = &b->request;
    struct fault fault = {0};
    strbuf_adds(&r->uri, "/");
    strbuf_add(&r->body, body, sizeof body - 1);
    if (wire_set_header(r, "content-type", "application/x-amz-json-1.1", 26) < 0 ||
        wire_set_header(r, "x-amz-target", "AmazonEC2ContainerServiceV20141113.DescribeServices",
                        51) < 0 ||
        client_send(b->client, b->operation, r, on_call, b, NULL, &fault) < 0)
        calls_die(fault.text);
}

/* ---- the same without the client ---- */

static void on_answer(void *data, const struct http_response *response)
{
    struct bench *b = data;
    b->under_way--;
    if (response->code < 0) calls_die(response->fault.text);
    b->failed += response->status != 200;
    go_on(b);
}

static void send_once(struct bench *b)
{
    static const struct http_header headers[] = {{"content-type", "application/x-amz-json-1.1"}};
    struct http_request request = {
        .method = "POST",
        .url = b->url,
        .headers = headers,
        .header_count = 1,
        .body = body,
        .body_len = sizeof body - 1,
    };
    if (http_send(b->http, &request, on_answer, b, NULL) < 0) calls_die("cannot send");
}

static void go_on(struct bench *b)
{
    while (b->left > 0 && b->under_way < b->at_once) {
        b->left--;
        b->under_way++;
        if (b->by_client)
            call_once(b);
        else
            send_once(b);
    }
    if (b->under_way == 0) loop_stop(b->loop);
}

static void repeat(struct bench *b, int calls)
{
    b->left = calls;
    go_on(b);
    (void)loop_run(b->loop);
    if (b->failed > 0) calls_die("calls failed");
}

static void run_lua(struct bench *b, int calls)
{
    lua_calls_run(b->lua, calls);
}

static void run_client(struct bench *b, int calls)
{
    b->by_client = true;
    repeat(b, calls);
}

static void run_http(struct bench *b, int calls)
{
    b->by_client = false;
    repeat(b, calls);
}

static void run_curl_uv(struct bench *b, int calls)
{
    curl_calls_run(b->curl_uv, calls);
}

static void run_curl_poll(struct bench *b, int calls)
{
    curl_calls_run(b->curl_poll, calls);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* All in turn, so that what else the machine does disturbs all alike. */
static void run_all(struct bench *b, int calls, const char *only)
{
    static const struct {
        const char *name;
        void (*run)(struct bench *b, int calls);
    } ways[] = {{"lua", run_lua},
                {"client", run_client},
                {"http", run_http},
                {"curl-uv", run_curl_uv},
                {"curl-poll", run_curl_poll}};
    double us[COUNT_OF(ways)][ROUNDS];
    for (int round = -1; round < ROUNDS; round++)
        for (size_t i = 0; i < COUNT_OF(ways); i++) {
            if (only && strcmp(only, ways[i].name) != 0) continue;
            int64_t cpu_ns = clock_cpu_ns();
            ways[i].run(b, round < 0 ? b->at_once * 4 : calls); /* the first: connections, caches */
            if (round >= 0) us[i][round] = (double)(clock_cpu_ns() - cpu_ns) / 1e3 / calls;
        }
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        if (only && strcmp(only, ways[i].name) != 0) continue;
        qsort(us[i], ROUNDS, sizeof(double), by_value);
        printf("%-10s median %7.0f calls a second of CPU  %6.2f us each  best %7.0f\n",
               ways[i].name, 1e6 / us[i][ROUNDS / 2], us[i][ROUNDS / 2], 1e6 / us[i][0]);
    }
}

/* ---- what is measured ---- */

static void open_client(struct bench *b)
{
    struct fault fault = {0};
    if (credentials_new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL, 0,
                        "configuration", &b->keys) < 0)
        calls_die("out of memory");
    struct credential_options explicit_keys = {
        .loop = b->loop, .http = b->http, .explicit_credentials = b->keys};
    if (credential_chain_new(&explicit_keys, &b->chain) < 0) calls_die("out of memory");
    if (model_load("ecs", NULL, &b->model, &fault) < 0) calls_die(fault.text);
    struct client_options options = {
        .loop = b->loop,
        .http = b->http,
        .credentials = b->chain,
        .model = b->model,
        .region = "eu-west-1",
        .endpoint = b->url,
        .max_concurrency = b->at_once,
    };
    if (client_new(&options, &b->client, &fault) < 0) calls_die(fault.text);
    b->operation = model_operation(b->model, "describe_services");
    wire_request_init(&b->request);
}

static void close_client(struct bench *b)
{
    wire_request_done(&b->request);
    client_free(b->client);
    model_release(b->model);
    credential_chain_free(b->chain);
    credentials_release(b->keys);
}

static pid_t start_server(struct hello *hello)
{
    int fds[2];
    if (pipe(fds) < 0) calls_die("no pipe");
    pid_t pid = fork();
    if (pid == 0) serve(fds[1]);
    if (pid < 0 || read(fds[0], hello, sizeof *hello) != sizeof *hello) calls_die("no server");
    return pid;
}

static void stop_server(pid_t pid, const struct hello *hello)
{
    unlink(hello->ca_file);
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static void measure(struct bench *b, const struct hello *hello, int calls, const char *only)
{
    struct http_options http = {.max_host_connections = b->at_once, .ca_file = hello->ca_file};
    snprintf(b->url, sizeof b->url, "https://localhost:%d/ecs/", hello->port);
    struct calls what = {b->url, hello->ca_file, body, sizeof body - 1, b->at_once};
    if (loop_new(&b->loop) < 0 || http_new(b->loop, &http, &b->http) < 0) calls_die("cannot start");
    open_client(b);
    b->lua = lua_calls_new(&what, b->loop, b->http);
    b->curl_uv = curl_calls_new(&what, true);
    b->curl_poll = curl_calls_new(&what, false);
    run_all(b, calls, only);
    curl_calls_free(b->curl_uv);
    curl_calls_free(b->curl_poll);
    lua_calls_free(b->lua);
    close_client(b);
    http_free(b->http);
    (void)loop_free(b->loop);
}

int main(int argc, char **argv)
{
    bool only_serve = argc > 1 && strcmp(argv[1], "serve") == 0;
    int calls = argc > 1 && !only_serve ? atoi(argv[1]) : 20000;
    struct bench b = {.at_once = argc > 2 ? atoi(argv[2]) : 8};
    struct hello hello;
    if (calls < 1 || b.at_once < 1) calls_die("bench_calls [CALLS [AT_ONCE [NAME]]] | serve");
    pid_t pid = start_server(&hello);
    if (only_serve) {
        printf("%d %s\n", hello.port, hello.ca_file);
        (void)fflush(stdout);
        while (getchar() != EOF)
            ;
    } else {
        measure(&b, &hello, calls, argc > 3 ? argv[3] : NULL);
    }
    stop_server(pid, &hello);
    return 0;
}
