/* aws/arena.c - a bump allocator in blocks that double. */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 32 * 1024, LAST_BLOCK = 1024 * 1024, ALIGN = sizeof(void *) };

struct arena_block {
    struct arena_block *next;
    size_t size;
};

void arena_init(struct arena *arena, size_t max_bytes)
{
    memset(arena, 0, sizeof *arena);
    arena->max_bytes = max_bytes;
}

void arena_done(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    arena_init(arena, arena->max_bytes);
}

static int add_block(struct arena *arena, size_t room)
{
    size_t size = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
    if (size > LAST_BLOCK) size = LAST_BLOCK;
    if (room > size - sizeof(struct arena_block)) size = room + sizeof(struct arena_block);
    if (room > arena->max_bytes || size > arena->max_bytes - arena->bytes) return -1;
    struct arena_block *block = malloc(size);
    if (!block) return -1;
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->bytes += size;
    arena->at = (char *)(block + 1);
    arena->end = (char *)block + size;
    return 0;
}

static char *take(struct arena *arena, size_t bytes)
{
    if ((size_t)(arena->end - arena->at) < bytes && add_block(arena, bytes) < 0) return NULL;
    char *at = arena->at;
    arena->at += bytes;
    return at;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    if (bytes > arena->max_bytes) return NULL;
    size_t gap = (size_t)(-(uintptr_t)arena->at & (ALIGN - 1));
    if (gap > 0 && (size_t)(arena->end - arena->at) >= gap) arena->at += gap;
    bytes = bytes ? (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
    char *at = take(arena, bytes);
    return at ? memset(at, 0, bytes) : NULL;
}

char *arena_text(struct arena *arena, const char *text, size_t len)
{
    if (len >= arena->max_bytes) return NULL;
    char *at = take(arena, len + 1);
    if (!at) return NULL;
    memcpy(at, text, len);
    at[len] = '\0';
    return at;
}
