/* bind/stats_summary.c - means, deviations and summaries of numbers, for Lua.
 *
 *   stats.mean(values [, { nan = "omit" }]), likewise stddev, min, max, sum
 *   stats.summary(values, { percentiles = { 50, 99 }, method = "linear", nan = "omit" })
 *   stats.trimmed_mean(values, 10, 90), stats.trimmed_mean(values, { above = 150, below = 1000 })
 */
#include "moontide/stats/summary.h"

#include "moontide/base/err.h"
#include "moontide/stats/trim.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/vm.h"
#include "stats.h"
#include "stats_percentile.h"

#include <math.h>
#include <stdio.h>

static const struct vm_field nan_options[] = {
    {"nan", "\"error\"|\"omit\"?", "What NaN and holes are: an error (the default), or left out."},
    {NULL, NULL, NULL}};
static const struct vm_field stddev_options[] = {
    {"nan", "\"error\"|\"omit\"?", "What NaN and holes are: an error (the default), or left out."},
    {"sample", "boolean?", "Of a sample (divided by n - 1), not of the population."},
    {NULL, NULL, NULL}};
static const struct vm_field summary_options[] = {
    {"method", "stats.method?", "As numpy.percentile's; \"linear\"."},
    {"nan", "\"error\"|\"omit\"?", "What NaN and holes are: an error (the default), or left out."},
    {"percentiles", "number[]?", "Which percentiles; 50, 90 and 99."},
    {NULL, NULL, NULL}};
static const struct vm_field between_options[] = {
    {"above", "number?", "Values above this."},
    {"below", "number?", "Values up to this."},
    {"nan", "\"error\"|\"omit\"?", "What NaN and holes are: an error (the default), or left out."},
    {NULL, NULL, NULL}};

static void check_known(lua_State *L, int idx, const char *what, const struct vm_field *known)
{
    if (lua_isnoneornil(L, idx)) return;
    luaL_checktype(L, idx, LUA_TTABLE);
    vm_check_fields(L, idx, what, known);
}

static struct summary check_summary(lua_State *L, const char *what)
{
    check_known(L, 2, what, nan_options);
    struct numbers values = numbers_check(L, 1, numbers_nan_policy(L, 2));
    return summary_of(values.at, values.count);
}

static int stats_mean(lua_State *L)
{
    return push_answer(L, check_summary(L, "stats.mean").mean);
}

static int stats_min(lua_State *L)
{
    return push_answer(L, check_summary(L, "stats.min").min);
}

static int stats_max(lua_State *L)
{
    return push_answer(L, check_summary(L, "stats.max").max);
}

static double sum_of(const struct summary *summary)
{
    return summary->count ? summary_sum(summary) : NAN;
}

static int stats_sum(lua_State *L)
{
    struct summary summary = check_summary(L, "stats.sum");
    return push_answer(L, sum_of(&summary));
}

/* Of the population; with sample = true of a sample. */
static int stats_stddev(lua_State *L)
{
    check_known(L, 2, "stats.stddev", stddev_options);
    bool sample = false;
    if (!lua_isnoneornil(L, 2)) {
        lua_getfield(L, 2, "sample");
        sample = lua_toboolean(L, -1);
    }
    struct numbers values = numbers_check(L, 1, numbers_nan_policy(L, 2));
    struct summary summary = summary_of(values.at, values.count);
    return push_answer(L, sample ? summary_sample_stddev(&summary) : summary_stddev(&summary));
}

/* ---- summary ---- */

/* `percentiles` of the options at idx, 50, 90 and 99 by default. */
static void check_percentiles(lua_State *L, int idx, struct percentiles *percentiles)
{
    percentiles->ps[0] = 50;
    percentiles->ps[1] = 90;
    percentiles->ps[2] = 99;
    percentiles->count = 3;
    percentiles->method = percentiles_method(L, idx);
    if (lua_isnoneornil(L, idx)) return;
    if (lua_getfield(L, idx, "percentiles") != LUA_TNIL)
        percentiles_check(L, lua_gettop(L), percentiles);
    lua_pop(L, 1);
}

/* A table with count, mean, ... and p50 or p99.9 for each percentile. */
static int stats_summary(lua_State *L)
{
    struct percentiles percentiles;
    check_known(L, 2, "stats.summary", summary_options);
    check_percentiles(L, 2, &percentiles);
    struct numbers values = numbers_check(L, 1, numbers_nan_policy(L, 2));
    struct summary summary = summary_of(values.at, values.count);
    percentiles_answer(L, values, &percentiles);

    lua_createtable(L, 0, 8 + (int)percentiles.count);
    lua_pushinteger(L, (lua_Integer)summary.count);
    lua_setfield(L, -2, "count");
    set_answer(L, "min", summary.min);
    set_answer(L, "max", summary.max);
    set_answer(L, "sum", sum_of(&summary));
    set_answer(L, "mean", summary.mean);
    set_answer(L, "stddev", summary_stddev(&summary));
    set_answer(L, "skew", summary_skew(&summary));
    set_answer(L, "kurtosis", summary_kurtosis(&summary));
    for (size_t i = 0; i < percentiles.count; i++) {
        char key[32];
        snprintf(key, sizeof key, "p%.14g", percentiles.ps[i]);
        set_answer(L, key, percentiles.answers[i]);
    }
    return 1;
}

/* ---- trimmed and winsorized means ---- */

static double bound_option(lua_State *L, int idx, const char *field, double fallback)
{
    int type = lua_getfield(L, idx, field);
    double bound = type == LUA_TNIL ? fallback : lua_tonumber(L, -1);
    if ((type != LUA_TNIL && type != LUA_TNUMBER) || isnan(bound))
        luaL_error(L, "%s must be a number", field);
    lua_pop(L, 1);
    return bound;
}

