/* bind/stats_season.c - what repeats in values in time, for Lua. */
#include "moontide/stats/season.h"

#include "moontide/base/err.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "stats.h"
#include "stats_numbers.h"
#include "trends.h"

#include <string.h>

const struct vm_field seasons_options[] = {
    {"times", "number[]?",
     "The values' times, in seconds since the epoch, ascending; without, a second apart."},
    {"step", "duration?", "Between two slots; else the median between the times."},
    {"period", "integer|string?",
     "Of one season: slots, a duration as text (\"1d\"), or \"auto\" (the default): the highest "
     "peak of the autocorrelation that comes again."},
    {"model", "\"additive\"|\"multiplicative\"?", "\"additive\" by default."},
    {NULL, NULL, NULL}};

static int grid_gc(lua_State *L)
{
    grid_done(lua_touserdata(L, 1));
    return 0;
}

struct grid *trends_grid(lua_State *L, struct trend trend, double step_s)
{
    struct grid *grid = lua_newuserdatauv(L, sizeof *grid, 0);
    *grid = (struct grid){0};
    if (luaL_newmetatable(L, "moontide.grid")) {
        lua_pushcfunction(L, grid_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    vm_charge(L, 4 * (uint64_t)trend.count);
    int code = grid_of(trend, step_s, grid);
    if (code == ERR_LIMIT)
        luaL_error(L, "a grid of more than %d slots: give a longer step", GRID_SLOTS_MAX);
    if (code < 0) luaL_error(L, "%s", err_text(code));
    return grid;
}

static size_t find_season(lua_State *L, const struct grid *grid)
{
    size_t season = 0;
    vm_charge(L, 40 * (uint64_t)grid->count);
    if (season_find(grid->values, grid->count, grid->step_s, &season) < 0)
        luaL_error(L, "out of memory");
    return season;
}

size_t trends_season(lua_State *L, const struct grid *grid, int options, const char *name)
{
    int type = lua_istable(L, options) ? lua_getfield(L, options, name) : LUA_TNIL;
    if (type == LUA_TNIL) return find_season(L, grid);
    double slots = lua_tonumber(L, -1);
    if (type == LUA_TSTRING) {
        if (strcmp(lua_tostring(L, -1), "auto") == 0) return find_season(L, grid);
        slots = floor((double)convert_duration_ms(L, -1, name) / 1000 / grid->step_s + 0.5);
    } else if (type == LUA_TBOOLEAN && !lua_toboolean(L, -1)) {
        slots = 1; /* none */
    } else if (type != LUA_TNUMBER || slots != floor(slots) || slots < 2) {
        luaL_error(L, "%s must be a number of slots from 2, a duration as text, \"auto\" or false",
                   name);
    }
    luaL_argcheck(L, slots <= GRID_SLOTS_MAX, options, "a season of too many slots");
    lua_pop(L, 1);
    return (size_t)slots;
}

static void set_list(lua_State *L, const char *name, const double *values, size_t count)
{
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushnumber(L, values[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

static void set_times(lua_State *L, const struct grid *grid)
{
    lua_createtable(L, (int)grid->count, 0);
    for (size_t i = 0; i < grid->count; i++) {
        lua_pushnumber(L, grid->start_s + (double)i * grid->step_s);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "times");
}

int trends_seasons(lua_State *L, struct trend trend, int options)
{
    enum season_model model =
        (enum season_model)options_choice(L, options, "model", season_model_names, SEASON_ADDITIVE);
    const struct grid *grid = trends_grid(L, trend, options_duration_s(L, options, "step", 0));
    size_t count = grid->count, period = trends_season(L, grid, options, "period");
    vm_charge(L, 20 * (uint64_t)count);
    double *lists = lua_newuserdatauv(L, (3 * count + 1) * sizeof *lists, 0);
    struct season_parts parts = {
        .trend = lists, .seasonal = lists + count, .remainder = lists + 2 * count};
    if (season_split(grid->values, count, period, model, &parts) < 0)
        return luaL_error(L, "out of memory");
    if (isnan(parts.strength)) return 0;
    lua_createtable(L, 0, 8);
    lua_pushinteger(L, (lua_Integer)period);
    lua_setfield(L, -2, "period");
    set_answer(L, "step", grid->step_s);
    set_answer(L, "strength", parts.strength);
    set_times(L, grid);
    set_list(L, "values", grid->values, count);
    set_list(L, "trend", parts.trend, count);
    set_list(L, "seasonal", parts.seasonal, count);
    set_list(L, "remainder", parts.remainder, count);
    return 1;
}

/* stats.seasons(values, times or options) */
static int stats_seasons(lua_State *L)
{
    lua_settop(L, 2);
    struct trend trend = options_in_time(L, 1, 2, "stats.seasons", seasons_options);
    return trends_answer(L, trends_seasons(L, trend, 2));
}

static const struct vm_function functions[] = {
    {"seasons", stats_seasons,
     "(values: stats.numbers, times_or_options?: number[]|stats.seasons.options): stats.seasons?",
     "Trend, season and remainder of values on an even grid, of at most 100,800 slots; three "
     "seasons must have been seen, two when the period is given. nil when it cannot be told."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field seasons_fields[] = {
    {"period", "integer", "Slots of one season."},
    {"step", "number", "Seconds from slot to slot."},
    {"strength", "number", "Of the season: 0..1."},
    {"times", "number[]", "Of the slots, in seconds."},
    {"values", "number[]", "Of the slots; NaN where there is none."},
    {"trend", "number[]", "NaN in the first and last half season."},
    {"seasonal", "number[]", "What the season adds, or multiplies by."},
    {"remainder", "number[]", "What is left; NaN where the trend is."},
    {NULL, NULL, NULL}};

const struct vm_docs stats_season_docs = {DOCS_MODULE, "stats", DOCS_ALL, NULL, functions, NULL};
const struct vm_docs stats_seasons_options_docs = {
    DOCS_CLASS, "stats.seasons.options", DOCS_ALL, "Of stats.seasons.", NULL, seasons_options};
const struct vm_docs stats_seasons_docs = {
    DOCS_CLASS, "stats.seasons", DOCS_ALL, "What repeats in values.", NULL, seasons_fields};

void stats_add_season(lua_State *L)
{
    vm_set_functions(L, functions);
}
