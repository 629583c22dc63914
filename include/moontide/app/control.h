/* app/control.h - the daemon's control socket: one JSON object a line in, one out.
 *
 * The socket is <state>/control.sock, mode 0600; a peer of another uid (but root) is refused. A
 * request is at most CONTROL_REQUEST_MAX bytes, a client has CONTROL_IDLE_MS to send it;
 * CONTROL_CLIENTS_MAX at once. */
#ifndef MOONTIDE_APP_CONTROL_H
#define MOONTIDE_APP_CONTROL_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

struct loop;
struct control;
struct control_request;

enum { CONTROL_REQUEST_MAX = 64 * 1024, CONTROL_CLIENTS_MAX = 16, CONTROL_IDLE_MS = 5000 };

/* Runs on the loop for each request; answers now or later with control_answer(), exactly once.
 * arguments is the whole request, a JSON object with the command in it; borrowed for the call. */
typedef void control_handler(void *data, const char *command, const char *arguments,
                             struct control_request *request);
/* A text of the arguments. ERR_NOT_FOUND: there is none of that name; ERR_LIMIT: it does not fit;
 * ERR_PARSE: it is no text. */
MUST_CHECK int control_argument(const char *arguments, const char *name, char *out, size_t size);

MUST_CHECK int control_new(struct loop *loop, const char *path, control_handler *handler,
                           void *data, struct control **out, struct fault *fault);
void control_free(struct control *control); /* closes clients, removes the socket */

/* json is copied. A client that went away in the meantime is no error. */
void control_answer(struct control_request *request, const char *json, size_t len);

/* Instead of an answer: the request's connection goes on as something else (a console). The caller
 * owns *fd, a socket; what the client sent behind its request is appended to rest. After a failure
 * the request is still to be answered. ERR_CLOSED: the client went away. */
MUST_CHECK int control_detach(struct control_request *request, int *fd, struct strbuf *rest);

/* The other side, blocking: sends {"command": command, and the members of arguments} and reads the
 * answer within timeout_ms. arguments is a JSON object, or NULL for none. ERR_NOT_FOUND: no daemon
 * there; ERR_TIMEOUT: it does not answer. The caller frees *out. */
MUST_CHECK int control_ask(const char *path, const char *command, const char *arguments,
                           int64_t timeout_ms, char **out, size_t *len, struct fault *fault);

/* Only the connection; sending and receiving on it end after timeout_ms. The caller closes *out. */
MUST_CHECK int control_connect(const char *path, int64_t timeout_ms, int *out, struct fault *fault);

#endif
