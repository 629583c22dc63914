/* vm/chunks.h - compiled chunks, kept for states that will load the same source again.
 *
 * For who makes many states of the same few files (policy tests). What is kept is Lua's own dump of
 * what this process compiled from text: no bytecode ever comes from outside. */
#ifndef MOONTIDE_VM_CHUNKS_H
#define MOONTIDE_VM_CHUNKS_H

#include "moontide/base/compiler.h"

#include <lua.h>
#include <stddef.h>

struct chunks;

MUST_CHECK int chunks_new(struct chunks **out);
void chunks_free(struct chunks *chunks); /* NULL is allowed */

/* As luaL_loadbufferx() with mode "t": a Lua status, and the function or the message on L. chunks
 * may be NULL: then it only compiles. */
int chunks_load(struct chunks *chunks, lua_State *L, const char *source, size_t len,
                const char *chunkname);

#endif
