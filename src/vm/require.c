/* vm/require.c - what the prelude's require asks C for: a module's source, compiled. */
#include "moontide/vm/chunks.h"
#include "state.h"

#include <stdlib.h>

/* name -> function, chunk name; or nil, why. Throws a module's syntax error. */
static int find(lua_State *L)
{
    struct vm *vm = vm_of(L);
    const char *name = luaL_checkstring(L, 1);
    luaL_checkstack(L, 8, "require");
    if (!vm->loader) {
        lua_pushnil(L);
        lua_pushliteral(L, "modules cannot be loaded here");
        return 2;
    }
    char *source = NULL;
    size_t len = 0;
    char chunkname[FAULT_FILE_MAX] = "";
    struct fault fault = {0};
    int code = vm->loader(vm->loader_data, name, &source, &len, chunkname, &fault);
    if (code < 0) {
        free(source);
        lua_pushnil(L);
        lua_pushstring(L, fault.text[0] ? fault.text : err_text(code));
        return 2;
    }
    struct chunks *chunks = vm->options.chunks;
    int status = len > VM_SOURCE_MAX ? LUA_OK : chunks_load(chunks, L, source, len, chunkname);
    free(source);
    if (len > VM_SOURCE_MAX)
        return luaL_error(L, "require: %s is longer than %d bytes", chunkname + 1, VM_SOURCE_MAX);
    if (status != LUA_OK) return lua_error(L);
    lua_pushstring(L, chunkname);
    return 2;
}

void require_open(lua_State *L)
{
    lua_pushcfunction(L, find);
    if (vm_sandboxed(vm_of(L)))
        lua_pushnil(L);
    else
        lua_getglobal(L, "require");
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getglobal(L, "coroutine");
    lua_getfield(L, -1, "running");
    lua_remove(L, -2);
    vm_prelude(L, "require", 4, 1);
    lua_setglobal(L, "require");
}
