/* support/loopback.h - what the HTTP servers of the tests are made of: HTTP/1.1 with keep-alive on
 * 127.0.0.1, requests in whole, and replies that may go wrong on the way. Which reply a request
 * gets is its owner's matter: by turns (reply_server.h), by routes (route_server.h). What cannot be
 * had (memory, a port) ends the test. */
#ifndef MOONTIDE_TESTS_LOOPBACK_H
#define MOONTIDE_TESTS_LOOPBACK_H

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
    int together; /* of REPLY_ANSWER: only once so many requests wait for theirs; 0: at once */
};

struct loopback;

/* The reply to a request, whose texts are terminated and borrowed; the reply is used before the
 * next request comes. */
typedef const struct reply *loopback_choose_fn(void *data, const char *head, const char *body);

/* closed: after loopback_free(), when the last handle is gone. */
struct loopback *loopback_new(uv_loop_t *loop, loopback_choose_fn *choose,
                              void (*closed)(void *data), void *data);
void loopback_free(struct loopback *server);
int loopback_port(const struct loopback *server);
int loopback_most_at_once(const struct loopback *server);
void loopback_forget(struct loopback *server); /* counts anew */

#endif
