/* bind/stats.c - the Lua module `stats`: numbers over a list of values, or over anything that has
 * a method `values` (a series). No answer is nil, never zero. */
#include "stats.h"

#include "moontide/bind/host.h"

int open_stats(lua_State *L)
{
    lua_newtable(L);
    stats_add_percentile(L);
    stats_add_trend(L);
    stats_add_anomaly(L);
    if (!vm_sandboxed(vm_of(L))) {
        stats_add_read(L);
        stats_add_access_log(L);
    }
    return 1;
}
