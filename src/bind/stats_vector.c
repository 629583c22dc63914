/* bind/stats_vector.c - stats.vector: doubles in C memory for Lua.
 *
 *   local v = stats.vector { 1, 2, 3 }     or a count of zeros, a vector, a series
 *   v[2], #v, v:append(4), v:slice(2, 3)
 *
 * A slice shows a part of its vector: it shares the memory, keeps the vector alive, and finds the
 * values anew at each use, since the vector may have moved.
 *
 * The memory comes from the state's allocator, which caps it, but the collector does not see it:
 * after growth it is told to work as if Lua had allocated as much. */
#include "stats_vector.h"

#include "fields.h"
#include "moontide/base/err.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/vm.h"
#include "stats.h"
#include "stats_numbers.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    SHOWN_MAX = 8,
    ACCOUNTED_MIN_BYTES = 4096,
    FILLED_PER_INSTRUCTION = 16, /* for the budget; memory itself is charged where it is taken */
};

static const char box_mark;

struct box {
    const void *mark; /* &box_mark */
    struct vector vector;
    struct box *whole; /* of a slice: the vector, which its user value keeps alive; else NULL */
    size_t offset;     /* of a slice: in the vector */
};

/* ---- boxes ---- */

static struct box *test_box(lua_State *L, int idx)
{
    struct box *box = lua_touserdata(L, idx);
    if (!box || lua_rawlen(L, idx) != sizeof *box || box->mark != &box_mark) return NULL;
    if (box->whole) box->vector.at = box->whole->vector.at + box->offset;
    return box;
}

struct vector *vector_test(lua_State *L, int idx)
{
    struct box *box = test_box(L, idx);
    return box ? &box->vector : NULL;
}

static struct box *self_box(lua_State *L)
{
    struct box *box = test_box(L, 1);
    if (!box) luaL_typeerror(L, 1, "vector (call its methods with a colon: v:append(x))");
    return box;
}

static struct vector *self(lua_State *L)
{
    return &self_box(L)->vector;
}

static void push_type(lua_State *L);

static struct box *push_box(lua_State *L)
{
    push_type(L);
    struct box *box = lua_newuserdatauv(L, sizeof *box, 1);
    *box = (struct box){.mark = &box_mark};
    void *data;
    lua_Alloc alloc = lua_getallocf(L, &data);
    vector_init_with(&box->vector, alloc, data);
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
    return box;
}

struct vector *vector_push_new(lua_State *L)
{
    return &push_box(L)->vector;
}

static int box_gc(lua_State *L)
{
    struct box *box = test_box(L, 1);
    if (box) vector_done(&box->vector);
    return 0;
}

/* ---- growth ---- */

/* Has Lua itself refuse so much, which is how it throws for want of memory. */
static COLD void refuse(lua_State *L, size_t count)
{
    lua_newuserdatauv(L, count * sizeof(double), 0);
    luaL_error(L, "out of memory");
}

void vector_grow(lua_State *L, struct vector *vector, size_t more)
{
    int code = vector_reserve(vector, more);
    if (code == ERR_NOMEM) {
        lua_gc(L, LUA_GCCOLLECT);
        code = vector_reserve(vector, more);
    }
    if (code == ERR_UNSUPPORTED)
        luaL_error(L, "a slice shares its vector's memory and cannot grow; append to the vector, "
                      "or to slice:copy()");
    if (code == ERR_LIMIT)
        luaL_error(L, "a vector has at most %I values", (lua_Integer)VECTOR_COUNT_MAX);
    if (code < 0) refuse(L, vector->count + more);
}

static void account(lua_State *L, const struct vector *vector, size_t cap_before)
{
    size_t bytes = (vector->cap - cap_before) * sizeof *vector->at;
    if (bytes >= ACCOUNTED_MIN_BYTES) lua_gc(L, LUA_GCSTEP, (int)(bytes >> 10));
}

/* Appends what is at idx: a number, or a source of numbers. */
static void append_value(lua_State *L, struct vector *vector, int idx)
{
    size_t cap = vector->cap;
    if (lua_type(L, idx) == LUA_TNUMBER) {
        double value = lua_tonumber(L, idx);
        vector_grow(L, vector, 1);
        vector->at[vector->count++] = value;
    } else {
        size_t most = numbers_source(L, idx);
        vector_grow(L, vector, most);
        vector->count += numbers_read(L, -1, vector->at + vector->count, most);
        lua_pop(L, 1);
    }
    account(L, vector, cap);
}

