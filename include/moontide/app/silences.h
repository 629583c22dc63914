/* app/silences.h - silences in the journal (what = "silence"): who added or ended which, and why.
 */
#ifndef MOONTIDE_APP_SILENCES_H
#define MOONTIDE_APP_SILENCES_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/store/store.h"

#include <stdint.h>

/* Commits an entry; json is its detail. done as store_commit()'s. */
MUST_CHECK int silence_journal(struct store *store, const char *world, int64_t at_ms,
                               const char *json,
                               void (*done)(void *data, int code, const struct fault *fault),
                               void *data);
/* Where no daemon runs: as the store's one writer. Without a database there is no journal yet, and
 * nothing is written. */
MUST_CHECK int silence_journal_alone(const char *state_dir, int64_t at_ms, const char *json,
                                     struct fault *fault);

#endif
