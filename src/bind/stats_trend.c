/* bind/stats_trend.c - where values in time are going, for Lua. */
#include "moontide/stats/trend.h"

#include "moontide/vm/convert.h"
#include "stats.h"
#include "stats_numbers.h"

/* stats.slope(values, times) */
static int stats_slope(lua_State *L)
{
    lua_settop(L, 2);
    return push_answer(L, trend_slope(numbers_in_time(L, 1, 2)));
}

static int stats_rate(lua_State *L)
{
    lua_settop(L, 2);
    return push_answer(L, trend_rate(numbers_in_time(L, 1, 2)));
}

/* stats.ewma(values, half_life, times) */
static int stats_ewma(lua_State *L)
{
    double half_life_s = (double)convert_duration_ms(L, 2, "half_life") / 1000;
    luaL_argcheck(L, half_life_s > 0, 2, "a half-life is longer than nothing");
    lua_settop(L, 3);
    return push_answer(L, trend_ewma(numbers_in_time(L, 1, 3), half_life_s));
}

/* stats.forecast(values, at, times): `at` in the seconds of times */
static int stats_forecast(lua_State *L)
{
    double at_s = luaL_checknumber(L, 2);
    lua_settop(L, 3);
    return push_answer(L, trend_forecast(numbers_in_time(L, 1, 3), at_s));
}

void stats_add_trend(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"slope", stats_slope},       {"rate", stats_rate}, {"ewma", stats_ewma},
        {"forecast", stats_forecast}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
