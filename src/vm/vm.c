/* vm/vm.c - a Lua state: made, entered from C, and ended.
 *
 * Two ways in. vm_call() is a protected call on any thread. The runner is one coroutine that is
 * kept and reused, because an evaluation runs ten thousand times a tick and must be able to give
 * the loop its turn; its bottom is vm_body(), which catches every error, so that the thread never
 * dies. */
#include "state.h"

#include "moontide/base/log.h"
#include "moontide/vm/chunks.h"
#include "moontide/vm/prelude.h"

#include <stdlib.h>
#include <string.h>

enum { SANDBOX_MEMORY_BYTES = 32 << 20 };

/* ---- entries ---- */

void vm_enter(struct vm *vm, lua_State *L, struct vm_entry *entry)
{
    *entry = (struct vm_entry){L, vm->running, vm->frame, vm->strand};
    if (vm->depth++ == 0) {
        vm->expired = false;
        vm->interrupted = 0;
    }
    vm_runs(vm, L);
    vm->frame = NULL;
    vm->strand = NULL;
}

void vm_leave(struct vm *vm, struct vm_entry *entry)
{
    vm->running = entry->running;
    if (vm->interrupted && vm->running) vm_hook_install(vm, vm->running, 1);
    vm->frame = entry->frame;
    vm->strand = entry->strand;
    if (--vm->depth > 0) return;
    meter_pause(&vm->meter);
    if (!vm->stopping) return;
    vm->stopping = false;
    if (vm->hooked)
        vm_hook_install(vm, entry->L, VM_HOOK_COUNT);
    else
        lua_sethook(entry->L, NULL, 0, 0);
}

static int body_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)ctx;
    if (status == LUA_YIELD) status = LUA_OK;
    vm_of(L)->body_status = status;
    return status == LUA_OK ? lua_gettop(L) - 1 : 1;
}

int vm_body(lua_State *L)
{
    lua_pushcfunction(L, vm_message_handler);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 0, body_done);
    return body_done(L, status, 0);
}

/* ---- life ---- */

static int panic(lua_State *L)
{
    const char *text = lua_tostring(L, -1);
    log_event(LOG_ERROR, "vm.panic", LOG_S("error", text ? text : "(no text)"));
    return 0; /* Lua aborts */
}

static void new_runner(lua_State *L)
{
    struct vm *vm = vm_of(L);
    lua_State *runner = lua_newthread(L);
    int ref = luaL_ref(L, LUA_REGISTRYINDEX);
    luaL_unref(L, LUA_REGISTRYINDEX, vm->runner_ref);
    vm->runner = runner;
    vm->runner_ref = ref;
}

static int open_state(lua_State *L)
{
    struct vm *vm = vm_of(L);
    if (vm->options.sandboxed) {
        vm->hooked = true;
        vm_hook_install(vm, L, VM_HOOK_COUNT);
        sandbox_open(L);
    } else {
        luaL_openlibs(L);
        sandbox_script(L);
    }
    new_runner(L);
    return 0;
}

int vm_new(const struct vm_options *options, struct vm **out)
{
    *out = NULL;
    struct vm *vm = calloc(1, sizeof(*vm));
    if (!vm) return ERR_NOMEM;
    vm->options = *options;
    vm->runner_ref = LUA_NOREF;
    vm->memory.limit = options->memory_limit_bytes;
    if (!vm->memory.limit && options->sandboxed) vm->memory.limit = SANDBOX_MEMORY_BYTES;
    int code = ERR_NOMEM;
    vm->L = lua_newstate(memory_alloc, vm);
    if (!vm->L) goto fail;
    lua_atpanic(vm->L, panic);
    memcpy(lua_getextraspace(vm->L), &vm, sizeof(struct vm *));
    lua_pushcfunction(vm->L, open_state);
    if (lua_pcall(vm->L, 0, 0, 0) != LUA_OK) {
        struct fault fault;
        code = vm_fault(vm, vm->L, LUA_ERRMEM, &fault);
        goto fail;
    }
    *out = vm;
    return OK;
fail:
    if (code == ERR_NOMEM && vm->memory.refused) code = ERR_MEMORY_CAP;
    vm_free(vm);
    return code;
}

