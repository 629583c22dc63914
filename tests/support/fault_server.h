/* support/fault_server.h - an HTTP server on loopback that misbehaves on request.
 *
 * It lives on the loop of the test, so that a test is one thread and every wait is an event. The
 * path of a request chooses what happens: see fault_server.c. */
#ifndef MOONTIDE_TESTS_FAULT_SERVER_H
#define MOONTIDE_TESTS_FAULT_SERVER_H

#include <stddef.h>
#include <stdint.h>

struct fault_server;
struct loop;

struct fault_counts {
    int connections, requests, open;
    int64_t bytes_written; /* handed to the kernel and accepted by it */
};

/* tls_name: NULL for plain HTTP; else a self-signed certificate for that DNS name is made and
 * written to ca_path (a buffer of at least 64 bytes). NULL on failure. */
struct fault_server *fault_server_new(struct loop *loop, const char *tls_name, char *ca_path);
void fault_server_free(struct fault_server *server);
int fault_server_port(const struct fault_server *server);
const struct fault_counts *fault_server_counts(const struct fault_server *server);
/* The request line and headers of the latest request, and its body. */
const char *fault_server_last_head(const struct fault_server *server);
const char *fault_server_last_body(const struct fault_server *server, size_t *len);

/* A port on which nothing listens. */
int fault_refused_port(void);

#endif
