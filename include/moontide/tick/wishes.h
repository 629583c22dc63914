/* tick/wishes.h - what policies wish of one resource at the same time, and who has to give way.
 *
 * Each decision is a wish by (policy, target) on a (kind, resource, region, account). It holds
 * until the same policy and target state another in a later evaluation, but no longer than three
 * times the policy's `every` (and at least five minutes): a policy that says nothing more wishes
 * nothing.
 *
 * Rule 1: of a field that is a capacity the largest wish wins, so that capacity is taken away only
 * when all agree. Of equal ones the first by policy, target and order of statement is carried out,
 * unless another names more fields.
 * Rule 2: any other field that two wish differently refuses both; a table is compared field by
 * field. A field that one of them does not name is no conflict. Rule 3: two decisions of one
 * evaluation on one resource are two wishes.
 * Rule 4: bounded by WISHES_MAX. */
#ifndef MOONTIDE_TICK_WISHES_H
#define MOONTIDE_TICK_WISHES_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/tick/actor.h"

#include <stddef.h>
#include <stdint.h>

enum { WISHES_MAX = 100000, WISH_TEXT_MAX = 256 };

struct wish {
    const char *policy, *target;
    const char *kind, *resource;
    const char *region, *account; /* NULL: the configuration's, which is one of its own */
    int64_t every_ms;             /* the policy's */
    const char *wanted;           /* a JSON object */
    const char *const *bounds; /* top-level fields of `wanted` that are no wish of a state (min and
                                  max of a count), ends with NULL; may be NULL */
    const struct capacity *capacities; /* shape [capacity_count]: fields of `wanted`; `to` counts */
    size_t capacity_count;
};

struct wishes;
MUST_CHECK int wishes_new(struct wishes **out);
void wishes_free(struct wishes *wishes); /* NULL is allowed */

/* Copies it. Those that the policy and target stated of the resource at other times are replaced.
 * *id (never 0) names it for wishes_conflict(). ERR_LIMIT: there are WISHES_MAX that hold. All of
 * a tick are put before the first is asked about. */
MUST_CHECK int wishes_put(struct wishes *wishes, const struct wish *wish, int64_t now_ms,
                          uint64_t *id);
/* 1: the wish has to give way, and text says to whom; 0: it has not, or there is no such wish (any
 * more). ERR_NOMEM (also where a `wanted` is no JSON). Of the key, kind, resource, region and
 * account are looked at. */
MUST_CHECK int wishes_conflict(struct wishes *wishes, const struct wish *key, uint64_t id,
                               int64_t now_ms, char text[WISH_TEXT_MAX]);
/* A policy, or one target of it (NULL: all), that is gone. */
void wishes_forget(struct wishes *wishes, const char *policy, const char *target);
size_t wishes_count(const struct wishes *wishes);

#endif
