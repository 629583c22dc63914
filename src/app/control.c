/* app/control.c - the control socket's server side.
 *
 *   accept -> uid checked -> reading --a line--> handler --control_answer--> writing -> closed
 *                              |                    +--control_detach--> its socket is another's
 *                              |  too long, idle, hung up: closed
 *
 * A request outlives its client's hang-up: the handler's answer then goes nowhere. */
#include "moontide/app/control.h"

#include "moontide/base/json.h"
#include "moontide/base/log.h"
#include "moontide/io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

struct control {
    uv_pipe_t pipe;
    struct loop *loop;
    control_handler *handler;
    void *data;
    char *path;
    struct control_request *clients; /* list */
    size_t client_count;
    bool closing;
};

/* One client and its one request. Freed when its handle is closed and its answer was given. */
struct control_request {
    uv_pipe_t pipe;
    uv_write_t write;
    struct control *control; /* NULL: the server is gone */
    struct control_request *next;
    struct loop_timer *idle;
    struct strbuf in, out;
    size_t line_len; /* of the request in `in`; what follows it came too early, or is for detach */
    bool asked, answered, closed;
};

static void request_free_if_over(struct control_request *q)
{
    if (!q->closed || (q->asked && !q->answered)) return;
    strbuf_done(&q->in);
    strbuf_done(&q->out);
    free(q);
}

static void request_unlink(struct control_request *q)
{
    if (!q->control) return;
    struct control_request **at = &q->control->clients;
    while (*at && *at != q)
        at = &(*at)->next;
    if (*at) {
        *at = q->next;
        q->control->client_count--;
    }
    q->control = NULL;
}

static void on_client_closed(uv_handle_t *handle)
{
    struct control_request *q = handle->data;
    q->closed = true;
    request_free_if_over(q);
}

static void request_close(struct control_request *q)
{
    loop_timer_cancel(q->idle);
    q->idle = NULL;
    request_unlink(q);
    if (!uv_is_closing((uv_handle_t *)&q->pipe))
        uv_close((uv_handle_t *)&q->pipe, on_client_closed);
}

static void on_idle(void *data)
{
    struct control_request *q = data;
    q->idle = NULL;
    request_close(q);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status; /* a peer that hung up is no error of ours */
    request_close(write->data);
}

void control_answer(struct control_request *q, const char *json, size_t len)
{
    q->answered = true;
    if (q->closed || uv_is_closing((uv_handle_t *)&q->pipe)) {
        request_free_if_over(q);
        return;
    }
    strbuf_add(&q->out, json, len);
    strbuf_addc(&q->out, '\n');
    uv_buf_t buf = uv_buf_init(q->out.data, (unsigned)q->out.len);
    q->write.data = q;
    if (strbuf_status(&q->out) < 0 ||
        uv_write(&q->write, (uv_stream_t *)&q->pipe, &buf, 1, on_written) < 0)
        request_close(q);
}

int control_detach(struct control_request *q, int *fd, struct strbuf *rest)
{
    uv_os_fd_t own;
    size_t from = q->line_len + 1;
    if (uv_is_closing((uv_handle_t *)&q->pipe) || uv_fileno((uv_handle_t *)&q->pipe, &own) < 0)
        return ERR_CLOSED;
    if (q->in.len > from) strbuf_add(rest, q->in.data + from, q->in.len - from);
    int code = strbuf_status(rest);
    if (code == OK && (*fd = fcntl(own, F_DUPFD_CLOEXEC, 0)) < 0) code = err_from_errno(errno);
    if (code < 0) return code;
    q->answered = true;
    request_close(q);
    return OK;
}

/* The whole object is read, so that what follows the member is JSON too. */
static int read_member(const char *text, size_t len, const char *name, char *out, size_t size)
{
    struct json_reader r;
    int token, code = ERR_NOT_FOUND;
    json_reader_init(&r, text, len, CONTROL_REQUEST_MAX);
    if (json_next(&r) != JSON_OBJECT) code = ERR_PARSE;
    while (code != ERR_PARSE && (token = json_next(&r)) != JSON_OBJECT_END) {
        if (token != JSON_KEY) {
            code = ERR_PARSE;
        } else if (r.len != strlen(name) || memcmp(r.text, name, r.len) != 0) {
            if (json_skip(&r) < 0) code = ERR_PARSE;
        } else if (json_next(&r) != JSON_STRING || memchr(r.text, '\0', r.len)) {
            code = ERR_PARSE;
        } else if (r.len >= size) {
            code = ERR_LIMIT;
        } else {
            memcpy(out, r.text, r.len);
            out[r.len] = '\0';
            code = OK;
        }
    }
    json_reader_done(&r);
    return code;
}

