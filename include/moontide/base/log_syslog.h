/* base/log_syslog.h - a log writer to the local syslog daemon or journald, by datagrams to
 * /dev/log.
 *
 * Each line is one datagram as the C library writes them (RFC 3164 without the host's name):
 * "<PRI>Mmm dd hh:mm:ss IDENT[PID]: LINE". The socket never blocks: while the reader is away or its
 * queue is full, lines are counted and lost. */
#ifndef MOONTIDE_BASE_LOG_SYSLOG_H
#define MOONTIDE_BASE_LOG_SYSLOG_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/log.h"

struct log_syslog_options {
    const char *path;  /* NULL: /dev/log */
    const char *ident; /* NULL: "moontide" */
    int facility;      /* an index of log_facilities, which is the code of RFC 3164 too */
    enum log_level level;
};
extern const char *const log_facilities[]; /* "kern", "user", ..., "local7", NULL */

/* A reader that is not there yet is no error: each line looks for it again. ERR_LIMIT: the path is
 * too long for a socket. */
MUST_CHECK int log_syslog_open(const struct log_syslog_options *options, struct log_writer **out,
                               struct fault *fault);

#endif
