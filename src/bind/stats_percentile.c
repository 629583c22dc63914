/* bind/stats_percentile.c - percentiles and summaries of numbers, for Lua. */
#include "moontide/stats/percentile.h"

#include "moontide/stats/summary.h"
#include "moontide/vm/vm.h"
#include "stats.h"
#include "stats_numbers.h"

#include <math.h>

enum { PERCENTILES_MAX = 64 };

static double check_p(lua_State *L, int idx)
{
    double p = luaL_checknumber(L, idx);
    luaL_argcheck(L, p >= 0 && p <= 100, idx, "a percentile is between 0 and 100");
    return p;
}

static int stats_percentile(lua_State *L)
{
    double p = check_p(L, 2);
    struct numbers values = numbers_copy(L, 1, NAN_IS_OMITTED);
    return push_answer(L, percentile_in_place(values.own, values.count, p));
}

/* stats.percentiles(values, 50, 90, 99) -> p50, p90, p99 */
static int stats_percentiles(lua_State *L)
{
    double ps[PERCENTILES_MAX];
    int count = lua_gettop(L) - 1;
    luaL_argcheck(L, count >= 1 && count <= PERCENTILES_MAX, 2, "1 to 64 percentiles expected");
    for (int i = 0; i < count; i++)
        ps[i] = check_p(L, i + 2);
    luaL_checkstack(L, count + 4, NULL);
    struct numbers values = numbers_copy(L, 1, NAN_IS_OMITTED);
    vm_charge(L, values.count * (size_t)count);
    for (int i = 0; i < count; i++)
        push_answer(L, percentile_in_place(values.own, values.count, ps[i]));
    return count;
}

static struct summary check_summary(lua_State *L)
{
    struct numbers values = numbers_check(L, 1, NAN_IS_OMITTED);
    return summary_of(values.at, values.count);
}

static int stats_mean(lua_State *L)
{
    return push_answer(L, check_summary(L).mean);
}

static int stats_stddev(lua_State *L)
{
    struct summary summary = check_summary(L);
    return push_answer(L, summary_stddev(&summary));
}

static int stats_min(lua_State *L)
{
    return push_answer(L, check_summary(L).min);
}

static int stats_max(lua_State *L)
{
    return push_answer(L, check_summary(L).max);
}

static int stats_sum(lua_State *L)
{
    struct summary summary = check_summary(L);
    return push_answer(L, summary.count ? summary_sum(&summary) : NAN);
}

static int stats_summary(lua_State *L)
{
    struct numbers values = numbers_copy(L, 1, NAN_IS_OMITTED);
    struct summary summary = summary_of(values.at, values.count);
    lua_createtable(L, 0, 9);
    lua_pushinteger(L, (lua_Integer)summary.count);
    lua_setfield(L, -2, "count");
    set_answer(L, "min", summary.min);
    set_answer(L, "max", summary.max);
    set_answer(L, "sum", summary.count ? summary_sum(&summary) : NAN);
    set_answer(L, "mean", summary.mean);
    set_answer(L, "stddev", summary_stddev(&summary));
    set_answer(L, "p50", percentile_in_place(values.own, values.count, 50));
    set_answer(L, "p90", percentile_in_place(values.own, values.count, 90));
    set_answer(L, "p99", percentile_in_place(values.own, values.count, 99));
    return 1;
}

void stats_add_percentile(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"percentile", stats_percentile},
        {"percentiles", stats_percentiles},
        {"mean", stats_mean},
        {"stddev", stats_stddev},
        {"min", stats_min},
        {"max", stats_max},
        {"sum", stats_sum},
        {"summary", stats_summary},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
