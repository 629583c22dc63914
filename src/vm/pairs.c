/* vm/pairs.c - pairs and next in a fixed order: numbers, then strings by bytes, then booleans.
 *
 * Lua's own order follows a hash seed and addresses; a replay needs the same order each time. Keys
 * that are tables, functions or userdata come last, by address: their order is not fixed. pairs
 * visits the keys that were there when it began, leaving out those removed meanwhile. */
#include "state.h"

#include "moontide/vm/docs.h"

#include <stdlib.h>
#include <string.h>

/* A look at a table costs more than the keys that are seen: emptied tables keep their slots. */
enum { LOOK_CHARGE = 50 };

struct key {
    int rank;
    bool integer;
    lua_Integer i;
    lua_Number n;
    const char *s; /* strings; anchored by the table of keys */
    size_t len;
    const void *p;
    lua_Integer at; /* in the table of keys */
};

static void key_read(lua_State *L, int idx, struct key *key)
{
    *key = (struct key){.rank = 3};
    switch (lua_type(L, idx)) {
    case LUA_TNUMBER:
        key->rank = 0;
        key->integer = lua_isinteger(L, idx);
        key->n = lua_tonumber(L, idx);
        if (key->integer) key->i = lua_tointeger(L, idx);
        break;
    case LUA_TSTRING:
        key->rank = 1;
        key->s = lua_tolstring(L, idx, &key->len);
        break;
    case LUA_TBOOLEAN:
        key->rank = 2;
        key->i = lua_toboolean(L, idx);
        key->integer = true;
        break;
    default: key->p = lua_topointer(L, idx);
    }
}

static int key_compare(const void *left, const void *right)
{
    const struct key *a = left;
    const struct key *b = right;
    if (a->rank != b->rank) return a->rank - b->rank;
    if (a->rank == 1) {
        size_t len = a->len < b->len ? a->len : b->len;
        int order = memcmp(a->s, b->s, len);
        if (order) return order;
        return (a->len > b->len) - (a->len < b->len);
    }
    if (a->rank == 3)
        return ((uintptr_t)a->p > (uintptr_t)b->p) - ((uintptr_t)a->p < (uintptr_t)b->p);
    if (a->integer && b->integer) return (a->i > b->i) - (a->i < b->i);
    return (a->n > b->n) - (a->n < b->n);
}

/* upvalues: 1 table, 2 keys (nil: the keys are 1..n), 3 sorted struct key[], 4 n, 5 position */
static int pairs_next(lua_State *L)
{
    lua_Integer n = lua_tointeger(L, lua_upvalueindex(4));
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(5));
    const struct key *order = lua_touserdata(L, lua_upvalueindex(3));
    while (at < n) {
        if (order)
            lua_rawgeti(L, lua_upvalueindex(2), order[at].at);
        else
            lua_pushinteger(L, at + 1);
        at++;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
            lua_pushinteger(L, at);
            lua_replace(L, lua_upvalueindex(5));
            return 2;
        }
        lua_pop(L, 2);
    }
    lua_pushinteger(L, n);
    lua_replace(L, lua_upvalueindex(5));
    lua_pushnil(L);
    return 1;
}

/* How many keys; *plain when they are 1..n in this order, which an array gives. */
static lua_Integer count_keys(lua_State *L, bool *plain)
{
    lua_Integer n = 0;
    *plain = true;
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        n++;
        if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) != n) *plain = false;
    }
    return n;
}

static void push_sorted_keys(lua_State *L, lua_Integer n)
{
    lua_createtable(L, n > INT32_MAX ? INT32_MAX : (int)n, 0);
    int keys = lua_gettop(L);
    struct key *order = lua_newuserdatauv(L, (size_t)n * sizeof(*order), 0);
    lua_Integer at = 0;
    lua_pushnil(L);
    while (at < n && lua_next(L, 1)) {
        lua_pop(L, 1);
        key_read(L, -1, &order[at]);
        order[at].at = at + 1;
        at++;
        lua_pushvalue(L, -1);
        lua_rawseti(L, keys, at);
    }
    lua_settop(L, keys + 1);
    qsort(order, (size_t)at, sizeof(*order), key_compare);
}

static int pairs_meta_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)L;
    (void)status;
    (void)ctx;
    return 3;
}

static int host_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_callk(L, 1, 3, 0, pairs_meta_done);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    bool plain;
    lua_Integer n = count_keys(L, &plain);
    vm_charge(L, LOOK_CHARGE + (uint64_t)n * (plain ? 1 : 8));
    lua_pushvalue(L, 1);
    if (plain) {
        lua_pushnil(L);
        lua_pushnil(L);
    } else {
        push_sorted_keys(L, n);
    }
    lua_pushinteger(L, n);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, pairs_next, 5);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* The smallest key above the given one: a look at every key. */
static int host_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    bool first = lua_isnil(L, 2);
    struct key from = {0};
    if (!first) key_read(L, 2, &from);
    struct key best = {0};
    bool found = false;
    uint64_t seen = 0;
    lua_pushnil(L); /* 3: the best so far */
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        seen++;
        struct key key;
        key_read(L, -1, &key);
        if (!first && key_compare(&key, &from) <= 0) continue;
        if (found && key_compare(&key, &best) >= 0) continue;
        best = key;
        found = true;
        lua_pushvalue(L, -1);
        lua_replace(L, 3);
    }
    vm_charge(L, LOOK_CHARGE + seen);
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_settop(L, 3);
    lua_pushvalue(L, 3);
    lua_rawget(L, 1);
    return 2;
}

static const struct vm_function functions[] = {
    {"pairs", host_pairs, "(t: table): function, table, any",
     "Goes over the keys and values of a table, or what its __pairs says. In a policy the order is "
     "fixed: numbers, strings by their bytes, booleans, then the rest; keys that were removed "
     "meanwhile are left out."},
    {"next", host_next, "(t: table, key?: any): any, any",
     "The key after the given one with its value, or the first; nil after the last. In a policy it "
     "follows the order of pairs, and looks at every key each time."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs pairs_docs = {DOCS_GLOBALS, NULL,      DOCS_ALL | DOCS_STANDARD,
                                   NULL,         functions, NULL};

void sandbox_pairs(lua_State *L)
{
    vm_set_functions(L, functions);
}
