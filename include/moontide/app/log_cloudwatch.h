/* app/log_cloudwatch.h - a log writer to CloudWatch Logs, in batches.
 *
 * Rule 1: events leave in order, one request at a time, each 5 s or when a batch is full; what was
 * not taken is sent again, so that an event may come twice but is not lost.
 * Rule 2: what waits takes at most 8 MiB; further lines are counted and lost.
 * Rule 3: group and stream are made when the service says that they are not there. */
#ifndef MOONTIDE_APP_LOG_CLOUDWATCH_H
#define MOONTIDE_APP_LOG_CLOUDWATCH_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/log.h"

struct http;
struct loop;

struct log_cloudwatch_options {
    struct loop *loop; /* borrowed, as http */
    struct http *http;
    const char *group, *stream;
    const char *profile, *region, *endpoint; /* NULL: as everywhere */
    enum log_level level;
};

/* Nothing is sent before the first event. Its close sends what waits, for at most 2 s, and turns
 * the loop meanwhile. ERR_INVALID: no region. */
MUST_CHECK int log_cloudwatch_open(const struct log_cloudwatch_options *options,
                                   struct log_writer **out, struct fault *fault);

#endif
