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

enum { FRESH_MAX = 4 << 20 };

void *memory_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct vm *vm = ud;
    struct memory *memory = &vm->memory;
    if (!ptr) osize = 0; /* a type tag, for new objects */
    if (nsize == 0) {
        free(ptr);
        memory->used -= osize;
        return NULL;
    }
    if (nsize > osize && memory->limit && nsize - osize > memory->limit - memory->used) {
        memory->refused = true;
        if (vm->running) place_find(vm->running, &memory->place);
        return NULL;
    }
    void *fresh = realloc(ptr, nsize);
    if (!fresh) {
        if (nsize <= osize) return ptr;
        memory->refused = false;
        return NULL;
    }
    memory->used += nsize - osize;
    if (nsize > osize) {
        memory->fresh += nsize;
        if (memory->fresh > FRESH_MAX && vm->hooked && vm->running && vm->meter.armed)
            vm_hook_install(vm, vm->running, 1);
    }
    return fresh;
}
