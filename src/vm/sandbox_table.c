/* vm/sandbox_table.c - `table` for policies: every loop is counted before it runs.
 *
 * Lengths that are written by are raw, so that a __len which says 1e18 moves nothing; functions
 * that only read (concat, unpack) honour __len and __index, within VM_TABLE_OP_MAX elements. sort
 * is a merge sort: stable, and no comparator, however wrong, can lead it out of bounds. */
#include "state.h"

#include "moontide/vm/docs.h"

#include <string.h>

/* Charges for `count` elements, and refuses more than VM_TABLE_OP_MAX. */
static void check_count(lua_State *L, lua_Unsigned count, const char *name)
{
    if (count > VM_TABLE_OP_MAX)
        luaL_error(L, "table.%s: %s elements; the limit is %d", name,
                   count > INT64_MAX ? "too many" : lua_pushfstring(L, "%I", (lua_Integer)count),
                   VM_TABLE_OP_MAX);
    vm_charge(L, count);
}

static lua_Integer raw_length(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    return (lua_Integer)lua_rawlen(L, 1);
}

static int table_insert(lua_State *L)
{
    lua_Integer n = raw_length(L);
    sandbox_check_writable(L, 1, "table.insert");
    switch (lua_gettop(L)) {
    case 2: lua_rawseti(L, 1, n + 1); return 0;
    case 3: break;
    default: return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_Integer at = luaL_checkinteger(L, 2);
    luaL_argcheck(L, at >= 1 && at <= n + 1, 2, "position out of bounds");
    check_count(L, (lua_Unsigned)(n + 1 - at), "insert");
    for (lua_Integer i = n; i >= at; i--) {
        lua_rawgeti(L, 1, i);
        lua_rawseti(L, 1, i + 1);
    }
    lua_rawseti(L, 1, at);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer n = raw_length(L);
    sandbox_check_writable(L, 1, "table.remove");
    lua_Integer at = luaL_optinteger(L, 2, n);
    if (!lua_isnoneornil(L, 2))
        luaL_argcheck(L, (at >= 1 && at <= n + 1) || (n == 0 && at == 0), 2,
                      "position out of bounds");
    if (at < n) check_count(L, (lua_Unsigned)(n - at), "remove");
    lua_rawgeti(L, 1, at);
    for (; at < n; at++) {
        lua_rawgeti(L, 1, at + 1);
        lua_rawseti(L, 1, at);
    }
    lua_pushnil(L);
    lua_rawseti(L, 1, at);
    return 1;
}

static int table_move(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer from = luaL_checkinteger(L, 2);
    lua_Integer end = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    luaL_checktype(L, target, LUA_TTABLE);
    sandbox_check_writable(L, target, "table.move");
    if (end >= from) {
        lua_Unsigned n = (lua_Unsigned)end - (lua_Unsigned)from + 1;
        check_count(L, n ? n : UINT64_MAX, "move");
        luaL_argcheck(L, to <= LUA_MAXINTEGER - (lua_Integer)n + 1, 4, "destination wrap around");
        bool backward = target == 1 && to > from && to <= end;
        for (lua_Integer i = 0; i < (lua_Integer)n; i++) {
            lua_Integer k = backward ? (lua_Integer)n - 1 - i : i;
            lua_geti(L, 1, from + k);
            lua_rawseti(L, target, to + k);
        }
    }
    lua_pushvalue(L, target);
    return 1;
}

/* What `#` says of the table at 1, for functions that only read. */
static lua_Integer read_length(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    return luaL_len(L, 1);
}

static int table_concat(lua_State *L)
{
    size_t separator_len;
    const char *separator = luaL_optlstring(L, 2, "", &separator_len);
    lua_Integer first = luaL_optinteger(L, 3, 1);
    lua_Integer last = lua_isnoneornil(L, 4) ? read_length(L) : luaL_checkinteger(L, 4);
    luaL_checktype(L, 1, LUA_TTABLE);
    if (last >= first) check_count(L, (lua_Unsigned)last - (lua_Unsigned)first + 1, "concat");
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (lua_Integer i = first; i <= last; i++) {
        lua_geti(L, 1, i);
        if (!lua_isstring(L, -1))
            return luaL_error(L, "invalid value (at index %I) in table for 'concat'",
                              (LUAI_UACINT)i);
        size_t len = lua_rawlen(L, -1);
        if (luaL_bufflen(&out) + len + separator_len > VM_STRING_REP_MAX)
            return luaL_error(L, "table.concat: the result is longer than %d bytes",
                              VM_STRING_REP_MAX);
        luaL_addvalue(&out);
        if (i == last) break; /* last may be the largest integer */
        luaL_addlstring(&out, separator, separator_len);
    }
    luaL_pushresult(&out);
    vm_charge(L, lua_rawlen(L, -1) / 8);
    return 1;
}

static int table_pack(lua_State *L)
{
    int n = lua_gettop(L);
    lua_createtable(L, n, 1);
    lua_insert(L, 1);
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, 1, i);
    lua_pushinteger(L, n);
    lua_setfield(L, 1, "n");
    return 1;
}

