/* app/editor_keys.h - the part of the line editor that runs on the reading thread: libedit, its
 * keys, what is shown beside the line. */
#ifndef MOONTIDE_SRC_APP_EDITOR_KEYS_H
#define MOONTIDE_SRC_APP_EDITOR_KEYS_H

#include "moontide/base/strbuf.h"

#include <stdbool.h>

struct keys;

/* Both are called on the reading thread. */
struct keys_options {
    const char *history_path; /* borrowed for the call; or NULL */
    int wake_fd;              /* readable: on_wake() is to be called */
    /* Blocks until the candidates are there; false: there are none. */
    bool (*complete)(void *data, const char *line, size_t len, size_t *from, struct strbuf *list);
    /* Empties wake_fd. What to show above the line is appended to text; *resized: the terminal has
     * another size. Returns false when the line is to be given up. */
    bool (*on_wake)(void *data, struct strbuf *text, bool *resized);
    void *data;
};

MUST_CHECK int keys_open(const struct keys_options *options, struct keys **out);
void keys_close(struct keys *keys); /* NULL is allowed */

/* Edits one line; the caller frees it. *dropped: Ctrl-C, the line is "". NULL at the end of input.
 */
char *keys_read(struct keys *keys, const char *prompt, bool *dropped);
/* Not while a line is read. */
void keys_remember(struct keys *keys, const char *text);

#endif