void vm_free(struct vm *vm)
{
    if (!vm) return;
    if (vm->gone) *vm->gone = true;
    if (vm->L) {
        vm_abandon(vm);
        task_end_all(vm);
        lua_close(vm->L);
    }
    pool_done(&vm->memory.pool);
    free(vm->traceback);
    free(vm->strands);
    free(vm->generations);
    free(vm);
}

lua_State *vm_lua(struct vm *vm)
{
    return vm->L;
}

struct vm *vm_of(lua_State *L)
{
    struct vm *vm;
    memcpy(&vm, lua_getextraspace(L), sizeof(vm));
    return vm;
}

void *vm_owner(const struct vm *vm)
{
    return vm->options.owner;
}

struct loop *vm_loop(const struct vm *vm)
{
    return vm->options.loop;
}

bool vm_sandboxed(const struct vm *vm)
{
    return vm->options.sandboxed;
}

size_t vm_memory_bytes(const struct vm *vm)
{
    return vm->memory.used;
}

void vm_seed(struct vm *vm, uint64_t seed)
{
    vm->seed = seed;
    vm->seeded = false;
}

void vm_set_loader(struct vm *vm, vm_loader_fn *loader, void *data)
{
    vm->loader = loader;
    vm->loader_data = data;
}

/* ---- code ---- */

/* Skips a byte order mark and a first line that starts with '#' (its newline stays, for the count
 * of lines). */
static const char *skip_shebang(const char *source, size_t *len)
{
    const char *at = source;
    const char *end = source + *len;
    if (*len >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0) at += 3;
    if (at < end && *at == '#') {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline : end;
    }
    *len = (size_t)(end - at);
    return at;
}

int vm_load(struct vm *vm, const char *source, size_t len, const char *chunkname,
            struct fault *fault)
{
    const char *shown = *chunkname == '@' || *chunkname == '=' ? chunkname + 1 : chunkname;
    if (len > VM_SOURCE_MAX) {
        fault_set(fault, ERR_LIMIT, "the source has %zu bytes; the limit is %d", len,
                  VM_SOURCE_MAX);
        fault_at(fault, shown, 0, 0);
        return ERR_LIMIT;
    }
    lua_State *L = vm->L;
    if (!lua_checkstack(L, 4)) return fault_set(fault, ERR_NOMEM, "out of memory");
    if (len && source[0] == LUA_SIGNATURE[0]) {
        fault_set(fault, ERR_LUA, "this is compiled Lua; only source text is accepted");
        fault_at(fault, shown, 1, 0);
        return ERR_LUA;
    }
    source = skip_shebang(source, &len);
    struct vm_entry entry;
    vm_enter(vm, L, &entry);
    vm->place.line = 0;
    vm->memory.place.line = 0;
    int status = chunks_load(vm->options.chunks, L, source, len, chunkname);
    int code = status == LUA_OK ? OK : vm_fault(vm, L, status, fault);
    vm_leave(vm, &entry);
    if (code < 0 && fault) { /* Lua cuts long names in its messages; we know the whole one */
        if (!fault->file[0] || strncmp(fault->file, "...", 3) == 0)
            fault_at(fault, shown, fault->line, fault->column);
    }
    return code;
}

int vm_call(struct vm *vm, lua_State *L, int nargs, int nresults, struct fault *fault,
            char **traceback)
{
    if (traceback) *traceback = NULL;
    if (!lua_checkstack(L, 4)) {
        lua_pop(L, nargs + 1);
        return fault_set(fault, ERR_NOMEM, "out of memory");
    }
    int base = lua_gettop(L) - nargs;
    lua_pushcfunction(L, vm_message_handler);
    lua_insert(L, base);
    bool wanted = vm->want_traceback;
    vm->want_traceback = traceback != NULL;
    struct vm_entry entry;
    vm_enter(vm, L, &entry);
    int status = lua_pcall(L, nargs, nresults, base);
    int code = status == LUA_OK ? OK : vm_fault(vm, L, status, fault);
    vm_leave(vm, &entry);
    vm->want_traceback = wanted;
    lua_remove(L, base);
    if (code < 0 && traceback) {
        *traceback = vm->traceback;
        vm->traceback = NULL;
    }
    return code;
}

