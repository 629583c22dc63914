/* bind/memo.c - memo: what a policy keeps of one target from evaluation to evaluation.
 *
 * A table while the policy runs, JSON to the host. Only what is not empty is written out, and only
 * a changed text goes to the host. A failed evaluation leaves no trace: the next one starts from
 * the last text again.
 *
 * Of ten thousand targets most keep nothing: these are lent one empty table (policy->blank_ref).
 * The first that puts something in keeps it as its own, and the next is lent a new one. */
#include "policy_state.h"

#include <stdlib.h>
#include <string.h>

/* Arguments: where the reference of a new table goes, its JSON (NULL: empty). */
static int make(lua_State *L)
{
    int *ref = lua_touserdata(L, 1);
    const char *json = lua_touserdata(L, 2);
    struct fault fault;
    lua_settop(L, 0);
    if (!json)
        lua_newtable(L);
    else if (convert_from_json(L, json, strlen(json), &fault) < 0)
        return luaL_error(L, "memo: %s", fault.text);
    if (!lua_istable(L, 1)) return luaL_error(L, "memo: it is no object");
    if (*ref == LUA_NOREF)
        *ref = luaL_ref(L, LUA_REGISTRYINDEX);
    else
        lua_rawseti(L, LUA_REGISTRYINDEX, *ref);
    return 0;
}

static int make_table(struct policy *policy, int *ref, const char *json, struct fault *fault)
{
    lua_State *L = vm_lua(policy->vm);
    lua_pushcfunction(L, make);
    lua_pushlightuserdata(L, ref);
    lua_pushlightuserdata(L, (void *)json);
    return vm_call(policy->vm, L, 2, 0, fault, NULL);
}

static void drop_table(struct policy *policy, int *ref)
{
    luaL_unref(vm_lua(policy->vm), LUA_REGISTRYINDEX, *ref);
    *ref = LUA_NOREF;
}

static int load(struct policy *policy, struct policy_target *target, const char *json,
                struct fault *fault)
{
    if (!json || strcmp(json, "{}") == 0) {
        drop_table(policy, &target->memo_ref);
        free(target->memo);
        target->memo = NULL;
        return OK;
    }
    char *copy = strdup(json);
    if (!copy) return fault_set(fault, ERR_NOMEM, "out of memory");
    int code = make_table(policy, &target->memo_ref, copy, fault);
    if (code < 0) {
        free(copy);
        return code;
    }
    free(target->memo);
    target->memo = copy;
    return OK;
}

int memo_ready(struct policy *policy, struct policy_target *target, const char *json,
               struct fault *fault)
{
    int code = OK;
    if (json || (target->memo && target->memo_ref == LUA_NOREF))
        code = load(policy, target, json ? json : target->memo, fault);
    if (code == OK && target->memo_ref == LUA_NOREF && policy->blank_ref == LUA_NOREF)
        code = make_table(policy, &policy->blank_ref, NULL, fault);
    return code;
}

void memo_push(lua_State *L, const struct policy *policy, const struct policy_target *target)
{
    bool own = target->memo_ref != LUA_NOREF;
    lua_rawgeti(L, LUA_REGISTRYINDEX, own ? target->memo_ref : policy->blank_ref);
}

void memo_revert(struct policy *policy, struct policy_target *target)
{
    struct fault ignored;
    if (target->memo_ref == LUA_NOREF)
        drop_table(policy, &policy->blank_ref);
    else if (!target->memo || make_table(policy, &target->memo_ref, target->memo, &ignored) < 0)
        drop_table(policy, &target->memo_ref); /* the next evaluation makes it anew */
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

/* What was lent, on top of L, is the target's own once there is something to it. */
static void keep_blank(lua_State *L, struct policy *policy, struct policy_target *target,
                       bool empty)
{
    if (empty) {
        if (!lua_getmetatable(L, -1)) return;
        lua_pop(L, 1);
    }
    target->memo_ref = policy->blank_ref;
    policy->blank_ref = LUA_NOREF;
}

int memo_store(struct policy *policy, struct policy_target *target, const char **changed,
               struct fault *fault)
{
    lua_State *L = vm_lua(policy->vm);
    *changed = NULL;
    memo_push(L, policy, target);
    lua_pushnil(L);
    bool empty = !lua_next(L, -2);
    if (!empty) lua_pop(L, 2);
    if (target->memo_ref == LUA_NOREF) keep_blank(L, policy, target, empty);
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
