/* stats/access_groups.h - the requests of an access log, counted by target, path and the like, with
 * a sketch of the times of each group.
 *
 * Memory is bounded: beyond a number of groups, requests of further ones are counted in one that is
 * called (other) in all its fields. */
#ifndef MOONTIDE_STATS_ACCESS_GROUPS_H
#define MOONTIDE_STATS_ACCESS_GROUPS_H

#include "moontide/stats/access_log.h"

#include <stdbool.h>
#include <stdint.h>

enum access_key { KEY_TARGET, KEY_PATH, KEY_ELB, KEY_STATUS, KEY_METHOD, KEY_TARGET_GROUP, KEYS };
extern const char *const access_key_names[KEYS + 1]; /* ends with NULL */

enum access_value { VALUE_TARGET, VALUE_TOTAL, VALUE_REQUEST, VALUE_RESPONSE, VALUES };
extern const char *const access_value_names[VALUES + 1];

enum {
    ACCESS_GROUPS_DEFAULT = 10000,
    ACCESS_GROUPS_MAX = 1000000,
    ACCESS_KEY_BYTES_MAX = 1024, /* of each field; a longer one is cut */
};

struct access_options {
    enum access_key by[KEYS]; /* shape: [by_count], at least one, each once */
    size_t by_count;
    enum access_value value;
    bool collapse_ids;
    size_t groups_max; /* 0: ACCESS_GROUPS_DEFAULT */
};

struct access_groups;

/* On success the caller owns *out; release with access_groups_free(). ERR_NOMEM. */
MUST_CHECK int access_groups_new(const struct access_options *options, struct access_groups **out);
void access_groups_free(struct access_groups *groups); /* NULL is allowed */

/* Counts one line. ERR_PARSE: a field of it is none; *why (text that lives for ever) says which,
 * and nothing was counted. ERR_NOMEM. */
MUST_CHECK int access_groups_add(struct access_groups *groups, const struct access_line *line,
                                 const char **why);

/* Lines wait to be counted some at a time: counts those that do. ERR_NOMEM. */
MUST_CHECK int access_groups_settle(struct access_groups *groups);

/* ---- answers: of what is settled ---- */

size_t access_groups_count(const struct access_groups *groups);
bool access_groups_full(const struct access_groups *groups); /* some went into (other) */

struct access_summary {
    uint64_t requests, errors /* status 5xx */, no_answer, sent_bytes;
    double min_s, max_s, sum_s; /* of the requests that were answered; NaN when none was */
};
/* index < access_groups_count(). */
struct access_summary access_group_summary(const struct access_groups *groups, size_t index);
struct slice access_group_key(const struct access_groups *groups, size_t index, size_t by);
/* Shape out[count], for each of qs (0..1); NaN when nothing was answered. ERR_NOMEM. */
MUST_CHECK int access_group_quantiles(const struct access_groups *groups, size_t index,
                                      const double *qs, size_t count, double *out);
/* The same over all groups. */
struct access_summary access_groups_summary(const struct access_groups *groups);
MUST_CHECK int access_groups_quantiles(const struct access_groups *groups, const double *qs,
                                       size_t count, double *out);

#endif
