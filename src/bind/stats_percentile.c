/* bind/stats_percentile.c - percentiles of numbers, for Lua.
 *
 *   stats.percentile(values, 99)
 *   stats.percentiles(values, { 50, 90, 99 }, { method = "hazen", nan = "omit", weights = counts })
 *   stats.percentile_rank(values, 300), stats.percentile_rank(values, 100, 2000) */
#include "stats_percentile.h"

#include "moontide/base/err.h"
#include "moontide/stats/trim.h"
#include "moontide/stats/weighted.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/vm.h"
#include "stats.h"

#include <math.h>

struct options {
    enum nan_policy nan;
    enum percentile_method method;
    int weights; /* their stack index; 0: none */
};

static bool is_percentile(double p)
{
    return p >= 0 && p <= 100;
}

void percentiles_check(lua_State *L, int idx, struct percentiles *percentiles)
{
    if (lua_type(L, idx) == LUA_TNUMBER)
        luaL_argerror(L, idx, "a list of percentiles expected: { 50, 90, 99 }");
    struct numbers ps = numbers_check(L, idx, NAN_IS_AN_ERROR);
    if (ps.count > PERCENTILES_MAX)
        luaL_error(L, "more than %d percentiles in one call", PERCENTILES_MAX);
    for (size_t i = 0; i < ps.count; i++) {
        if (!is_percentile(ps.at[i]))
            luaL_error(L, "percentile %I is %f; a percentile is between 0 and 100",
                       (lua_Integer)i + 1, ps.at[i]);
        percentiles->ps[i] = ps.at[i];
    }
    percentiles->count = ps.count;
    lua_pop(L, 1);
}

enum percentile_method percentiles_method(lua_State *L, int idx)
{
    return (enum percentile_method)numbers_choice(L, idx, "method", percentile_method_names,
                                                  PERCENTILE_LINEAR);
}

void percentiles_answer(lua_State *L, struct numbers values, struct percentiles *p)
{
    vm_charge(L, values.count);
    if (percentile_many(values.at, values.count, p->method, p->ps, p->count, p->answers) < 0)
        luaL_error(L, "out of memory");
}

static const struct vm_field option_fields[] = {
    {"method", "stats.method?", "As numpy.percentile's; \"linear\"."},
    {"nan", "\"error\"|\"omit\"?", "What NaN and holes are: an error (the default), or left out."},
    {"weights", "stats.numbers?",
     "How often each value was seen: whole numbers, as many as values. As CloudWatch's Values and "
     "Counts."},
    {NULL, NULL, NULL}};

/* Pushes the weights, when there are any. */
static struct options check_options(lua_State *L, int idx, const char *what)
{
    struct options options = {0};
    if (!lua_isnoneornil(L, idx)) {
        luaL_checktype(L, idx, LUA_TTABLE);
        vm_check_fields(L, idx, what, option_fields);
        if (lua_getfield(L, idx, "weights") != LUA_TNIL) options.weights = lua_gettop(L);
    }
    options.nan = numbers_nan_policy(L, idx);
    options.method = percentiles_method(L, idx);
    return options;
}

/* How much the values weigh together; throws for a weight that is none. */
static double check_weights(lua_State *L, const struct number_pairs *pairs)
{
    double total = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        double weight = pairs->b[i];
        if (!(weight >= 0) || isinf(weight) || weight != floor(weight))
            luaL_error(L, "weight %I is %f; a weight is a count: a whole number, 0 or more",
                       (lua_Integer)i + 1, weight);
        if (!isnan(pairs->a[i])) total += weight;
    }
    return total;
}

static void answer_weighted(lua_State *L, struct options options, struct percentiles *p)
{
    struct number_pairs pairs = numbers_pairs(L, 1, options.weights, "weight", options.nan);
    double total = check_weights(L, &pairs);
    vm_charge(L, pairs.count);
    int code = OK;
    if (total > 0)
        code = weighted_percentiles(pairs.a, pairs.b, pairs.count, p->method, p->ps, p->count,
                                    p->answers);
    else
        for (size_t i = 0; i < p->count; i++)
            p->answers[i] = NAN;
    if (code < 0) luaL_error(L, "%s", err_text(code));
}

