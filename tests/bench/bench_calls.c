/* bench/bench_calls.c - signed calls of the generic client over HTTPS keep-alive to a server on
 * loopback (a process of its own): calls a second of this process' CPU time, and of the wall.
 *
 *   bench_calls [CALLS [AT_ONCE [http | client]]]
 *
 * Beside it the same requests by io/http alone: what the client costs on top of libcurl. */
#include "moontide/aws/client.h"
#include "moontide/base/clock.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "support/fault_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    int left, under_way, at_once, failed;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_calls: %s\n", what);
    exit(1);
}

static void serve(int fd)
{
    struct loop *loop = NULL;
    struct hello hello = {0};
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
    b->failed += result->code < 0 || result->response.status != 200;
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
        die(fault.text);
}

/* ---- the same without the client ---- */

static void on_answer(void *data, const struct http_response *response)
{
    struct bench *b = data;
    b->under_way--;
    b->failed += response->code < 0 || response->status != 200;
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
    if (http_send(b->http, &request, on_answer, b, NULL) < 0) die("cannot send");
}

static void go_on(struct bench *b)
{
    while (b->left > 0 && b->under_way < b->at_once) {
        b->left--;
        b->under_way++;
        if (b->client)
            call_once(b);
        else
            send_once(b);
    }
    if (b->under_way == 0) loop_stop(b->loop);
}

static void run(struct bench *b, const char *name, int calls)
{
    const struct clock real = {0};
    b->left = b->at_once * 4; /* connections are made, caches filled */
    b->failed = 0;
    go_on(b);
    (void)loop_run(b->loop);
    b->left = calls;
    int64_t cpu_ns = clock_cpu_ns(), wall_ns = clock_mono_ns(&real);
    go_on(b);
    (void)loop_run(b->loop);
    cpu_ns = clock_cpu_ns() - cpu_ns;
    wall_ns = clock_mono_ns(&real) - wall_ns;
    if (b->failed > 0) die("calls failed");
    printf("%-10s %8.0f calls a second of CPU  %8.2f us each  %8.0f a second of the wall\n", name,
           calls * 1e9 / (double)cpu_ns, (double)cpu_ns / 1e3 / calls,
           calls * 1e9 / (double)wall_ns);
}

int main(int argc, char **argv)
{
    int calls = argc > 1 ? atoi(argv[1]) : 100000;
    const char *only = argc > 3 ? argv[3] : NULL;
    struct bench b = {.at_once = argc > 2 ? atoi(argv[2]) : 8};
    struct hello hello;
    struct model *model = NULL;
    struct credentials *keys = NULL;
    struct credential_chain *chain = NULL;
    struct client *client = NULL;
    struct fault fault = {0};
    int fds[2];
    if (calls < 1 || b.at_once < 1 || pipe(fds) < 0)
        die("bench_calls [CALLS [AT_ONCE [http | client]]]");
    pid_t pid = fork();
    if (pid == 0) serve(fds[1]);
    if (pid < 0 || read(fds[0], &hello, sizeof hello) != sizeof hello) die("no server");
    struct http_options http = {.max_host_connections = b.at_once, .ca_file = hello.ca_file};
    if (loop_new(&b.loop) < 0 || http_new(b.loop, &http, &b.http) < 0) die("cannot start");
    if (credentials_new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL, 0,
                        "configuration", &keys) < 0)
        die("out of memory");
    struct credential_options explicit_keys = {
        .loop = b.loop, .http = b.http, .explicit_credentials = keys};
    if (credential_chain_new(&explicit_keys, &chain) < 0) die("out of memory");
    if (model_load("ecs", NULL, &model, &fault) < 0) die(fault.text);
    snprintf(b.url, sizeof b.url, "https://localhost:%d/", hello.port);
    struct client_options options = {
        .loop = b.loop,
        .http = b.http,
        .credentials = chain,
        .model = model,
        .region = "eu-west-1",
        .endpoint = b.url,
        .max_concurrency = b.at_once,
    };
    if (client_new(&options, &client, &fault) < 0) die(fault.text);
    b.operation = model_operation(model, "describe_services");
    wire_request_init(&b.request);
    for (int round = 0; round < 3; round++) {
        b.client = NULL;
        if (!only || strcmp(only, "http") == 0) run(&b, "http", calls);
        b.client = client;
        if (!only || strcmp(only, "client") == 0) run(&b, "client", calls);
    }
    wire_request_done(&b.request);
    client_free(client);
    model_release(model);
    credential_chain_free(chain);
    credentials_release(keys);
    http_free(b.http);
    (void)loop_free(b.loop);
    unlink(hello.ca_file);
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    return 0;
}
