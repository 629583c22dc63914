/* vm/pool.c - the small blocks of one Lua state. */
#include "pool.h"

#include <stdlib.h>

/* The first chunk is small, as most states are. */
enum { CHUNK_FIRST = 16 * 1024, CHUNK_MAX = 256 * 1024 };

struct pool_chunk {
    struct pool_chunk *next;
    size_t bytes;
};
_Static_assert(sizeof(struct pool_chunk) % POOL_STEP == 0, "blocks are aligned");

/* What is left of the chunk before goes to the lists. */
static void spend(struct pool *pool)
{
    while (pool->left >= POOL_STEP) {
        size_t size = pool->left < POOL_BLOCK_MAX ? pool->left : POOL_BLOCK_MAX;
        pool_give(pool, pool->at, size);
        pool->at += size;
        pool->left -= size;
    }
}

static void *take_fresh(struct pool *pool, size_t size)
{
    if (pool->left < size) {
        size_t bytes = pool->chunks ? pool->chunks->bytes * 2 : CHUNK_FIRST;
        if (bytes > CHUNK_MAX) bytes = CHUNK_MAX;
        struct pool_chunk *chunk = malloc(bytes);
        if (!chunk) return NULL;
        spend(pool);
        *chunk = (struct pool_chunk){pool->chunks, bytes};
        pool->chunks = chunk;
        pool->at = (char *)(chunk + 1);
        pool->left = bytes - sizeof *chunk;
    }
    void *block = pool->at;
    pool->at += size;
    pool->left -= size;
    return block;
}

void *pool_take(struct pool *pool, size_t size)
{
    void *block = pool_reuse(pool, size);
    return block ? block : take_fresh(pool, (pool_class(size) + 1) * POOL_STEP);
}

void pool_done(struct pool *pool)
{
    for (struct pool_chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *pool = (struct pool){0};
}