int control_argument(const char *arguments, const char *name, char *out, size_t size)
{
    return read_member(arguments, strlen(arguments), name, out, size);
}

static void handle_line(struct control_request *q)
{
    static const char malformed[] =
        "{\"error\":\"expected one line: {\\\"command\\\": \\\"...\\\"}\"}";
    char command[64];
    q->asked = true;
    uv_read_stop((uv_stream_t *)&q->pipe);
    loop_timer_cancel(q->idle);
    q->idle = NULL;
    if (read_member(q->in.data, q->line_len, "command", command, sizeof command) < 0)
        control_answer(q, malformed, sizeof malformed - 1);
    else
        q->control->handler(q->control->data, command, q->in.data, q);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct control_request *q = handle->data;
    char *at = strbuf_reserve(&q->in, 1024);
    *buf = uv_buf_init(at, at ? 1024 : 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct control_request *q = stream->data;
    if (n < 0) {
        request_close(q);
        return;
    }
    q->in.len += (size_t)n;
    char *end = memchr(q->in.data, '\n', q->in.len);
    if (!end) return;
    q->line_len = (size_t)(end - q->in.data);
    *end = '\0';
    handle_line(q);
}

static bool peer_allowed(const uv_pipe_t *pipe)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    uv_os_fd_t fd;
    if (uv_fileno((const uv_handle_t *)pipe, &fd) < 0) return false;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) return false;
    return peer.uid == 0 || peer.uid == geteuid();
}

static void on_connection(uv_stream_t *server, int status)
{
    struct control *c = server->data;
    if (status < 0) return;
    struct control_request *q = calloc(1, sizeof *q);
    if (!q) return; /* the client sees no answer and times out; the daemon goes on */
    strbuf_init(&q->in, CONTROL_REQUEST_MAX);
    strbuf_init(&q->out, 64 * 1024 * 1024);
    if (uv_pipe_init(loop_uv(c->loop), &q->pipe, 0) < 0) {
        free(q);
        return;
    }
    q->pipe.data = q;
    q->control = c;
    q->next = c->clients;
    c->clients = q;
    c->client_count++;
    if (uv_accept(server, (uv_stream_t *)&q->pipe) < 0 || c->client_count > CONTROL_CLIENTS_MAX ||
        !peer_allowed(&q->pipe) ||
        loop_timer_start(c->loop, CONTROL_IDLE_MS, on_idle, q, &q->idle) < 0 ||
        uv_read_start((uv_stream_t *)&q->pipe, on_alloc, on_read) < 0)
        request_close(q);
}

static void on_server_closed(uv_handle_t *handle)
{
    struct control *c = handle->data;
    free(c->path);
    free(c);
}

int control_new(struct loop *loop, const char *path, control_handler *handler, void *data,
                struct control **out, struct fault *fault)
{
    struct sockaddr_un limit;
    if (strlen(path) >= sizeof limit.sun_path)
        return fault_set(fault, ERR_LIMIT, "%s: a socket's path has at most %zu bytes; set `state`",
                         path, sizeof limit.sun_path - 1);
    struct control *c = calloc(1, sizeof *c);
    if (!c || !(c->path = strdup(path))) {
        free(c);
        return fault_set(fault, ERR_NOMEM, "out of memory");
    }
    c->loop = loop;
    c->handler = handler;
    c->data = data;
    int status = uv_pipe_init(loop_uv(loop), &c->pipe, 0);
    if (status < 0) {
        free(c->path);
        free(c);
        return fault_set(fault, err_from_uv(status), "%s: %s", path, uv_strerror(status));
    }
    c->pipe.data = c;
    unlink(path);                /* the database's lock says that no other daemon uses it */
    mode_t before = umask(0177); /* 0600: a socket needs no x */
    status = uv_pipe_bind(&c->pipe, path);
    umask(before);
    if (status >= 0)
        status = uv_listen((uv_stream_t *)&c->pipe, CONTROL_CLIENTS_MAX, on_connection);
    if (status < 0) {
        uv_close((uv_handle_t *)&c->pipe, on_server_closed);
        return fault_set(fault, err_from_uv(status), "%s: %s", path, uv_strerror(status));
    }
    *out = c;
    return OK;
}

void control_free(struct control *c)
{
    if (!c) return;
    while (c->clients)
        request_close(c->clients);
    unlink(c->path);
    uv_close((uv_handle_t *)&c->pipe, on_server_closed);
}
