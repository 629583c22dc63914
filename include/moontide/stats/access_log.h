/* stats/access_log.h - one line of an access log of an Application Load Balancer, as slices of it.
 *
 * Source: Elastic Load Balancing, Application Load Balancers, "Access logs for your Application
 * Load Balancer", access log entries: fields are separated by one space and in this order; more may
 * come at the end of a line, which is ignored. A quote within a quoted field is written \x22 or
 * %22, and by some tools \".
 *
 * Rule 1: nothing is copied: a slice is good as long as the line. */
#ifndef MOONTIDE_STATS_ACCESS_LOG_H
#define MOONTIDE_STATS_ACCESS_LOG_H

#include "moontide/base/compiler.h"

#include <stddef.h>
#include <stdint.h>

enum access_field {
    ACCESS_TYPE, /* http, https, h2, grpcs, ws, wss */
    ACCESS_TIME,
    ACCESS_ELB,
    ACCESS_CLIENT, /* address:port */
    ACCESS_TARGET, /* address:port, or - */
    ACCESS_REQUEST_TIME,
    ACCESS_TARGET_TIME,
    ACCESS_RESPONSE_TIME,
    ACCESS_STATUS, /* that the balancer gave */
    ACCESS_TARGET_STATUS,
    ACCESS_RECEIVED_BYTES,
    ACCESS_SENT_BYTES,
    ACCESS_PLAIN_FIELDS, /* those above are not quoted */
};

struct slice {
    const char *at;
    size_t len;
};

enum { ACCESS_ENDS_ROOM = 2 * ACCESS_PLAIN_FIELDS }; /* a reader may write some that do not count */

struct access_line {
    const char *at;
    uint32_t
        ends[ACCESS_ENDS_ROOM]; /* of the plain fields: where the space is; see access_field() */
    struct slice method, path;  /* of the request: no host and no query; "-" when there is none */
    struct slice rest; /* behind the request: "user agent" cipher protocol target group ... */
};

static inline struct slice access_field(const struct access_line *line, enum access_field field)
{
    uint32_t from = field ? line->ends[field - 1] + 1 : 0;
    return (struct slice){line->at + from, line->ends[field] - from};
}

/* NULL, and *out is filled; or why line[len] is none of such a log (text that lives for ever). */
const char *access_line_parse(const char *line, size_t len, struct access_line *out);

/* The target group's name out of its ARN, "-" when the line has none. */
struct slice access_target_group(const struct access_line *line);

/* Seconds of a time field. ACCESS_NO_TIME: -1 or -, nobody answered. ACCESS_BAD_TIME: no time. */
#define ACCESS_NO_TIME  (-1.0)
#define ACCESS_BAD_TIME (-2.0)
double access_seconds(struct slice text);

/* Copies a path to out[max] with each segment that is an id as ":id": digits, a UUID, or at least
 * eight hexadecimal digits of which one is no letter. Returns its length; what does not fit is
 * left out. */
size_t access_collapse_ids(struct slice path, char *out, size_t max);

#endif
