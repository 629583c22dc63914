/* bind/plot.c - the Lua module `plot`, which is written in Lua (src/prelude/plot*.lua), and what it
 * asks C for: what the terminal is, and the nearest name to a mistyped one. */
#include "moontide/bind/host.h"

#include "moontide/base/nearest.h"
#include "moontide/base/terminal.h"

#include <unistd.h>

enum { NAMES_MAX = 64 };

/* Columns, whether it shows colour, and whether more than ASCII. */
static int terminal(lua_State *L)
{
    lua_pushinteger(L, terminal_width(STDOUT_FILENO));
    lua_pushboolean(L, terminal_color(STDOUT_FILENO));
    lua_pushboolean(L, terminal_utf8());
    return 3;
}

/* nearest(name, list of names): one of them, or nil. */
static int nearest(lua_State *L)
{
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checkstack(L, NAMES_MAX + 1, "names");
    while (count < NAMES_MAX &&
           lua_rawgeti(L, 2, (lua_Integer)count + 1) == LUA_TSTRING) /* stays on the stack */
        names[count++] = lua_tostring(L, -1);
    names[count] = NULL;
    lua_pushstring(L, nearest_name(name, names));
    return 1;
}

/* part(name, ...): what another of the prelude's files returns. */
static int part(lua_State *L)
{
    vm_prelude(L, luaL_checkstring(L, 1), lua_gettop(L) - 1, 1);
    return 1;
}

void plot_push(lua_State *L, lua_CFunction terminal_of)
{
    static const luaL_Reg core[] = {{"nearest", nearest}, {"part", part}, {NULL, NULL}};
    luaL_newlib(L, core);
    lua_pushcfunction(L, terminal_of);
    lua_setfield(L, -2, "terminal");
    vm_prelude(L, "plot", 1, 1);
}

int open_plot(lua_State *L)
{
    plot_push(L, terminal);
    return 1;
}
