/* bind/stats_vector.c - vectors as Lua values: their length, and their values as a list. */
#include "stats_vector.h"

#include "moontide/base/err.h"

#include <lauxlib.h>

#define TYPE "moontide.vector"

static int vector_gc(lua_State *L)
{
    vector_done(luaL_checkudata(L, 1, TYPE));
    return 0;
}

static int vector_len(lua_State *L)
{
    struct vector *vector = luaL_checkudata(L, 1, TYPE);
    lua_pushinteger(L, (lua_Integer)vector->count);
    return 1;
}

static int vector_values(lua_State *L)
{
    struct vector *vector = luaL_checkudata(L, 1, TYPE);
    lua_createtable(L, (int)vector->count, 0);
    for (size_t i = 0; i < vector->count; i++) {
        lua_pushnumber(L, vector->at[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

struct vector *vector_push_new(lua_State *L)
{
    static const luaL_Reg methods[] = {{"values", vector_values}, {NULL, NULL}};
    struct vector *vector = lua_newuserdatauv(L, sizeof *vector, 0);
    vector_init(vector);
    if (luaL_newmetatable(L, TYPE)) {
        lua_pushcfunction(L, vector_gc);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, vector_len);
        lua_setfield(L, -2, "__len");
        luaL_newlib(L, methods);
        lua_setfield(L, -2, "__index");
    }
    lua_setmetatable(L, -2);
    return vector;
}

void vector_grow(lua_State *L, struct vector *vector, size_t more)
{
    int code = vector_reserve(vector, more);
    if (code < 0) luaL_error(L, "vector: %s", err_text(code));
}
