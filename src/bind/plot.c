/* bind/plot.c - the Lua module `plot`, which is written in Lua (src/prelude/plot.lua). */
#include "moontide/bind/host.h"

int open_plot(lua_State *L)
{
    vm_prelude(L, "plot", 0, 1);
    return 1;
}
