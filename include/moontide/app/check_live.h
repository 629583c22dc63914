/* app/check_live.h - `check --live`: whether CloudWatch has the metrics that policies declare. */
#ifndef MOONTIDE_APP_CHECK_LIVE_H
#define MOONTIDE_APP_CHECK_LIVE_H

#include "moontide/base/faults.h"
#include "moontide/tick/evaluator.h"

#include <stddef.h>

/* Asks ListMetrics, and nothing else, for each metric of the policies (shape: [count]) once, in its
 * region and account. What is not there is a warning with the nearest names; what could not be
 * asked is an error. dir: of the project. */
void check_live(const char *dir, struct evaluator *const *policies, size_t count,
                struct faults *faults);

#endif
