/* bind/stats_anomaly.c - how unusual the newest of some values is, for Lua. */
#include "stats.h"
#include "stats_numbers.h"

static int stats_anomaly(lua_State *L)
{
    struct numbers values = numbers_copy(L, 1, NAN_IS_OMITTED);
    double *scratch = lua_newuserdatauv(L, (values.count + 1) * sizeof *scratch, 0);
    return push_answer(L, trend_anomaly(values.at, values.count, scratch));
}

void stats_add_anomaly(lua_State *L)
{
    lua_pushcfunction(L, stats_anomaly);
    lua_setfield(L, -2, "anomaly");
}
