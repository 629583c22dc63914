/* io/process.c - a child with three pipes.
 *
 *   process_run --uv_spawn--> RUNNING --exit, and the ends of both outputs--> conclude --> done
 *                                |
 *                                +--time is up: SIGKILL to the group; what still holds the pipes is
 *                                   not waited for--> the same
 *
 * Handles close after the answer, so a run is memory of its own, which its last close callback
 * frees. */
#include "moontide/io/process.h"

#include "moontide/io/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <uv.h>

enum { HANDLES = 4 };

struct process {
    uv_process_t child;
    uv_pipe_t in, out, err;
    uv_write_t write;
    struct loop_timer *timer;
    process_done_fn *done; /* NULL: nobody waits any more */
    void *data;
    char *input;
    int open;    /* handles that are not closed yet */
    int pending; /* exit and the ends of two pipes */
    bool running, timed_out, out_ended, err_ended;
    int64_t exit_status;
    int signal;
    size_t output_len, complaint_len;
    char output[PROCESS_OUTPUT_MAX + 1], complaint[PROCESS_COMPLAINT_MAX + 1], rest[4096];
};

static void closed(uv_handle_t *handle)
{
    struct process *process = handle->data;
    if (--process->open > 0) return;
    /* One that was canceled is killed by now; else init does it, when moontide has ended. */
    if (process->running) (void)waitpid(process->child.pid, NULL, WNOHANG);
    free(process->input);
    free(process);
}

static void close_all(struct process *process)
{
    uv_handle_t *const handles[HANDLES] = {
        (uv_handle_t *)&process->child, (uv_handle_t *)&process->in, (uv_handle_t *)&process->out,
        (uv_handle_t *)&process->err};
    loop_timer_cancel(process->timer);
    process->timer = NULL;
    for (size_t i = 0; i < HANDLES; i++)
        if (!uv_is_closing(handles[i])) uv_close(handles[i], closed);
}

static void kill_group(const struct process *process)
{
    (void)uv_kill(-process->child.pid, SIGKILL); /* ESRCH: it has ended by itself */
}

static void conclude(struct process *process)
{
    process->output[process->output_len] = '\0';
    process->complaint[process->complaint_len] = '\0';
    struct process_result result = {.timed_out = process->timed_out,
                                    .status = process->signal ? -1 : (int)process->exit_status,
                                    .signal = process->signal,
                                    .output = process->output,
                                    .output_len = process->output_len,
                                    .complaint = process->complaint,
                                    .complaint_len = process->complaint_len};
    process_done_fn *done = process->done;
    process->done = NULL;
    close_all(process);
    done(process->data, &result);
}

static void one_ended(struct process *process)
{
    if (--process->pending == 0 && process->done) conclude(process);
}

static void output_ended(struct process *process, uv_stream_t *stream)
{
    bool *ended =
        stream == (uv_stream_t *)&process->out ? &process->out_ended : &process->err_ended;
    if (*ended) return;
    *ended = true;
    (void)uv_read_stop(stream);
    one_ended(process);
}

static void exited(uv_process_t *child, int64_t exit_status, int signal)
{
    struct process *process = child->data;
    process->running = false;
    process->exit_status = exit_status;
    process->signal = signal;
    /* A grandchild may hold the pipes open for ever: once it is late, its words do not count. */
    if (process->timed_out) {
        output_ended(process, (uv_stream_t *)&process->out);
        output_ended(process, (uv_stream_t *)&process->err);
    }
    one_ended(process);
}

static void on_timeout(void *data)
{
    struct process *process = data;
    process->timer = NULL;
    if (process->running) { /* exited() ends it */
        process->timed_out = true;
        kill_group(process);
        return;
    }
    /* It ended in time; somebody that it left behind holds its pipes. */
    output_ended(process, (uv_stream_t *)&process->out);
    output_ended(process, (uv_stream_t *)&process->err);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct process *process = handle->data;
    bool out = handle == (uv_handle_t *)&process->out;
    char *to =
        out ? process->output + process->output_len : process->complaint + process->complaint_len;
    size_t left = out ? PROCESS_OUTPUT_MAX - process->output_len
                      : PROCESS_COMPLAINT_MAX - process->complaint_len;
    (void)suggested;
    *buf = left > 0 ? uv_buf_init(to, (unsigned)left)
                    : uv_buf_init(process->rest, sizeof process->rest);
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct process *process = stream->data;
    if (n < 0)
        output_ended(process, stream);
    else if (buf->base == process->rest)
        return; /* dropped */
    else if (stream == (uv_stream_t *)&process->out)
        process->output_len += (size_t)n;
    else
        process->complaint_len += (size_t)n;
}

/* EPIPE: it does not read, which is its own matter. */
static void written(uv_write_t *write, int status)
{
    struct process *process = write->data;
    (void)status;
    if (!uv_is_closing((uv_handle_t *)&process->in)) uv_close((uv_handle_t *)&process->in, closed);
}

static int spawn(struct process *process, struct loop *loop, const struct process_options *options)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&process->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&process->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&process->err}};
    uv_process_options_t child = {.exit_cb = exited,
                                  .file = options->argv[0],
                                  .args = (char **)(uintptr_t)options->argv,
                                  .env = (char **)(uintptr_t)options->environment,
                                  .flags = UV_PROCESS_DETACHED, /* a session, so a group */
                                  .stdio_count = 3,
                                  .stdio = stdio};
    uv_loop_t *uv = loop_uv(loop);
    process->child.data = process->in.data = process->out.data = process->err.data = process;
    process->write.data = process;
    (void)uv_pipe_init(uv, &process->in, 0); /* these only link a handle into the loop */
    (void)uv_pipe_init(uv, &process->out, 0);
    (void)uv_pipe_init(uv, &process->err, 0);
    int rc = uv_spawn(uv, &process->child, &child); /* initialises the handle whatever comes */
    process->open = HANDLES;
    process->pending = 3;
    if (rc < 0) return rc;
    process->running = true;
    rc = uv_read_start((uv_stream_t *)&process->out, give_room, received);
    if (rc == 0) rc = uv_read_start((uv_stream_t *)&process->err, give_room, received);
    uv_buf_t input = uv_buf_init(process->input, (unsigned)options->input_len);
    if (rc == 0) rc = uv_write(&process->write, (uv_stream_t *)&process->in, &input, 1, written);
    return rc;
}

int process_run(struct loop *loop, const struct process_options *options, process_done_fn *done,
                void *data, struct process **out, struct fault *fault)
{
    struct process *process = calloc(1, sizeof *process);
    char *input = malloc(options->input_len + 1);
    if (!process || !input) {
        free(process);
        free(input);
        return fault_set(fault, ERR_NOMEM, "out of memory");
    }
    if (options->input_len) memcpy(input, options->input, options->input_len);
    process->input = input;
    int rc = spawn(process, loop, options);
    int code = rc < 0
                   ? fault_set(fault, err_from_uv(rc), "%s: %s", options->argv[0], uv_strerror(rc))
                   : OK;
    if (code == OK)
        code = loop_timer_start(loop, options->timeout_ms, on_timeout, process, &process->timer);
    if (code < 0) {
        if (rc == 0) (void)fault_set(fault, code, "%s: %s", options->argv[0], err_text(code));
        process_cancel(process);
        return code;
    }
    process->done = done;
    process->data = data;
    *out = process;
    return OK;
}

void process_cancel(struct process *process)
{
    if (!process) return;
    process->done = NULL;
    if (process->running) kill_group(process);
    close_all(process);
}
