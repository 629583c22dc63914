/* bind/stats_files.c - broken lines of files, for Lua. */
#include "stats_files.h"

#include <lauxlib.h>

void set_count(lua_State *L, const char *key, uint64_t count)
{
    lua_pushinteger(L, (lua_Integer)count);
    lua_setfield(L, -2, key);
}

static void push_broken(lua_State *L, const struct broken_line *broken, const char *const *paths)
{
    lua_createtable(L, 0, 4);
    set_count(L, "line", broken->line);
    lua_pushstring(L, broken->text);
    lua_setfield(L, -2, "text");
    lua_pushstring(L, broken->why);
    lua_setfield(L, -2, "why");
    if (!paths) return;
    lua_pushstring(L, paths[broken->file]);
    lua_setfield(L, -2, "file");
}

void set_broken_lines(lua_State *L, const struct broken_lines *lines, const char *const *paths)
{
    size_t shown = broken_lines_shown(lines);
    luaL_checkstack(L, 4, "broken lines");
    set_count(L, "broken", lines->count);
    lua_createtable(L, (int)shown, 0);
    for (size_t i = 0; i < shown; i++) {
        push_broken(L, &lines->first[i], paths);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "first_broken");
}
