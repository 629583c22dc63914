/* bind/stats.c - the Lua module `stats`: numbers over a list of values, or over anything that has
 * a method `values` (a series). No answer is nil, never zero; NaN and holes are left out. */
#include "moontide/bind/host.h"
#include "moontide/stats/percentile.h"
#include "moontide/stats/summary.h"
#include "moontide/stats/trend.h"
#include "moontide/vm/convert.h"

#include <math.h>

enum { PERCENTILES_MAX = 64 };

struct values {
    double *at; /* in a userdata on the stack */
    size_t count;
};

/* Replaces a series by its list of values. */
static void unwrap(lua_State *L, int idx)
{
    if (lua_type(L, idx) != LUA_TUSERDATA) return;
    if (lua_getfield(L, idx, "values") != LUA_TFUNCTION)
        luaL_argerror(L, idx, "a list of numbers expected");
    lua_pushvalue(L, idx);
    lua_call(L, 1, 1);
    lua_replace(L, idx);
}

/* Copies the list at idx; a userdata that owns the copy is pushed. */
static struct values check_values(lua_State *L, int idx)
{
    unwrap(L, idx);
    luaL_checktype(L, idx, LUA_TTABLE);
    size_t count = lua_rawlen(L, idx);
    vm_charge(L, count);
    double *at = lua_newuserdatauv(L, (count + 1) * sizeof *at, 0);
    for (size_t i = 0; i < count; i++) {
        int type = lua_rawgeti(L, idx, (lua_Integer)i + 1);
        if (type != LUA_TNUMBER && type != LUA_TNIL)
            luaL_error(L, "value %I is a %s, not a number", (lua_Integer)i + 1,
                       luaL_typename(L, -1));
        at[i] = type == LUA_TNIL ? NAN : lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return (struct values){at, count};
}

/* The list at idx in time: seconds in the list at times_idx, or one second a step. */
static struct trend check_trend(lua_State *L, int idx, int times_idx)
{
    struct values values = check_values(L, idx);
    struct trend trend = {.values = values.at, .count = values.count, .step_s = 1};
    if (lua_isnoneornil(L, times_idx)) return trend;
    struct values times = check_values(L, times_idx);
    if (times.count != values.count)
        luaL_error(L, "%I values but %I times", (lua_Integer)values.count,
                   (lua_Integer)times.count);
    for (size_t i = 0; i < times.count; i++)
        if (isnan(times.at[i]) || (i > 0 && times.at[i] < times.at[i - 1]))
            luaL_error(L, "time %I is missing or goes back", (lua_Integer)i + 1);
    trend.times = times.at;
    return trend;
}

static int push_answer(lua_State *L, double answer)
{
    if (isnan(answer))
        lua_pushnil(L);
    else
        lua_pushnumber(L, answer);
    return 1;
}

static double check_p(lua_State *L, int idx)
{
    double p = luaL_checknumber(L, idx);
    luaL_argcheck(L, p >= 0 && p <= 100, idx, "a percentile is between 0 and 100");
    return p;
}

static int stats_percentile(lua_State *L)
{
    double p = check_p(L, 2);
    struct values values = check_values(L, 1);
    return push_answer(L, percentile_in_place(values.at, values.count, p));
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
    struct values values = check_values(L, 1);
    vm_charge(L, values.count * (size_t)count);
    for (int i = 0; i < count; i++)
        push_answer(L, percentile_in_place(values.at, values.count, ps[i]));
    return count;
}

static struct summary check_summary(lua_State *L)
{
    struct values values = check_values(L, 1);
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

static void set_answer(lua_State *L, const char *key, double answer)
{
    push_answer(L, answer);
    lua_setfield(L, -2, key);
}

static int stats_summary(lua_State *L)
{
    struct values values = check_values(L, 1);
    struct summary summary = summary_of(values.at, values.count);
    lua_createtable(L, 0, 9);
    lua_pushinteger(L, (lua_Integer)summary.count);
    lua_setfield(L, -2, "count");
    set_answer(L, "min", summary.min);
    set_answer(L, "max", summary.max);
    set_answer(L, "sum", summary.count ? summary_sum(&summary) : NAN);
    set_answer(L, "mean", summary.mean);
    set_answer(L, "stddev", summary_stddev(&summary));
    set_answer(L, "p50", percentile_in_place(values.at, values.count, 50));
    set_answer(L, "p90", percentile_in_place(values.at, values.count, 90));
    set_answer(L, "p99", percentile_in_place(values.at, values.count, 99));
    return 1;
}

/* stats.slope(values, times) */
static int stats_slope(lua_State *L)
{
    lua_settop(L, 2);
    return push_answer(L, trend_slope(check_trend(L, 1, 2)));
}

static int stats_rate(lua_State *L)
{
    lua_settop(L, 2);
    return push_answer(L, trend_rate(check_trend(L, 1, 2)));
}

/* stats.ewma(values, half_life, times) */
static int stats_ewma(lua_State *L)
{
    double half_life_s = (double)convert_duration_ms(L, 2, "half_life") / 1000;
    luaL_argcheck(L, half_life_s > 0, 2, "a half-life is longer than nothing");
    lua_settop(L, 3);
    return push_answer(L, trend_ewma(check_trend(L, 1, 3), half_life_s));
}

/* stats.forecast(values, at, times): `at` in the seconds of times */
static int stats_forecast(lua_State *L)
{
    double at_s = luaL_checknumber(L, 2);
    lua_settop(L, 3);
    return push_answer(L, trend_forecast(check_trend(L, 1, 3), at_s));
}

static int stats_anomaly(lua_State *L)
{
    struct values values = check_values(L, 1);
    double *scratch = lua_newuserdatauv(L, (values.count + 1) * sizeof *scratch, 0);
    return push_answer(L, trend_anomaly(values.at, values.count, scratch));
}

int open_stats(lua_State *L)
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
        {"slope", stats_slope},
        {"rate", stats_rate},
        {"ewma", stats_ewma},
        {"forecast", stats_forecast},
        {"anomaly", stats_anomaly},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    return 1;
}
