/* support/loopback.c - connections on loopback: requests come in whole, replies go out as they are
 * told to. */
#include "support/loopback.h"

#include "moontide/base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IN_MAX = 256 * 1024, OUT_MAX = 64 * 1024, TRICKLE_MS = 5, AHEAD_S = 3600 };

struct visit {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    struct loopback *server;
    struct visit *next, **link;
    char in[IN_MAX], out[OUT_MAX];
    size_t in_len, out_len, out_sent;
    bool busy, held, close_after;
    int handles;
};

struct loopback {
    uv_tcp_t tcp;
    loopback_choose_fn *choose;
    void (*closed)(void *data);
    void *data;
    struct visit *visits;
    int port, handles, at_once, most_at_once;
};

static void release(struct loopback *server)
{
    if (--server->handles > 0) return;
    server->closed(server->data);
    free(server);
}

static void visit_closed(uv_handle_t *handle)
{
    struct visit *v = handle->data;
    if (--v->handles > 0) return;
    release(v->server);
    free(v);
}

static void ended(struct visit *v)
{
    if (v->busy) v->server->at_once--;
    v->busy = v->held = false;
}

static void leave(struct visit *v)
{
    ended(v);
    *v->link = v->next;
    if (v->next) v->next->link = v->link;
    uv_close((uv_handle_t *)&v->timer, visit_closed);
}

static void hang_up(struct visit *v)
{
    if (uv_is_closing((uv_handle_t *)&v->tcp)) return;
    uv_close((uv_handle_t *)&v->tcp, visit_closed);
    leave(v);
}

static void serve(struct visit *v);

static void written(uv_write_t *write, int status)
{
    struct visit *v = write->data;
    if (status < 0 || v->close_after) {
        hang_up(v);
    } else if (v->out_sent == v->out_len) {
        ended(v);
        serve(v);
    }
}

static void send_bytes(struct visit *v, size_t n)
{
    uv_buf_t buf = uv_buf_init(v->out + v->out_sent, (unsigned)n);
    v->out_sent += n;
    v->write.data = v;
    if (uv_write(&v->write, (uv_stream_t *)&v->tcp, &buf, 1, written) < 0) hang_up(v);
}

static void send_all(uv_timer_t *timer)
{
    struct visit *v = timer->data;
    send_bytes(v, v->out_len - v->out_sent);
}

static void trickle(uv_timer_t *timer)
{
    struct visit *v = timer->data;
    send_bytes(v, 1);
    if (v->out_sent == v->out_len) uv_timer_stop(timer);
}

static void let_go(struct loopback *server, int wanted);

