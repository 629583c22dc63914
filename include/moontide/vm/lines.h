/* vm/lines.h - which lines of a Lua source can run. For coverage; vm_observe() tells those that
 * did.
 *
 * Lua tells a function's lines (lua_getinfo's activelines), but not those of the functions inside
 * it that were never made. So the active lines are read from the compiled chunk, of each function
 * in it. Left out are the returns that Lua puts at the end of each function and behind a tail call:
 * they stand on the line of an `end` or `}`, and nobody wrote them. Source: Lua 5.4's ldump.c and
 * ldebug.c (collectvalidlines). */
#ifndef MOONTIDE_VM_LINES_H
#define MOONTIDE_VM_LINES_H

#include "moontide/base/compiler.h"
#include "moontide/vm/vm.h"

/* Calls each(data, line) for each active line of a source, some more than once, in no order.
 * chunkname as vm_load()'s. ERR_LUA: it does not compile; ERR_VERSION: this Lua writes its chunks
 * in another way; ERR_NOMEM. */
MUST_CHECK int lines_active(const char *source, size_t len, const char *chunkname,
                            void (*each)(void *data, int line), void *data, struct fault *fault);

#endif
