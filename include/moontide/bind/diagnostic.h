/* bind/diagnostic.h - the kinds of findings of `check`: a stable code each, and whether it is an
 * error. What a code means, with an example and how to mend it, is in docs/check.md, which the
 * binary carries for `check --explain`. */
#ifndef MOONTIDE_BIND_DIAGNOSTIC_H
#define MOONTIDE_BIND_DIAGNOSTIC_H

#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct diagnostic {
    const char *id; /* "E-stat", "W-unused-metric": E for errors, W for warnings */
    const char *summary;
};

extern const struct diagnostic diagnostics[]; /* by id; ends with a NULL id */

const struct diagnostic *diagnostic_find(const char *id); /* NULL: there is none */
/* The known code that a mistyped one is nearest to, or NULL. */
const char *diagnostic_nearest(const char *id);
/* The code of a fault: its own, else the one that fits what kind of failure it is. Never NULL. */
const char *diagnostic_of(const struct fault *fault);

#endif
