/* app/wire.h - lines both ways over a socket, on the loop: what a console is talked to through.
 *
 * Rule 1: what comes in is bounded by line_max, and what waits to go out by queue_max; past either
 *         the wire is cut, with the reason.
 * Rule 2: a peer that takes nothing for stall_ms while something waits for it is cut, too.
 * Rule 3: closed() runs at most once, never inside wire_send(), and not after wire_close(). */
#ifndef MOONTIDE_APP_WIRE_H
#define MOONTIDE_APP_WIRE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct wire;

struct wire_options {
    struct loop *loop;
    size_t line_max, queue_max;
    size_t queue_high; /* from here on the peer is behind */
    int64_t stall_ms;
    void *data;
    /* line is without its newline but with a NUL, borrowed for the call, in which the wire may be
     * closed. */
    void (*line)(void *data, const char *line, size_t len);
    /* The queue is empty again after the peer was behind. May be NULL. */
    void (*drained)(void *data);
    /* The wire is cut (why in words: "hung up"), and is to be closed. */
    void (*closed)(void *data, const char *why);
};

/* Takes the socket; on failure it is closed. */
MUST_CHECK int wire_open(const struct wire_options *options, int take_fd, struct wire **out);
/* NULL is allowed. What waits is tried once more, without waiting. */
void wire_close(struct wire *wire);

/* As if it had come from the peer: in the next turn of the loop. */
void wire_feed(struct wire *wire, const char *bytes, size_t len);
/* One line, copied; the newline is added. After the wire was cut nothing happens. */
void wire_send(struct wire *wire, const char *line, size_t len);
bool wire_behind(const struct wire *wire);

#endif
