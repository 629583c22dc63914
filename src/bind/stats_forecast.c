/* bind/stats_forecast.c - what values in time will be, for Lua: by a line, or by Holt-Winters. */
#include "moontide/base/err.h"
#include "moontide/stats/line.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/vm.h"
#include "stats.h"
#include "stats_numbers.h"
#include "trends.h"

/* Instructions of Lua that a slot is worth in the search for a model, which is more thorough for
 * few of them. */
static uint64_t search_cost(size_t slots)
{
    return (uint64_t)slots * (slots <= 1000 ? 3000 : 700);
}

static const struct vm_field at_options[] = {
    {"times", "number[]?",
     "The values' times, in seconds since the epoch, ascending; without, a second apart."},
    {"level", "number?", "Of the interval: 0.5 to 0.9999; 0.95."},
    {NULL, NULL, NULL}};
static const struct vm_field ahead_options[] = {
    {"times", "number[]?",
     "The values' times, in seconds since the epoch, ascending; without, a second apart."},
    {"step", "duration?", "Between two slots; else the median between the times."},
    {"ahead", "duration", "How long after the newest datapoint."},
    {"season", "integer|string|false?",
     "Slots, a duration as text, \"auto\" (the default), or false: none."},
    {"damped", "boolean?", "Whether the trend flattens out; true."},
    {"level", "number?", "Of the interval: 0.5 to 0.9999; 0.95."},
    {NULL, NULL, NULL}};
static const struct vm_field model_options[] = {
    {"times", "number[]?",
     "The values' times, in seconds since the epoch, ascending; without, a second apart."},
    {"step", "duration?", "Between two slots; else the median between the times."},
    {"ahead", "duration?",
     "How far forecasts are wanted after the newest datapoint; without, none."},
    {"season", "integer|string|false?",
     "Slots, a duration as text, \"auto\" (the default), or false: none."},
    {"damped", "boolean?", "Whether the trend flattens out; true."},
    {"level", "number?", "Of the interval: 0.5 to 0.9999; 0.95."},
    {"alpha", "number?", "The smoothing of the level, 0 to 1; searched when it is not given."},
    {"beta", "number?", "The smoothing of the trend, 0 to 1; searched when it is not given."},
    {"gamma", "number?", "The smoothing of the season, 0 to 1; searched when it is not given."},
    {"phi", "number?", "The damping of the trend, 0 to 1; searched when it is not given."},
    {NULL, NULL, NULL}};

int trends_ahead_by_line(lua_State *L, struct trend trend, double at_s, int options)
{
    double level = options_share(L, options, "level", 0.95);
    vm_charge(L, trend.count);
    struct line line = line_least_squares(trend, level);
    return isnan(line.slope) ? 0 : trends_push(L, line_predict(&line, at_s, level));
}

static int model_gc(lua_State *L)
{
    holt_winters_done(lua_touserdata(L, 1));
    return 0;
}

static struct holt_winters_options model_options_of(lua_State *L, const struct grid *grid,
                                                    int options)
{
    struct holt_winters_options o = {
        .season = trends_season(L, grid, options, "season"),
        .damped = options_boolean(L, options, "damped", true),
        .given = {.alpha = options_number(L, options, "alpha", 0, 1, NAN),
                  .beta = options_number(L, options, "beta", 0, 1, NAN),
                  .gamma = options_number(L, options, "gamma", 0, 1, NAN),
                  .phi = options_number(L, options, "phi", 0, 1, NAN)},
    };
    if (o.given.alpha + o.given.gamma > 1) luaL_error(L, "alpha and gamma are at most 1 together");
    return o;
}

