/* bind/stats_sketch.c - stats.sketch, stats.decode and stats.from_values_counts.
 *
 * A sketch's memory comes from the state's allocator, so that it counts against a policy's cap. The
 * allocator knows nothing of the collector: what a sketch grows by is told to it afterwards, and
 * when the cap refuses, garbage is collected once before that is an error. */
#include "stats_sketch.h"

#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/vm.h"
#include "stats.h"
#include "stats_numbers.h"

#include <math.h>

const char sketch_mark;

COLD struct sketch *sketch_refused(lua_State *L, int idx)
{
    luaL_typeerror(L, idx, "sketch");
    return NULL;
}

/* ---- memory ---- */

static struct sketch_memory memory_of(lua_State *L)
{
    struct sketch_memory memory;
    memory.resize = lua_getallocf(L, &memory.data);
    return memory;
}

static void told_collector(lua_State *L, size_t before, const struct sketch *sketch)
{
    size_t after = sketch_bytes(sketch);
    if (after > before + 1024) lua_gc(L, LUA_GCSTEP, (int)((after - before) / 1024));
}

static COLD int fail(lua_State *L, int code)
{
    if (code == ERR_LIMIT) return luaL_error(L, "a sketch cannot count more than 2^64 - 1 values");
    if (code == ERR_INVALID) return luaL_error(L, "a sketch counts neither NaN nor infinities");
    return luaL_error(L, "%s", err_text(code));
}

/* Whether to try again, once, after a full collection. */
static bool may_try_again(lua_State *L, int code, bool *tried)
{
    if (code != ERR_NOMEM || *tried) return false;
    *tried = true;
    lua_gc(L, LUA_GCCOLLECT);
    return true;
}

/* Pushes a box without a sketch yet, so that what comes into it is owned. */
static struct sketch_box *push_box(lua_State *L)
{
    struct sketch_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (struct sketch_box){0};
    lua_rawgetp(L, LUA_REGISTRYINDEX, &sketch_mark);
    lua_setmetatable(L, -2);
    return box;
}

static int own(lua_State *L, struct sketch_box *box, int code)
{
    if (code < 0) return fail(L, code);
    box->mark = &sketch_mark;
    told_collector(L, 0, box->sketch);
    return 1;
}

static int sketch_gc(lua_State *L)
{
    struct sketch_box *box = lua_touserdata(L, 1);
    box->mark = NULL;
    sketch_free(box->sketch);
    box->sketch = NULL;
    return 0;
}

/* ---- makers ---- */

static lua_Integer option(lua_State *L, int idx, const char *name, lua_Integer low,
                          lua_Integer high, lua_Integer fallback)
{
    int whole = 0, type = lua_getfield(L, idx, name);
    lua_Integer value = lua_tointegerx(L, -1, &whole);
    lua_pop(L, 1);
    if (type == LUA_TNIL) return fallback;
    if (type != LUA_TNUMBER || !whole || value < low || value > high)
        luaL_error(L, "%s must be a whole number from %I to %I", name, low, high);
    return value;
}

static const struct vm_field option_fields[] = {
    {"scale", "integer?",
     "2^scale buckets to each doubling: -10 to 20; 6, which is within 0.54 %."},
    {"buckets", "integer?",
     "The most that may be in use for each sign: 16 to 262,144; 4,096. When one more is needed, "
     "neighbours are joined."},
    {NULL, NULL, NULL}};

/* Pushes a new sketch after the options at idx, which may be nil or none. */
static struct sketch *push_new(lua_State *L, int idx, const char *what)
{
    lua_Integer scale = SKETCH_SCALE_DEFAULT, buckets = SKETCH_BUCKETS_DEFAULT;
    if (!lua_isnoneornil(L, idx)) {
        luaL_checktype(L, idx, LUA_TTABLE);
        vm_check_fields(L, idx, what, option_fields);
        scale = option(L, idx, "scale", SKETCH_SCALE_MIN, SKETCH_SCALE_MAX, scale);
        buckets = option(L, idx, "buckets", SKETCH_BUCKETS_MIN, SKETCH_BUCKETS_MAX, buckets);
    }
    struct sketch_memory memory = memory_of(L);
    struct sketch_box *box = push_box(L);
    bool tried = false;
    int code;
    do
        code = sketch_new_in(&memory, (int)scale, (uint32_t)buckets, &box->sketch);
    while (may_try_again(L, code, &tried));
    own(L, box, code);
    return box->sketch;
}

