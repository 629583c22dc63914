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
#include "moontide/vm/docs.h"
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
static const struct vm_function methods[] = {
    {"pages", NULL, "(operation: string, params?: table): fun(): table?",
     "Goes over the pages of an answer, one call a page; an operation that does not come in pages "
     "is one page. Each step waits."},
    {"items", NULL, "(operation: string, params?: table, key?: string): fun(): any",
     "Goes over what the pages hold: the list named by key (\"a.b\" leads inside), or the one of "
     "the model's paginator. Each step waits."},
    {"wait", NULL, "(name: string, params?: table, options?: aws.wait.options): table?",
     "Asks until a waiter of the model is content: the answer that ended it, nil when it was an "
     "error that was waited for. An error object with the code WaiterFailed or WaiterTimeout "
     "otherwise."},
    {"serialize", aws_serialize,
     "(operation: string, params?: table, options?: aws.serialize.options): aws.request",
     "The request of a call, without sending it. An error that names the path and the nearest "
     "known name for wrong parameters."},
    {"parse", aws_parse, "(operation: string, response: aws.response): table",
     "What an answer means, without having asked. A failure of the service is thrown as an error "
     "object."},
    {"operations", aws_operations, "(): string[]", "The names of all operations, sorted."},
    {"help", aws_help, "(operation?: string)",
     "Prints the operations and waiters, or the parameters of one operation with their types, and "
     "what it gives."},
    {"metrics", aws_metrics, "(): table<string, aws.metrics>",
     "Counts and latencies of this client's calls, by operation."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field client_fields[] = {
    {"[string]", "fun(self: aws.client, params?: table): table",
     "An operation of the service in snake_case, as client:describe_services{...}; it waits, and "
     "answers the result. Parameters are spelled as AWS does, and checked before anything is sent. "
     "A failure is an error object."},
    {NULL, NULL, NULL}};
static const struct vm_field wait_fields[] = {
    {"delay", "duration?", "Between two looks; the model's."},
    {"max_attempts", "integer?", "How many looks; the model's."},
    {NULL, NULL, NULL}};
static const struct vm_field metrics_fields[] = {
    {"calls", "integer", "Calls that ended."},
    {"attempts", "integer", "Requests that were sent for them."},
    {"retries", "integer", "Requests after the first."},
    {"throttles", "integer", "Answers that asked to slow down."},
    {"failures", "integer", "Calls that failed."},
    {"p50_ms", "number", "Latency in ms: the median."},
    {"p90_ms", "number", "The same, 90 %."},
    {"p99_ms", "number", "The same, 99 %."},
    {NULL, NULL, NULL}};
static const struct vm_field credentials_fields[] = {
    {"provider", "string", "Who answered."},
    {"expires", "integer?", "Until when, in seconds since the epoch; nil: without end."},
    {NULL, NULL, NULL}};
static const struct vm_field identity_fields[] = {{"account", "string", "The account's number."},
                                                  {"arn", "string", "Of the role or user."},
                                                  {"user_id", "string", "As STS has it."},
                                                  {NULL, NULL, NULL}};
static const struct vm_field error_fields[] = {
    {"code", "string", "\"ClusterNotFoundException\", \"Timeout\", ..."},
    {"message", "string", "What went wrong."},
    {"text", "string?", "The one line that tostring gives."},
    {"retryable", "boolean?", "Whether the same may succeed later."},
    {"kind", "string?", "What sort it is: \"Denied\", \"Throttled\", \"Server\", \"Timeout\", ..."},
    {"status", "integer?", "Of HTTP, where there was an answer."},
    {"request_id", "string?", "Of AWS."},
    {"service", "string?", "Of a call to AWS: \"ecs\"."},
    {"operation", "string?", "The same: \"describe_services\"."},
    {"action", "string?", "As IAM names it: \"ecs:DescribeServices\"."},
    {"fields", "table?", "What else the service says of this error."},
    {NULL, NULL, NULL}};
static const struct vm_function makers[] = {
    {"client", aws_client_new, "(service: string, options?: aws.client.options): aws.client",
     "A client of a service by its model: ecs, rds, ... (docs/aws.md lists those of the binary). "
     "Region, endpoint and credentials are looked for at the first call. An error for an unknown "
     "service, or a model that cannot be read."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function functions[] = {
    {"regions", aws_regions, "(partition?: \"aws\"|\"aws-cn\"|\"aws-us-gov\"|string): string[]",
     "The names of all regions, or those of a partition."},
    {"credentials", aws_credentials, "(profile?: string): aws.credentials",
     "Which provider answers, and until when, never the secret; it waits. An error object when "
     "there are none."},
    {"identity", NULL, "(options?: aws.client.options): aws.identity",
     "Who this is, from sts:GetCallerIdentity; it waits."},
    {"presign", NULL, "(options: aws.presign.options): string",
     "A presigned URL. Credentials and region are looked for when they are not given; then it "
     "waits."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function sigv4_functions[] = {
    {"sign", aws_sign, "(fields: aws.sign.fields): aws.signed",
     "Signs a request, and shows the texts of each stage."},
    {NULL, NULL, NULL, NULL}};

static const struct vm_field answer_fields[] = {
    {"code", "string?", "Of an error object."},       {"message", "string?", "Of an error object."},
    {"kind", "string?", "Of an error object."},       {"status", "integer?", "Of an error object."},
    {"retryable", "boolean?", "Of an error object."}, {NULL, NULL, NULL}};
const struct vm_docs aws_docs = {DOCS_MODULE,
                                 "aws",
                                 DOCS_WAITING,
                                 "Signed clients of any AWS service. What waits may be called in "
                                 "collect, targets, kinds, receivers, scripts and the REPL.",
                                 functions,
                                 NULL};
const struct vm_docs aws_makers_docs = {DOCS_MODULE, "aws", DOCS_WAITING, NULL, makers, NULL};
const struct vm_docs aws_sigv4_docs = {
    DOCS_MODULE, "aws.sigv4", DOCS_WAITING, "AWS Signature Version 4.", sigv4_functions, NULL};
const struct vm_docs aws_client_docs = {
    DOCS_CLASS, "aws.client", DOCS_WAITING, "A client of one service.", methods, client_fields};
const struct vm_docs aws_wait_docs = {
    DOCS_CLASS, "aws.wait.options", DOCS_WAITING, "Of client:wait.", NULL, wait_fields};
const struct vm_docs aws_metrics_docs = {
    DOCS_CLASS, "aws.metrics", DOCS_WAITING, "Of one operation of a client.", NULL, metrics_fields};
const struct vm_docs aws_credentials_docs = {DOCS_CLASS,   "aws.credentials",
                                             DOCS_WAITING, "Where credentials come from.",
                                             NULL,         credentials_fields};
const struct vm_docs aws_identity_docs = {DOCS_CLASS,   "aws.identity",
                                          DOCS_WAITING, "Who the credentials belong to.",
                                          NULL,         identity_fields};
const struct vm_docs aws_answer_docs = {
    DOCS_CLASS,
    "aws.answer",
    DOCS_WAITING,
    "What an operation answers: the members of its output. What pcall gives in its place is a "
    "moontide.error, of which these fields are asked most.",
    NULL,
    answer_fields};
const struct vm_docs error_docs = {DOCS_CLASS,
                                   "moontide.error",
                                   DOCS_WAITING,
                                   "What a failed call throws: of AWS, http, mail, a file, "
                                   "async.timeout. tostring gives one readable line.",
                                   NULL,
                                   error_fields};

int open_aws(lua_State *L)
{
    vm_new_library(L, functions);
    vm_new_library(L, sigv4_functions);
    lua_setfield(L, -2, "sigv4");
    int module = lua_gettop(L);
    vm_new_library(L, methods);
    lua_insert(L, module); /* methods, module */
    lua_pushvalue(L, module);
    vm_set_closures(L, makers, 1);
    lua_insert(L, module); /* module, methods */
    lua_pushvalue(L, module);
    lua_insert(L, -2);
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
