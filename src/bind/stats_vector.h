/* bind/stats_vector.h - vectors as Lua values. */
#ifndef MOONTIDE_BIND_STATS_VECTOR_H
#define MOONTIDE_BIND_STATS_VECTOR_H

#include "moontide/stats/vector.h"

#include <lua.h>

/* Pushes an empty one. */
struct vector *vector_push_new(lua_State *L);
/* Room for `more` values, or throws. */
void vector_grow(lua_State *L, struct vector *vector, size_t more);

#endif
