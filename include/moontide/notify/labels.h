/* notify/labels.h - what an alert is called by: the names that routes, silences and groups match.
 *
 *   policy, type, severity, key, and each field of the target ("environment=prod,service=api")
 *
 * A target that is a plain text ("db-1") has the label `target`; every alert has it, with the whole
 * id. A field of a target that bears the name of one of the five is found as target_<name>. */
#ifndef MOONTIDE_NOTIFY_LABELS_H
#define MOONTIDE_NOTIFY_LABELS_H

#include "moontide/base/compiler.h"

#include <stddef.h>

enum { LABELS_MAX = 64 };

struct label {
    const char *name, *value;
};

/* Sorted by name. */
struct labels {
    struct label *items; /* shape: [count] */
    size_t count;
};

/* Texts are copied; the caller ends it with labels_done(). Fields past LABELS_MAX are left out.
 * ERR_NOMEM. */
MUST_CHECK int labels_new(const char *policy, const char *target, const char *type,
                          const char *severity, const char *key, struct labels *out);
void labels_done(struct labels *labels);
/* The value, or "" when there is no such label: as in Prometheus, absent is empty. */
const char *labels_get(const struct labels *labels, const char *name);

#endif
