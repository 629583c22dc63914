/* store/entries.h - the journal entries of a batch: gathered, and written as the rows of
 * journal_entry.
 *
 * Texts lie in the batch's buffer; those that entries share lie there once, and in the file, too
 * (see schema.c). */
#ifndef MOONTIDE_STORE_ENTRIES_H
#define MOONTIDE_STORE_ENTRIES_H

#include "moontide/store/store.h"

#include "database.h"
#include "pairs.h"

struct entry_write; /* entries_table.h */

/* Plain data; zero-initialised it is empty. */
struct entries {
    struct entry_write *items;
    size_t count, cap;
    struct pairs subjects, policies; /* (target, resource); (policy, sha256) */
};

/* entry->what must be there. ERR_NOMEM; the status of texts. */
MUST_CHECK int entries_add(struct entries *entries, struct strbuf *texts,
                           const struct journal_entry *entry);
/* In a transaction of the caller's. */
MUST_CHECK int entries_write(struct entries *entries, const char *texts, const char *world,
                             int64_t at_ms, struct database *database, struct fault *fault);
void entries_done(struct entries *entries);

#endif
