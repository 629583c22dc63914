/* vm/protect.c - pcall and xpcall that a stop (budget, interrupt, cancel) passes through. */
#include "state.h"

#include "moontide/vm/docs.h"

static int pcall_done(lua_State *L, int status, lua_KContext below)
{
    if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)below;
    struct vm *vm = vm_of(L);
    if (vm->stopping) return vm_throw_stop(vm, L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int host_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_done);
    return pcall_done(L, status, 0);
}

/* Keeps the user's handler from running while everything is being stopped. */
static int guarded_handler(lua_State *L)
{
    if (vm_of(L)->stopping) return 1;
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* xpcall(f, handler, ...): stack becomes handler, f, true, f, args... */
static int host_xpcall(lua_State *L)
{
    int n = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, guarded_handler, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    int status = lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, pcall_done);
    return pcall_done(L, status, 2);
}

static const struct vm_function functions[] = {
    {"pcall", host_pcall, "(f: function, ...: any): boolean, ...: any",
     "Calls f: true and what it returns, or false and the error. What stops a run (its budget, an "
     "interrupt, a cancel) passes through."},
    {"xpcall", host_xpcall,
     "(f: function, handler: fun(error: any): any, ...: any): boolean, ...: any",
     "The same with a handler, which is given the error where it was thrown and answers what is "
     "returned for it."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs protect_docs = {DOCS_GLOBALS, NULL,      DOCS_ALL | DOCS_STANDARD,
                                     NULL,         functions, NULL};

void sandbox_protect(lua_State *L)
{
    vm_set_functions(L, functions);
}
