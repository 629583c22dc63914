/* app/wire.c - lines over a socket.
 *
 *   on_read -> in -> take_lines -> line()
 *   wire_send -> out -> write_some (CHUNK at a time, watched by the stall timer) -> drained()
 *
 * A cut is told from a timer of its own, so that nobody who calls wire_send() finds the ground gone
 * under him. */
#include "moontide/app/wire.h"

#include "moontide/base/strbuf.h"
#include "moontide/io/loop.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { CHUNK = 64 * 1024, READ_BYTES = 16 * 1024 };

struct wire {
    uv_pipe_t pipe;
    uv_write_t write;
    struct wire_options options;
    struct strbuf in, out;
    size_t sent; /* bytes of out that are gone */
    struct loop_timer *stall, *soon;
    const char *why; /* it is cut, and closed() is to be told */
    bool behind, closing, taking, writing;
    char chunk[CHUNK]; /* what the write under way reads, while out may move */
};

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct wire *wire = handle->data;
    strbuf_done(&wire->in);
    strbuf_done(&wire->out);
    free(wire);
}

void wire_close(struct wire *wire)
{
    if (!wire || wire->closing) return;
    wire->closing = true;
    loop_timer_cancel(wire->stall);
    loop_timer_cancel(wire->soon);
    if (!wire->why && !wire->writing && wire->out.len > wire->sent) {
        uv_buf_t rest =
            uv_buf_init(wire->out.data + wire->sent, (unsigned)(wire->out.len - wire->sent));
        (void)uv_try_write((uv_stream_t *)&wire->pipe, &rest, 1);
    }
    uv_close((uv_handle_t *)&wire->pipe, on_closed);
}

static void take_lines(struct wire *wire);

static void soon(void *data)
{
    struct wire *wire = data;
    wire->soon = NULL;
    if (wire->why)
        wire->options.closed(wire->options.data, wire->why);
    else
        take_lines(wire);
}

static void act_soon(struct wire *wire)
{
    if (wire->soon) return;
    if (loop_timer_start(wire->options.loop, 0, soon, wire, &wire->soon) < 0)
        uv_read_stop((uv_stream_t *)&wire->pipe); /* no memory: the peer's hang-up ends it */
}

static void cut(struct wire *wire, const char *why)
{
    if (wire->why || wire->closing) return;
    wire->why = why;
    uv_read_stop((uv_stream_t *)&wire->pipe);
    act_soon(wire);
}

/* ---- out ---- */

static void write_some(struct wire *wire);

static void on_stall(void *data)
{
    struct wire *wire = data;
    wire->stall = NULL;
    cut(wire, "it does not read what it is sent");
}

static void on_written(uv_write_t *write, int status)
{
    struct wire *wire = write->data;
    wire->writing = false;
    if (wire->closing) return;
    loop_timer_cancel(wire->stall);
    wire->stall = NULL;
    if (status < 0) {
        cut(wire, "hung up");
        return;
    }
    if (wire->sent < wire->out.len) {
        write_some(wire);
        return;
    }
    wire->sent = 0;
    strbuf_reset(&wire->out);
    bool tell = wire->behind && wire->options.drained;
    wire->behind = false;
    if (tell) wire->options.drained(wire->options.data);
}

static void write_some(struct wire *wire)
{
    if (wire->writing || wire->why || wire->closing) return;
    size_t len = wire->out.len - wire->sent;
    if (len > CHUNK) len = CHUNK;
    memcpy(wire->chunk, wire->out.data + wire->sent, len);
    wire->sent += len;
    uv_buf_t buf = uv_buf_init(wire->chunk, (unsigned)len);
    wire->write.data = wire;
    wire->writing = true;
    if (loop_timer_start(wire->options.loop, wire->options.stall_ms, on_stall, wire, &wire->stall) <
            0 ||
        uv_write(&wire->write, (uv_stream_t *)&wire->pipe, &buf, 1, on_written) < 0) {
        wire->writing = false;
        cut(wire, "it cannot be written to");
    }
}

static void make_room(struct wire *wire, size_t len)
{
    if (wire->sent == 0 || wire->out.cap - wire->out.len > len) return;
    memmove(wire->out.data, wire->out.data + wire->sent, wire->out.len - wire->sent);
    wire->out.len -= wire->sent;
    wire->sent = 0;
}

void wire_send(struct wire *wire, const char *line, size_t len)
{
    if (wire->why || wire->closing) return;
    make_room(wire, len);
    strbuf_add(&wire->out, line, len);
    strbuf_addc(&wire->out, '\n');
    if (strbuf_status(&wire->out) < 0) {
        cut(wire, "it does not read what it is sent");
        return;
    }
    if (wire->out.len - wire->sent >= wire->options.queue_high) wire->behind = true;
    write_some(wire);
}

bool wire_behind(const struct wire *wire)
{
    return wire->behind;
}

/* ---- in ---- */

static void take_lines(struct wire *wire)
{
    if (wire->taking) return;
    size_t from = 0;
    wire->taking = true;
    while (!wire->closing && !wire->why && from < wire->in.len) {
        char *line = wire->in.data + from;
        char *end = memchr(line, '\n', wire->in.len - from);
        if (!end) break;
        *end = '\0';
        from += (size_t)(end - line) + 1;
        wire->options.line(wire->options.data, line, (size_t)(end - line));
    }
    wire->taking = false;
    if (wire->closing || from == 0) return;
    memmove(wire->in.data, wire->in.data + from, wire->in.len - from);
    wire->in.len -= from;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct wire *wire = handle->data;
    char *at = strbuf_reserve(&wire->in, READ_BYTES);
    *buf = uv_buf_init(at, at ? READ_BYTES : 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct wire *wire = stream->data;
    if (n == UV_ENOBUFS) {
        cut(wire, wire->in.status == ERR_LIMIT ? "a line is too long" : "out of memory");
    } else if (n < 0) {
        cut(wire, "hung up");
    } else if (n > 0) {
        wire->in.len += (size_t)n;
        take_lines(wire);
    }
}

void wire_feed(struct wire *wire, const char *bytes, size_t len)
{
    if (len == 0) return;
    strbuf_add(&wire->in, bytes, len);
    if (strbuf_status(&wire->in) < 0)
        cut(wire, "a line is too long");
    else
        act_soon(wire);
}

/* ---- the begin ---- */

int wire_open(const struct wire_options *options, int take_fd, struct wire **out)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (!wire || uv_pipe_init(loop_uv(options->loop), &wire->pipe, 0) < 0) {
        free(wire);
        close(take_fd);
        return ERR_NOMEM;
    }
    wire->options = *options;
    wire->pipe.data = wire;
    strbuf_init(&wire->in, options->line_max + READ_BYTES);
    strbuf_init(&wire->out, options->queue_max);
    int status = uv_pipe_open(&wire->pipe, take_fd);
    if (status < 0) close(take_fd);
    if (status >= 0) status = uv_read_start((uv_stream_t *)&wire->pipe, on_alloc, on_read);
    if (status < 0) {
        wire_close(wire);
        return err_from_uv(status);
    }
    *out = wire;
    return OK;
}
