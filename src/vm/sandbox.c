/* vm/sandbox.c - the globals of a policy state: what is harmless of Lua's standard library.
 *
 * A state holds one policy, so its library tables are its own copies and need no protection. Left
 * out: io, os, debug, package, dofile, loadfile, string.dump, and collectgarbage but for its count.
 * What loops in C is charged to the budget or bounded (sandbox_table.c, sandbox_string.c). */
#include "state.h"

#include "moontide/base/log.h"
#include "moontide/base/nearest.h"
#include "moontide/vm/docs.h"

#include <string.h>

/* ---- charged: a library function that is linear in its strings ---- */

enum { BYTES_PER_CHARGE = 8 };

static int charged_call(lua_State *L)
{
    size_t bytes = 0;
    for (int i = lua_gettop(L); i > 0; i--)
        if (lua_type(L, i) == LUA_TSTRING) bytes += lua_rawlen(L, i);
    if (bytes > BYTES_PER_CHARGE) vm_charge(L, bytes / BYTES_PER_CHARGE);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Copies the functions named in `names` from the table at `from` to the one on top. */
static void copy_charged(lua_State *L, int from, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, from, *names);
        lua_pushcclosure(L, charged_call, 1);
        lua_setfield(L, -2, *names);
    }
}

static void copy_plain(lua_State *L, int from, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, from, *names);
        lua_setfield(L, -2, *names);
    }
}

/* ---- metatables and raw access ---- */

/* A table whose metatable has __metatable = false is read-only for everybody. */
void sandbox_check_writable(lua_State *L, int idx, const char *function_name)
{
    if (!lua_getmetatable(L, idx)) return;
    lua_pushliteral(L, "__metatable");
    lua_rawget(L, -2);
    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
        luaL_error(L, "%s: this table is read-only", function_name);
    lua_pop(L, 2);
}

static int host_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    sandbox_check_writable(L, 1, "rawset");
    lua_rawset(L, 1);
    return 1;
}

static int host_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    lua_settop(L, 2);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "setmetatable: __gc is not allowed in a policy (a finalizer runs "
                                 "outside every limit)");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int host_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_istable(L, 1) || !lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushliteral(L, "__metatable");
    if (lua_rawget(L, -2) == LUA_TNIL) lua_pop(L, 1);
    return 1;
}

/* ---- code ---- */

/* Concatenates what a reader function returns, as lua_load would. */
static void read_pieces(lua_State *L)
{
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (;;) {
        lua_pushvalue(L, 1);
        lua_call(L, 0, 1);
        if (lua_isnil(L, -1)) break;
        if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "reader function must return a string");
        if (lua_rawlen(L, -1) == 0) break;
        luaL_addvalue(&buffer);
        if (luaL_bufflen(&buffer) > VM_SOURCE_MAX)
            luaL_error(L, "load: the source is longer than %d bytes", VM_SOURCE_MAX);
    }
    lua_pop(L, 1);
    luaL_pushresult(&buffer);
    lua_replace(L, 1);
}

static int host_load(lua_State *L)
{
    bool text = lua_type(L, 1) == LUA_TSTRING;
    if (!text) luaL_checktype(L, 1, LUA_TFUNCTION);
    const char *name = luaL_optstring(L, 2, text ? lua_tostring(L, 1) : "=(load)");
    bool has_env = !lua_isnone(L, 4);
    lua_settop(L, 4);
    if (!text) read_pieces(L);
    size_t len;
    const char *source = lua_tolstring(L, 1, &len);
    if (len > VM_SOURCE_MAX)
        return luaL_error(L, "load: the source is longer than %d bytes", VM_SOURCE_MAX);
    vm_charge(L, len / 2);
    if (luaL_loadbufferx(L, source, len, name, "t") != LUA_OK) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (has_env) {
        lua_pushvalue(L, 4);
        if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
    }
    return 1;
}

static int host_collectgarbage(lua_State *L)
{
    const char *what = luaL_optstring(L, 1, "collect");
    if (strcmp(what, "count") != 0)
        return luaL_error(L, "collectgarbage: only \"count\" is allowed in a policy");
    lua_pushnumber(L, (lua_Number)vm_memory_bytes(vm_of(L)) / 1024.0);
    return 1;
}

/* ---- print ---- */

static int host_print(lua_State *L)
{
    struct vm *vm = vm_of(L);
    int n = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= n; i++) {
        if (i > 1) luaL_addchar(&line, '\t');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    if (vm->options.print)
        vm->options.print(vm->options.owner, text, len);
    else
        log_event(LOG_INFO, "policy.print", LOG_S("text", text));
    return 0;
}

/* ---- globals ---- */

