/* bind/series_trend.c - where a series is going: the methods of a handle that look at time. */
#include "moontide/stats/ewma.h"
#include "moontide/stats/rate.h"
#include "series.h"
#include "trends.h"

static struct trend trend_of(lua_State *L, const struct seen *seen)
{
    vm_charge(L, seen->view.slots);
    return (struct trend){.values = seen->view.values,
                          .count = seen->view.slots,
                          .start_s = (double)seen->view.start_s,
                          .step_s = seen->view.period_s};
}

/* The handle at 1, with the options of a question at idx: a table of known ones, or nil. */
static struct seen asked(lua_State *L, int idx, const char *what, const struct vm_field *known)
{
    struct seen seen = series_self(L);
    lua_settop(L, idx);
    options_check(L, idx, what, known);
    return seen;
}

/* What a question of trends.h answered; without, the series is unknown. */
static int answer(lua_State *L, struct seen *seen, int pushed)
{
    return pushed > 0 ? pushed : series_answer(L, seen, NAN);
}

/* m.x:slope(options) */
static int handle_slope(lua_State *L)
{
    struct seen seen = asked(L, 2, "slope", slope_options + 1);
    return series_answer(L, &seen, trends_slope(L, trend_of(L, &seen), 2));
}

/* m.x:line(options) */
static int handle_line(lua_State *L)
{
    struct seen seen = asked(L, 2, "line", line_options + 1);
    return answer(L, &seen, trends_line(L, trend_of(L, &seen), 2));
}

static int handle_rate(lua_State *L)
{
    struct seen seen = series_self(L);
    return series_answer(L, &seen, rate_of(trend_of(L, &seen)));
}

static int handle_ewma(lua_State *L)
{
    struct seen seen = series_self(L);
    int64_t half_life_ms = convert_duration_ms(L, 2, "half_life");
    luaL_argcheck(L, half_life_ms > 0, 2, "half_life must be more than 0");
    return series_answer(L, &seen, ewma_of(trend_of(L, &seen), (double)half_life_ms / 1000));
}

/* m.x:change(options): nil without a change is an answer */
static int handle_change(lua_State *L)
{
    struct seen seen = asked(L, 2, "change", change_options + 1);
    return answer(L, &seen, trends_change(L, trend_of(L, &seen), 2));
}

/* m.x:seasons(options) */
static int handle_seasons(lua_State *L)
{
    struct seen seen = asked(L, 2, "seasons", seasons_options + 2);
    return answer(L, &seen, trends_seasons(L, trend_of(L, &seen), 2));
}

/* m.x:time_to(threshold, options), from the tick's time; nil because it never comes is an answer */
static int handle_time_to(lua_State *L)
{
    struct seen seen = series_self(L);
    double threshold = luaL_checknumber(L, 2), now_s = (double)seen.run->input->now_ms / 1000;
    luaL_argcheck(L, isfinite(threshold), 2, "a threshold is a finite number");
    return answer(L, &seen, trends_time_to(L, trend_of(L, &seen), threshold, now_s, 3));
}

static const struct vm_field forecast_options[] = {
    {"method", "\"line\"|\"holt-winters\"?", "\"holt-winters\" when there are options."},
    {"season", "integer|string|false?",
     "Of Holt-Winters: slots, a duration as text, \"auto\" (the default), or false: none."},
    {"damped", "boolean?", "Of Holt-Winters: whether the trend flattens out; true."},
    {"level", "number?", "Of the interval: 0.5 to 0.9999; 0.95."},
    {NULL, NULL, NULL}};

/* m.x:forecast(ahead, options): the value `ahead` from the tick's time, by the line through the
 * window; with options by Holt-Winters, unless they say method = "line". */
static int handle_forecast(lua_State *L)
{
    static const char *const methods[] = {"line", "holt-winters", NULL};
    struct seen seen = asked(L, 3, "forecast", forecast_options);
    int64_t ahead_ms = convert_duration_ms(L, 2, "ahead");
    double at_s = (double)(seen.run->input->now_ms + ahead_ms) / 1000;
    bool line = options_choice(L, 3, "method", methods, lua_isnoneornil(L, 3) ? 0 : 1) == 0;
    struct trend trend = trend_of(L, &seen);
    return answer(L, &seen,
                  line ? trends_ahead_by_line(L, trend, at_s, 3) : trends_ahead(L, trend, at_s, 3));
}

const struct vm_function series_trend_methods[] = {
    {"slope", handle_slope, "(options?: series.slope.options): number?",
     "The change a second over the window; nil with too few datapoints."},
    {"line", handle_line, "(options?: series.line.options): stats.line?",
     "The line through the window, with its confidence; nil with too few datapoints."},
    {"rate", handle_rate, "(): number?",
     "The increase a second of a counter, which begins again at zero when it falls; nil with fewer "
     "than two datapoints."},
    {"ewma", handle_ewma, "(half_life: duration): number?",
     "The mean at the newest datapoint, of weights that halve with each half-life; nil without "
     "datapoints."},
    {"change", handle_change, "(options?: series.change.options): stats.change?",
     "The level shift in the window. nil when there is none, which leaves the series known, or "
     "with too few datapoints."},
    {"seasons", handle_seasons, "(options?: series.seasons.options): stats.seasons?",
     "Trend and season of the window; nil when too little of them was seen."},
    {"forecast", handle_forecast,
     "(ahead: duration, options?: series.forecast.options): number?, number?, number?",
     "The value so long after the tick, and the low and high end of where it may be: by the line "
     "through the window, with options by Holt-Winters. nil with too few datapoints."},
    {"time_to", handle_time_to,
     "(threshold: number, options?: series.time_to.options): number?, number?, number?",
     "Seconds from the tick until the trend reaches the threshold, the soonest and the latest; 0: "
     "it is past. nil: never, which leaves the series known, or too few datapoints."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs series_trend_docs = {DOCS_CLASS,           "series", DOCS_POLICY, NULL,
                                          series_trend_methods, NULL};

const struct vm_docs series_slope_docs = {DOCS_CLASS,  "series.slope.options",
                                          DOCS_POLICY, "Of the method slope of a series.",
                                          NULL,        slope_options + 1};
const struct vm_docs series_line_docs = {DOCS_CLASS,  "series.line.options",
                                         DOCS_POLICY, "Of the method line of a series.",
                                         NULL,        line_options + 1};
const struct vm_docs series_change_docs = {DOCS_CLASS,  "series.change.options",
                                           DOCS_POLICY, "Of the method change of a series.",
                                           NULL,        change_options + 1};
const struct vm_docs series_seasons_docs = {DOCS_CLASS,  "series.seasons.options",
                                            DOCS_POLICY, "Of the method seasons of a series.",
                                            NULL,        seasons_options + 2};
const struct vm_docs series_time_to_docs = {DOCS_CLASS,  "series.time_to.options",
                                            DOCS_POLICY, "Of the method time_to of a series.",
                                            NULL,        time_to_options + 2};
const struct vm_docs series_forecast_docs = {DOCS_CLASS,  "series.forecast.options",
                                             DOCS_POLICY, "Of the method forecast of a series.",
                                             NULL,        forecast_options};
