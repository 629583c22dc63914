/* support/reply_server.c - a loopback server that replies by turns. */
#include "support/reply_server.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT = 64 };

struct reply_server {
    struct loopback *loopback;
    const struct reply *replies;
    size_t count;
    int requests;
    char *heads[KEPT], *bodies[KEPT];
};

static void forget(struct reply_server *server)
{
    for (int i = 0; i < KEPT; i++) {
        free(server->heads[i]);
        free(server->bodies[i]);
        server->heads[i] = server->bodies[i] = NULL;
    }
    server->requests = 0;
}

static void closed(void *data)
{
    forget(data);
    free(data);
}

static char *copy(const char *text)
{
    char *out = strdup(text);
    if (!out) abort();
    return out;
}

static const struct reply *choose(void *data, const char *head, const char *body)
{
    struct reply_server *server = data;
    int i = server->requests++;
    if (i < KEPT) {
        server->heads[i] = copy(head);
        server->bodies[i] = copy(body);
    }
    return &server->replies[(size_t)i < server->count ? (size_t)i : server->count - 1];
}

struct reply_server *reply_server_new(uv_loop_t *loop, const struct reply *replies, size_t count)
{
    struct reply_server *server = calloc(1, sizeof *server);
    if (!server) abort();
    server->replies = replies;
    server->count = count;
    server->loopback = loopback_new(loop, choose, closed, server);
    return server;
}

void reply_server_free(struct reply_server *server)
{
    if (server) loopback_free(server->loopback);
}

void reply_server_script(struct reply_server *server, const struct reply *replies, size_t count)
{
    server->replies = replies;
    server->count = count;
    forget(server);
    loopback_forget(server->loopback);
}

int reply_server_port(const struct reply_server *server)
{
    return loopback_port(server->loopback);
}

int reply_server_requests(const struct reply_server *server)
{
    return server->requests;
}

int reply_server_most_at_once(const struct reply_server *server)
{
    return loopback_most_at_once(server->loopback);
}

const char *reply_server_head(const struct reply_server *server, int i)
{
    return i < KEPT && server->heads[i] ? server->heads[i] : "";
}

const char *reply_server_body(const struct reply_server *server, int i)
{
    return i < KEPT && server->bodies[i] ? server->bodies[i] : "";
}
