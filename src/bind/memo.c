/* bind/memo.c - memo: what a policy keeps of one target from evaluation to evaluation.
 *
 * A table while the policy runs, JSON to the host. Only what is not empty is written out, and only
 * a changed text goes to the host. A failed evaluation leaves no trace: the next one starts from
 * the last text again. */
#include "policy_state.h"

#include <stdlib.h>
#include <string.h>

/* Makes the table on top of L the target's memo. */
static int keep(lua_State *L)
{
    struct policy_target *target = lua_touserdata(L, 1);
    const char *json = lua_touserdata(L, 2);
    struct fault fault;
    lua_settop(L, 0);
    if (!json)
        lua_newtable(L);
    else if (convert_from_json(L, json, strlen(json), &fault) < 0)
        return luaL_error(L, "memo: %s", fault.text);
    if (!lua_istable(L, 1)) return luaL_error(L, "memo: it is no object");
    if (target->memo_ref != LUA_NOREF) {
        lua_rawseti(L, LUA_REGISTRYINDEX, target->memo_ref);
        return 0;
    }
    target->memo_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int set_table(struct policy *policy, struct policy_target *target, const char *json,
                     struct fault *fault)
{
    lua_State *L = vm_lua(policy->vm);
    lua_pushcfunction(L, keep);
    lua_pushlightuserdata(L, target);
    lua_pushlightuserdata(L, (void *)json);
    return vm_call(policy->vm, L, 2, 0, fault, NULL);
}

int memo_load(struct policy *policy, struct policy_target *target, const char *json,
              struct fault *fault)
{
    bool empty = !json || strcmp(json, "{}") == 0;
    char *copy = empty ? NULL : strdup(json);
    if (!empty && !copy) return fault_set(fault, ERR_NOMEM, "out of memory");
    int code = set_table(policy, target, copy, fault);
    if (code < 0) {
        free(copy);
        return code;
    }
    free(target->memo);
    target->memo = copy;
    return OK;
}

void memo_revert(struct policy *policy, struct policy_target *target)
{
    struct fault ignored;
    if (target->memo_ref == LUA_NOREF) return;
    if (set_table(policy, target, target->memo, &ignored) == OK) return;
    /* No memory for it now: without a table the next evaluation makes it anew. */
    luaL_unref(vm_lua(policy->vm), LUA_REGISTRYINDEX, target->memo_ref);
    target->memo_ref = LUA_NOREF;
}

static int write_out(struct policy *policy, int idx, struct strbuf *json, struct fault *fault)
{
    int code = convert_to_json(vm_lua(policy->vm), idx, "memo", json, fault);
    if (code == ERR_LIMIT && json->status == ERR_LIMIT)
        fault_set(fault, code, "memo: its JSON is longer than %d KiB", POLICY_MEMO_MAX / 1024);
    if (code == OK && json->data && json->data[0] != '{')
        code = fault_set(fault, ERR_INVALID, "memo: must have named fields, not a list");
    return code;
}

int memo_store(struct policy *policy, struct policy_target *target, const char **changed,
               struct fault *fault)
{
    lua_State *L = vm_lua(policy->vm);
    *changed = NULL;
    lua_rawgeti(L, LUA_REGISTRYINDEX, target->memo_ref);
    lua_pushnil(L);
    bool empty = !lua_next(L, -2);
    if (!empty) lua_pop(L, 2);
    if (empty && !target->memo) {
        lua_pop(L, 1);
        return OK;
    }
    struct strbuf json;
    strbuf_init(&json, POLICY_MEMO_MAX);
    int code = empty ? OK : write_out(policy, -1, &json, fault);
    lua_pop(L, 1);
    if (code == OK && (!target->memo || empty || strcmp(target->memo, strbuf_cstr(&json)) != 0)) {
        char *text = empty ? NULL : strbuf_take(&json, NULL);
        if (!empty && !text) {
            code = fault_set(fault, ERR_NOMEM, "out of memory");
        } else {
            free(target->memo);
            target->memo = text;
            *changed = text ? text : "{}";
        }
    }
    strbuf_done(&json);
    return code;
}
