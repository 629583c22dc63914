/* model/notation.h - a series as text, in promtool's notation.
 *
 *   10 20 30      these values
 *   10+5x3        10 15 20 25: starts at 10, then 3 more, each 5 more
 *   10-5x2        10 5 0
 *   7x3           7 7 7 7: the same as 7+0x3
 *   _  _x3        no datapoint; three slots without one
 *   stale         no datapoint, and the series ends here: nothing may follow
 *
 * Items are separated by white space. Source: Prometheus documentation, "Unit testing for rules",
 * <series>. Native histograms, NaN and infinities are refused, as CloudWatch has none. */
#ifndef MOONTIDE_MODEL_NOTATION_H
#define MOONTIDE_MODEL_NOTATION_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* One value a slot, the oldest first; NaN: no datapoint. */
struct notation {
    double *values; /* shape: [count]; free() it; NULL when count is 0 */
    size_t count;
    bool ended; /* by `stale` */
};

/* ERR_PARSE: the fault names the item, where it stands (from 1) and what is wrong with it;
 * ERR_LIMIT: more than SERIES_SLOTS_MAX values; ERR_NOMEM. Nothing is left to free then. */
MUST_CHECK int notation_parse(const char *text, size_t len, struct notation *out,
                              struct fault *fault);

#endif
