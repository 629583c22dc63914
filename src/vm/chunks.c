/* vm/chunks.c - a list of sources with their dumps; found by hash, and compared as a whole. */
#include "moontide/vm/chunks.h"

#include "moontide/base/err.h"
#include "moontide/base/hash.h"
#include "moontide/base/strbuf.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS_MAX = 512, DUMP_BYTES_MAX = 16 * 1024 * 1024, SLOTS = 256 /* a power of two */ };

struct chunk {
    struct chunk *next;
    uint64_t hash;
    char *name, *source, *dump;
    size_t len, dump_len;
};

struct chunks {
    struct chunk *slots[SLOTS];
    size_t count;
};

int chunks_new(struct chunks **out)
{
    struct chunks *chunks = calloc(1, sizeof *chunks);
    if (!chunks) return ERR_NOMEM;
    *out = chunks;
    return OK;
}

static void chunk_free(struct chunk *chunk)
{
    free(chunk->name);
    free(chunk->source);
    free(chunk->dump);
    free(chunk);
}

void chunks_free(struct chunks *chunks)
{
    for (size_t i = 0; chunks && i < SLOTS; i++)
        while (chunks->slots[i]) {
            struct chunk *next = chunks->slots[i]->next;
            chunk_free(chunks->slots[i]);
            chunks->slots[i] = next;
        }
    free(chunks);
}

static const struct chunk *find(const struct chunks *chunks, uint64_t hash, const char *source,
                                size_t len, const char *name)
{
    const struct chunk *at = chunks->slots[hash & (SLOTS - 1)];
    for (; at; at = at->next)
        if (at->hash == hash && at->len == len && strcmp(at->name, name) == 0 &&
            memcmp(at->source, source, len) == 0)
            return at;
    return NULL;
}

static int write_dump(lua_State *L, const void *bytes, size_t len, void *data)
{
    struct strbuf *out = data;
    (void)L;
    strbuf_add(out, bytes, len);
    return strbuf_status(out) < 0;
}

/* The function on top of L. Without memory it is compiled again the next time. */
static void keep(struct chunks *chunks, lua_State *L, uint64_t hash, const char *source, size_t len,
                 const char *name)
{
    struct strbuf dump;
    if (chunks->count == CHUNKS_MAX) return;
    struct chunk *chunk = calloc(1, sizeof *chunk);
    if (!chunk) return;
    strbuf_init(&dump, DUMP_BYTES_MAX);
    chunk->hash = hash;
    chunk->len = len;
    chunk->name = strdup(name);
    chunk->source = malloc(len + 1);
    if (lua_dump(L, write_dump, &dump, 0) == 0) chunk->dump = strbuf_take(&dump, &chunk->dump_len);
    strbuf_done(&dump);
    if (!chunk->name || !chunk->source || !chunk->dump) {
        chunk_free(chunk);
        return;
    }
    memcpy(chunk->source, source, len);
    chunk->next = chunks->slots[hash & (SLOTS - 1)];
    chunks->slots[hash & (SLOTS - 1)] = chunk;
    chunks->count++;
}

int chunks_load(struct chunks *chunks, lua_State *L, const char *source, size_t len,
                const char *chunkname)
{
    if (!chunks) return luaL_loadbufferx(L, source, len, chunkname, "t");
    uint64_t hash = hash64(source, len, 0);
    const struct chunk *kept = find(chunks, hash, source, len, chunkname);
    if (kept) return luaL_loadbufferx(L, kept->dump, kept->dump_len, chunkname, "b");
    int status = luaL_loadbufferx(L, source, len, chunkname, "t");
    if (status == LUA_OK) keep(chunks, L, hash, source, len, chunkname);
    return status;
}
