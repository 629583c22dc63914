/* aws/rates.h - how fast a service may be asked, by all clients of a program together: AWS counts
 * the requests of an account in a region, whoever sends them.
 *
 * One for each (service, operation, region) with a documented limit that a client reaches by
 * itself; made when it is met first, and never taken away before the end. */
#ifndef MOONTIDE_AWS_RATES_H
#define MOONTIDE_AWS_RATES_H

#include "moontide/base/compiler.h"

#include <stdint.h>

struct rates;
struct throttle;

MUST_CHECK int rates_new(struct rates **out); /* ERR_NOMEM */
void rates_free(struct rates *rates);         /* after all its clients; NULL is allowed */

/* The operation of a service with a known limit, or NULL. service_id: "CloudWatch". */
const char *rates_operation(const char *service_id);
/* Its throttle in that region (NULL: ""); owned by rates. NULL: no memory, or no known limit. */
struct throttle *rates_get(struct rates *rates, const char *service_id, const char *region,
                           int64_t now_ns);

#endif
