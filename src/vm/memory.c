/* vm/memory.c - the allocator of a state: a cap, and a look at the clock for heavy allocation.
 *
 * Lua answers a refusal by a full collection and one more try, so only what is really in use counts
 * against the cap. Shrinking is never refused, as Lua relies on it.
 *
 * A few instructions can copy megabytes (`s .. "x"`), far from the next hook. Every FRESH_MAX bytes
 * the allocator asks for the hook at the next instruction; lua_sethook only writes a few fields,
 * and is safe here for the same reason that makes it safe in a signal handler. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

enum { FRESH_MAX = 4 << 20 };

#ifndef __has_feature
#define __has_feature(name) 0
#endif

/* Small blocks come from the state's pool, but under AddressSanitizer, which is to see each block.
 */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
static const size_t POOLED_MAX = 0;
#else
static const size_t POOLED_MAX = POOL_BLOCK_MAX;
#endif

static void give_back(struct memory *memory, void *block, size_t size)
{
    if (size - 1 < POOLED_MAX)
        pool_give(&memory->pool, block, size);
    else
        free(block);
}

static void *resize(struct memory *memory, void *block, size_t before, size_t after)
{
    bool was_pooled = before - 1 < POOLED_MAX, pooled = after - 1 < POOLED_MAX;
    if (!was_pooled && !pooled) return realloc(block, after);
    if (was_pooled && pooled && pool_class(before) == pool_class(after)) return block;
    void *fresh = pooled ? pool_take(&memory->pool, after) : malloc(after);
    if (!fresh || before == 0) return fresh;
    memcpy(fresh, block, before < after ? before : after);
    give_back(memory, block, before);
    return fresh;
}

static void look_at_clock(struct vm *vm)
{
    if (vm->hooked && vm->running && vm->meter.armed) vm_hook_install(vm, vm->running, 1);
}

static inline void count_fresh(struct vm *vm, size_t size)
{
    vm->memory.fresh += size;
    if (vm->memory.fresh > FRESH_MAX) look_at_clock(vm);
}

/* Everything that is not the making or the end of one small block. Not inlined, so that those two
 * save no registers. */
__attribute__((noinline)) static void *alloc_any(struct vm *vm, void *ptr, size_t osize,
                                                 size_t nsize)
{
    struct memory *memory = &vm->memory;
    if (nsize == 0) {
        if (ptr) give_back(memory, ptr, osize);
        memory->used -= osize;
        return NULL;
    }
    if (nsize > osize && memory->limit && nsize - osize > memory->limit - memory->used) {
        memory->refused = true;
        if (vm->running) place_find(vm->running, &memory->place);
        return NULL;
    }
    void *fresh = resize(memory, ptr, osize, nsize);
    if (!fresh) {
        /* Too large a block for its size from now on: the pool takes it as a small one. */
        if (nsize <= osize) return ptr;
        memory->refused = false;
        return NULL;
    }
    memory->used += nsize - osize;
    if (nsize > osize) count_fresh(vm, nsize);
    return fresh;
}

void *memory_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct vm *vm = ud;
    struct memory *memory = &vm->memory;
    if (!ptr) {      /* osize is a type tag */
        void *block; /* without a limit what is left wraps around to more than there is */
        if (nsize - 1 < POOLED_MAX && nsize <= memory->limit - memory->used &&
            (block = pool_reuse(&memory->pool, nsize))) {
            memory->used += nsize;
            count_fresh(vm, nsize);
            return block;
        }
        osize = 0;
    } else if (nsize == 0 && osize - 1 < POOLED_MAX) {
        pool_give(&memory->pool, ptr, osize);
        memory->used -= osize;
        return NULL;
    }
    return alloc_any(vm, ptr, osize, nsize);
}
