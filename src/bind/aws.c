/* bind/aws.c - the Lua module `aws`: clients of any AWS service, by its model.
 *
 *   local ecs = aws.client("ecs", { region = "ap-northeast-2" })
 *   local out = ecs:describe_services { cluster = "gm-tool-prod", services = { "api" } }
 *
 * What is made of single calls (pages, items, wait, identity, presign) is Lua: prelude/aws.lua. */
#include "aws.h"

#include "moontide/aws/endpoint.h"
#include "moontide/bind/config.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/task.h"

#include <string.h>

static const char BOX_TYPE[] = "moontide.aws.credentials";

/* aws.regions([partition]) */
static int aws_regions(lua_State *L)
{
    const char *partition = luaL_optstring(L, 1, NULL);
    lua_Integer n = 0;
    lua_newtable(L);
    for (const struct region *region = regions; region->name; region++) {
        if (partition && strcmp(region->partition, partition) != 0) continue;
        lua_pushstring(L, region->name);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* ---- credentials ---- */

/* One question to a chain. */
struct ask_box {
    struct vm *vm;
    uint64_t wait_id;
    struct shared_chain *chain;
    bool answered, waiting, secrets;
    int code;
    struct fault fault;
    struct credentials *credentials;
};

static int box_close(lua_State *L)
{
    struct ask_box *box = luaL_checkudata(L, 1, BOX_TYPE);
    if (box->chain && !box->answered) credential_chain_forget(box->chain->chain, box);
    aws_chain_release(box->chain);
    box->chain = NULL;
    if (box->credentials) credentials_release(box->credentials);
    box->credentials = NULL;
    return 0;
}

static void on_credentials(void *data, int code, struct credentials *borrowed,
                           const struct fault *fault)
{
    struct ask_box *box = data;
    box->answered = true;
    box->code = code;
    if (code == OK)
        box->credentials = credentials_retain(borrowed);
    else if (fault)
        box->fault = *fault;
    if (box->waiting) task_wake(box->vm, box->wait_id);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text) return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static int finish(lua_State *L, int status, lua_KContext box_idx)
{
    (void)status;
    const struct ask_box *box = luaL_checkudata(L, (int)box_idx, BOX_TYPE);
    if (box->code != OK) return raise_fault(L, "aws.credentials", &box->fault);
    const struct credentials *found = box->credentials;
    lua_createtable(L, 0, 3);
    if (box->secrets) {
        set_text(L, "access_key_id", found->access_key_id);
        set_text(L, "secret_access_key", found->secret_access_key);
        set_text(L, "session_token", found->session_token);
        return 1;
    }
    set_text(L, "provider", found->provider);
    if (found->expires_s) {
        lua_pushinteger(L, found->expires_s);
        lua_setfield(L, -2, "expires");
    }
    return 1;
}

static int ask(lua_State *L, bool secrets)
{
    const struct config *config = binding_of(L)->host->config;
    const char *profile = config ? config->profile : NULL;
    if (!lua_isnoneornil(L, 1)) profile = check_text(L, 1, "aws: the profile");
    lua_settop(L, 1);
    uint64_t wait_id = task_wait_id(L, "aws.credentials");
    struct ask_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    int box_idx = lua_gettop(L);
    *box = (struct ask_box){.vm = vm_of(L), .wait_id = wait_id, .secrets = secrets};
    task_box(L, BOX_TYPE, box_close);
    lua_toclose(L, box_idx);
    box->chain = aws_chain(L, profile, 0);
    credential_chain_get(box->chain->chain, on_credentials, box);
    if (box->answered) return finish(L, LUA_OK, box_idx);
    box->waiting = true;
    return task_wait(L, box_idx, finish);
}

/* aws.credentials([profile]): { provider, expires }, never the secret. */
int aws_credentials(lua_State *L)
{
    return ask(L, false);
}

int aws_secrets(lua_State *L)
{
    return ask(L, true);
}

/* ---- what the prelude asks of C ---- */

/* (client, operation): the function of the operation */
static int core_operation(lua_State *L)
{
    const struct aws_client *client = aws_check_client(L, 1);
    const char *name = check_text(L, 2, "aws: the name of the operation");
    aws_push_method(L, aws_operation(L, client, name));
    return 1;
}

/* (profile or nil): the region that a client would take, or nil */
static int core_region(lua_State *L)
{
    const struct config *config = binding_of(L)->host->config;
    const char *profile = luaL_optstring(L, 1, config ? config->profile : NULL);
    aws_push_region(L, NULL, profile);
    return 1;
}

/* (client, operation, code, message): throws */
static int core_fail(lua_State *L)
{
    const struct aws_client *client = aws_check_client(L, 1);
    const char *operation = luaL_checkstring(L, 2), *code = luaL_checkstring(L, 3);
    const char *message = luaL_checkstring(L, 4);
    vm_push_error(L, code, message);
    lua_pushfstring(L, "%s:%s: %s: %s", client->model->service, operation, code, message);
    lua_setfield(L, -2, "text");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "retryable");
    set_text(L, "service", client->model->service);
    set_text(L, "operation", operation);
    return lua_error(L);
}

static const luaL_Reg core_functions[] = {
    {"operation", core_operation}, {"attempt", aws_attempt},
    {"next_page", aws_next_page},  {"result_key", aws_result_key},
    {"waiter", aws_waiter},        {"judge", aws_judge},
    {"fail", core_fail},           {"secrets", aws_secrets},
    {"region", core_region},       {NULL, NULL}};
static const luaL_Reg methods[] = {{"serialize", aws_serialize},   {"parse", aws_parse},
                                   {"operations", aws_operations}, {"help", aws_help},
                                   {"metrics", aws_metrics},       {NULL, NULL}};

int open_aws(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"regions", aws_regions}, {"credentials", aws_credentials}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, aws_sign);
    lua_setfield(L, -2, "sign");
    lua_setfield(L, -2, "sigv4");
    int module = lua_gettop(L);
    luaL_newlib(L, methods);
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, aws_client_new, 1);
    lua_setfield(L, module, "client");

    lua_pushvalue(L, module);
    lua_insert(L, -2); /* module, methods */
    luaL_newlib(L, core_functions);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "async");
    lua_remove(L, -2);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        open_async(L);
    }
    vm_prelude(L, "aws", 4, 0);
    lua_settop(L, module);
    return 1;
}
