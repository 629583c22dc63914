/* aws/endpoint.h - where a service answers, and for which region it wants to be signed.
 *
 * Order: the caller's, AWS_ENDPOINT_URL_<SERVICE_ID>, AWS_ENDPOINT_URL, the profile's `services`
 * section, the profile's endpoint_url, else the partition's rule (aws, aws-cn, aws-us-gov, the iso
 * ones) with the FIPS and dual-stack flags of the environment or the profile. Global services (iam,
 * ce, ...) have one home region a partition; sts is regional. Source: AWS SDKs and Tools Reference
 * Guide, "Service-specific endpoints", "Dual-stack and FIPS endpoints" and "AWS STS Regional
 * endpoints". */
#ifndef MOONTIDE_AWS_ENDPOINT_H
#define MOONTIDE_AWS_ENDPOINT_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

struct endpoint_question {
    const char *service_id; /* "CloudWatch", "Elastic Beanstalk", in any case */
    const char *prefix;     /* "monitoring" */
    const char *region;     /* may be NULL for global services and configured endpoints */
    const char *profile;    /* NULL: AWS_PROFILE, then "default" */
    const char *configured; /* the caller's own, or NULL */
};

struct endpoint {
    char *url;    /* scheme://host[:port][/path] without a trailing slash */
    char *region; /* to sign for; NULL when nothing told one */
};

/* ERR_INVALID: no region, not the name of one, or not a URL. On failure *out is empty. */
MUST_CHECK int endpoint_find(const struct endpoint_question *question, struct endpoint *out,
                             struct fault *fault);
void endpoint_done(struct endpoint *endpoint);

/* The URL alone; the caller frees *out. */
MUST_CHECK int endpoint_resolve(const char *service_id, const char *prefix, const char *region,
                                const char *profile, const char *configured, char **out,
                                struct fault *fault);

struct region {
    const char *name, *partition; /* "ap-northeast-2", "aws" */
};
/* The regions that are known, ending with a NULL name. Others are taken all the same. */
extern const struct region regions[];

/* The name of a region's partition: "aws", "aws-cn", "aws-us-gov", ... */
const char *region_partition(const char *region);

#endif
