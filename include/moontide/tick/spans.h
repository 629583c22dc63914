/* tick/spans.h - from when to when two versions of a policy differed, by target and difference.
 *
 * What differs in the same way (difference.id) on one target in ticks that follow each other, as
 * far as the target was evaluated in them, is one span; what comes back later begins another one.
 */
#ifndef MOONTIDE_TICK_SPANS_H
#define MOONTIDE_TICK_SPANS_H

#include "moontide/base/compiler.h"
#include "moontide/tick/compare.h"

#include <stddef.h>
#include <stdint.h>

struct span {
    uint64_t first_tick, last_tick;
    int64_t first_ms, last_ms;
    uint32_t ticks;
};

/* One difference of one target. The line and JSON are those of its first tick; later ones may show
 * other measured values. */
struct span_group {
    const char *target;
    enum difference_what what;
    enum difference_side side;
    const char *line, *json; /* difference_print(), difference_json() */
    const struct span *spans;
    size_t span_count;
    uint64_t ticks; /* of all its spans */
};

struct spans_totals {
    uint64_t evaluations, differing; /* of a target in a tick; of these, with a difference */
    size_t targets, targets_differing;
    size_t by_what[DIFFERENCE_TARGET + 1]; /* groups, by enum difference_what */
    uint64_t ticks_differing;
};

struct spans;
MUST_CHECK int spans_new(struct spans **out);
void spans_free(struct spans *spans); /* NULL is allowed */
/* One target of one tick; ticks come in order, and targets without a difference too. ERR_NOMEM. */
MUST_CHECK int spans_add(struct spans *spans, uint64_t tick, int64_t at_ms, const char *target,
                         const struct differences *differences);
/* Targets in the order they came, and the differences of each as they began: shape [*count], valid
 * until the next spans_add(). ERR_NOMEM. */
MUST_CHECK int spans_list(struct spans *spans, const struct span_group **out, size_t *count);
void spans_totals(const struct spans *spans, struct spans_totals *out);

#endif
