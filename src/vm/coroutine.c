/* vm/coroutine.c - the coroutine functions of every state: Lua's own, but for three things.
 *
 * A suspension (vm->suspend: a wait, or a used-up slice) inside a user's coroutine is no yield to
 * the user: resume and wrap pass it on outward, and on the way back continue the inner one.
 * A stop passes through resume and wrap as it does through pcall.
 * The bottom of each coroutine is vm_body(), so that an error runs its __close methods with hooks
 * on (a thread that died in a hook keeps hooks disallowed, and coroutine.close on it could spin for
 * ever). */
#include "state.h"

#include "moontide/vm/docs.h"

enum { CLOSE_DEPTH_MAX = 100, CREATE_CHARGE = 500, RESUME_CHARGE = 10 };
enum { STEP_FAILED = -1, STEP_SUSPENDED = -2 };

static const char HELD[] = "moontide.held"; /* coroutines that passed a suspension on */

static lua_State *check_thread(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    return co;
}

static void set_held(lua_State *L, lua_State *co, bool held)
{
    luaL_checkstack(L, 4, "coroutine");
    lua_getfield(L, LUA_REGISTRYINDEX, HELD);
    lua_pushthread(co);
    if (co != L) lua_xmove(co, L, 1);
    if (held)
        lua_pushboolean(L, 1);
    else
        lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static bool is_held(lua_State *L, lua_State *co)
{
    if (lua_status(co) != LUA_YIELD) return false;
    luaL_checkstack(L, 4, "coroutine");
    lua_getfield(L, LUA_REGISTRYINDEX, HELD);
    if (!lua_checkstack(co, 1)) luaL_error(L, "stack overflow");
    lua_pushthread(co);
    lua_xmove(co, L, 1);
    bool held = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return held;
}

static const char *status_of(lua_State *L, lua_State *co)
{
    if (L == co) return "running";
    switch (lua_status(co)) {
    case LUA_YIELD: return is_held(L, co) ? "normal" : "suspended";
    case LUA_OK: {
        lua_Debug ar;
        if (lua_getstack(co, 0, &ar)) return "normal";
        return lua_gettop(co) == 0 ? "dead" : "suspended";
    }
    default: return "dead";
    }
}

/* Runs co until it yields, ends or is suspended. Returns how many values it put on L, or
 * STEP_FAILED with the error on L, or STEP_SUSPENDED. */
static int run(lua_State *L, lua_State *co, int nargs)
{
    struct vm *vm = vm_of(L);
    if (vm->stopping)
        vm_hook_install(vm, co, 1);
    else if (vm_needs_hook(vm, co))
        vm_hook_install(vm, co, VM_HOOK_COUNT);
    bool passes = lua_isyieldable(L) && (!vm->frame || vm->frame->passes);
    struct co_frame frame = {co, passes, vm->frame};
    vm->frame = &frame;
    vm_runs(vm, co);
    int nres = 0;
    int status = lua_resume(co, L, nargs, &nres);
    vm->frame = frame.up;
    vm_runs(vm, L);
    if (vm->stopping) vm_throw_stop(vm, L);
    if (status == LUA_YIELD && vm->suspend) return STEP_SUSPENDED;
    if (status == LUA_YIELD || (status == LUA_OK && vm->body_status == LUA_OK)) {
        if (!lua_checkstack(L, nres + 1)) {
            lua_pop(co, nres);
            lua_pushliteral(L, "too many results to resume");
            return STEP_FAILED;
        }
        lua_xmove(co, L, nres);
        return nres;
    }
    lua_xmove(co, L, 1);
    return STEP_FAILED;
}

static int step(lua_State *L, lua_State *co, int nargs)
{
    vm_charge(L, RESUME_CHARGE);
    const char *status = status_of(L, co);
    if (status[0] != 's') {
        lua_pushfstring(L, "cannot resume %s coroutine",
                        status[0] == 'd' ? "dead" : "non-suspended");
        return STEP_FAILED;
    }
    if (!lua_checkstack(co, nargs + 1)) {
        lua_pushliteral(L, "too many arguments to resume");
        return STEP_FAILED;
    }
    bool first = lua_status(co) == LUA_OK; /* the function is an argument of vm_body */
    lua_xmove(L, co, nargs);
    return run(L, co, nargs + first);
}

/* ---- resume ---- */

static int resume_done(lua_State *L, int status, lua_KContext ctx);

static int resume_finish(lua_State *L, lua_State *co, int n)
{
    if (n == STEP_SUSPENDED) {
        set_held(L, co, true);
        return lua_yieldk(L, 0, 0, resume_done);
    }
    lua_pushboolean(L, n >= 0);
    if (n < 0) n = 1;
    lua_insert(L, -(n + 1));
    return n + 1;
}

static int resume_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    lua_State *co = lua_tothread(L, 1);
    set_held(L, co, false);
    return resume_finish(L, co, run(L, co, 0));
}