static int table_unpack(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? read_length(L) : luaL_checkinteger(L, 3);
    if (first > last) return 0;
    lua_Unsigned n = (lua_Unsigned)last - (lua_Unsigned)first + 1;
    check_count(L, n ? n : UINT64_MAX, "unpack");
    if (!lua_checkstack(L, (int)n)) return luaL_error(L, "too many results to unpack");
    for (lua_Unsigned i = 0; i < n; i++)
        lua_geti(L, 1, (lua_Integer)((lua_Unsigned)first + i));
    return (int)n;
}

/* ---- sort ---- */

/* Whether the value on top is less than the one below it: then it may not stay behind it. Pops
 * neither. */
static bool right_is_less(lua_State *L)
{
    if (lua_isnil(L, 2)) return lua_compare(L, -1, -2, LUA_OPLT) != 0;
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -4);
    lua_call(L, 2, 1);
    bool less = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return less;
}

/* Merges from[low..middle) and from[middle..high) into the table `into`. */
static void merge(lua_State *L, int from, int into, lua_Integer low, lua_Integer middle,
                  lua_Integer high)
{
    lua_Integer left = low;
    lua_Integer right = middle;
    for (lua_Integer at = low; at < high; at++) {
        bool take_right = left >= middle;
        if (left < middle && right < high) {
            lua_rawgeti(L, from, left);
            lua_rawgeti(L, from, right);
            take_right = right_is_less(L);
            lua_pop(L, 2);
        }
        lua_rawgeti(L, from, take_right ? right++ : left++);
        lua_rawseti(L, into, at);
    }
}

static int table_sort(lua_State *L)
{
    lua_Integer n = raw_length(L);
    if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    sandbox_check_writable(L, 1, "table.sort");
    check_count(L, (lua_Unsigned)n, "sort");
    if (n < 2) return 0;
    lua_createtable(L, (int)n, 0);
    int from = 1;
    int into = 3;
    for (lua_Integer width = 1; width < n; width *= 2) {
        vm_charge(L, (uint64_t)n * 2);
        for (lua_Integer low = 1; low <= n; low += 2 * width) {
            lua_Integer middle = low + width > n + 1 ? n + 1 : low + width;
            lua_Integer high = middle + width > n + 1 ? n + 1 : middle + width;
            merge(L, from, into, low, middle, high);
        }
        int sorted = into;
        into = from;
        from = sorted;
    }
    for (lua_Integer i = 1; from != 1 && i <= n; i++) {
        lua_rawgeti(L, from, i);
        lua_rawseti(L, 1, i);
    }
    return 0;
}

static const struct vm_function functions[] = {
    {"insert", table_insert,
     "(list: table, value: any)\n(list: table, position: integer, value: any)",
     "Adds a value at the end, or at a position from 1 to #list + 1, and moves up what follows. In "
     "a policy lengths are raw, and at most 1,000,000 elements are moved by one call of any "
     "function of table."},
    {"remove", table_remove, "(list: table, position?: integer): any",
     "Takes out the last element, or the one at the position, and moves down what follows; answers "
     "it."},
    {"move", table_move,
     "(from: table, first: integer, last: integer, at: integer, to?: table): table",
     "Copies elements to another place, or another table; answers that table."},
    {"concat", table_concat,
     "(list: table, separator?: string, first?: integer, last?: integer): string",
     "The strings and numbers of a list as one string; in a policy of at most 16 MiB."},
    {"pack", table_pack, "(...: any): table", "A list of the arguments, with their number as n."},
    {"unpack", table_unpack, "(list: table, first?: integer, last?: integer): ...: any",
     "The elements of a list as values."},
    {"sort", table_sort, "(list: table, less?: fun(a: any, b: any): boolean)",
     "Sorts a list in place, by < or by a function that says whether a comes before b. In a policy "
     "the sort is stable, and a function that contradicts itself does no harm."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs table_docs = {
    DOCS_MODULE, "table", DOCS_ALL | DOCS_STANDARD, "Lua's functions of tables.", functions, NULL};

int sandbox_table(lua_State *L)
{
    vm_new_library(L, functions);
    return 1;
}
