/* app/why.h - why a resource or target was changed, or was not: journal entries in words.
 *
 * The words are pure: entries, the present pauses and the policies' files are given. Entries of one
 * id are one chain:
 *
 *   datapoints -> issue -> decision -> rails -> intent -> calls -> outcome -> verification */
#ifndef MOONTIDE_APP_WHY_H
#define MOONTIDE_APP_WHY_H

#include "moontide/app/entry.h"
#include "moontide/base/compiler.h"
#include "moontide/base/json.h"
#include "moontide/base/strbuf.h"
#include "moontide/tick/pause.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHY_ENTRIES_MAX = 400 /* read of one name */, WHY_CHAINS_SHOWN = 10 /* in words */ };

/* A policy file as it is on disk now. */
struct why_file {
    char *path;
    char sha256[65];
};

/* All that is known of one name. Filled by the caller; why_done() frees the arrays. */
struct why {
    const char *name; /* borrowed */
    const char *what; /* "resource" or "target" */
    int64_t since_ms;
    struct entry *entries; /* shape: [count], newest first: of the name, and issues they name */
    size_t count;
    struct pauses pauses;         /* those that hold any of it */
    const struct why_file *files; /* shape: [file_count], borrowed */
    size_t file_count;
};
void why_done(struct why *why);
/* Takes the row in, in its place, unless it is there already. ERR_NOMEM. */
MUST_CHECK int why_add(struct why *why, const struct journal_row *row);

/* Reads what the journal has of the name, the chains of its newest decisions whole, and the issues
 * that raised them; world NULL: all. The name, what and since_ms are set before. */
struct store;
MUST_CHECK int why_read(struct why *why, struct store *store, const char *world,
                        struct fault *fault);

/* Words, newest decision first, with a line's end. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int why_write_text(const struct why *why, bool color, struct strbuf *out);
/* { "name", "as", "since", "chains": [ { "id", "entries": [...] } ], "not": [...], "paused" } */
MUST_CHECK int why_write_json(const struct why *why, struct json_writer *w);

/* The sentence of a rail's code, and what to do about its refusal; "" for an unknown code. */
const char *why_rule(const char *code);
const char *why_remedy(const char *code);

#endif