static void put_date(char *out, size_t size, int64_t ahead_s)
{
    const struct clock real = {0};
    time_t at = (time_t)(clock_now_ms(&real) / 1000 + ahead_s);
    struct tm tm;
    gmtime_r(&at, &tm);
    strftime(out, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

/* The hour of X-Amz-Date is enough to tell whether the client moved its clock. */
static bool dated_ahead(const char *head)
{
    const struct clock real = {0};
    time_t at = (time_t)(clock_now_ms(&real) / 1000 + AHEAD_S - 60);
    char text[32];
    struct tm tm;
    gmtime_r(&at, &tm);
    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm);
    const char *date = strcasestr(head, "\r\nx-amz-date: ");
    return date && strncmp(date + 14, text, 16) >= 0;
}

static void answer(struct visit *v, const struct reply *reply, const char *head)
{
    struct reply skewed = *reply;
    char date[64];
    if (reply->how == REPLY_SKEW && !dated_ahead(head)) {
        skewed.status = 403;
        skewed.body = "{\"__type\":\"RequestTimeTooSkewed\"}";
    }
    put_date(date, sizeof date, reply->how == REPLY_SKEW ? AHEAD_S : 0);
    const char *body = skewed.body ? skewed.body : "";
    size_t len = strlen(body);
    int n = snprintf(v->out, sizeof v->out,
                     "HTTP/1.1 %d X\r\nDate: %s\r\nContent-Length: %zu\r\n%s\r\n", skewed.status,
                     date, len, reply->headers ? reply->headers : "");
    if (n < 0 || (size_t)n + len >= sizeof v->out) abort();
    memcpy(v->out + n, body, len);
    v->out_len = (size_t)n + len;
    v->out_sent = 0;
    v->close_after = reply->how == REPLY_TRUNCATE;
    if (reply->how == REPLY_TRUNCATE) v->out_len -= len - len / 2;
    if (reply->how == REPLY_TRICKLE) {
        send_bytes(v, (size_t)n);
        uv_timer_start(&v->timer, trickle, TRICKLE_MS, TRICKLE_MS);
    } else if (reply->together > 0) {
        v->held = true;
        let_go(v->server, reply->together);
    } else if (reply->delay_ms > 0) {
        uv_timer_start(&v->timer, send_all, (uint64_t)reply->delay_ms, 0);
    } else {
        send_bytes(v, v->out_len);
    }
}

/* Those that wait for company: all of them at once. */
static void let_go(struct loopback *server, int wanted)
{
    if (server->at_once < wanted) return;
    for (struct visit *v = server->visits, *next; v; v = next) {
        next = v->next; /* sending may hang up */
        if (!v->held) continue;
        v->held = false;
        send_bytes(v, v->out_len);
    }
}

static void obey(struct visit *v, const struct reply *reply, const char *head)
{
    if (reply->how == REPLY_CLOSE) {
        hang_up(v);
    } else if (reply->how == REPLY_RESET) {
        if (uv_tcp_close_reset(&v->tcp, visit_closed) < 0) abort();
        leave(v);
    } else if (reply->how != REPLY_STALL) {
        answer(v, reply, head);
    }
}

static char *copy(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    if (!out) abort();
    memcpy(out, text, len);
    out[len] = '\0';
    return out;
}

static void serve(struct visit *v)
{
    struct loopback *server = v->server;
    if (v->busy || uv_is_closing((uv_handle_t *)&v->tcp)) return;
    char *end = v->in_len ? memmem(v->in, v->in_len, "\r\n\r\n", 4) : NULL;
    if (!end) return;
    size_t head_len = (size_t)(end - v->in) + 4, body_len = 0;
    char *head = copy(v->in, head_len);
    const char *length = strcasestr(head, "\r\ncontent-length:");
    if (length) body_len = strtoul(length + 17, NULL, 10);
    if (v->in_len >= head_len + body_len) {
        char *body = copy(v->in + head_len, body_len);
        v->in_len -= head_len + body_len;
        memmove(v->in, v->in + head_len + body_len, v->in_len);
        v->busy = true;
        if (++server->at_once > server->most_at_once) server->most_at_once = server->at_once;
        obey(v, server->choose(server->data, head, body), head);
        free(body);
    }
    free(head);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct visit *v = handle->data;
    (void)suggested;
    *buf = uv_buf_init(v->in + v->in_len, (unsigned)(sizeof v->in - v->in_len));
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct visit *v = stream->data;
    (void)buf;
    if (n < 0) {
        hang_up(v);
        return;
    }
    v->in_len += (size_t)n;
    serve(v);
}

static void connected(uv_stream_t *listener, int status)
{
    struct loopback *server = listener->data;
    struct visit *v = calloc(1, sizeof *v);
    if (status < 0 || !v) abort();
    v->server = server;
    v->handles = 2;
    if (uv_tcp_init(listener->loop, &v->tcp) < 0 || uv_timer_init(listener->loop, &v->timer) < 0)
        abort();
    v->tcp.data = v->timer.data = v;
    server->handles++;
    v->next = server->visits;
    v->link = &server->visits;
    if (v->next) v->next->link = &v->next;
    server->visits = v;
    if (uv_accept(listener, (uv_stream_t *)&v->tcp) < 0 ||
        uv_read_start((uv_stream_t *)&v->tcp, give_room, received) < 0)
        hang_up(v);
}

static void listener_closed(uv_handle_t *handle)
{
    release(handle->data);
}

struct loopback *loopback_new(uv_loop_t *loop, loopback_choose_fn *choose,
                              void (*closed)(void *data), void *data)
{
    struct sockaddr_in address;
    int len = sizeof address;
    struct loopback *server = calloc(1, sizeof *server);
    if (!server || uv_tcp_init(loop, &server->tcp) < 0) abort();
    server->tcp.data = server;
    server->choose = choose;
    server->closed = closed;
    server->data = data;
    server->handles = 1;
    if (uv_ip4_addr("127.0.0.1", 0, &address) < 0 ||
        uv_tcp_bind(&server->tcp, (const struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&server->tcp, 512, connected) < 0 ||
        uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&address, &len) < 0)
        abort();
    server->port = ntohs(address.sin_port);
    return server;
}

void loopback_free(struct loopback *server)
{
    while (server->visits)
        hang_up(server->visits);
    uv_close((uv_handle_t *)&server->tcp, listener_closed);
}

int loopback_port(const struct loopback *server)
{
    return server->port;
}

int loopback_most_at_once(const struct loopback *server)
{
    return server->most_at_once;
}

void loopback_forget(struct loopback *server)
{
    server->most_at_once = 0;
}
