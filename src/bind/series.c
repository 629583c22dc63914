/* bind/series.c - the handles in `m`: a series in C memory, seen by one evaluation.
 *
 * A handle is the id of its layout and an index. It works while run.layout_id is that id, which is
 * only while an evaluation of a target of this layout runs: kept longer, it throws.
 *
 * No datapoint is never zero: a method that has none to answer from answers nil, and the series is
 * recorded, once an evaluation and with the reason, in the evaluation's `unknowns`. :len() is the
 * exception: that there are none is its answer.
 *
 * Type checks compare a mark at the begin of the userdata, once its size says that it has one:
 * luaL_checkudata would look a name up each time, and even fetching the metatable is three calls
 * where this is one. */
#include "series.h"

#include "fields.h"
#include "moontide/base/hash.h"
#include "moontide/base/timetext.h"
#include "moontide/stats/percentile.h"
#include "moontide/stats/summary.h"
#include "trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char handle_mark;

struct handle {
    const void *mark; /* &handle_mark */
    struct policy *policy;
    uint64_t layout_id;
    uint32_t index;
};

void handle_push(lua_State *L, struct policy *policy, uint64_t layout_id, uint32_t index)
{
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = (struct handle){&handle_mark, policy, layout_id, index};
    lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_mark);
    lua_setmetatable(L, -2);
}

/* ---- low samples: the view with the datapoints that mean too little taken out ---- */

static double sample_count_at(const struct series *samples, int64_t time_s)
{
    int64_t slot = (time_s - samples->start_s) / samples->period_s;
    if (time_s < samples->start_s || slot >= samples->slots) return NAN;
    return samples->values[slot];
}

static void mask_low_samples(lua_State *L, struct seen *seen)
{
    struct layout_key *key = seen->key;
    struct series_view *view = &seen->view;
    if (key->masked_at != seen->run->number) {
        if (key->masked_cap < view->slots) {
            double *masked = realloc(key->masked, view->slots * sizeof *masked);
            if (!masked) luaL_error(L, "out of memory");
            key->masked = masked;
            key->masked_cap = view->slots;
        }
        const struct series *samples = seen->run->input->series[key->samples];
        for (uint32_t i = 0; i < view->slots; i++) {
            double count = sample_count_at(samples, view->start_s + (int64_t)i * view->period_s);
            bool few = isnan(count) || count < key->low_samples_below;
            key->masked[i] = few ? NAN : view->values[i];
        }
        key->masked_at = seen->run->number;
    }
    view->values = key->masked;
}

/* ---- self ---- */

static COLD int not_a_handle(lua_State *L)
{
    return luaL_typeerror(L, 1, "metric (call its methods with a colon: m.name:last())");
}

static COLD int outside(lua_State *L)
{
    return luaL_error(L, "a metric was used outside of its evaluation");
}

/* NULL when there is none at idx. */
static inline const struct handle *test_handle(lua_State *L, int idx)
{
    const struct handle *handle = lua_touserdata(L, idx);
    bool is_one = handle && lua_rawlen(L, idx) == sizeof *handle && handle->mark == &handle_mark;
    return is_one ? handle : NULL;
}

/* The handle at 1, in its evaluation. */
static inline const struct handle *self_handle(lua_State *L)
{
    const struct handle *handle = test_handle(L, 1);
    if (!handle) not_a_handle(L);
    if (handle->layout_id != handle->policy->run.layout_id) outside(L);
    return handle;
}

static struct seen see(lua_State *L, const struct handle *handle)
{
    struct run *run = &handle->policy->run;
    struct seen seen = {.policy = handle->policy,
                        .run = run,
                        .key = &run->layout->keys[handle->index],
                        .index = handle->index};
    seen.key->read_at = run->number;
    seen.view = series_view(run->input->series[handle->index],
                            run->target->shown.uses[handle->index].slots);
    if (seen.key->low_samples_below > 0) mask_low_samples(L, &seen);
    return seen;
}

struct seen series_self(lua_State *L)
{
    return see(L, self_handle(L));
}

/* ---- unknown ---- */

static const char *reason_of(const struct seen *seen, char *buffer, size_t size)
{
    const struct series *series = seen->run->input->series[seen->index];
    char window[DURATION_TEXT_MAX];
    duration_format((int64_t)seen->view.slots * seen->view.period_s * 1000, window);
    uint32_t count = view_count(seen->view);
    if (count > 0) {
        snprintf(buffer, size, "%u datapoint%s in the last %s: too few", count,
                 count == 1 ? "" : "s", window);
        return buffer;
    }
    switch (series->state) {
    case SERIES_NEW: return "it was not asked for yet";
    case SERIES_FORBIDDEN: return "access denied (cloudwatch:GetMetricData)";
    case SERIES_FAILED: return "CloudWatch could not be asked";
    case SERIES_PARTIAL: return "CloudWatch's answer was incomplete";
    default: break;
    }
    bool low =
        seen->key->low_samples_below > 0 && view_count(series_view(series, seen->view.slots)) > 0;
    snprintf(buffer, size, "no datapoint%s in the last %s%s", low ? " of enough samples" : "",
             window, series->hint == SERIES_HINT_UNIT ? " (is the unit right?)" : "");
    return buffer;
}