/* ---- the runner ---- */

lua_State *vm_runner(struct vm *vm)
{
    return vm->runner;
}

static int renew(lua_State *L)
{
    new_runner(L);
    return 0;
}

/* Makes the runner usable after an error. A thread that died in the hook (a stop) has hooks
 * switched off for good, so another takes its place, and no __close of it runs: that would be
 * outside every limit. Otherwise lua_resetthread closes what is to be closed, hooks on. */
static void runner_reset(struct vm *vm)
{
    lua_State *L = vm->L;
    if (vm->stopping && lua_checkstack(L, 4)) {
        lua_pushcfunction(L, renew);
        if (lua_pcall(L, 0, 0, 0) == LUA_OK) return;
        lua_pop(L, 1);
    }
    (void)lua_resetthread(vm->runner); /* answers the error that we have */
    lua_settop(vm->runner, 0);
}

/* The dead runner's stack still stands: the place of the error is read off it. */
static int runner_failed(struct vm *vm, int status, struct fault *fault)
{
    lua_State *R = vm->runner;
    int code;
    if (lua_checkstack(vm->L, 4)) {
        vm_note_place(R, vm);
        lua_xmove(R, vm->L, 1);
        code = vm_fault(vm, vm->L, status, fault);
    } else {
        code = fault_set(fault, ERR_NOMEM, "out of memory");
    }
    bool stopped = vm->stopping;
    runner_reset(vm);
    vm->running = vm->runner;
    if (stopped || !vm->stopping) return code;
    if (fault) *fault = vm->stop; /* a __close passed the budget */
    return vm->stop.code;
}

int vm_resume(struct vm *vm, int nargs, int *nresults, struct fault *fault)
{
    lua_State *R = vm->runner;
    *nresults = 0;
    if (vm->runner_again) {
        nargs = 0;
        vm->meter = vm->runner_meter;
        meter_go_on(&vm->meter);
        vm->runner_again = false;
    }
    struct vm_entry entry;
    vm_enter(vm, R, &entry);
    vm->suspend = SUSPEND_NONE;
    int status = lua_resume(R, NULL, nargs, nresults);
    int code = OK;
    if (status == LUA_YIELD) {
        vm->suspend = SUSPEND_NONE;
        *nresults = 0;
        code = VM_AGAIN;
    } else if (status != LUA_OK) {
        *nresults = 0;
        code = runner_failed(vm, status, fault);
        entry.L = vm->runner;
    }
    vm_leave(vm, &entry);
    if (code == VM_AGAIN) {
        vm->runner_again = true;
        vm->runner_meter = vm->meter;
    }
    return code;
}

void vm_abandon(struct vm *vm)
{
    if (!vm->runner_again) return;
    struct fault fault;
    fault_set(&fault, ERR_CANCELED, "abandoned");
    vm->stopping = true;
    vm->stop = fault;
    vm_hook_install(vm, vm->runner, 1);
    int nres;
    if (vm_resume(vm, 0, &nres, &fault) == OK) lua_settop(vm->runner, 0);
}

/* ---- modules ---- */

void vm_module(lua_State *L, const char *name, lua_CFunction open)
{
    luaL_requiref(L, name, open, 1);
    lua_pop(L, 1);
}

void vm_prelude(lua_State *L, const char *name, int nargs, int nresults)
{
    const struct prelude_file *file = prelude_find(name);
    if (!file) luaL_error(L, "there is no prelude file '%s'", name);
    lua_pushfstring(L, "@moontide/%s.lua", name);
    if (chunks_load(vm_of(L)->options.chunks, L, file->source, file->len, lua_tostring(L, -1)) !=
        LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
    lua_insert(L, -nargs - 1);
    lua_call(L, nargs, nresults);
}
