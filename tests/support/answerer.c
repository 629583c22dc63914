/* support/answerer.c - the CloudWatch of support/answer_server.c as a program, for benchmarks and
 * integration tests:
 *
 *   answerer [--mode MODE] [--times N] [--port PORT]
 *
 * prints its port on a line of its own and serves until SIGTERM or SIGINT; then it prints how many
 * connections and requests there were on standard error. */
#include "support/answer_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void end(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

int main(int argc, char **argv)
{
    const char *mode = NULL;
    int times = -1, port = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mode") == 0 && i + 1 < argc) {
            mode = argv[++i];
        } else if (strcmp(argv[i], "--times") == 0 && i + 1 < argc) {
            times = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            port = atoi(argv[++i]);
        } else {
            fprintf(stderr, "usage: answerer [--mode MODE] [--times N] [--port PORT]\n");
            return 1;
        }
    }
    uv_loop_t *loop = uv_default_loop();
    uv_signal_t signals[2];
    struct answer_server *server = answer_server_open(loop, port, mode, times);
    if (!server || uv_signal_init(loop, &signals[0]) < 0 || uv_signal_init(loop, &signals[1]) < 0 ||
        uv_signal_start(&signals[0], end, SIGTERM) < 0 ||
        uv_signal_start(&signals[1], end, SIGINT) < 0) {
        fprintf(stderr, "answerer: cannot listen on loopback\n");
        return 1;
    }
    printf("%d\n", answer_server_port(server));
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
    const struct answer_counts *counts = answer_server_counts(server);
    fprintf(stderr, "answerer: %d connections, %d requests (%d CBOR, %d JSON, %d Query)\n",
            counts->connections, counts->requests, counts->by_protocol[0], counts->by_protocol[1],
            counts->by_protocol[2]);
    uv_close((uv_handle_t *)&signals[0], NULL);
    uv_close((uv_handle_t *)&signals[1], NULL);
    answer_server_free(server);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0 ? 0 : 1;
}
