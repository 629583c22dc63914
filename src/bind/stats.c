/* bind/stats.c - the Lua module `stats`: numbers over a list of values, a vector, a series, or a
 * table that has one of these as `values`. No answer is nil, never zero. */
#include "stats.h"

#include "moontide/bind/host.h"

int open_stats(lua_State *L)
{
    lua_newtable(L);
    stats_add_vector(L);
    stats_add_percentile(L);
    stats_add_summary(L);
    stats_add_histogram(L);
    stats_add_correlation(L);
    stats_add_trend(L);
    stats_add_season(L);
    stats_add_forecast(L);
    stats_add_anomaly(L);
    stats_add_sketch(L);
    if (!vm_sandboxed(vm_of(L))) {
        stats_add_read(L);
        stats_add_access_log(L);
    }
    return 1;
}
