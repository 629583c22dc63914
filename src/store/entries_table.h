/* store/entries_table.h - a batch's entries as the virtual table moontide_entries (subject, policy,
 * what, id, json), in order; one connection's. */
#ifndef MOONTIDE_STORE_ENTRIES_TABLE_H
#define MOONTIDE_STORE_ENTRIES_TABLE_H

#include "database.h"
#include "entries.h"

static const uint32_t ENTRY_NO_PAIR = UINT32_MAX;

struct entry_write {
    size_t id, what, json; /* offsets into the texts; id may be PAIRS_NO_TEXT */
    int what_len, json_len;
    uint32_t subject, policy; /* of the pairs, whose rows are known; policy may be ENTRY_NO_PAIR */
};

struct entries_source {
    const struct entries *entries;
    const char *texts;
};

/* The table reads database->entries, which is set while a statement runs. Once a connection. */
MUST_CHECK int entries_table_add(struct database *database, struct fault *fault);

#endif
