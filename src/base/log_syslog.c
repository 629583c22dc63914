/* base/log_syslog.c - one datagram a line. */
#include "moontide/base/log_syslog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 128, IDENT_MAX = 48 /* RFC 5424: APP-NAME */ };

struct log_syslog {
    struct log_writer writer;
    struct sockaddr_un address;
    char ident[IDENT_MAX + 1];
    int facility, fd; /* fd -1: not connected */
};

/* In the order of RFC 3164, 4.1.1. */
const char *const log_facilities[] = {
    "kern",   "user",     "mail",   "daemon", "auth",   "syslog", "lpr",   "news",   "uucp",
    "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock", "local0", "local1",
    "local2", "local3",   "local4", "local5", "local6", "local7", NULL};

static int severity(enum log_level level)
{
    static const int severities[] = {7, 6, 4, 3}; /* debug, informational, warning, error */
    return severities[level];
}

/* Answers errno, or 0. */
static int connect_socket(struct log_syslog *s)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return errno;
    if (connect(fd, (struct sockaddr *)&s->address, sizeof s->address) < 0) {
        int error = errno;
        close(fd);
        return error;
    }
    s->fd = fd;
    return 0;
}

static void disconnect(struct log_syslog *s)
{
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
}

/* Month names are the protocol's, whatever the locale. */
static size_t write_head(const struct log_syslog *s, enum log_level level, int64_t at_ms,
                         char out[HEAD_MAX])
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm t;
    localtime_r(&seconds, &t);
    return (size_t)snprintf(out, HEAD_MAX, "<%d>%.3s %2d %02d:%02d:%02d %s[%ld]: ",
                            s->facility * 8 + severity(level), months + 3 * (t.tm_mon % 12),
                            t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, s->ident, (long)getpid());
}

/* Answers errno, or 0. */
static int send_line(struct log_syslog *s, const struct msghdr *message)
{
    int error = s->fd < 0 ? connect_socket(s) : 0;
    if (error != 0) return error;
    return sendmsg(s->fd, message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

static void syslog_write(struct log_writer *w, enum log_level level, const char *line, size_t len,
                         int64_t at_ms)
{
    struct log_syslog *s = (struct log_syslog *)w;
    char head[HEAD_MAX];
    struct iovec parts[2] = {{.iov_base = head, .iov_len = write_head(s, level, at_ms, head)},
                             {.iov_base = (char *)line, .iov_len = len}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int error = send_line(s, &message);
    /* A daemon that was started again listens at a new socket of the same name. */
    if (error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET) {
        disconnect(s);
        error = send_line(s, &message);
    }
    if (error != 0)
        log_writer_failed(w, strerror(error));
    else
        log_writer_works(w);
}

static void syslog_close(struct log_writer *w)
{
    disconnect((struct log_syslog *)w);
    free(w);
}

static const struct log_writer_vtable syslog_vtable = {
    .name = "syslog", .write = syslog_write, .close = syslog_close};

int log_syslog_open(const struct log_syslog_options *options, struct log_writer **out,
                    struct fault *fault)
{
    const char *path = options->path ? options->path : "/dev/log";
    struct log_syslog *s = calloc(1, sizeof *s);
    if (!s) return fault_set(fault, ERR_NOMEM, "out of memory");
    s->writer = (struct log_writer){.vtable = &syslog_vtable, .level = options->level};
    s->fd = -1;
    s->facility = options->facility;
    s->address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof s->address.sun_path) {
        free(s);
        return fault_set(fault, ERR_LIMIT, "syslog socket %s: the path is too long", path);
    }
    memcpy(s->address.sun_path, path, strlen(path) + 1);
    snprintf(s->ident, sizeof s->ident, "%s", options->ident ? options->ident : "moontide");
    *out = &s->writer;
    return OK;
}
