/* bind/stats_trend.c - where values in time are going, for Lua. */
#include "moontide/stats/change.h"
#include "moontide/stats/crossing.h"
#include "moontide/stats/ewma.h"
#include "moontide/stats/line.h"
#include "moontide/stats/rate.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "stats.h"
#include "stats_numbers.h"
#include "trends.h"

const struct vm_field slope_options[] = {
    {"times", "number[]?",
     "The values' times, in seconds since the epoch, ascending; without, a second apart."},
    {"method", "\"least-squares\"|\"theil-sen\"?",
     "\"least-squares\" (the default), or \"theil-sen\", which outliers do not move."},
    {NULL, NULL, NULL}};
const struct vm_field line_options[] = {
    {"times", "number[]?",
     "The values' times, in seconds since the epoch, ascending; without, a second apart."},
    {"method", "\"least-squares\"|\"theil-sen\"?",
     "\"least-squares\" (the default), or \"theil-sen\", which outliers do not move."},
    {"confidence", "number?", "0.5 to 0.9999; 0.95."},
    {NULL, NULL, NULL}};
const struct vm_field change_options[] = {
    {"times", "number[]?",
     "The values' times, in seconds since the epoch, ascending; without, a second apart."},
    {"confidence", "number?", "0.5 to 0.9999; 0.99."},
    {NULL, NULL, NULL}};
const struct vm_field time_to_options[] = {
    {"times", "number[]?",
     "The values' times, in seconds since the epoch, ascending; without, a second apart."},
    {"now", "number?", "From when on, in seconds since the epoch; the newest time."},
    {"confidence", "number?", "0.5 to 0.9999; 0.95."},
    {"direction", "\"up\"|\"down\"?",
     "Where the threshold is reached from, if the trend does not tell."},
    {NULL, NULL, NULL}};
static const struct vm_field times_options[] = {
    {"times", "number[]?",
     "The values' times, in seconds since the epoch, ascending; without, a second apart."},
    {NULL, NULL, NULL}};
static const struct vm_field line_fields[] = {
    {"slope", "number", "The change a second."},
    {"low", "number?", "The lower end of the slope."},
    {"high", "number?", "The upper end of the slope."},
    {"intercept", "number?", "The line's value at start."},
    {"start", "number?", "The first datapoint's time, in seconds."},
    {"error", "number?", "The deviation around the line; of least squares only."},
    {"r2", "number?", "How much of the variance the line explains, 0..1; of least squares only."},
    {"count", "integer", "How many datapoints."},
    {"method", "string", "\"least-squares\" or \"theil-sen\"."},
    {NULL, NULL, NULL}};
static const struct vm_field change_fields[] = {
    {"index", "integer", "The first datapoint of the new level, from 1."},
    {"time", "number?", "Its time, in seconds."},
    {"before", "number?", "The median before it."},
    {"after", "number?", "The median from it on."},
    {"size", "number?", "after - before."},
    {"confidence", "number", "That it is a shift, 0..1."},
    {NULL, NULL, NULL}};

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
    lua_settop(L, 2);
    return push_answer(L, rate_of(options_in_time(L, 1, 2, "stats.rate", times_options)));
}

/* stats.ewma(values, half_life, times or options) */
static int stats_ewma(lua_State *L)
{
    double half_life_s = (double)convert_duration_ms(L, 2, "half_life") / 1000;
    luaL_argcheck(L, half_life_s > 0, 2, "a half-life is longer than nothing");
    lua_settop(L, 3);
    return push_answer(L,
                       ewma_of(options_in_time(L, 1, 3, "stats.ewma", times_options), half_life_s));
}

static const struct vm_function functions[] = {
    {"slope", stats_slope,
     "(values: stats.numbers, times_or_options?: number[]|stats.slope.options): number?",
     "The change a second; nil with fewer than two datapoints."},
    {"line", stats_line,
     "(values: stats.numbers, times_or_options?: number[]|stats.line.options): stats.line?",
     "The line through the values, with its confidence; nil with too few datapoints."},
    {"change", stats_change,
     "(values: stats.numbers, times_or_options?: number[]|stats.change.options): stats.change?",
     "A level shift: not a spike, a slow climb or a wave. nil when there is none at this "
     "confidence, or with too few datapoints."},
    {"time_to", stats_time_to,
     "(values: stats.numbers, threshold: number, times_or_options?: "
     "number[]|stats.time_to.options): number?, number?, number?",
     "Seconds until the Theil-Sen line reaches the threshold, the soonest and the latest; 0: it is "
     "past. nil when no significant slope leads there, or with too few datapoints."},
    {"rate", stats_rate,
     "(values: stats.numbers, times_or_options?: number[]|stats.times.options): number?",
     "The increase a second of a counter, which begins again at zero when it falls; nil with fewer "
     "than two datapoints."},
    {"ewma", stats_ewma,
     "(values: stats.numbers, half_life: duration, times_or_options?: "
     "number[]|stats.times.options): number?",
     "The mean at the newest datapoint, of weights that halve with each half-life; nil without "
     "datapoints."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs stats_trend_docs = {DOCS_MODULE, "stats", DOCS_ALL, NULL, functions, NULL};
const struct vm_docs stats_slope_docs = {
    DOCS_CLASS, "stats.slope.options", DOCS_ALL, "Of stats.slope.", NULL, slope_options};
const struct vm_docs stats_line_options_docs = {
    DOCS_CLASS, "stats.line.options", DOCS_ALL, "Of stats.line.", NULL, line_options};
const struct vm_docs stats_change_options_docs = {
    DOCS_CLASS, "stats.change.options", DOCS_ALL, "Of stats.change.", NULL, change_options};
const struct vm_docs stats_time_to_docs = {
    DOCS_CLASS, "stats.time_to.options", DOCS_ALL, "Of stats.time_to.", NULL, time_to_options};
const struct vm_docs stats_times_docs = {DOCS_CLASS, "stats.times.options",
                                         DOCS_ALL,   "Of functions of values in time.",
                                         NULL,       times_options};
const struct vm_docs stats_line_docs = {
    DOCS_CLASS, "stats.line",
    DOCS_ALL,   "A line through values in time. A field is nil where there is no answer.",
    NULL,       line_fields};
const struct vm_docs stats_change_docs = {DOCS_CLASS,       "stats.change", DOCS_ALL,
                                          "A level shift.", NULL,           change_fields};

void stats_add_trend(lua_State *L)
{
    vm_set_functions(L, functions);
}
