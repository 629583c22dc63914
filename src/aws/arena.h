/* aws/arena.h - memory that is taken bit by bit and given back all at once: a model's. */
#ifndef MOONTIDE_AWS_ARENA_H
#define MOONTIDE_AWS_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;
    char *at, *end;
    size_t bytes; /* of all blocks */
    size_t max_bytes;
};

/* Allocates nothing. */
void arena_init(struct arena *arena, size_t max_bytes);
void arena_done(struct arena *arena);
/* Zeroed, aligned for any pointer. NULL: out of memory, or past max_bytes. */
void *arena_alloc(struct arena *arena, size_t bytes);
/* A copy, with a NUL behind it. */
char *arena_text(struct arena *arena, const char *text, size_t len);

#endif
