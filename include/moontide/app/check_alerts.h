/* app/check_alerts.h - what `moontide check` says about `alerts`: receivers that their module
 * refuses (faults), and what can never take effect (warnings: faults of code OK). */
#ifndef MOONTIDE_APP_CHECK_ALERTS_H
#define MOONTIDE_APP_CHECK_ALERTS_H

#include "moontide/base/faults.h"
#include "moontide/bind/host.h"
#include "moontide/tick/evaluator.h"

#include <stdbool.h>
#include <stddef.h>

/* policies: those that load, shape: [count]; all: there are no others, so that a label that none of
 * their targets has is none. */
void check_alerts(const struct host *host, struct evaluator *const *policies, size_t count,
                  bool all, struct faults *faults);

#endif
