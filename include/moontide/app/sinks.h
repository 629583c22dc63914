/* app/sinks.h - opens where the log of a daemon goes besides standard error. */
#ifndef MOONTIDE_APP_SINKS_H
#define MOONTIDE_APP_SINKS_H

#include "moontide/app/instance.h"
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

/* After log_open(). On failure none is left open; in the end, while
 * the instance is still open, log_close_writers(). */
MUST_CHECK int sinks_open(const struct instance *instance, struct fault *fault);

#endif