static size_t check_count(lua_State *L, int idx)
{
    lua_Integer n = luaL_checkinteger(L, idx);
    luaL_argcheck(L, n >= 0, idx, "a count is 0 or more");
    return (size_t)n;
}

static int vector_new(lua_State *L)
{
    lua_settop(L, 1);
    bool counted = lua_type(L, 1) == LUA_TNUMBER;
    size_t count = counted ? check_count(L, 1) : 0;
    struct vector *vector = vector_push_new(L);
    if (counted && count > 0) {
        vector_grow(L, vector, count);
        memset(vector->at, 0, count * sizeof *vector->at);
        vector->count = count;
        account(L, vector, 0);
    } else if (!counted && !lua_isnil(L, 1)) {
        append_value(L, vector, 1);
    }
    return 1;
}

/* ---- methods ---- */

static int vector_method_append(lua_State *L)
{
    struct vector *vector = self(L);
    luaL_checkany(L, 2);
    append_value(L, vector, 2);
    lua_settop(L, 1);
    return 1;
}

static int vector_method_reserve(lua_State *L)
{
    struct vector *vector = self(L);
    size_t cap = vector->cap;
    vector_grow(L, vector, check_count(L, 2));
    account(L, vector, cap);
    lua_settop(L, 1);
    return 1;
}

/* v:slice(i, j): both inclusive, j defaults to the last; nothing is from i to i - 1. */
static int vector_method_slice(lua_State *L)
{
    struct box *box = self_box(L);
    lua_Integer count = (lua_Integer)box->vector.count;
    lua_Integer i = luaL_checkinteger(L, 2), j = luaL_optinteger(L, 3, count);
    if (i < 1 || j > count || j < i - 1)
        return luaL_error(L, "a slice from %I to %I is not within 1 to %I", i, j, count);
    lua_settop(L, 1);
    struct box *slice = push_box(L);
    slice->whole = box->whole ? box->whole : box;
    slice->offset = box->offset + (size_t)i - 1;
    slice->vector.fixed = true;
    slice->vector.count = slice->vector.cap = (size_t)(j - i + 1);
    if (box->whole)
        lua_getiuservalue(L, 1, 1);
    else
        lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 1);
    return 1;
}

static int vector_method_fill(lua_State *L)
{
    struct vector *vector = self(L);
    double value = luaL_checknumber(L, 2);
    vm_charge(L, vector->count / FILLED_PER_INSTRUCTION);
    for (size_t i = 0; i < vector->count; i++)
        vector->at[i] = value;
    lua_settop(L, 1);
    return 1;
}

static int vector_method_copy(lua_State *L)
{
    self(L);
    append_value(L, vector_push_new(L), 1);
    return 1;
}

