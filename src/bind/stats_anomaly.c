/* bind/stats_anomaly.c - the anomaly detector for Lua: an object that is fed, and whole lists.
 *
 * A detector is a userdata, so that its memory counts against the policy's cap. */
#include "moontide/stats/anomaly.h"

#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/vm.h"
#include "stats.h"
#include "stats_numbers.h"

#include <math.h>

/* What an update costs, in instructions of Lua. */
enum { UPDATE_INSTRUCTIONS = 16 };
static const char DETECTOR_TYPE[] = "anomaly detector";

static const struct vm_field option_fields[] = {
    {"period", "duration?", "Between two datapoints; learnt when it is left out."},
    {NULL, NULL, NULL}};

static struct anomaly_options read_options(lua_State *L, int idx, const char *what)
{
    struct anomaly_options options = {0};
    if (lua_isnoneornil(L, idx)) return options;
    luaL_checktype(L, idx, LUA_TTABLE);
    vm_check_fields(L, idx, what, option_fields);
    if (lua_getfield(L, idx, "period") != LUA_TNIL) {
        options.period_s = (double)convert_duration_ms(L, -1, "period") / 1000;
        luaL_argcheck(L, options.period_s > 0, idx, "period must be more than 0");
    }
    lua_pop(L, 1);
    return options;
}

static struct anomaly_detector *push_detector(lua_State *L, const struct anomaly_options *options)
{
    struct anomaly_detector *detector = lua_newuserdatauv(L, anomaly_size(), 0);
    if (anomaly_init(detector, options) < 0) luaL_error(L, "an invalid period");
    return detector;
}

static void update(lua_State *L, struct anomaly_detector *detector, double time_s, double value,
                   struct anomaly *out)
{
    if (anomaly_update(detector, time_s, value, out) < 0)
        luaL_error(L, isinf(value) ? "an infinite value" : "time %f is not finite, or goes back",
                   time_s);
}

/* ---- the object ---- */

/* detector:update(time, value) -> score, likelihood, expected, lower, upper */
static int detector_update(lua_State *L)
{
    struct anomaly_detector *detector = luaL_checkudata(L, 1, DETECTOR_TYPE);
    double time_s = luaL_checknumber(L, 2), value = luaL_optnumber(L, 3, NAN);
    struct anomaly out;
    vm_charge(L, UPDATE_INSTRUCTIONS);
    update(L, detector, time_s, value, &out);
    push_answer(L, out.score);
    push_answer(L, out.likelihood);
    push_answer(L, out.expected);
    push_answer(L, out.lower);
    push_answer(L, out.upper);
    return 5;
}

static int detector_reset(lua_State *L)
{
    anomaly_reset(luaL_checkudata(L, 1, DETECTOR_TYPE));
    return 0;
}

static const struct vm_function methods[] = {
    {"update", detector_update,
     "(time: number, value?: number): number?, number?, number?, number?, number?",
     "Feeds a datapoint, its time in seconds: its score (0..1; 0.5 is where one should look), the "
     "likelihood that it is none of the series' ordinary turns (0..1, less what was told lately; "
     "0.1 is where one should look), what was expected, and the lower and upper end of where about "
     "95 % lie. What is not known yet is nil: the score before the fifth datapoint, "
     "the likelihood before the 121st. A nil or NaN value is a missing datapoint. An error: an "
     "infinite value, or a time that goes back."},
    {"reset", detector_reset, "()", "Forgets everything."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs stats_detector_docs = {DOCS_CLASS,
                                            "stats.detector",
                                            DOCS_ALL,
                                            "Says of each datapoint, from earlier ones alone, how "
                                            "unusual it is. 24 KiB, whatever it has seen.",
                                            methods,
                                            NULL};

/* stats.anomaly { period = 300 } */
static int stats_anomaly(lua_State *L)
{
    struct anomaly_options options = read_options(L, 1, "stats.anomaly");
    push_detector(L, &options);
    if (luaL_newmetatable(L, DETECTOR_TYPE)) {
        vm_new_library(L, methods);
        lua_setfield(L, -2, "__index");
        lua_pushstring(L, DETECTOR_TYPE);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
    return 1;
}

/* ---- lists ---- */

/* In the order of struct anomaly's members. */
static const char *const LISTS[] = {"score", "likelihood", "expected", "lower", "upper"};
enum { LIST_COUNT = 5 };

/* Appends the answers of a datapoint to the lists, which stand in order from `first`. NaN stands
 * for "not known", so that each list is as long as the values. */
static void append(lua_State *L, int first, lua_Integer i, const struct anomaly *out)
{
    const double answers[LIST_COUNT] = {out->score, out->likelihood, out->expected, out->lower,
                                        out->upper};
    for (int k = 0; k < LIST_COUNT; k++) {
        lua_pushnumber(L, answers[k]);
        lua_rawseti(L, first + k, i);
    }
}

/* stats.anomalies(values [, times [, options]]) -> { score = {...}, likelihood = {...}, ... } */
static int stats_anomalies(lua_State *L)
{
    lua_settop(L, 3);
    struct anomaly_options options = read_options(L, 3, "stats.anomalies");
    struct trend values = numbers_in_time(L, 1, 2);
    struct anomaly_detector *detector = push_detector(L, &options);
    int first = lua_gettop(L) + 1;
    luaL_checkstack(L, LIST_COUNT + 2, "too many values");
    for (int k = 0; k < LIST_COUNT; k++)
        lua_createtable(L, (int)values.count, 0);
    vm_charge(L, values.count * UPDATE_INSTRUCTIONS);
    for (size_t i = 0; i < values.count; i++) {
        double time_s = values.times ? values.times[i] : values.start_s + (double)i * values.step_s;
        struct anomaly out;
        update(L, detector, time_s, values.values[i], &out);
        append(L, first, (lua_Integer)i + 1, &out);
    }
    lua_createtable(L, 0, LIST_COUNT);
    for (int k = 0; k < LIST_COUNT; k++) {
        lua_pushvalue(L, first + k);
        lua_setfield(L, -2, LISTS[k]);
    }
    return 1;
}

static const struct vm_function functions[] = {
    {"anomaly", stats_anomaly, "(options?: stats.anomaly.options): stats.detector",
     "A detector, to be fed one datapoint after the other."},
    {"anomalies", stats_anomalies,
     "(values: stats.numbers, times?: number[], options?: stats.anomaly.options): stats.anomalies",
     "What a detector says of each value; without times they are one second apart."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field lists_fields[] = {
    {"score", "number[]", "0..1."},
    {"likelihood", "number[]", "0..1."},
    {"expected", "number[]", "What each should have been."},
    {"lower", "number[]", "Of the band."},
    {"upper", "number[]", "Of the band."},
    {NULL, NULL, NULL}};
const struct vm_docs stats_anomaly_docs = {DOCS_MODULE, "stats", DOCS_ALL, NULL, functions, NULL};
const struct vm_docs stats_anomaly_options_docs = {
    DOCS_CLASS,   "stats.anomaly.options", DOCS_ALL, "Of stats.anomaly and stats.anomalies.", NULL,
    option_fields};
const struct vm_docs stats_anomalies_docs = {
    DOCS_CLASS, "stats.anomalies",
    DOCS_ALL,   "Lists as long as the values; NaN is what is not known.",
    NULL,       lists_fields};

void stats_add_anomaly(lua_State *L)
{
    vm_set_functions(L, functions);
}
