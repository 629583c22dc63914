/* aws/endpoint.h - where a service answers: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the
 * profile's endpoint_url, else the partition's rule (aws, aws-cn, aws-us-gov). */
#ifndef MOONTIDE_AWS_ENDPOINT_H
#define MOONTIDE_AWS_ENDPOINT_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

/* service: the endpoint prefix, "monitoring" for CloudWatch (whose variable is
 * AWS_ENDPOINT_URL_CLOUDWATCH: service_id "cloudwatch"). configured may be NULL. The caller frees
 * *out: scheme://host[:port][/path] without a trailing slash. ERR_INVALID: no region, or not a URL.
 */
MUST_CHECK int endpoint_resolve(const char *service_id, const char *prefix, const char *region,
                                const char *profile, const char *configured, char **out,
                                struct fault *fault);

#endif
