/* bind/stats_vector.h - vectors as Lua values: stats.vector.
 *
 * The memory is the Lua state's, so that a policy's cap holds for it. */
#ifndef MOONTIDE_BIND_STATS_VECTOR_H
#define MOONTIDE_BIND_STATS_VECTOR_H

#include "moontide/stats/vector.h"

#include <lua.h>

/* The vector or slice at idx, NULL when there is none. Good while it is on the stack; its values
 * until it grows, which anything that allocates in Lua may bring about (a finalizer of a script).
 * A slice is `fixed`. */
struct vector *vector_test(lua_State *L, int idx);

/* Pushes an empty one. */
struct vector *vector_push_new(lua_State *L);
/* Room for `more` values, or throws. */
void vector_grow(lua_State *L, struct vector *vector, size_t more);

#endif