/* Records the series as unknown, once an evaluation, and answers nil. */
static int unknown(lua_State *L, struct seen *seen)
{
    lua_pushnil(L);
    if (seen->key->told_at == seen->run->number) return 1;
    char buffer[160];
    const char *reason = reason_of(seen, buffer, sizeof buffer);
    struct unknown *item = evaluation_unknown(seen->run->out);
    if (!item) return luaL_error(L, "too many series that could not answer");
    item->metric = run_text(L, seen->run, seen->key->name, strlen(seen->key->name));
    item->reason = run_text(L, seen->run, reason, strlen(reason));
    seen->key->told_at = seen->run->number;
    return 1;
}

int series_answer(lua_State *L, struct seen *seen, double value)
{
    if (isnan(value)) return unknown(L, seen);
    lua_pushnumber(L, value);
    return 1;
}

bool series_numbers(lua_State *L, int idx, struct trend *out)
{
    const struct handle *handle = test_handle(L, idx);
    if (!handle) return false;
    if (handle->layout_id != handle->policy->run.layout_id) outside(L);
    struct seen seen = see(L, handle);
    if (view_count(seen.view) == 0) {
        unknown(L, &seen);
        lua_pop(L, 1);
    }
    *out = (struct trend){.values = seen.view.values,
                          .count = seen.view.slots,
                          .start_s = (double)seen.view.start_s,
                          .step_s = seen.view.period_s};
    return true;
}

/* ---- above and below ---- */

/* The value on top. */
static uint32_t points_option(lua_State *L, const char *name)
{
    int whole = 0;
    lua_Integer value = lua_tointegerx(L, -1, &whole);
    if (lua_type(L, -1) != LUA_TNUMBER || !whole || value < 1 || value > SERIES_SLOTS_MAX)
        luaL_error(L, "%s must be a whole number from 1 to %d", name, SERIES_SLOTS_MAX);
    return (uint32_t)value;
}

static const struct vm_field points_fields[] = {
    {"datapoints", "integer?", "How many datapoints must be past the threshold; as many as `of`."},
    {"of", "integer?", "Of how many of the newest, up to the window; as many as `datapoints`."},
    {NULL, NULL, NULL}};

static void read_options(lua_State *L, struct seen *seen, struct threshold *threshold)
{
    uint32_t m = 0, n = 0;
    luaL_checktype(L, 3, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        if (strcmp(name, "datapoints") == 0)
            m = points_option(L, name);
        else if (strcmp(name, "of") == 0)
            n = points_option(L, name);
        else /* throws */
            vm_check_fields(L, 3, threshold->op == THRESHOLD_ABOVE ? "above" : "below",
                            points_fields);
    }
    threshold->datapoints = m ? m : n ? n : 1;
    threshold->of = n ? n : threshold->datapoints;
    if (threshold->datapoints > threshold->of)
        luaL_error(L, "datapoints = %d is more than of = %d", (int)threshold->datapoints,
                   (int)threshold->of);
    uint32_t slots = seen->run->target->shown.uses[seen->index].slots;
    if (threshold->of > slots)
        luaL_error(L, "of = %d is more than the %d datapoints of %s's window", (int)threshold->of,
                   (int)slots, seen->key->name);
}

/* The question that `missing = "ignore"` keeps the last answer of. */
static uint64_t question(const struct seen *seen, const struct threshold *threshold)
{
    struct {
        uint64_t target, key;
        double value;
        uint32_t op, m, n, pad;
    } parts = {seen->run->target->id_hash,
               seen->key->hash,
               threshold->value,
               (uint32_t)threshold->op,
               threshold->datapoints,
               threshold->of,
               0};
    if (parts.value == 0) parts.value = 0; /* -0 is 0 */
    return hash64(&parts, sizeof parts, 0);
}