enum {
    NAMES_MAX = 256,
    CHARGE_PER_NAME = 16, /* instructions that comparing with one takes as long as */
};

/* A global that does not exist is a typo, and nil would hide it. */
static int unknown_global(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    const char *names[NAMES_MAX + 1];
    int n = 0;
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING && n < NAMES_MAX) names[n++] = lua_tostring(L, -1);
    }
    names[n] = NULL;
    vm_charge(L, (uint64_t)n * CHARGE_PER_NAME);
    const char *name = lua_tostring(L, 2);
    const char *near = nearest_name(name, names);
    if (near) return luaL_error(L, "unknown name '%s' (did you mean '%s'?)", name, near);
    return luaL_error(L, "unknown name '%s'", name);
}

static const struct vm_function base_functions[] = {
    {"rawset", host_rawset, "(t: table, key: any, value: any): table",
     "Sets a field past the metatable; answers the table. In a policy a read-only table refuses "
     "it."},
    {"setmetatable", host_setmetatable, "(t: table, metatable?: table): table",
     "Sets the metatable of a table; answers the table. In a policy a metatable with __gc is "
     "refused."},
    {"getmetatable", host_getmetatable, "(value: any): any",
     "The metatable, or its __metatable; nil without one. In a policy only that of tables."},
    {"load", host_load,
     "(chunk: string|function, name?: string, mode?: string, env?: table): function?, string?",
     "Compiles Lua text; nil and why not. In a policy never compiled code, and at most 1 MiB."},
    {"collectgarbage", host_collectgarbage, "(what?: string, ...: any): any",
     "The garbage collector; in a policy only \"count\": the KiB in use, of C memory too."},
    {"print", host_print, "(...: any)",
     "Prints a line. In a policy it goes to the log, as policy.print."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs sandbox_docs = {DOCS_GLOBALS, NULL,           DOCS_ALL | DOCS_STANDARD,
                                     NULL,         base_functions, NULL};

static void open_base(lua_State *L)
{
    static const char *const kept[] = {"assert", "error",    "ipairs", "rawequal",
                                       "rawget", "rawlen",   "select", "tostring",
                                       "type",   "_VERSION", NULL};
    static const char *const linear[] = {"tonumber", NULL};
    luaL_requiref(L, "_G", luaopen_base, 0);
    int from = lua_gettop(L);
    lua_newtable(L);
    copy_plain(L, from, kept);
    copy_charged(L, from, linear);
    vm_set_functions(L, base_functions);
    sandbox_protect(L);
    sandbox_pairs(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "_G");
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, unknown_global);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "globals");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_settop(L, from - 1);
}

static int open_math(lua_State *L)
{
    luaopen_math(L);
    sandbox_random(L);
    return 1;
}

static int open_utf8(lua_State *L)
{
    static const char *const plain[] = {"char", "charpattern", NULL};
    static const char *const linear[] = {"codes", "codepoint", "len", "offset", NULL};
    luaopen_utf8(L);
    int from = lua_gettop(L);
    lua_newtable(L);
    copy_plain(L, from, plain);
    copy_charged(L, from, linear);
    return 1;
}

/* string: its harmless functions, and the same ones as methods of every string. */
static int open_string(lua_State *L)
{
    static const char *const plain[] = {"char", "len", "sub", "packsize", NULL};
    static const char *const linear[] = {"byte", "lower",  "upper",  "reverse",
                                         "pack", "unpack", "format", NULL};
    luaopen_string(L);
    int from = lua_gettop(L);
    sandbox_string(L);
    copy_plain(L, from, plain);
    copy_charged(L, from, linear);
    lua_pushliteral(L, "");
    if (lua_getmetatable(L, -1)) {
        lua_pushvalue(L, -3);
        lua_setfield(L, -2, "__index");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return 1;
}

void sandbox_open(lua_State *L)
{
    open_base(L);
    lua_newtable(L); /* nothing that luaopen_base may have left behind */
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    vm_module(L, "math", open_math);
    vm_module(L, "string", open_string);
    vm_module(L, "table", sandbox_table);
    vm_module(L, "utf8", open_utf8);
    vm_module(L, "coroutine", sandbox_coroutine);
    require_open(L);
}

void sandbox_script(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushnil(L);
    lua_setfield(L, -2, "coroutine"); /* or Lua's own would be kept */
    lua_pop(L, 1);
    vm_module(L, "coroutine", sandbox_coroutine);
    lua_pushglobaltable(L);
    sandbox_protect(L);
    if (vm_of(L)->options.print) {
        lua_pushcfunction(L, host_print);
        lua_setfield(L, -2, "print");
    }
    lua_pop(L, 1);
    require_open(L);
}