/* f(values, { above = 150, below = 1000 }): values in (above, below]. */
static double mean_between(lua_State *L, enum trim trim, const char *what)
{
    check_known(L, 2, what, between_options);
    double above = bound_option(L, 2, "above", -INFINITY);
    double upto = bound_option(L, 2, "below", INFINITY);
    if (!(above < upto)) luaL_error(L, "%s: above must be less than below", what);
    struct numbers values = numbers_check(L, 1, numbers_nan_policy(L, 2));
    return trim_mean_between(trim, values.at, values.count, above, upto);
}

/* f(values, low, high [, options]): bounds in percent. */
static double mean_within(lua_State *L, enum trim trim, const char *what)
{
    double low = luaL_checknumber(L, 2), high = luaL_checknumber(L, 3), mean = NAN;
    luaL_argcheck(L, low >= 0 && low <= 100, 2, "a bound is between 0 and 100 percent");
    luaL_argcheck(L, high > low && high <= 100, 3, "the upper bound is above the lower, up to 100");
    check_known(L, 4, what, nan_options);
    struct numbers values = numbers_check(L, 1, numbers_nan_policy(L, 4));
    vm_charge(L, values.count);
    int code = trim_mean(trim, values.at, values.count, low, high, &mean);
    if (code < 0) luaL_error(L, "%s: %s", what, err_text(code));
    return mean;
}

static int stats_trimmed_mean(lua_State *L)
{
    const char *what = "stats.trimmed_mean";
    return push_answer(L, lua_istable(L, 2) ? mean_between(L, TRIM_DROP, what)
                                            : mean_within(L, TRIM_DROP, what));
}

static int stats_winsorized_mean(lua_State *L)
{
    const char *what = "stats.winsorized_mean";
    return push_answer(L, lua_istable(L, 2) ? mean_between(L, TRIM_CLAMP, what)
                                            : mean_within(L, TRIM_CLAMP, what));
}

static const struct vm_function functions[] = {
    {"mean", stats_mean, "(values: stats.numbers, options?: stats.nan.options): number?",
     "The arithmetic mean, of a compensated sum; nil without values."},
    {"stddev", stats_stddev, "(values: stats.numbers, options?: stats.stddev.options): number?",
     "The standard deviation of the population, or of a sample; nil without values."},
    {"min", stats_min, "(values: stats.numbers, options?: stats.nan.options): number?",
     "The lowest value; nil without values."},
    {"max", stats_max, "(values: stats.numbers, options?: stats.nan.options): number?",
     "The highest value; nil without values."},
    {"sum", stats_sum, "(values: stats.numbers, options?: stats.nan.options): number?",
     "The compensated sum; nil without values, never 0 for them."},
    {"summary", stats_summary,
     "(values: stats.numbers, options?: stats.summary.options): stats.summary",
     "All of it at once."},
    {"trimmed_mean", stats_trimmed_mean,
     "(values: stats.numbers, low: number, high: number, options?: stats.nan.options): "
     "number?\n(values: stats.numbers, options: stats.between.options): number?",
     "The mean without the values below and above bounds in percent: trimmed_mean(v, 0, 90) is "
     "CloudWatch's tm90, 25 to 75 its IQM; a value that a bound cuts counts by its part. With "
     "options: of the values above one and up to the other. nil without values."},
    {"winsorized_mean", stats_winsorized_mean,
     "(values: stats.numbers, low: number, high: number, options?: stats.nan.options): "
     "number?\n(values: stats.numbers, options: stats.between.options): number?",
     "The same with the values beyond the bounds moved to them, CloudWatch's WM; nil without "
     "values."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field summary_fields[] = {
    {"count", "integer", "How many values."},
    {"min", "number?", "The lowest."},
    {"max", "number?", "The highest."},
    {"sum", "number?", "Compensated."},
    {"mean", "number?", "Arithmetic."},
    {"stddev", "number?", "Of the population."},
    {"skew", "number?", "As scipy's default: biased."},
    {"kurtosis", "number?", "As scipy's default: biased, in excess of the normal distribution's."},
    {"p50", "number?", "A percentile; likewise each that was asked for, as s[\"p99.9\"]."},
    {"p90", "number?", "The same."},
    {"p99", "number?", "The same."},
    {"[string]", "number?", "Other percentiles."},
    {NULL, NULL, NULL}};
const struct vm_docs stats_summary_docs = {DOCS_MODULE, "stats", DOCS_ALL, NULL, functions, NULL};
const struct vm_docs stats_nan_docs = {
    DOCS_CLASS, "stats.nan.options", DOCS_ALL, "What becomes of NaN.", NULL, nan_options};
const struct vm_docs stats_stddev_docs = {
    DOCS_CLASS, "stats.stddev.options", DOCS_ALL, "Of stats.stddev.", NULL, stddev_options};
const struct vm_docs stats_summary_options_docs = {
    DOCS_CLASS, "stats.summary.options", DOCS_ALL, "Of stats.summary.", NULL, summary_options};
const struct vm_docs stats_between_docs = {DOCS_CLASS, "stats.between.options",
                                           DOCS_ALL,   "Values in (above, below].",
                                           NULL,       between_options};
const struct vm_docs stats_summary_fields_docs = {
    DOCS_CLASS, "stats.summary",
    DOCS_ALL,   "What stats.summary answers; without values, all but the count are nil.",
    NULL,       summary_fields};

void stats_add_summary(lua_State *L)
{
    vm_set_functions(L, functions);
}