/* Any M of N, in any mode. Out of line, so that the common question costs no frame of its size. */
static COLD int judge_points(lua_State *L, enum threshold_op op)
{
    struct seen seen = series_self(L);
    struct threshold threshold = {.op = op, .datapoints = 1, .of = 1, .missing = seen.key->missing};
    if (lua_type(L, 2) != LUA_TNUMBER) return luaL_typeerror(L, 2, "number");
    threshold.value = lua_tonumber(L, 2);
    if (isnan(threshold.value)) return luaL_argerror(L, 2, "NaN is no threshold");
    if (!lua_isnoneornil(L, 3)) read_options(L, &seen, &threshold);

    seen.run->judged[seen.run->judged_count++ % JUDGED_MAX] = seen.index;
    struct answers *answers = seen.run->input->answers;
    bool keeps = threshold.missing == MISSING_IGNORE && answers;
    uint64_t key = keeps ? question(&seen, &threshold) : 0;
    enum verdict before = keeps ? answers_get(answers, key) : VERDICT_UNKNOWN;
    enum verdict verdict = threshold_judge(&threshold, seen.view, before);
    if (seen.policy->trace) trace_asked(L, &seen, &threshold, verdict);
    if (verdict == VERDICT_UNKNOWN) {
        seen.run->nil_verdicts++;
        return unknown(L, &seen);
    }
    if (keeps && verdict != before) answers_set(answers, key, verdict);
    lua_pushboolean(L, verdict == VERDICT_TRUE);
    return 1;
}

/* The common question, one of one datapoints where the newest slot has one, is answered here as
 * threshold_judge() would. */
static inline int judge(lua_State *L, enum threshold_op op)
{
    if (lua_gettop(L) != 2 || lua_type(L, 2) != LUA_TNUMBER) return judge_points(L, op);
    const struct handle *handle = self_handle(L);
    struct run *run = &handle->policy->run;
    struct layout_key *key = &run->layout->keys[handle->index];
    const struct series *series = run->input->series[handle->index];
    double newest = series->values[series->slots - 1], value = lua_tonumber(L, 2);
    if (isunordered(newest, value) || !key->plain) return judge_points(L, op);
    key->read_at = run->number;
    run->judged[run->judged_count++ % JUDGED_MAX] = handle->index;
    lua_pushboolean(L, op == THRESHOLD_ABOVE ? newest > value : newest < value);
    return 1;
}

static int handle_above(lua_State *L)
{
    return judge(L, THRESHOLD_ABOVE);
}

static int handle_below(lua_State *L)
{
    return judge(L, THRESHOLD_BELOW);
}

/* ---- single datapoints ---- */

static int handle_last(lua_State *L)
{
    struct seen seen = series_self(L);
    double value;
    if (!view_at(seen.view, -1, &value, NULL)) return unknown(L, &seen);
    lua_pushnumber(L, value);
    return 1;
}

/* The i-th datapoint, from 1 (the oldest) or -1 (the newest), and its time in epoch seconds. */
static int handle_at(lua_State *L)
{
    struct seen seen = series_self(L);
    double value;
    int64_t time_s;
    if (!view_at(seen.view, luaL_checkinteger(L, 2), &value, &time_s)) return unknown(L, &seen);
    lua_pushnumber(L, value);
    lua_pushinteger(L, time_s);
    return 2;
}

/* Seconds from the timestamp of the newest datapoint to the tick. */
static int handle_age(lua_State *L)
{
    struct seen seen = series_self(L);
    double value;
    int64_t time_s;
    if (!view_at(seen.view, -1, &value, &time_s)) return unknown(L, &seen);
    lua_pushnumber(L, (double)(seen.run->input->now_ms - time_s * 1000) / 1000);
    return 1;
}

static int handle_len(lua_State *L)
{
    lua_pushinteger(L, view_count(series_self(L).view));
    return 1;
}

/* Two lists: the values, oldest first, and their times. */
static int handle_values(lua_State *L)
{
    struct seen seen = series_self(L);
    uint32_t count = view_count(seen.view);
    if (count == 0) return unknown(L, &seen);
    vm_charge(L, seen.view.slots);
    lua_createtable(L, (int)count, 0);
    lua_createtable(L, (int)count, 0);
    int at = 0;
    for (uint32_t i = 0; i < seen.view.slots; i++) {
        if (isnan(seen.view.values[i])) continue;
        lua_pushnumber(L, seen.view.values[i]);
        lua_rawseti(L, -3, ++at);
        lua_pushinteger(L, seen.view.start_s + (int64_t)i * seen.view.period_s);
        lua_rawseti(L, -2, at);
    }
    return 2;
}

/* ---- statistics of the window ---- */

static struct summary summary(lua_State *L, struct seen *seen)
{
    *seen = series_self(L);
    vm_charge(L, seen->view.slots);
    return summary_of(seen->view.values, seen->view.slots);
}

static int handle_mean(lua_State *L)
{
    struct seen seen;
    struct summary s = summary(L, &seen);
    return series_answer(L, &seen, s.mean);
}

static int handle_min(lua_State *L)
{
    struct seen seen;
    struct summary s = summary(L, &seen);
    return series_answer(L, &seen, s.min);
}

static int handle_max(lua_State *L)
{
    struct seen seen;
    struct summary s = summary(L, &seen);
    return series_answer(L, &seen, s.max);
}

