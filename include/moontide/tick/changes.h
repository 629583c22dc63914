/* tick/changes.h - what a tick wants kept, until it is on disk.
 *
 * Memo, alert states, resources, intents and journal entries are noted here while targets are
 * judged, and written as one store batch. A batch that failed is gone, so its changes are kept:
 * changes_absorb() lays the newer ones over them, and the next tick tries all of it again.
 *
 * Rule 1: every function but _new takes NULL for "nothing is kept" (plan, tests of policies).
 * Rule 2: want of memory sticks and comes out of changes_write(). */
#ifndef MOONTIDE_TICK_CHANGES_H
#define MOONTIDE_TICK_CHANGES_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alert_row;
struct changes;
struct journal_entry;
struct resource_row;
struct store_batch;

/* Journal entries kept while the store fails; the rest is bounded by the targets and resources. */
enum { CHANGES_JOURNAL_MAX = 10000 };

MUST_CHECK int changes_new(struct changes **out);
void changes_free(struct changes *changes);

/* All arguments are copied. json NULL: the memo is deleted. */
void changes_memo(struct changes *changes, const char *policy, const char *target,
                  const char *json);
void changes_alert(struct changes *changes, const struct alert_row *row);
void changes_alert_end(struct changes *changes, const char *policy, const char *target,
                       const char *type, const char *key);
/* json NULL: nothing is known of it any more. region and account may be NULL for "". */
void changes_resource(struct changes *changes, const struct resource_row *row);
void changes_intent(struct changes *changes, const char *id, const char *json);
void changes_intent_end(struct changes *changes, const char *id);
void changes_journal(struct changes *changes, const struct journal_entry *entry);

/* False also when something was lost for want of memory, which changes_write() is to say. */
bool changes_empty(const struct changes *changes);
size_t changes_count(const struct changes *changes);
/* Journal entries that were dropped because there were more than CHANGES_JOURNAL_MAX. */
uint64_t changes_dropped(const struct changes *changes);

/* Something could not even be made ready to be noted: as if noting it had failed. */
void changes_fail(struct changes *changes, int code);
/* Nothing was lost since the last changes_write(). */
bool changes_whole(const struct changes *changes);

/* Copies everything into the batch, in order. ERR_NOMEM: something could not be noted before; it
 * is said once, and what is there is written. */
MUST_CHECK int changes_write(struct changes *changes, struct store_batch *batch);

/* Moves all of `newer` behind `older`, dropping what it supersedes (an older memo of the same
 * target, an older state of the same alert or resource, an intent that has ended meanwhile); newer
 * is empty afterwards. */
void changes_absorb(struct changes *older, struct changes *newer);

#endif
