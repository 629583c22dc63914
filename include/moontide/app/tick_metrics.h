/* app/tick_metrics.h - each tick as CloudWatch metrics, by a line in CloudWatch Logs.
 *
 * The line is in the embedded metric format: CloudWatch makes metrics of it when it comes in, so
 * they cost no call of their own and share the batches, the order and the bounds of
 * app/log_cloudwatch.h. Source: CloudWatch User Guide, "Embedded metric format specification". */
#ifndef MOONTIDE_APP_TICK_METRICS_H
#define MOONTIDE_APP_TICK_METRICS_H

#include "moontide/tick/engine.h"

struct log_writer;

/* Plain data, borrowed; while namespace_name is NULL nothing is written. */
struct tick_metrics {
    struct log_writer *writer;
    const char *namespace_name;
};

/* The tick of an engine's listener, whose data is a struct tick_metrics. */
void tick_metrics_write(void *data, const struct tick_report *report);

#endif
