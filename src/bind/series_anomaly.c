/* bind/series_anomaly.c - how unusual the newest datapoint of a series is, and its band: the window
 * goes through a detector, which answers by the modified z-score while the window is short.
 *
 * One detector serves all series of a policy, one after the other. It is a userdata, so that it
 * counts against the policy's memory. */
#include "moontide/stats/anomaly.h"

#include "series.h"
#include "stats_numbers.h"

#include <math.h>

static const char detector_key;
/* What an update costs, in instructions of Lua. */
enum { UPDATE_INSTRUCTIONS = 16 };

static struct anomaly_detector *detector_of(lua_State *L, const struct anomaly_options *options)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &detector_key) != LUA_TUSERDATA) {
        lua_pop(L, 1);
        lua_newuserdatauv(L, anomaly_size(), 0);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &detector_key);
    }
    struct anomaly_detector *detector = lua_touserdata(L, -1);
    if (anomaly_init(detector, options) < 0) luaL_error(L, "an invalid period");
    return detector;
}

/* What the detector says of the newest datapoint; all NaN without one. */
static struct anomaly replay(lua_State *L, const struct seen *seen)
{
    const struct series_view *view = &seen->view;
    struct anomaly newest = {NAN, NAN, NAN, NAN, NAN}, out;
    vm_charge(L, (uint64_t)view->slots * UPDATE_INSTRUCTIONS);
    struct anomaly_detector *detector =
        detector_of(L, &(struct anomaly_options){.period_s = view->period_s});
    for (uint32_t i = 0; i < view->slots; i++) {
        double time_s = (double)(view->start_s + (int64_t)i * view->period_s);
        if (isnan(view->values[i])) continue;
        if (anomaly_update(detector, time_s, view->values[i], &out) < 0)
            luaL_error(L, "a metric with an infinite value");
        newest = out;
    }
    return newest;
}

/* score, likelihood */
static int handle_anomaly(lua_State *L)
{
    struct seen seen = series_self(L);
    struct anomaly newest = replay(L, &seen);
    series_answer(L, &seen, newest.score);
    push_answer(L, newest.likelihood);
    return 2;
}

/* expected, lower, upper */
static int handle_band(lua_State *L)
{
    struct seen seen = series_self(L);
    struct anomaly newest = replay(L, &seen);
    series_answer(L, &seen, newest.expected);
    push_answer(L, newest.lower);
    push_answer(L, newest.upper);
    return 3;
}

const struct vm_function series_anomaly_methods[] = {
    {"anomaly", handle_anomaly, "(): number?, number?",
     "How unusual the newest datapoint is for its window, 0..1 (0.5 is where one should look), and "
     "how likely it is none of the series' ordinary turns, less what was told lately, 0..1 (0.1 is "
     "where one should look; above 0.5 it is rarer than anything before); nil with too few "
     "datapoints (5, and 121 for the likelihood)."},
    {"band", handle_band, "(): number?, number?, number?",
     "What the newest datapoint should have been, and the lower and upper end of where about 95 % "
     "lie; nil with too few datapoints."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs series_anomaly_docs = {
    DOCS_CLASS, "series", DOCS_POLICY, NULL, series_anomaly_methods, NULL};