static int handle_sum(lua_State *L)
{
    struct seen seen;
    struct summary s = summary(L, &seen);
    return series_answer(L, &seen, s.count ? summary_sum(&s) : NAN);
}

static int handle_percentile(lua_State *L)
{
    struct seen seen = series_self(L);
    double p = luaL_checknumber(L, 2), value;
    luaL_argcheck(L, p >= 0 && p <= 100, 2, "a percentile is from 0 to 100");
    vm_charge(L, seen.view.slots);
    if (percentile_of(seen.view.values, seen.view.slots, p, &value) < 0)
        return luaL_error(L, "out of memory");
    return series_answer(L, &seen, value);
}

static int handle_tostring(lua_State *L)
{
    const struct handle *handle = test_handle(L, 1);
    if (!handle) return not_a_handle(L);
    struct policy *policy = handle->policy;
    if (handle->layout_id != policy->run.layout_id) {
        lua_pushliteral(L, "metric (outside of its evaluation)");
        return 1;
    }
    char text[512];
    metric_describe(policy->run.target->shown.uses[handle->index].metric, text, sizeof text);
    lua_pushfstring(L, "metric %s: %s", policy->run.layout->keys[handle->index].name, text);
    return 1;
}

static const struct vm_function series_methods[] = {
    {"last", handle_last, "(): number?", "The newest datapoint; nil without one."},
    {"at", handle_at, "(i: integer): number?, integer?",
     "The i-th datapoint, from 1 (the oldest) or -1 (the newest), and its time in seconds since "
     "the epoch; nil when there is none."},
    {"age", handle_age, "(): number?",
     "Seconds from the timestamp of the newest datapoint (the begin of its period) to the tick; "
     "nil without one."},
    {"len", handle_len, "(): integer",
     "How many datapoints there are; 0 is an answer, and leaves the series known."},
    {"values", handle_values, "(): number[]?, integer[]?",
     "A list of the datapoints, the oldest first, and a list of their times in seconds since the "
     "epoch; nil without any."},
    {"above", handle_above, "(threshold: number, options?: series.points): boolean?",
     "Whether the newest datapoint is above the threshold, or at least `datapoints` of the last "
     "`of`. nil: no data, unless the declaration's `missing` says otherwise."},
    {"below", handle_below, "(threshold: number, options?: series.points): boolean?",
     "Whether the newest datapoint is below the threshold, or at least `datapoints` of the last "
     "`of`. nil: no data, unless the declaration's `missing` says otherwise."},
    {"mean", handle_mean, "(): number?", "The mean of the window; nil without datapoints."},
    {"min", handle_min, "(): number?", "The lowest value of the window; nil without datapoints."},
    {"max", handle_max, "(): number?", "The highest value of the window; nil without datapoints."},
    {"sum", handle_sum, "(): number?",
     "The sum of the window; nil without datapoints, never 0 for them."},
    {"percentile", handle_percentile, "(p: number): number?",
     "The percentile of the window's datapoints, p from 0 to 100, as stats.percentile; nil without "
     "datapoints."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_function *const all_methods[] = {series_methods, series_trend_methods,
                                                        series_anomaly_methods, NULL};

void series_method_names(const char *names[SERIES_METHODS_MAX])
{
    size_t count = 0;
    for (const struct vm_function *const *table = all_methods; *table; table++)
        for (const struct vm_function *f = *table; f->name && count < SERIES_METHODS_MAX - 1; f++)
            names[count++] = f->name;
    names[count] = NULL;
}

/* __index when it is a typo; the second upvalue is the table of methods. */
static int unknown_method(lua_State *L)
{
    const char *name = luaL_tolstring(L, 2, NULL);
    return luaL_error(L, "a metric has no method '%s'%s", name,
                      fields_hint_function(name, all_methods).text);
}

const struct vm_docs series_docs = {
    DOCS_CLASS,
    "series",
    DOCS_POLICY,
    "A metric in `m`: datapoints in C memory, for as long as the evaluation that it was given to; "
    "kept longer, it throws. What has no datapoints to answer from answers nil, never 0, and marks "
    "the series as unknown: what depends on it holds.",
    series_methods,
    NULL};
const struct vm_docs series_points_docs = {
    DOCS_CLASS, "series.points", DOCS_POLICY, "How many datapoints must be past the threshold.",
    NULL,       points_fields};

void policy_open_series(lua_State *L)
{
    lua_createtable(L, 0, 4); /* the metatable */
    lua_createtable(L, 0, 32);
    vm_set_functions(L, series_methods);
    vm_set_functions(L, series_trend_methods);
    vm_set_functions(L, series_anomaly_methods);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, unknown_method);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, handle_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "metric");
    lua_setfield(L, -2, "__metatable");
    lua_pushliteral(L, "metric");
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &handle_mark);
}
