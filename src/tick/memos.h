/* tick/memos.h - the memo of each target as JSON text, by (policy, target); private to the layer.
 *
 * It is what a restart or a new generation of the policy gets; a memo that a running policy holds
 * lives in the policy. */
#ifndef MOONTIDE_TICK_MEMOS_H
#define MOONTIDE_TICK_MEMOS_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/pair_table.h"

#include <stdbool.h>

struct changes;
struct store;

/* Plain data; zero-initialised it is empty. */
struct memos {
    struct table table;
};

void memos_done(struct memos *memos);
MUST_CHECK int memos_load(struct memos *memos, struct store *store, const char *world,
                          struct fault *fault);
/* NULL: none. Valid until the next memos_set() of the target. */
const char *memos_get(const struct memos *memos, const char *policy, const char *target);
/* Keeps json, and notes it in changes when it differs from what was there. ERR_NOMEM. */
MUST_CHECK int memos_set(struct memos *memos, const char *policy, const char *target,
                         const char *json, struct changes *changes);
/* Forgets those of the policy's targets that keep() refuses. */
void memos_retain(struct memos *memos, const char *policy,
                  bool (*keep)(void *data, const char *target), void *data,
                  struct changes *changes);

#endif
