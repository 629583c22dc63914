/* app/control_ask.c - the control socket's other side, blocking: for `status`, `reload`, `pause`
 * and the like. */
#include "moontide/app/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 64 * 1024 * 1024 };

int control_connect(const char *path, int64_t timeout_ms, int *out, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
    if (strlen(path) >= sizeof address.sun_path)
        return fault_set(fault, ERR_LIMIT, "%s: too long", path);
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return fault_set(fault, err_from_errno(errno), "socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int saved = errno;
        close(fd);
        if (saved == ENOENT || saved == ECONNREFUSED)
            return fault_set(fault, ERR_NOT_FOUND, "no daemon runs here: nothing answers at %s",
                             path);
        return fault_set(fault, err_from_errno(saved), "%s: %s", path, strerror(saved));
    }
    *out = fd;
    return OK;
}

static int read_answer(int fd, struct strbuf *answer)
{
    for (;;) {
        char *at = strbuf_reserve(answer, 64 * 1024);
        if (!at) return strbuf_status(answer);
        ssize_t n = read(fd, at, 64 * 1024);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN ? ERR_TIMEOUT : err_from_errno(errno);
        if (n == 0) return ERR_CLOSED;
        answer->len += (size_t)n;
        if (answer->data[answer->len - 1] == '\n') {
            answer->len--;
            return OK;
        }
    }
}

/* The members of arguments follow the command: what is between its braces. */
static int write_request(const char *command, const char *arguments, struct strbuf *out)
{
    const char *members = arguments && strcmp(arguments, "{}") != 0 ? arguments + 1 : "}";
    strbuf_addf(out, "{\"command\":\"%s\"%s%s\n", command, members[0] == '}' ? "" : ",", members);
    return strbuf_status(out);
}

int control_ask(const char *path, const char *command, const char *arguments, int64_t timeout_ms,
                char **out, size_t *len, struct fault *fault)
{
    struct strbuf answer, request;
    int fd = -1;
    strbuf_init(&answer, ANSWER_BYTES_MAX);
    strbuf_init(&request, CONTROL_REQUEST_MAX);
    int code = write_request(command, arguments, &request);
    if (code < 0) fault_set(fault, code, "the request is too long");
    if (code == OK) code = control_connect(path, timeout_ms, &fd, fault);
    if (code < 0) goto leave;
    if (send(fd, request.data, request.len, MSG_NOSIGNAL) != (ssize_t)request.len) {
        code = fault_set(fault, ERR_IO, "%s: %s", path, strerror(errno));
        goto leave;
    }
    code = read_answer(fd, &answer);
    if (code < 0) {
        fault_set(fault, code, "%s: the daemon gave no answer: %s", path, err_text(code));
        goto leave;
    }
    *out = strbuf_take(&answer, len);
    if (!*out) code = fault_set(fault, ERR_NOMEM, "out of memory");
leave:
    if (fd >= 0) close(fd);
    strbuf_done(&answer);
    strbuf_done(&request);
    return code;
}
