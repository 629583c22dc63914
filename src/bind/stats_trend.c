/* bind/stats_trend.c - where values in time are going, for Lua. */
#include "moontide/stats/change.h"
#include "moontide/stats/crossing.h"
#include "moontide/stats/ewma.h"
#include "moontide/stats/line.h"
#include "moontide/stats/rate.h"
#include "moontide/vm/convert.h"
#include "stats.h"
#include "stats_numbers.h"
#include "trends.h"

const char *const slope_options[] = {"times", "method", NULL},
                  *const line_options[] = {"times", "method", "confidence", NULL},
                  *const change_options[] = {"times", "confidence", NULL},
                  *const time_to_options[] = {"times", "now", "confidence", "direction", NULL};

/* Instructions of Lua that the pairs of a datapoint are worth in a Theil-Sen line: some dozen sorts
 * of all datapoints. */
enum { PAIRS_COST = 400 };

static void charge_pairs(lua_State *L, size_t n)
{
    vm_charge(L, PAIRS_COST * (uint64_t)n);
}

static struct line fit_line(lua_State *L, struct trend trend, enum line_method method,
                            double confidence)
{
    struct line line;
    if (method == LINE_THEIL_SEN)
        charge_pairs(L, trend.count);
    else
        vm_charge(L, trend.count);
    if (line_fit(trend, method, confidence, &line) < 0) luaL_error(L, "out of memory");
    return line;
}

static enum line_method method_option(lua_State *L, int options)
{
    return (enum line_method)options_choice(L, options, "method", line_method_names,
                                            LINE_LEAST_SQUARES);
}

double trends_slope(lua_State *L, struct trend trend, int options)
{
    return fit_line(L, trend, method_option(L, options), 0.95).slope;
}

int trends_line(lua_State *L, struct trend trend, int options)
{
    enum line_method method = method_option(L, options);
    struct line line = fit_line(L, trend, method, options_share(L, options, "confidence", 0.95));
    if (isnan(line.slope)) return 0;
    lua_createtable(L, 0, 9);
    lua_pushstring(L, line_method_names[method]);
    lua_setfield(L, -2, "method");
    lua_pushinteger(L, (lua_Integer)line.count);
    lua_setfield(L, -2, "count");
    set_answer(L, "slope", line.slope);
    set_answer(L, "low", line.low);
    set_answer(L, "high", line.high);
    set_answer(L, "start", line.start_s);
    set_answer(L, "intercept", line_at(&line, line.start_s));
    set_answer(L, "error", line.error);
    set_answer(L, "r2", line.r2);
    return 1;
}

int trends_change(lua_State *L, struct trend trend, int options)
{
    double confidence = options_share(L, options, "confidence", 0.99);
    struct change change;
    vm_charge(L, 20 * (uint64_t)trend.count);
    if (change_find(trend, &change) < 0) luaL_error(L, "out of memory");
    if (isnan(change.confidence)) return 0;
    if (change.confidence < confidence) {
        lua_pushnil(L);
        return 1;
    }
    lua_createtable(L, 0, 6);
    lua_pushinteger(L, (lua_Integer)change.index + 1);
    lua_setfield(L, -2, "index");
    set_answer(L, "time", change.time_s);
    set_answer(L, "before", change.before);
    set_answer(L, "after", change.after);
    set_answer(L, "size", change.after - change.before);
    set_answer(L, "confidence", change.confidence);
    return 1;
}

int trends_push(lua_State *L, struct interval interval)
{
    push_answer(L, interval.expected);
    push_answer(L, interval.low);
    push_answer(L, interval.high);
    return 3;
}

int trends_answer(lua_State *L, int pushed)
{
    if (pushed > 0) return pushed;
    lua_pushnil(L);
    return 1;
}

int trends_time_to(lua_State *L, struct trend trend, double threshold, double now_s, int options)
{
    enum crossing_way way = (enum crossing_way)options_choice(
        L, options, "direction", crossing_way_names, CROSSING_AS_TREND);
    double confidence = options_share(L, options, "confidence", 0.95);
    struct crossing crossing;
    charge_pairs(L, trend.count);
    if (crossing_find(trend, threshold, way, now_s, confidence, &crossing) < 0)
        luaL_error(L, "out of memory");
    return crossing.state == CROSSING_UNKNOWN ? 0 : trends_push(L, crossing.in_s);
}

/* ---- the module's functions ---- */

/* stats.slope(values, times or options) */
static int stats_slope(lua_State *L)
{
    lua_settop(L, 2);
    struct trend trend = options_in_time(L, 1, 2, "stats.slope", slope_options);
    return push_answer(L, trends_slope(L, trend, 2));
}

static int stats_line(lua_State *L)
{
    lua_settop(L, 2);
    struct trend trend = options_in_time(L, 1, 2, "stats.line", line_options);
    return trends_answer(L, trends_line(L, trend, 2));
}

static int stats_change(lua_State *L)
{
    lua_settop(L, 2);
    struct trend trend = options_in_time(L, 1, 2, "stats.change", change_options);
    return trends_answer(L, trends_change(L, trend, 2));
}

/* stats.time_to(values, threshold, times or options) */
static int stats_time_to(lua_State *L)
{
    double threshold = luaL_checknumber(L, 2);
    luaL_argcheck(L, isfinite(threshold), 2, "a threshold is a finite number");
    lua_settop(L, 3);
    struct trend trend = options_in_time(L, 1, 3, "stats.time_to", time_to_options);
    size_t newest = trend_newest(&trend);
    double now_s = newest < trend.count ? trend_time(&trend, newest) : 0;
    now_s = options_number(L, 3, "now", -1e15, 1e15, now_s);
    return trends_answer(L, trends_time_to(L, trend, threshold, now_s, 3));
}

static int stats_rate(lua_State *L)
{
    static const char *const known[] = {"times", NULL};
    lua_settop(L, 2);
    return push_answer(L, rate_of(options_in_time(L, 1, 2, "stats.rate", known)));
}

/* stats.ewma(values, half_life, times or options) */
static int stats_ewma(lua_State *L)
{
    static const char *const known[] = {"times", NULL};
    double half_life_s = (double)convert_duration_ms(L, 2, "half_life") / 1000;
    luaL_argcheck(L, half_life_s > 0, 2, "a half-life is longer than nothing");
    lua_settop(L, 3);
    return push_answer(L, ewma_of(options_in_time(L, 1, 3, "stats.ewma", known), half_life_s));
}

void stats_add_trend(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"slope", stats_slope},
        {"line", stats_line},
        {"change", stats_change},
        {"time_to", stats_time_to},
        {"rate", stats_rate},
        {"ewma", stats_ewma},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
