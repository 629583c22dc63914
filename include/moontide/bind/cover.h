/* bind/cover.h - which lines of policies have run: by file, over all the states that ran it.
 *
 * Files are named as Lua names their chunks, without the '@': "policies/performance.lua". */
#ifndef MOONTIDE_BIND_COVER_H
#define MOONTIDE_BIND_COVER_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/json.h"

#include <stdbool.h>
#include <stddef.h>

struct cover;
struct vm;

MUST_CHECK int cover_new(struct cover **out);
void cover_free(struct cover *cover); /* NULL is allowed */

/* A file that there is, and its active lines; nothing happens when it is known already. chunk may
 * begin with '@'. A source that does not compile is left out. */
void cover_source(struct cover *cover, const char *chunk, const char *text, size_t len);
/* Notes each line that the state runs, of the files that are known by then. */
void cover_watch(struct cover *cover, struct vm *vm);

struct cover_file {
    const char *name;
    size_t active, hit;   /* lines */
    const size_t *missed; /* shape: [active - hit], ascending; borrowed for the call */
};
/* Sorted by name. */
void cover_each(const struct cover *cover, void (*each)(void *data, const struct cover_file *file),
                void *data);

/* { "file": [lines that ran] }, for another process, and what such a one says. */
void cover_write(const struct cover *cover, struct json_writer *w);
MUST_CHECK int cover_merge(struct cover *cover, const char *json);
/* ERR_NOMEM when something could not be noted; the numbers are then too small. */
MUST_CHECK int cover_status(const struct cover *cover);

#endif