static int co_resume(lua_State *L)
{
    lua_State *co = check_thread(L);
    return resume_finish(L, co, step(L, co, lua_gettop(L) - 1));
}

/* ---- wrap ---- */

static int wrap_done(lua_State *L, int status, lua_KContext ctx);

static int wrap_finish(lua_State *L, lua_State *co, int n)
{
    if (n == STEP_SUSPENDED) {
        set_held(L, co, true);
        return lua_yieldk(L, 0, 0, wrap_done);
    }
    if (n == STEP_FAILED) return lua_error(L);
    return n;
}

static int wrap_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    set_held(L, co, false);
    return wrap_finish(L, co, run(L, co, 0));
}

static int wrap_call(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    return wrap_finish(L, co, step(L, co, lua_gettop(L)));
}

/* ---- the others ---- */

static int co_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    vm_charge(L, CREATE_CHARGE);
    lua_State *co = lua_newthread(L); /* copies the hook of L */
    lua_pushcfunction(co, vm_body);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int co_wrap(lua_State *L)
{
    co_create(L);
    lua_pushcclosure(L, wrap_call, 1);
    return 1;
}

static int co_yield (lua_State *L)
{
    struct vm *vm = vm_of(L);
    if (vm->stopping) vm_throw_stop(vm, L);
    if (!vm->frame || vm->frame->co != L)
        return luaL_error(L, "attempt to yield from outside a coroutine");
    return lua_yield(L, lua_gettop(L));
}

static int co_status(lua_State *L)
{
    lua_pushstring(L, status_of(L, check_thread(L)));
    return 1;
}

static int co_isyieldable(lua_State *L)
{
    lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
    bool inside = co != L || vm_of(L)->frame != NULL;
    lua_pushboolean(L, inside && lua_isyieldable(co));
    return 1;
}

static int co_running(lua_State *L)
{
    lua_pushthread(L);
    lua_pushboolean(L, vm_of(L)->frame == NULL);
    return 2;
}

static int co_close(lua_State *L)
{
    struct vm *vm = vm_of(L);
    lua_State *co = check_thread(L);
    const char *status = status_of(L, co);
    if (status[0] != 's' && status[0] != 'd')
        return luaL_error(L, "cannot close a %s coroutine", status);
    if (vm->close_depth >= CLOSE_DEPTH_MAX)
        return luaL_error(L, "coroutines are closed in each other's __close more than %d deep",
                          CLOSE_DEPTH_MAX);
    struct co_frame frame = {co, false, vm->frame};
    vm->frame = &frame;
    vm_runs(vm, co);
    vm->close_depth++;
    int result = lua_resetthread(co); /* catches what __close throws */
    vm->close_depth--;
    vm_runs(vm, L);
    vm->frame = frame.up;
    if (vm->stopping) vm_throw_stop(vm, L);
    lua_pushboolean(L, result == LUA_OK);
    if (result == LUA_OK) return 1;
    lua_xmove(co, L, 1);
    return 2;
}

static const struct vm_function functions[] = {
    {"create", co_create, "(f: function): thread", "A new coroutine that will run f."},
    {"wrap", co_wrap, "(f: function): function",
     "A function that resumes a new coroutine of f at each call; an error in it is thrown."},
    {"resume", co_resume, "(co: thread, ...: any): boolean, ...: any",
     "Starts or continues a coroutine: true and what it yields or returns, or false and the error. "
     "A call in it that waits makes the caller wait too, and is no yield. What stops a run (its "
     "budget, an interrupt, a cancel) passes through."},
    {"yield", co_yield, "(...: any): ...: any",
     "Ends this turn of the running coroutine; answers what the next resume gives."},
    {"status", co_status, "(co: thread): \"running\"|\"suspended\"|\"normal\"|\"dead\"",
     "How a coroutine stands. One that waits for a call, and not for a resume, is normal."},
    {"isyieldable", co_isyieldable, "(co?: thread): boolean", "Whether it can yield."},
    {"running", co_running, "(): thread, boolean",
     "The running coroutine, and whether it is the main one."},
    {"close", co_close, "(co: thread): boolean, any",
     "Ends a coroutine and closes its pending variables: true, or false and the error."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs coroutine_docs = {
    DOCS_MODULE,
    "coroutine",
    DOCS_ALL | DOCS_STANDARD,
    "Lua's coroutines; a call that waits inside of one is passed on outward.",
    functions,
    NULL};

int sandbox_coroutine(lua_State *L)
{
    if (luaL_newmetatable(L, HELD)) { /* a table whose keys are weak; it is its own metatable */
        lua_pushliteral(L, "k");
        lua_setfield(L, -2, "__mode");
        lua_pushvalue(L, -1);
        lua_setmetatable(L, -2);
    }
    lua_pop(L, 1);
    vm_new_library(L, functions);
    return 1;
}
