/* support/reply_server.h - an HTTP server on loopback that gives prepared replies, one after the
 * other, the last one for ever; and remembers what it was asked. */
#ifndef MOONTIDE_TESTS_REPLY_SERVER_H
#define MOONTIDE_TESTS_REPLY_SERVER_H

#include "support/loopback.h"

#include <stddef.h>

struct reply_server;

/* replies are borrowed. */
struct reply_server *reply_server_new(uv_loop_t *loop, const struct reply *replies, size_t count);
void reply_server_free(struct reply_server *server);
int reply_server_port(const struct reply_server *server);
/* Begins anew with other replies, and forgets what it was asked. */
void reply_server_script(struct reply_server *server, const struct reply *replies, size_t count);

int reply_server_requests(const struct reply_server *server);
int reply_server_most_at_once(const struct reply_server *server);
/* Head and body of request i, from 0; of the first 64. */
const char *reply_server_head(const struct reply_server *server, int i);
const char *reply_server_body(const struct reply_server *server, int i);

#endif