/* stats.sketch { scale = 6, buckets = 4096 } */
static int stats_sketch(lua_State *L)
{
    push_new(L, 1, "sketch");
    return 1;
}

/* stats.decode(bytes) */
static int stats_decode(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len), *reason;
    struct sketch_memory memory = memory_of(L);
    vm_charge(L, len);
    struct sketch_box *box = push_box(L);
    bool tried = false;
    int code;
    do
        code = sketch_decode(&memory, bytes, len, &box->sketch, &reason);
    while (may_try_again(L, code, &tried));
    if (code == ERR_PARSE || code == ERR_VERSION) return luaL_error(L, "decode: %s", reason);
    return own(L, box, code);
}

static void add_counted(lua_State *L, struct sketch *sketch, double value, uint64_t n)
{
    size_t before = sketch_bytes(sketch);
    bool tried = false;
    int code;
    do
        code = sketch_add(sketch, value, n);
    while (may_try_again(L, code, &tried));
    if (code < 0) fail(L, code);
    told_collector(L, before, sketch);
}

/* stats.from_values_counts(values, counts, { scale = 6, buckets = 4096 }): CloudWatch's Values and
 * Counts. */
static int stats_from_values_counts(lua_State *L)
{
    lua_settop(L, 3);
    struct sketch *sketch = push_new(L, 3, "from_values_counts");
    struct numbers values = numbers_check(L, 1, NAN_IS_AN_ERROR);
    struct numbers counts = numbers_check(L, 2, NAN_IS_AN_ERROR);
    if (values.count != counts.count)
        return luaL_error(L, "%I values but %I counts", (lua_Integer)values.count,
                          (lua_Integer)counts.count);
    vm_charge(L, values.count);
    for (size_t i = 0; i < values.count; i++) {
        double n = counts.at[i];
        if (!(n >= 0 && n < 0x1p64) || n != floor(n))
            return luaL_error(L, "count %I is not a whole number from 0 on", (lua_Integer)i + 1);
        if (!isfinite(values.at[i]))
            return luaL_error(L, "value %I is infinite", (lua_Integer)i + 1);
        add_counted(L, sketch, values.at[i], (uint64_t)n);
    }
    lua_pushvalue(L, 4);
    return 1;
}

/* ---- counting ---- */

/* The new bound, when the resolution is no more what it was. */
static int answer_bound(lua_State *L, const struct sketch *sketch, int scale)
{
    if (sketch_scale(sketch) == scale) return 0;
    lua_pushnumber(L, sketch_error(sketch));
    return 1;
}

static uint64_t check_times(lua_State *L, int idx)
{
    lua_Integer n = luaL_checkinteger(L, idx);
    luaL_argcheck(L, n >= 0, idx, "a count is not negative");
    return (uint64_t)n;
}

static COLD int add_unknown(lua_State *L, struct sketch *sketch, double value)
{
    uint64_t n = lua_isnoneornil(L, 3) ? 1 : check_times(L, 3);
    int scale = sketch_scale(sketch);
    add_counted(L, sketch, value, n);
    return answer_bound(L, sketch, scale);
}

/* s:add(value, n) */
static int sketch_method_add(lua_State *L)
{
    struct sketch *sketch = sketch_check(L, 1);
    if (lua_type(L, 2) != LUA_TNUMBER) return luaL_typeerror(L, 2, "number");
    bool once = lua_gettop(L) == 2;
    double value = lua_tonumber(L, 2); /* the last, so that no call has to keep it */
    if (once && sketch_add_known(sketch, value)) return 0;
    return add_unknown(L, sketch, value);
}

/* s:add_all(values, { nan = "omit" }) */
static int sketch_method_add_all(lua_State *L)
{
    struct sketch *sketch = sketch_check(L, 1);
    enum nan_policy policy = numbers_nan_policy(L, 3);
    struct numbers values = numbers_check(L, 2, policy);
    int scale = sketch_scale(sketch);
    size_t before = sketch_bytes(sketch), at = 0;
    bool tried = false;
    int code;
    vm_charge(L, values.count / 16);
    do
        code = sketch_add_all(sketch, values.at, values.count, &at);
    while (may_try_again(L, code, &tried));
    if (code == ERR_INVALID)
        return luaL_error(L, "value %I is infinite: a sketch counts finite values",
                          (lua_Integer)at + 1);
    if (code < 0) return fail(L, code);
    told_collector(L, before, sketch);
    return answer_bound(L, sketch, scale);
}

