/* bind/given_targets.c - targets that are given to a policy from outside, in place of its own:
 * those of a recorded tick, those of a test. */
#include "moontide/vm/convert.h"
#include "policy_state.h"

#include <string.h>

/* The policy and the text, as light userdata. */
static int take_list(lua_State *L)
{
    struct policy *policy = lua_touserdata(L, 1);
    const char *json = lua_touserdata(L, 2);
    struct fault fault;
    if (convert_from_json(L, json, strlen(json), &fault) < 0)
        return luaL_error(L, "targets: %s", fault.text);
    luaL_unref(L, LUA_REGISTRYINDEX, policy->targets_ref);
    policy->targets_ref = LUA_NOREF;
    policy->targets_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    policy->targets_wait = false;
    policy->info.discover_ms = 0;
    return 0;
}

int policy_set_targets(struct policy *policy, const char *json, struct fault *fault)
{
    lua_State *L = vm_lua(policy->vm);
    vm_budget(policy->vm, NULL);
    lua_pushcfunction(L, take_list);
    lua_pushlightuserdata(L, policy);
    lua_pushlightuserdata(L, (void *)(uintptr_t)json);
    return vm_call(policy->vm, L, 2, 0, fault, NULL);
}
