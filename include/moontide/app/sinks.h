/* app/sinks.h - opens where the log of a daemon goes besides standard error. */
#ifndef MOONTIDE_APP_SINKS_H
#define MOONTIDE_APP_SINKS_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/bind/config.h"

/* After log_open(). On failure none is left open; in the end log_close_writers(). */
MUST_CHECK int sinks_open(const struct config *config, struct fault *fault);

#endif