static int sketch_method_merge(lua_State *L)
{
    struct sketch *sketch = sketch_check(L, 1);
    const struct sketch *other = sketch_check(L, 2);
    int scale = sketch_scale(sketch);
    size_t before = sketch_bytes(sketch);
    bool tried = false;
    int code;
    vm_charge(L, sketch_buckets(other) / 4 + 10);
    do
        code = sketch_merge(sketch, other);
    while (may_try_again(L, code, &tried));
    if (code < 0) return fail(L, code);
    told_collector(L, before, sketch);
    return answer_bound(L, sketch, scale);
}

static int sketch_method_copy(lua_State *L)
{
    const struct sketch *sketch = sketch_check(L, 1);
    struct sketch_box *box = push_box(L);
    bool tried = false;
    int code;
    vm_charge(L, sketch_buckets(sketch) / 4);
    do
        code = sketch_copy(sketch, &box->sketch);
    while (may_try_again(L, code, &tried));
    return own(L, box, code);
}

static int sketch_method_reset(lua_State *L)
{
    sketch_reset(sketch_check(L, 1));
    return 0;
}

const struct vm_function sketch_methods[] = {
    {"add", sketch_method_add, "(value: number, n?: integer): number?",
     "Counts a value, n times (1). Answers the new bound when the resolution changed, else "
     "nothing. An error, with the sketch as it was: NaN, an infinity, a count beyond 2^64 - 1."},
    {"add_all", sketch_method_add_all,
     "(values: stats.numbers, options?: stats.nan.options): number?",
     "Counts all of them. Answers the new bound when the resolution changed, else nothing."},
    {"merge", sketch_method_merge, "(other: stats.sketch): number?",
     "Counts what the other has counted, exactly: of two scales the coarser stays. Answers the new "
     "bound when the resolution changed, else nothing."},
    {"copy", sketch_method_copy, "(): stats.sketch", "One of its own."},
    {"reset", sketch_method_reset, "()", "Forgets everything."},
    {NULL, NULL, NULL, NULL}};

static void make_type(lua_State *L)
{
    lua_createtable(L, 0, 8);  /* the metatable */
    lua_createtable(L, 0, 17); /* the methods */
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__index"); /* the first, so that no other key is looked at before it */
    lua_insert(L, -2);
    lua_pushcfunction(L, sketch_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, "sketch");
    lua_setfield(L, -2, "__metatable");
    lua_pushliteral(L, "sketch");
    lua_setfield(L, -2, "__name");
    lua_insert(L, -2);
    vm_set_functions(L, sketch_methods);
    sketch_add_questions(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &sketch_mark);
}

static const struct vm_function functions[] = {
    {"sketch", stats_sketch, "(options?: stats.sketch.options): stats.sketch", "An empty sketch."},
    {"decode", stats_decode, "(bytes: string): stats.sketch",
     "The sketch that encode() wrote. An error for bytes that it would not have written."},
    {"from_values_counts", stats_from_values_counts,
     "(values: stats.numbers, counts: stats.numbers, options?: stats.sketch.options): stats.sketch",
     "A sketch of CloudWatch's Values and Counts."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs stats_sketches_docs = {DOCS_MODULE, "stats", DOCS_ALL, NULL, functions, NULL};
const struct vm_docs stats_sketch_options_docs = {DOCS_CLASS, "stats.sketch.options",
                                                  DOCS_ALL,   "The resolution of a sketch.",
                                                  NULL,       option_fields};
const struct vm_docs stats_sketch_docs = {
    DOCS_CLASS,
    "stats.sketch",
    DOCS_ALL,
    "Percentiles of a stream without keeping it: a base-2 exponential histogram. Count, sum, min "
    "and max are exact, a quantile is within error().",
    sketch_methods,
    NULL};

void stats_add_sketch(lua_State *L)
{
    make_type(L);
    vm_set_functions(L, functions);
}