/* Pushes a userdata that owns the model. NULL: too few datapoints. */
static struct holt_winters *push_model(lua_State *L, const struct grid *grid, int options)
{
    struct holt_winters_options wanted = model_options_of(L, grid, options);
    struct holt_winters *model = lua_newuserdatauv(L, sizeof *model, 0);
    *model = (struct holt_winters){0};
    if (luaL_newmetatable(L, "moontide.holt_winters")) {
        lua_pushcfunction(L, model_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    vm_charge(L, search_cost(grid->count));
    int code = holt_winters_fit(grid->values, grid->count, &wanted, model);
    if (code == ERR_NOT_FOUND) return NULL;
    if (code < 0) luaL_error(L, "%s", err_text(code));
    return model;
}

/* How many slots after the newest datapoint a time is, 1 at least: the slot that covers the time,
 * or, of a grid made from times, the nearest. */
static size_t steps_to(lua_State *L, const struct grid *grid, const struct holt_winters *model,
                       double at_s, bool nearest)
{
    double newest_s = grid->start_s + (double)(model->slots - 1) * grid->step_s,
           steps = floor((at_s - newest_s) / grid->step_s + (nearest ? 0.5 : 1e-9));
    if (steps > GRID_SLOTS_MAX)
        luaL_error(L, "ahead is more than %d slots of %f s", GRID_SLOTS_MAX, grid->step_s);
    return steps >= 1 ? (size_t)steps : 1;
}

int trends_ahead(lua_State *L, struct trend trend, double at_s, int options)
{
    double level = options_share(L, options, "level", 0.95);
    const struct grid *grid = trends_grid(L, trend, options_duration_s(L, options, "step", 0));
    const struct holt_winters *model = push_model(L, grid, options);
    if (!model) return 0;
    size_t steps = steps_to(L, grid, model, at_s, trend.times);
    vm_charge(L, steps);
    return trends_push(L, holt_winters_ahead(model, steps, level));
}

/* stats.forecast(values, at, times or options): the line, `at` in the seconds of times;
 * stats.forecast(values, { ahead = ... }): Holt-Winters */
static int stats_forecast(lua_State *L)
{
    if (lua_type(L, 2) == LUA_TNUMBER) {
        lua_settop(L, 3);
        struct trend trend = options_in_time(L, 1, 3, "stats.forecast", at_options);
        return trends_answer(L, trends_ahead_by_line(L, trend, lua_tonumber(L, 2), 3));
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    struct trend trend = options_in_time(L, 1, 2, "stats.forecast", ahead_options);
    if (!lua_istable(L, 2)) return luaL_argerror(L, 2, "a time, or a table with ahead, expected");
    double ahead_s = options_duration_s(L, 2, "ahead", -1);
    if (ahead_s < 0) return luaL_error(L, "stats.forecast: ahead is missing");
    size_t newest = trend_newest(&trend);
    if (newest == trend.count) return trends_answer(L, 0);
    return trends_answer(L, trends_ahead(L, trend, trend_time(&trend, newest) + ahead_s, 2));
}

static void set_state(lua_State *L, const struct holt_winters_state *state, size_t season)
{
    set_answer(L, "level", state->level);
    set_answer(L, "trend", state->trend);
    lua_createtable(L, (int)season, 0);
    for (size_t i = 0; i < season; i++) {
        lua_pushnumber(L, state->season[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "seasonal");
}

static void set_model(lua_State *L, const struct holt_winters *model)
{
    lua_pushinteger(L, (lua_Integer)model->season);
    lua_setfield(L, -2, "season");
    set_answer(L, "alpha", model->smoothing.alpha);
    set_answer(L, "beta", model->smoothing.beta);
    set_answer(L, "gamma", model->smoothing.gamma);
    set_answer(L, "phi", model->smoothing.phi);
    set_answer(L, "sse", model->sse);
    set_answer(L, "sigma", model->sigma);
    set_state(L, &model->newest, model->season);
    lua_newtable(L);
    set_state(L, &model->first, model->season);
    lua_setfield(L, -2, "first");
}

/* Lists times, expected, low, high of the slots ahead into the table on top. */
static void set_path(lua_State *L, const struct grid *grid, const struct holt_winters *model,
                     size_t steps, double level)
{
    static const char *const names[] = {"times", "expected", "low", "high"};
    int table = lua_gettop(L);
    vm_charge(L, 8 * (uint64_t)steps);
    struct interval *path = lua_newuserdatauv(L, (steps + 1) * sizeof *path, 0);
    holt_winters_path(model, steps, level, path);
    for (int k = 0; k < 4; k++)
        lua_createtable(L, (int)steps, 0);
    for (size_t i = 0; i < steps; i++) {
        double row[] = {grid->start_s + (double)(model->slots + i) * grid->step_s, path[i].expected,
                        path[i].low, path[i].high};
        for (int k = 0; k < 4; k++) {
            lua_pushnumber(L, row[k]);
            lua_rawseti(L, k - 5, (lua_Integer)i + 1);
        }
    }
    for (int k = 3; k >= 0; k--)
        lua_setfield(L, table, names[k]);
    lua_settop(L, table);
}

/* stats.holt_winters(values, times or options): the model, and with `ahead` its forecasts */
static int stats_holt_winters(lua_State *L)
{
    lua_settop(L, 2);
    struct trend trend = options_in_time(L, 1, 2, "stats.holt_winters", model_options);
    double ahead_s = options_duration_s(L, 2, "ahead", -1),
           level = options_share(L, 2, "level", 0.95);
    const struct grid *grid = trends_grid(L, trend, options_duration_s(L, 2, "step", 0));
    const struct holt_winters *model = push_model(L, grid, 2);
    if (!model) return trends_answer(L, 0);
    lua_newtable(L);
    set_model(L, model);
    if (ahead_s >= 0) {
        double newest_s = grid->start_s + (double)(model->slots - 1) * grid->step_s;
        set_path(L, grid, model, steps_to(L, grid, model, newest_s + ahead_s, true), level);
    }
    return 1;
}

static const struct vm_function functions[] = {
    {"forecast", stats_forecast,
     "(values: stats.numbers, at: number, times_or_options?: number[]|stats.forecast.at.options): "
     "number?, number?, number?\n(values: stats.numbers, options: stats.forecast.options): "
     "number?, number?, number?",
     "What is expected, and the low and high end of where it may be. With a time (in the seconds "
     "of times): by the line. With options: so long after the newest datapoint, by Holt-Winters. "
     "nil with too few datapoints."},
    {"holt_winters", stats_holt_winters,
     "(values: stats.numbers, times_or_options?: number[]|stats.holt_winters.options): "
     "stats.holt_winters?",
     "The model behind the forecast, and with `ahead` its forecasts; nil with too few datapoints."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field model_fields[] = {
    {"alpha", "number?", "Smoothing of the level."},
    {"beta", "number?", "Smoothing of the trend."},
    {"gamma", "number?", "Smoothing of the season."},
    {"phi", "number?", "Damping of the trend."},
    {"sse", "number?", "The sum of the squared errors of one step."},
    {"sigma", "number?", "The deviation of the errors of one step."},
    {"level", "number?", "At the newest datapoint."},
    {"trend", "number?", "A slot, at the newest datapoint."},
    {"season", "integer", "Slots; 1: none."},
    {"seasonal", "number[]", "What each slot of the season adds."},
    {"first", "table", "level, trend and seasonal before the first datapoint."},
    {"times", "number[]?", "Of the forecasts, in seconds."},
    {"expected", "number[]?", "The forecasts."},
    {"low", "number[]?", "Their lower ends."},
    {"high", "number[]?", "Their upper ends."},
    {NULL, NULL, NULL}};

const struct vm_docs stats_forecast_docs = {DOCS_MODULE, "stats", DOCS_ALL, NULL, functions, NULL};
const struct vm_docs stats_at_docs = {DOCS_CLASS, "stats.forecast.at.options",
                                      DOCS_ALL,   "Of stats.forecast with a time.",
                                      NULL,       at_options};
const struct vm_docs stats_ahead_docs = {DOCS_CLASS, "stats.forecast.options",
                                         DOCS_ALL,   "Of stats.forecast by Holt-Winters.",
                                         NULL,       ahead_options};
const struct vm_docs stats_model_options_docs = {DOCS_CLASS, "stats.holt_winters.options",
                                                 DOCS_ALL,   "Of stats.holt_winters.",
                                                 NULL,       model_options};
const struct vm_docs stats_model_docs = {
    DOCS_CLASS, "stats.holt_winters", DOCS_ALL, "A fitted model.", NULL, model_fields};

void stats_add_forecast(lua_State *L)
{
    vm_set_functions(L, functions);
}
