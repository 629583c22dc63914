/* support/route_server.h - an HTTP server on loopback that answers by a table of routes: metadata
 * servers, STS and the SSO portal for the tests of credentials. One request a connection. */
#ifndef MOONTIDE_TESTS_ROUTE_SERVER_H
#define MOONTIDE_TESTS_ROUTE_SERVER_H

#include <uv.h>

struct route {
    const char *method, *path;
    const char *needs; /* a line that the head has to hold; NULL: none. Else it answers 401 */
    int status;        /* 0: the connection is closed without an answer */
    const char *body;
    int hits;         /* out */
    const char *with; /* only requests that hold this text, head or body; NULL: all */
};

struct route_server;

/* routes are borrowed, and end with a NULL method. What no route fits is a 404. */
struct route_server *route_server_new(uv_loop_t *loop, struct route *routes);
void route_server_free(struct route_server *server);
/* The last request, head and body; "" when none. */
const char *route_server_last(const struct route_server *server);
int route_server_port(const struct route_server *server);

#endif
