/* bind/settings.c - the global `config` of a policy, and what a policy may do to its globals.
 *
 * config is what config->json says, read-only: writing to it throws, and each table in it is handed
 * out as a copy, so that nothing that a policy does to one lasts. */
#include "moontide/vm/docs.h"
#include "policy_state.h"

#include <string.h>

/* Pushes a deep copy of the value at idx; its depth is bounded by the JSON that it came from. */
static void push_copy(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    if (!lua_istable(L, idx)) {
        lua_pushvalue(L, idx);
        return;
    }
    luaL_checkstack(L, 6, "config");
    lua_createtable(L, (int)lua_rawlen(L, idx), 0);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        push_copy(L, -2);
        lua_rawset(L, -5);
    }
    vm_charge(L, 8);
}

/* The upvalue is the table behind `config`. */
static int config_index(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TTABLE) push_copy(L, -1);
    return 1;
}

static int config_newindex(lua_State *L)
{
    return luaL_error(L, "config is read-only; free fields are set under `vars` of moontide.lua");
}

/* upvalues: the table behind, pairs */
static int config_pairs(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    push_copy(L, lua_upvalueindex(1));
    lua_call(L, 1, 3);
    return 3;
}

/* What config->json has (config.c). */
static const struct vm_field config_fields[] = {
    {"environments", "string[]", "As the configuration names them."},
    {"language", "\"en\"|\"ko\"", "Of issues and recommendations."},
    {"mode", "\"observe\"|\"recommend\"|\"act\"", "Of policies that do not say."},
    {"region", "string?", "The configuration's, where it says one."},
    {"vars", "table", "The free fields of moontide.lua."},
    {NULL, NULL, NULL}};
static const struct vm_field config_globals[] = {
    {"config", "config", "The configuration, without secrets; read-only in a policy."},
    {NULL, NULL, NULL}};
const struct vm_docs settings_docs = {DOCS_GLOBALS, NULL, DOCS_POLICY | DOCS_SCRIPT | DOCS_TEST,
                                      NULL,         NULL, config_globals};
const struct vm_docs config_docs = {
    DOCS_CLASS,
    "config",
    DOCS_POLICY | DOCS_SCRIPT | DOCS_TEST,
    "What policies and scripts see of moontide.lua. Empty where there is no project.",
    NULL,
    config_fields};

void policy_open_settings(lua_State *L, struct policy *policy)
{
    const struct config *config = policy->binding.host->config;
    const char *json = config && config->json ? config->json : "{}";
    struct fault fault;
    if (convert_from_json(L, json, strlen(json), &fault) < 0)
        luaL_error(L, "config: %s", fault.text);
    int behind = lua_gettop(L);
    lua_newtable(L);
    lua_createtable(L, 0, 4);
    lua_pushvalue(L, behind);
    lua_pushcclosure(L, config_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, config_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushvalue(L, behind);
    lua_getglobal(L, "pairs");
    lua_pushcclosure(L, config_pairs, 2);
    lua_setfield(L, -2, "__pairs");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_setglobal(L, "config");
    lua_settop(L, behind - 1);
}

static int global_newindex(lua_State *L)
{
    const struct policy *policy = policy_of_upvalue(L);
    if (!policy->loading)
        return luaL_error(L, "assignment to the global '%s' (say local; what must last is in memo)",
                          luaL_tolstring(L, 2, NULL));
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 0;
}

/* After the file has run, its globals are fixed: a forgotten `local` in evaluate would make one
 * target's value another's. */
void policy_open_strict(lua_State *L, struct policy *policy)
{
    lua_pushglobaltable(L);
    if (!lua_getmetatable(L, -1)) lua_createtable(L, 0, 2);
    lua_pushlightuserdata(L, policy);
    lua_pushcclosure(L, global_newindex, 1);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
