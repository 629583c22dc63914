/* tick/compare.h - what differs between two evaluations of one target by two versions of a policy.
 *
 * Matched are issues by (type, key), recommendations by (type, action), decisions by (kind,
 * resource, region, account) and unknown series by name; of equal ones the first with the first.
 *
 * Rule 1: what has the same effect is no difference. An issue that is not stated is as one whose
 * `when` is false and that clears; the order of statements, the reason of an unknown series and the
 * words of an error that both have do not count. Rule 2: when one side has an error, that is the
 * only difference: what it said before it fell is nothing. Rule 3: the id of a difference is that
 * of the same one in another tick: measured values in texts and decisions are not in it. */
#ifndef MOONTIDE_TICK_COMPARE_H
#define MOONTIDE_TICK_COMPARE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/json.h"
#include "moontide/model/evaluation.h"

#include <stddef.h>
#include <stdint.h>

enum difference_what {
    DIFFERENCE_ISSUE,
    DIFFERENCE_RECOMMENDATION,
    DIFFERENCE_DECISION,
    DIFFERENCE_UNKNOWN,
    DIFFERENCE_ERROR,
    DIFFERENCE_TARGET /* only one side judges it: for who compares more than one target */
};
extern const char *const difference_names[]; /* "issue", "recommendation", ..., NULL */

enum difference_side {
    DIFFERENCE_CHANGED, /* both say it, and `fields` is what differs */
    DIFFERENCE_REMOVED, /* only the old one says it */
    DIFFERENCE_ADDED    /* only the new one */
};
extern const char *const side_names[]; /* "changed", "removed", "added", NULL */

/* Texts; those of a decision's `wanted` are JSON. NULL: that side does not have the field. */
struct difference_field {
    const char *name, *before, *after;
};

struct difference {
    enum difference_what what;
    enum difference_side side;
    const char *subject; /* "api_latency/eu", "ecs_desired_count service/prod/api", a series' name;
                            "" of an error */
    const char *text;    /* what the one side says; "" when CHANGED */
    const struct difference_field *fields;
    uint32_t field_count;
    uint64_t id;
    size_t first_field; /* private */
};

/* The list; its texts are its own and live until the next differences_find(). */
struct differences {
    struct difference *items;
    size_t count, cap;
    struct difference_field *fields; /* private, as all that follows */
    size_t field_count, field_cap;
    unsigned char *taken; /* shape: [taken_cap]: items of the new side that have their match */
    size_t taken_cap;
    struct evaluation texts; /* only its arena */
};
void differences_init(struct differences *differences);
void differences_done(struct differences *differences);

/* One side: what was said, or what went wrong. */
struct judgement {
    const struct evaluation *evaluation; /* read when fault is NULL */
    const struct fault *fault;
};
/* Replaces what is in *out. Answers how many there are; ERR_NOMEM; ERR_LIMIT: their texts are
 * longer than EVALUATION_BYTES_MAX. */
MUST_CHECK int differences_find(struct differences *out, const struct judgement *before,
                                const struct judgement *after);

/* "+ issue slow: high: p99 is 1200 ms", "~ decision ecs_desired_count service/prod/api:
 * desired_count 4 -> 6": +, - or ~ as of added, removed, changed. One line, without its end. */
void difference_print(const struct difference *difference, struct strbuf *out);
/* { "difference": "added", "what": "issue", "subject", "text", "fields": [ { "field", "before",
 * "after" } ] }; `fields` when changed, else `text`. */
void difference_json(const struct difference *difference, struct json_writer *w);

#endif
