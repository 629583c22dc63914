/* support/reply_server.h - an HTTP server on loopback that gives prepared replies, one after the
 * other, the last one for ever; and remembers what it was asked. HTTP/1.1 with keep-alive. */
#ifndef MOONTIDE_TESTS_REPLY_SERVER_H
#define MOONTIDE_TESTS_REPLY_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum reply_how {
    REPLY_ANSWER,
    REPLY_CLOSE,    /* closes without an answer */
    REPLY_RESET,    /* resets */
    REPLY_STALL,    /* never answers */
    REPLY_TRUNCATE, /* half the body, then closes */
    REPLY_TRICKLE,  /* a byte of the body every 5 ms */
    REPLY_SKEW,     /* dated an hour ahead; 403 RequestTimeTooSkewed unless the request is too */
};

struct reply {
    int status;
    const char *headers; /* "Name: value\r\n" lines, or NULL */
    const char *body;    /* or NULL */
    enum reply_how how;
    int delay_ms; /* of REPLY_ANSWER */
};

struct reply_server;

/* replies are borrowed. NULL on failure. */
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
