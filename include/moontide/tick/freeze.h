/* tick/freeze.h - the freeze that a failed verification laid on a resource, ended without a daemon.
 *
 * A running daemon ends it by engine_unfreeze(); these two work on the store alone. Rows of every
 * world count: who types a resource's name means all that is known of it. */
#ifndef MOONTIDE_TICK_FREEZE_H
#define MOONTIDE_TICK_FREEZE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct loop;
struct store;

/* How many resources of that name are frozen, or have a failed verification that is still shown; a
 * reader will do. ERR_CORRUPT, ERR_IO, ERR_NOMEM. */
MUST_CHECK int freeze_count(struct store *store, const char *resource, size_t *count,
                            struct fault *fault);

struct freeze_end {
    const char *resource;
    const char *by; /* who ends it; may be NULL */
    int64_t now_ms;
};
/* Ends them: of each world the rows and their journal entries, in one transaction that is on disk
 * when this returns. Runs the loop that the store was opened with, which must not run. *count: how
 * many were ended, also when a later world failed. Errors as store_commit(). */
MUST_CHECK int freeze_end(struct loop *loop, struct store *store, const struct freeze_end *end,
                          size_t *count, struct fault *fault);

#endif
