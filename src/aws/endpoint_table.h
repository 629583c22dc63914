/* aws/endpoint_table.h - the facts that the rules of endpoint.c look up. */
#ifndef MOONTIDE_AWS_ENDPOINT_TABLE_H
#define MOONTIDE_AWS_ENDPOINT_TABLE_H

#include "moontide/aws/endpoint.h"

struct partition {
    const char *name, *region_prefix;
    const char *home; /* the region of its global services */
    const char *suffix, *dual_suffix;
};
/* The last one fits every region. */
extern const struct partition partitions[];

/* Hosts that follow no rule; FIPS and dual stack do not change them. */
struct endpoint_fixed {
    const char *partition, *prefix, *host, *region;
};
extern const struct endpoint_fixed endpoints_fixed[]; /* ends with a NULL prefix */

enum {
    ENDPOINT_HOME = 1,            /* only in the partition's home region */
    ENDPOINT_GLOBAL = 2,          /* the same, and the host has no region */
    ENDPOINT_DUAL_ONLY = 4,       /* always under the dual-stack suffix */
    ENDPOINT_DUAL_PLAIN = 8,      /* dual stack under the ordinary suffix */
    ENDPOINT_S3_DUAL = 16,        /* dual stack as s3.dualstack.<region> */
    ENDPOINT_GOV_FIPS_PLAIN = 32, /* aws-us-gov: the ordinary host is the FIPS one */
};
struct endpoint_service {
    const char *prefix;
    unsigned flags;
};
extern const struct endpoint_service endpoint_services[]; /* ends with a NULL prefix */

#endif
