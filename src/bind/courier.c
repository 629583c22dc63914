/* bind/courier.c - the one Lua state that receivers live in, and what the outbox sees of it. */
#include "courier_state.h"

#include "lib_load.h"
#include "moontide/base/log.h"
#include "moontide/bind/config.h"
#include "moontide/vm/convert.h"

#include <stdlib.h>
#include <string.h>

enum {
    POST_INSTRUCTIONS = 5000000, /* as of a policy's evaluation */
    POST_WALL_MS = 1000,
    POST_SLICE_MS = 5,
};

struct vm_budget post_budget(const char *what)
{
    return (struct vm_budget){.instructions = POST_INSTRUCTIONS,
                              .wall_ms = POST_WALL_MS,
                              .slice_ms = POST_SLICE_MS,
                              .what = what};
}

/* ---- the state ---- */

static int open_state(lua_State *L)
{
    static const struct {
        const char *name;
        lua_CFunction open;
    } modules[] = {
        {"json", open_json},       {"stats", open_stats}, {"log", open_log},   {"time", open_time},
        {"async", open_async},     {"aws", open_aws},     {"http", open_http}, {"plot", open_plot},
        {"command", open_command}, {"mail", open_mail},
    };
    static const char *const functions[POST_COUNT] = {[POST_CHECK] = "check", [POST_SEND] = "send"};
    static const char *const parts[] = {"courier_kit", "courier_vault"};
    struct post *post = lua_touserdata(L, 1);
    for (size_t i = 0; i < COUNT_OF(modules); i++)
        vm_module(L, modules[i].name, modules[i].open);
    push_core(L, post);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        lua_pushvalue(L, 2);
        vm_prelude(L, parts[i], 1, 1);
    }
    vm_prelude(L, "receivers", 1 + COUNT_OF(parts), 1);
    for (int i = 0; i < POST_COUNT; i++) {
        lua_getfield(L, -1, functions[i]);
        post->post_refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return 0;
}

/* The prelude has blanked what is secret in it. */
static void print_line(void *owner, const char *line, size_t len)
{
    (void)owner;
    (void)len;
    log_event(LOG_INFO, "receiver.print", LOG_S("text", line));
}

static int load_module(void *data, const char *name, char **source, size_t *len,
                       char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    const struct post *post = data;
    return lib_load(post->host->config, name, source, len, chunkname, fault);
}

int post_open(struct post *post, struct fault *fault)
{
    if (post->vm) return OK;
    struct vm_options options = {.sandboxed = true,
                                 .memory_limit_bytes = COURIER_MEMORY_BYTES,
                                 .loop = post->host->loop,
                                 .owner = &post->binding,
                                 .print = print_line};
    struct vm *vm = NULL;
    int code = vm_new(&options, &vm);
    if (code < 0) return fault_set(fault, code, "no Lua state: %s", err_text(code));
    vm_set_loader(vm, load_module, post);
    lua_State *L = vm_lua(vm);
    lua_pushcfunction(L, open_state);
    lua_pushlightuserdata(L, post);
    code = vm_call(vm, L, 1, 0, fault, NULL);
    if (code < 0)
        vm_free(vm);
    else
        post->vm = vm;
    return code;
}

/* ---- settings ---- */

struct question {
    const struct post *post;
    const struct receiver_settings *receiver;
};

/* Answers what is wrong, or nil. */
static int ask_check(lua_State *L)
{
    const struct question *question = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, question->post->post_refs[POST_CHECK]);
    lua_pushstring(L, question->receiver->type);
    lua_pushstring(L, question->receiver->json ? question->receiver->json : "{}");
    lua_call(L, 2, 1);
    return 1;
}

int courier_check(struct courier *courier, const struct receiver_settings *receiver,
                  struct fault *fault)
{
    struct post *post = post_of(courier);
    struct question question = {post, receiver};
    struct vm_budget budget = post_budget("load");
    int code = post_open(post, fault);
    if (code < 0) return code;
    lua_State *L = vm_lua(post->vm);
    if (!lua_checkstack(L, 4)) return fault_set(fault, ERR_NOMEM, "out of memory");
    budget.slice_ms = 0;
    vm_budget(post->vm, &budget);
    lua_pushcfunction(L, ask_check);
    lua_pushlightuserdata(L, &question);
    code = vm_call(post->vm, L, 1, 1, fault, NULL);
    if (code < 0) return code;
    if (lua_type(L, -1) == LUA_TSTRING)
        code = fault_set(fault, ERR_INVALID, "the receiver %s: %s", receiver->name,
                         lua_tostring(L, -1));
    lua_pop(L, 1);
    return code;
}

/* ---- life ---- */

static void post_free(struct courier *courier)
{
    if (!courier) return;
    struct post *post = post_of(courier);
    while (post->calls)
        post_cancel(courier, post->calls);
    vm_free(post->vm);
    free(post);
}

static const struct courier_vtable post_vtable = {
    .free = post_free, .send = post_send, .cancel = post_cancel, .heartbeat = post_heartbeat};

int courier_new(const struct host *host, struct courier **out)
{
    struct post *post = calloc(1, sizeof *post);
    if (!post) return ERR_NOMEM;
    post->courier.vtable = &post_vtable;
    post->host = host;
    post->binding = (struct binding){.host = host};
    *out = &post->courier;
    return OK;
}