static void answer(lua_State *L, struct options options, struct percentiles *percentiles)
{
    percentiles->method = options.method;
    if (options.weights)
        answer_weighted(L, options, percentiles);
    else
        percentiles_answer(L, numbers_check(L, 1, options.nan), percentiles);
}

static int stats_percentile(lua_State *L)
{
    struct percentiles percentiles = {.ps = {luaL_checknumber(L, 2)}, .count = 1};
    luaL_argcheck(L, is_percentile(percentiles.ps[0]), 2, "a percentile is between 0 and 100");
    answer(L, check_options(L, 3, "stats.percentile"), &percentiles);
    return push_answer(L, percentiles.answers[0]);
}

/* A list in the order of the percentiles asked; nil when there is no value. */
static int stats_percentiles(lua_State *L)
{
    struct percentiles percentiles;
    percentiles_check(L, 2, &percentiles);
    answer(L, check_options(L, 3, "stats.percentiles"), &percentiles);
    if (percentiles.count > 0 && isnan(percentiles.answers[0])) return push_answer(L, NAN);
    lua_createtable(L, (int)percentiles.count, 0);
    for (size_t i = 0; i < percentiles.count; i++) {
        push_answer(L, percentiles.answers[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* The percentage of the values that are x or less; with two bounds, of those in (low, high]. */
static int stats_percentile_rank(lua_State *L)
{
    double above = -INFINITY, upto = luaL_checknumber(L, 2);
    int options = 3;
    if (lua_type(L, 3) == LUA_TNUMBER) {
        above = upto;
        upto = lua_tonumber(L, 3);
        options = 4;
    }
    luaL_argcheck(L, above <= upto, 3, "the upper bound is below the lower one");
    struct numbers values = numbers_check(L, 1, numbers_nan_policy(L, options));
    return push_answer(L, percentile_rank(values.at, values.count, above, upto));
}

static const struct vm_function functions[] = {
    {"percentile", stats_percentile,
     "(values: stats.numbers, p: number, options?: stats.percentile.options): number?",
     "The exact percentile, p from 0 to 100: the bits that numpy.percentile gives. nil without "
     "values."},
    {"percentiles", stats_percentiles,
     "(values: stats.numbers, ps: number[], options?: stats.percentile.options): number[]?",
     "Several at once, in the order asked: cheaper than one after the other. nil without values."},
    {"percentile_rank", stats_percentile_rank,
     "(values: stats.numbers, x: number, options?: stats.nan.options): number?\n(values: "
     "stats.numbers, low: number, high: number, options?: stats.nan.options): number?",
     "The percentage of the values that are x or less; with two bounds, of those above low and up "
     "to high. CloudWatch's PR(:x) and PR(low:high). nil without values."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field method_type[] = {
    {"stats.method",
     "\"linear\"|\"lower\"|\"higher\"|\"nearest\"|\"hazen\"|\"weibull\"|\"median_unbiased\"", ""},
    {NULL, NULL, NULL}};
const struct vm_docs stats_percentile_docs = {DOCS_MODULE, "stats",   DOCS_ALL,
                                              NULL,        functions, NULL};
const struct vm_docs stats_percentile_options_docs = {
    DOCS_CLASS, "stats.percentile.options",
    DOCS_ALL,   "Of stats.percentile and stats.percentiles.",
    NULL,       option_fields};
const struct vm_docs stats_method_docs = {
    DOCS_ALIAS, "stats.method", DOCS_ALL, "How a percentile between two values is told.",
    NULL,       method_type};

void stats_add_percentile(lua_State *L)
{
    vm_set_functions(L, functions);
}