static int vector_method_values(lua_State *L)
{
    size_t count = self(L)->count;
    vm_charge(L, count);
    if (count > INT_MAX)
        return luaL_error(L, "%I values are too many for a list", (lua_Integer)count);
    lua_createtable(L, (int)count, 0);
    const double *at = self(L)->at;
    for (size_t i = 0; i < count; i++) {
        lua_pushnumber(L, at[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static const struct vm_function methods[] = {
    {"append", vector_method_append, "(value: number|stats.numbers): stats.vector",
     "Adds a number, or all of a list, vector, series or table with values: all of it or, on an "
     "error, nothing. Answers the vector. A slice cannot grow."},
    {"copy", vector_method_copy, "(): stats.vector", "A vector of its own with the same values."},
    {"fill", vector_method_fill, "(value: number): stats.vector",
     "Sets every value; answers the vector."},
    {"reserve", vector_method_reserve, "(n: integer): stats.vector",
     "Makes room for n more values; answers the vector."},
    {"slice", vector_method_slice, "(i: integer, j?: integer): stats.vector",
     "A view from i to j, both included, j the last without it. It shares the memory, keeps it "
     "alive, and cannot grow."},
    {"values", vector_method_values, "(): number[]", "The values as a list."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field fields[] = {{"[integer]", "number",
                                          "From 1. Reading past the end is nil, any other index "
                                          "outside is an error; v[#v + 1] = x does not grow it."},
                                         {NULL, NULL, NULL}};
const struct vm_docs stats_vector_docs = {
    DOCS_CLASS,
    "stats.vector",
    DOCS_ALL,
    "Doubles in C memory: 8 bytes a value, which count against a policy's memory, and no "
    "conversion when a function of stats reads them.",
    methods,
    fields};

/* ---- as an array ---- */

static COLD int outside(lua_State *L, const char *more)
{
    return luaL_error(L, "vector index %s is not a whole number from 1 to %I%s",
                      luaL_tolstring(L, 2, NULL), (lua_Integer)self(L)->count, more);
}

/* v[i], a method, and nil past the end, so that ipairs ends there. The upvalue is the table of
 * methods. */
static int vector_index(lua_State *L)
{
    const struct vector *vector = self(L);
    if (lua_type(L, 2) == LUA_TNUMBER) {
        int whole;
        lua_Integer i = lua_tointegerx(L, 2, &whole);
        if (!whole || i < 1) return outside(L, "");
        if ((size_t)i > vector->count)
            lua_pushnil(L);
        else
            lua_pushnumber(L, vector->at[i - 1]);
        return 1;
    }
    static const struct vm_function *const known[] = {methods, NULL};
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    const char *name = luaL_tolstring(L, 2, NULL);
    return luaL_error(L, "a vector has no method '%s'%s", name,
                      fields_hint_function(name, known).text);
}

static int vector_newindex(lua_State *L)
{
    const struct vector *vector = self(L);
    int whole = 0;
    lua_Integer i = lua_type(L, 2) == LUA_TNUMBER ? lua_tointegerx(L, 2, &whole) : 0;
    if (!whole || i < 1 || (size_t)i > vector->count)
        return outside(L, " (v:append(x) adds a value)");
    if (lua_type(L, 3) != LUA_TNUMBER)
        return luaL_error(L, "value %I must be a number, not a %s", i, luaL_typename(L, 3));
    vector->at[i - 1] = lua_tonumber(L, 3);
    return 0;
}

static int vector_len(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)self(L)->count);
    return 1;
}

static void add_number(luaL_Buffer *text, const char *before, double value)
{
    char shown[40];
    snprintf(shown, sizeof shown, "%s%.14g", before, value);
    luaL_addstring(text, shown);
}

static int vector_tostring(lua_State *L)
{
    size_t count = self(L)->count, shown = count > SHOWN_MAX ? SHOWN_MAX - 1 : count;
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    lua_pushfstring(L, "vector of %I value%s", (lua_Integer)count, count == 1 ? "" : "s");
    luaL_addvalue(&text);
    for (size_t i = 0; i < shown; i++)
        add_number(&text, i == 0 ? ": " : ", ", self(L)->at[i]);
    if (shown < count) add_number(&text, ", ..., ", self(L)->at[count - 1]);
    luaL_pushresult(&text);
    return 1;
}

static void push_type(lua_State *L)
{
    static const luaL_Reg events[] = {
        {"__newindex", vector_newindex},
        {"__len", vector_len},
        {"__tostring", vector_tostring},
        {"__gc", box_gc},
        {NULL, NULL},
    };
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &box_mark) == LUA_TTABLE) return;
    lua_pop(L, 1);
    luaL_newlib(L, events);
    vm_new_library(L, methods);
    lua_pushcclosure(L, vector_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "vector");
    lua_setfield(L, -2, "__metatable");
    lua_pushliteral(L, "vector");
    lua_setfield(L, -2, "__name");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &box_mark);
}

static const struct vm_function functions[] = {
    {"vector", vector_new, "(from?: integer|stats.numbers): stats.vector",
     "A vector of so many zeros, or of the numbers of a list, vector, series or table with values; "
     "empty without. An error names the position of what is no number."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs stats_vectors_docs = {DOCS_MODULE, "stats", DOCS_ALL, NULL, functions, NULL};

void stats_add_vector(lua_State *L)
{
    vm_set_functions(L, functions);
}
