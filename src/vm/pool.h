/* vm/pool.h - the small blocks of one Lua state.
 *
 * Lua tells the size of what it frees, so that a small block needs no header: it is cut from a
 * chunk and goes back to the list of its size. That is several times quicker than malloc, of which
 * Lua's tables and strings would ask thousands in a burst and give them back in another. Chunks are
 * given back when the state ends: a state keeps what it needed at its peak. */
#ifndef MOONTIDE_SRC_VM_POOL_H
#define MOONTIDE_SRC_VM_POOL_H

#include <stddef.h>

/* Lua asks for the alignment of a pointer, an integer or a double, no more (LUAI_MAXALIGN). */
enum { POOL_STEP = 8, POOL_BLOCK_MAX = 256, POOL_CLASSES = POOL_BLOCK_MAX / POOL_STEP };

struct pool_chunk;

struct pool_block {
    struct pool_block *next;
};

/* Zero-initialised it is empty. */
struct pool {
    struct pool_block *lists[POOL_CLASSES];
    char *at;    /* what is left of the newest chunk */
    size_t left; /* bytes of it */
    struct pool_chunk *chunks;
};

/* size: 1 to POOL_BLOCK_MAX. NULL when there is no memory. */
void *pool_take(struct pool *pool, size_t size);
void pool_done(struct pool *pool);

static inline size_t pool_class(size_t size)
{
    return (size - 1) / POOL_STEP;
}

/* One that was given back, or NULL. */
static inline void *pool_reuse(struct pool *pool, size_t size)
{
    struct pool_block **list = &pool->lists[pool_class(size)], *block = *list;
    if (block) *list = block->next;
    return block;
}

static inline void pool_give(struct pool *pool, void *block, size_t size)
{
    struct pool_block *freed = block, **list = &pool->lists[pool_class(size)];
    freed->next = *list;
    *list = freed;
}

#endif
