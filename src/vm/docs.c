/* vm/docs.c - puts documented functions into Lua tables, and checks named fields against their
 * documentation. */
#include "moontide/vm/docs.h"

#include "moontide/base/nearest.h"
#include "moontide/vm/vm.h"

#include <string.h>

enum { NAMES_MAX = 64 };

void vm_set_closures(lua_State *L, const struct vm_function *functions, int upvalues)
{
    luaL_checkstack(L, upvalues + 1, "too many upvalues");
    for (; functions->name; functions++) {
        if (!functions->call) continue;
        for (int i = 0; i < upvalues; i++)
            lua_pushvalue(L, -upvalues);
        lua_pushcclosure(L, functions->call, upvalues);
        lua_setfield(L, -(upvalues + 2), functions->name);
    }
    lua_pop(L, upvalues);
}

void vm_set_functions(lua_State *L, const struct vm_function *functions)
{
    vm_set_closures(L, functions, 0);
}

void vm_new_library(lua_State *L, const struct vm_function *functions)
{
    int count = 0;
    while (functions[count].name)
        count++;
    lua_createtable(L, 0, count);
    vm_set_functions(L, functions);
}

int vm_field_names(const struct vm_field *fields, const char **names, int max)
{
    int count = 0;
    for (; fields->name && count < max - 1; fields++)
        names[count++] = fields->name;
    names[count] = NULL;
    return count;
}

static bool is_known(const char *name, const struct vm_field *fields)
{
    for (; fields->name; fields++)
        if (strcmp(fields->name, name) == 0) return true;
    return false;
}

void vm_check_fields(lua_State *L, int idx, const char *what, const struct vm_field *known)
{
    idx = lua_absindex(L, idx);
    luaL_checkstack(L, 4, what);
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) continue;
        const char *name = lua_tostring(L, -1);
        if (is_known(name, known)) continue;
        const char *names[NAMES_MAX];
        vm_field_names(known, names, NAMES_MAX);
        const char *near = nearest_name(name, names);
        if (near) luaL_error(L, "%s: unknown field '%s' (did you mean '%s'?)", what, name, near);
        luaL_error(L, "%s: unknown field '%s'", what, name);
    }
}
