/* support/route_server.c - a loopback server that replies by a table of routes. */
#include "support/route_server.h"

#include "support/loopback.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct route_server {
    struct loopback *loopback;
    struct route *routes;
    struct reply reply;
    char *last; /* head and body */
};

static void closed(void *data)
{
    struct route_server *server = data;
    free(server->last);
    free(server);
}

static bool fits(const struct route *route, const char *request)
{
    char line[1024];
    snprintf(line, sizeof line, "%s %s HTTP/1.1\r\n", route->method, route->path);
    return strncmp(request, line, strlen(line)) == 0 &&
           (!route->with || strstr(request, route->with));
}

static const struct reply *choose(void *data, const char *head, const char *body)
{
    struct route_server *server = data;
    free(server->last);
    if (asprintf(&server->last, "%s%s", head, body) < 0) abort();
    struct route *route = server->routes;
    while (route->method && !fits(route, server->last))
        route++;
    server->reply = (struct reply){.status = 404, .body = "nothing here"};
    server->reply.headers = "connection: close\r\n";
    if (!route->method) return &server->reply;
    route->hits++;
    bool let_in = !route->needs || strcasestr(head, route->needs);
    server->reply.status = let_in ? route->status : 401;
    server->reply.body = let_in ? route->body : "no";
    if (server->reply.status == 0) server->reply.how = REPLY_CLOSE;
    return &server->reply;
}

struct route_server *route_server_new(uv_loop_t *loop, struct route *routes)
{
    struct route_server *server = calloc(1, sizeof *server);
    if (!server) abort();
    server->routes = routes;
    server->loopback = loopback_new(loop, choose, closed, server);
    return server;
}

void route_server_free(struct route_server *server)
{
    if (server) loopback_free(server->loopback);
}

const char *route_server_last(const struct route_server *server)
{
    return server->last ? server->last : "";
}

int route_server_port(const struct route_server *server)
{
    return loopback_port(server->loopback);
}
