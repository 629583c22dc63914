/* app/entry.h - a journal entry with its JSON read, and in one readable line.
 *
 * Entries come from the database, where older and newer versions of moontide have written, so no
 * field is relied upon: what is not there is not said. */
#ifndef MOONTIDE_APP_ENTRY_H
#define MOONTIDE_APP_ENTRY_H

#include "moontide/base/compiler.h"
#include "moontide/base/json.h"
#include "moontide/base/strbuf.h"
#include "moontide/store/store.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct entry {
    int64_t seq, at_ms;
    char *world, *what;                                    /* never NULL */
    char *id, *policy, *target, *resource, *policy_sha256; /* may be NULL */
    char *text;                                            /* the JSON as it stands there */
    cJSON *json;                                           /* NULL: it is not JSON */
};

/* Copies the row. ERR_NOMEM. */
MUST_CHECK int entry_init(struct entry *entry, const struct journal_row *row);
void entry_done(struct entry *entry);

/* A text field of the JSON; "" when there is none. Borrowed from the entry. */
const char *entry_text(const struct entry *entry, const char *field);
/* A value as people read it: 9, text, {"a":1}; "none" for null. Control characters become spaces.
 */
void entry_put_value(struct strbuf *out, const cJSON *value);
void entry_put_clean(struct strbuf *out, const char *text); /* NULL: "?" */
/* "count 5 -> 9, max 10 -> 20"; nothing when there are no changes. */
void entry_put_changes(struct strbuf *out, const cJSON *changes);

/* "2026-01-31T12:00:00Z  decision      refused COOLDOWN  ecs_scaling  environment=prod
 * service/c/s  5 -> 9 wanted ..." on one line, without its end. */
void entry_line(const struct entry *entry, bool color, struct strbuf *out);
/* One object with what the columns and the JSON hold. */
void entry_json(const struct entry *entry, struct json_writer *w);

#endif
