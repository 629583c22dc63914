/* support/route_server.c - an HTTP server on loopback that answers by a table of routes. */
#include "support/route_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_MAX = 16 * 1024 };

struct visit {
    uv_tcp_t tcp;
    uv_write_t write;
    struct route_server *server;
    struct visit *next, **link;
    char head[HEAD_MAX], answer[HEAD_MAX];
    size_t len;
};

struct route_server {
    uv_tcp_t tcp;
    struct route *routes;
    struct visit *visits;
    int port, handles;
    char last[HEAD_MAX];
};

static void release(struct route_server *server)
{
    if (--server->handles == 0) free(server);
}

static void visit_closed(uv_handle_t *handle)
{
    struct visit *v = handle->data;
    release(v->server);
    free(v);
}

static void visit_ends(struct visit *v)
{
    if (uv_is_closing((uv_handle_t *)&v->tcp)) return;
    *v->link = v->next;
    if (v->next) v->next->link = v->link;
    uv_close((uv_handle_t *)&v->tcp, visit_closed);
}

static void written(uv_write_t *write, int status)
{
    (void)status;
    visit_ends(write->data);
}

/* The head has come, and as much body as it says. */
static int is_whole(const struct visit *v)
{
    const char *end = strstr(v->head, "\r\n\r\n");
    const char *length = strcasestr(v->head, "\r\ncontent-length:");
    if (!end) return 0;
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return v->len >= (size_t)(end + 4 - v->head) + body;
}

static void answer(struct visit *v)
{
    memcpy(v->server->last, v->head, v->len + 1);
    int status = 404;
    const char *body = "nothing here";
    for (struct route *r = v->server->routes; r->method; r++) {
        char line[1024];
        snprintf(line, sizeof line, "%s %s HTTP/1.1\r\n", r->method, r->path);
        if (strncmp(v->head, line, strlen(line)) != 0) continue;
        if (r->with && !strstr(v->head, r->with)) continue;
        r->hits++;
        status = r->needs && !strcasestr(v->head, r->needs) ? 401 : r->status;
        body = status == 401 ? "no" : r->body;
        break;
    }
    if (status == 0) {
        visit_ends(v);
        return;
    }
    int n = snprintf(v->answer, sizeof v->answer,
                     "HTTP/1.1 %d X\r\nconnection: close\r\ncontent-length: %zu\r\n\r\n%s", status,
                     strlen(body), body);
    uv_buf_t buf = uv_buf_init(v->answer, (unsigned)n);
    v->write.data = v;
    if (uv_write(&v->write, (uv_stream_t *)&v->tcp, &buf, 1, written) < 0) visit_ends(v);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct visit *v = handle->data;
    (void)suggested;
    *buf = uv_buf_init(v->head + v->len, (unsigned)(sizeof v->head - 1 - v->len));
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct visit *v = stream->data;
    (void)buf;
    if (n < 0) {
        visit_ends(v);
        return;
    }
    v->len += (size_t)n;
    v->head[v->len] = '\0';
    if (is_whole(v)) {
        (void)uv_read_stop(stream);
        answer(v);
    }
}

static void connected(uv_stream_t *listener, int status)
{
    struct route_server *server = listener->data;
    struct visit *v = status < 0 ? NULL : calloc(1, sizeof *v);
    if (!v) return;
    if (uv_tcp_init(listener->loop, &v->tcp) < 0) {
        free(v);
        return;
    }
    v->tcp.data = v;
    v->server = server;
    server->handles++;
    v->next = server->visits;
    v->link = &server->visits;
    if (v->next) v->next->link = &v->next;
    server->visits = v;
    if (uv_accept(listener, (uv_stream_t *)&v->tcp) < 0 ||
        uv_read_start((uv_stream_t *)&v->tcp, give_room, received) < 0)
        visit_ends(v);
}

static void listener_closed(uv_handle_t *handle)
{
    release(handle->data);
}

struct route_server *route_server_new(uv_loop_t *loop, struct route *routes)
{
    struct sockaddr_in address;
    int len = sizeof address;
    struct route_server *server = calloc(1, sizeof *server);
    if (!server || uv_tcp_init(loop, &server->tcp) < 0) {
        free(server);
        return NULL;
    }
    server->tcp.data = server;
    server->routes = routes;
    server->handles = 1;
    if (uv_ip4_addr("127.0.0.1", 0, &address) < 0 ||
        uv_tcp_bind(&server->tcp, (const struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&server->tcp, 16, connected) < 0 ||
        uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&address, &len) < 0) {
        uv_close((uv_handle_t *)&server->tcp, listener_closed);
        return NULL;
    }
    server->port = ntohs(address.sin_port);
    return server;
}

void route_server_free(struct route_server *server)
{
    if (!server) return;
    while (server->visits)
        visit_ends(server->visits);
    uv_close((uv_handle_t *)&server->tcp, listener_closed);
}

const char *route_server_last(const struct route_server *server)
{
    return server->last;
}

int route_server_port(const struct route_server *server)
{
    return server->port;
}
