/* bind/script_chunks.h - the texts that were entered, so that a line of them can be shown again:
 * Lua keeps only their name, "stdin", which is that of all. */
#ifndef MOONTIDE_SRC_BIND_SCRIPT_CHUNKS_H
#define MOONTIDE_SRC_BIND_SCRIPT_CHUNKS_H

#include <stddef.h>

enum { CHUNKS_MAX = 256, CHUNK_BYTES_MAX = 64 * 1024 /* longer ones are not kept */ };

struct chunks {
    char *texts[CHUNKS_MAX]; /* a ring */
    size_t next;
};

void chunks_add(struct chunks *chunks, const char *text, size_t len);
void chunks_done(struct chunks *chunks);

/* The line of the newest text that has a function from line `first` to `last` (0: the text itself
 * is it). NULL: none has. */
const char *chunks_line(const struct chunks *chunks, int first, int last, int line, size_t *len);

#endif
