/* bind/stats_sketch_ask.c - what a sketch is asked, from Lua. */
#include "stats_sketch.h"

#include "fields.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/vm.h"
#include "stats_numbers.h"

#include <lauxlib.h>
#include <math.h>

enum { QUANTILES_MAX = 1000 };

static double check_q(lua_State *L, int idx)
{
    double q = luaL_checknumber(L, idx);
    if (!(q >= 0 && q <= 1)) luaL_error(L, "a quantile is from 0 to 1, not %f", q);
    return q;
}

static int sketch_method_quantile(lua_State *L)
{
    const struct sketch *sketch = sketch_check(L, 1);
    return push_answer(L, sketch_quantile(sketch, check_q(L, 2)));
}

/* s:quantiles { 0.5, 0.99 } -> a list; empty when the sketch is. */
static int sketch_method_quantiles(lua_State *L)
{
    const struct sketch *sketch = sketch_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 2);
    luaL_argcheck(L, count <= QUANTILES_MAX, 2, "more than 1000 quantiles");
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        vm_charge(L, 10);
        lua_rawgeti(L, 2, i);
        double q = check_q(L, -1);
        lua_pop(L, 1);
        push_answer(L, sketch_quantile(sketch, q));
        lua_rawseti(L, 3, i);
    }
    return 1;
}

static int sketch_method_rank(lua_State *L)
{
    const struct sketch *sketch = sketch_check(L, 1);
    return push_answer(L, sketch_rank(sketch, luaL_checknumber(L, 2)));
}

/* A count as an integer, or as the nearest float where there is no such integer. */
static void push_count(lua_State *L, uint64_t count)
{
    if (count <= LUA_MAXINTEGER)
        lua_pushinteger(L, (lua_Integer)count);
    else
        lua_pushnumber(L, (double)count);
}

static int sketch_method_count(lua_State *L)
{
    push_count(L, sketch_count(sketch_check(L, 1)));
    return 1;
}

static int sketch_method_sum(lua_State *L)
{
    const struct sketch *sketch = sketch_check(L, 1);
    return push_answer(L, sketch_count(sketch) ? sketch_sum(sketch) : NAN);
}

static int sketch_method_min(lua_State *L)
{
    return push_answer(L, sketch_min(sketch_check(L, 1)));
}

static int sketch_method_max(lua_State *L)
{
    return push_answer(L, sketch_max(sketch_check(L, 1)));
}

static int sketch_method_mean(lua_State *L)
{
    return push_answer(L, sketch_mean(sketch_check(L, 1)));
}

static int sketch_method_scale(lua_State *L)
{
    lua_pushinteger(L, sketch_scale(sketch_check(L, 1)));
    return 1;
}

static int sketch_method_error(lua_State *L)
{
    lua_pushnumber(L, sketch_error(sketch_check(L, 1)));
    return 1;
}

/* ---- whole ---- */

/* s:buckets() -> { { low =, high =, count = }, ... } in ascending order */
static int sketch_method_buckets(lua_State *L)
{
    const struct sketch *sketch = sketch_check(L, 1);
    struct sketch_cursor cursor = {0};
    struct sketch_bucket bucket;
    size_t buckets = sketch_buckets(sketch);
    vm_charge(L, buckets);
    lua_createtable(L, (int)buckets, 0);
    for (lua_Integer i = 1; sketch_next(sketch, &cursor, &bucket); i++) {
        lua_createtable(L, 0, 3);
        set_answer(L, "low", bucket.low);
        set_answer(L, "high", bucket.high);
        push_count(L, bucket.count);
        lua_setfield(L, -2, "count");
        lua_rawseti(L, -2, i);
    }
    return 1;
}

/* Pushes the bytes by way of a userdata that owns the buffer while Lua may throw. */
static int encode_gc(lua_State *L)
{
    strbuf_done(lua_touserdata(L, 1));
    return 0;
}

static int sketch_method_encode(lua_State *L)
{
    static const char type[] = "moontide.sketch.bytes";
    const struct sketch *sketch = sketch_check(L, 1);
    vm_charge(L, sketch_buckets(sketch));
    struct strbuf *bytes = lua_newuserdatauv(L, sizeof *bytes, 0);
    strbuf_init(bytes, SKETCH_ENCODED_MAX);
    if (luaL_newmetatable(L, type)) {
        lua_pushcfunction(L, encode_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    sketch_encode(sketch, bytes);
    if (strbuf_status(bytes) < 0) return luaL_error(L, "%s", err_text(strbuf_status(bytes)));
    lua_pushlstring(L, strbuf_cstr(bytes), bytes->len);
    strbuf_done(bytes);
    return 1;
}

static int sketch_tostring(lua_State *L)
{
    const struct sketch *sketch = sketch_check(L, 1);
    push_count(L, sketch_count(sketch));
    const char *count = lua_tostring(L, -1);
    lua_pushfstring(L, "sketch of %s value%s, within %f %%", count,
                    sketch_count(sketch) == 1 ? "" : "s",
                    round(sketch_error(sketch) * 10000) / 100);
    return 1;
}

static const struct vm_function ask_methods[] = {
    {"quantile", sketch_method_quantile, "(q: number): number?",
     "The value number floor(q (n - 1)) in ascending order, from 0, q from 0 to 1, within error(); "
     "the first and the last exactly. nil when it is empty."},
    {"quantiles", sketch_method_quantiles, "(qs: number[]): number[]",
     "A list of these, in the order asked; empty when the sketch is."},
    {"rank", sketch_method_rank, "(x: number): number?",
     "The share of the values that are x or less, 0..1; nil when it is empty."},
    {"encode", sketch_method_encode, "(): string",
     "Its bytes, for stats.decode; equal sketches give equal bytes."},
    {"buckets", sketch_method_buckets, "(): stats.bucket[]",
     "The buckets in use, in ascending order: (low, high] of positive values, [low, high) of "
     "negative ones, 0 to 0 of zeros."},
    {"count", sketch_method_count, "(): integer", "How many values; #s too."},
    {"sum", sketch_method_sum, "(): number?",
     "Rounded once, whatever the order; nil when it is empty."},
    {"min", sketch_method_min, "(): number?", "Exact; nil when it is empty."},
    {"max", sketch_method_max, "(): number?", "Exact; nil when it is empty."},
    {"mean", sketch_method_mean, "(): number?", "Of the exact sum; nil when it is empty."},
    {"scale", sketch_method_scale, "(): integer", "The resolution now."},
    {"error", sketch_method_error, "(): number",
     "The relative error that a quantile is within: 0.0054 at scale 6."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs stats_sketch_ask_docs = {DOCS_CLASS, "stats.sketch", DOCS_ALL,
                                              NULL,       ask_methods,    NULL};

/* __index when it is a typo. */
static int unknown_method(lua_State *L)
{
    static const struct vm_function *const known[] = {sketch_methods, ask_methods, NULL};
    const char *name = luaL_tolstring(L, 2, NULL);
    return luaL_error(L, "a sketch has no method '%s'%s", name,
                      fields_hint_function(name, known).text);
}

void sketch_add_questions(lua_State *L)
{
    static const luaL_Reg meta[] = {
        {"__len", sketch_method_count}, {"__tostring", sketch_tostring}, {NULL, NULL}};
    vm_set_functions(L, ask_methods);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, unknown_method);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    luaL_setfuncs(L, meta, 0);
}
