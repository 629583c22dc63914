/* bind/stats_histogram.c - how numbers are spread, for Lua.
 *
 *   stats.histogram(values, { bins = 10, min = 0, max = 100 })
 *   stats.histogram(values, { edges = { 0, 10, 100 } })      -- { { low =, high =, count = }, ... }
 */
#include "moontide/stats/histogram.h"

#include "moontide/stats/summary.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/vm.h"
#include "stats.h"
#include "stats_numbers.h"

#include <math.h>
#include <string.h>

enum { BINS_DEFAULT = 10, BINS_MAX = 10000 };

/* What was asked: edges[bins + 1] with room for counts[bins] behind them, in a userdata. */
struct layout {
    size_t bins;
    double *edges;
    uint64_t *counts;
    double low, high; /* of bins of one width; NaN: the data's */
    bool given;       /* the edges are, and not the width */
};

static double range_option(lua_State *L, const char *field)
{
    int type = lua_getfield(L, 2, field);
    double bound = type == LUA_TNIL ? NAN : lua_tonumber(L, -1);
    if (type != LUA_TNIL && (type != LUA_TNUMBER || !isfinite(bound)))
        luaL_error(L, "%s must be a finite number", field);
    lua_pop(L, 1);
    return bound;
}

/* Pushes the memory of the layout. */
static void make_room(lua_State *L, struct layout *layout, size_t bins)
{
    layout->bins = bins;
    layout->edges =
        lua_newuserdatauv(L, (bins + 1) * sizeof *layout->edges + bins * sizeof *layout->counts, 0);
    layout->counts = (uint64_t *)(layout->edges + bins + 1);
    memset(layout->counts, 0, bins * sizeof *layout->counts);
}

static void read_edges(lua_State *L, struct layout *layout)
{
    struct numbers edges = numbers_copy(L, lua_gettop(L), NAN_IS_AN_ERROR);
    if (edges.count < 2 || edges.count > BINS_MAX + 1)
        luaL_error(L, "edges: 2 to %d numbers expected, not %I", BINS_MAX + 1,
                   (lua_Integer)edges.count);
    for (size_t i = 1; i < edges.count; i++)
        if (edges.at[i] < edges.at[i - 1])
            luaL_error(L, "edge %I is below the one before it", (lua_Integer)i + 1);
    make_room(L, layout, edges.count - 1);
    memcpy(layout->edges, edges.at, edges.count * sizeof *edges.at);
    layout->given = true;
}

static const struct vm_field options[] = {
    {"bins", "integer?", "Of one width: 1 to 10,000; 10."},
    {"edges", "number[]?", "In place of bins, min and max: 2 to 10,001 ascending numbers."},
    {"max", "number?", "The upper end; the highest value."},
    {"min", "number?", "The lower end; the lowest value."},
    {"nan", "\"error\"|\"omit\"?", "What NaN and holes are: an error (the default), or left out."},
    {NULL, NULL, NULL}};

static struct layout check_layout(lua_State *L)
{
    struct layout layout = {.low = NAN, .high = NAN};
    if (lua_isnil(L, 2)) {
        make_room(L, &layout, BINS_DEFAULT);
        return layout;
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    vm_check_fields(L, 2, "stats.histogram", options);
    layout.low = range_option(L, "min");
    layout.high = range_option(L, "max");
    if (layout.low > layout.high) luaL_error(L, "min is more than max");
    bool has_bins = lua_getfield(L, 2, "bins") != LUA_TNIL;
    int whole = 0;
    lua_Integer bins = has_bins ? lua_tointegerx(L, -1, &whole) : BINS_DEFAULT;
    if (has_bins && (!whole || bins < 1 || bins > BINS_MAX))
        luaL_error(L, "bins must be a whole number from 1 to %d", BINS_MAX);
    if (lua_getfield(L, 2, "edges") == LUA_TNIL) {
        make_room(L, &layout, (size_t)bins);
        return layout;
    }
    if (has_bins || !isnan(layout.low) || !isnan(layout.high))
        luaL_error(L, "edges say it all: bins, min and max do not go with them");
    read_edges(L, &layout);
    return layout;
}

/* The range from min to max where they are not given. */
static void set_edges(lua_State *L, struct layout *layout, struct numbers values)
{
    if (isnan(layout->low) || isnan(layout->high)) {
        struct summary summary = summary_of(values.at, values.count);
        if (isnan(layout->low)) layout->low = summary.min;
        if (isnan(layout->high)) layout->high = summary.max;
    }
    if (!isfinite(layout->low) || !isfinite(layout->high))
        luaL_error(L, "there are infinite values: give min and max");
    if (layout->low > layout->high) luaL_error(L, "no value is between min and max");
    histogram_edges(layout->low, layout->high, layout->bins, layout->edges);
}

static int stats_histogram(lua_State *L)
{
    lua_settop(L, 2);
    struct layout layout = check_layout(L);
    struct numbers values = numbers_check(L, 1, numbers_nan_policy(L, 2));
    if (values.count == 0) return push_answer(L, NAN);
    if (!layout.given) set_edges(L, &layout, values);
    histogram_count(values.at, values.count, layout.edges, layout.bins, layout.counts);
    lua_createtable(L, (int)layout.bins, 0);
    for (size_t i = 0; i < layout.bins; i++) {
        lua_createtable(L, 0, 3);
        set_answer(L, "low", layout.edges[i]);
        set_answer(L, "high", layout.edges[i + 1]);
        lua_pushinteger(L, (lua_Integer)layout.counts[i]);
        lua_setfield(L, -2, "count");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static const struct vm_function functions[] = {
    {"histogram", stats_histogram,
     "(values: stats.numbers, options?: stats.histogram.options): stats.bucket[]?",
     "How many values are in each bin, as numpy.histogram: from low up to high, the last bin with "
     "its upper end. nil without values."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field bucket_fields[] = {{"low", "number", "Where it begins."},
                                                {"high", "number", "Where it ends."},
                                                {"count", "integer", "Values in it."},
                                                {NULL, NULL, NULL}};
const struct vm_docs stats_histogram_docs = {DOCS_MODULE, "stats", DOCS_ALL, NULL, functions, NULL};
const struct vm_docs stats_histogram_options_docs = {
    DOCS_CLASS, "stats.histogram.options", DOCS_ALL, "Of stats.histogram.", NULL, options};
const struct vm_docs stats_bucket_docs = {DOCS_CLASS, "stats.bucket",
                                          DOCS_ALL,   "A part of a histogram, or of a sketch.",
                                          NULL,       bucket_fields};

void stats_add_histogram(lua_State *L)
{
    vm_set_functions(L, functions);
}
