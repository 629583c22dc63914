/* app/sinks.h - opens where the log of a daemon goes besides standard error. */
#ifndef MOONTIDE_APP_SINKS_H
#define MOONTIDE_APP_SINKS_H

#include "moontide/app/instance.h"
#include "moontide/app/tick_metrics.h"
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

/* After log_open(). On failure none is left open; in the end, while the instance is still open,
 * log_close_writers(). *metrics is set where ticks are to be written as metrics. */
MUST_CHECK int sinks_open(const struct instance *instance, struct tick_metrics *metrics,
                          struct fault *fault);

#endif
