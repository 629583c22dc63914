/* vm/task.c - coroutines that the loop resumes: how Lua waits without holding up anybody.
 *
 *                    strand_step                    on_end
 *   ready ---------------------------> running ---------------> ended
 *     ^                                 |    |  return, error, stop
 *     |  task_wake                      |    |
 *     +------------------- waiting <----+    |  slice over
 *     |                         task_wait    |
 *     +--------------------------------------+
 *
 * Ready strands run from a timer of the loop, never inside the caller of task_wake: an operation
 * may end while its starter is still on the stack. A wake before the yield is remembered (`woken`).
 *
 * Canceling is a resume, not a reset: the strand goes on with vm->stopping set, so that the wait
 * throws, every level unwinds from the inside, and what is to be closed is closed in order. */
#include "state.h"

#include "moontide/base/clock.h"
#include "moontide/base/log.h"
#include "moontide/base/timetext.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_SLOTS = 8,
    SPAWN_DEPTH_MAX = 32,
    TURN_NS = 5 * 1000000, /* of ready strands, before the loop gets its turn */
};

struct task {
    struct vm *vm;
    struct strand *strand;
    struct task_options options;
    struct loop_timer *deadline;
    task_done_fn *done;
    void *data;
    struct task **out; /* while task_start is on the stack */
    /* the outcome, between the end of the strand and `done` */
    int code, nresults;
    struct fault fault;
    char *traceback;
    struct task *prev, *next;
};

/* ---- slots ---- */

static bool slot_take(struct strand *strand)
{
    struct vm *vm = strand->vm;
    size_t slot = 0;
    while (slot < vm->strand_cap && vm->strands[slot])
        slot++;
    if (slot == vm->strand_cap) {
        size_t cap = vm->strand_cap ? vm->strand_cap * 2 : FIRST_SLOTS;
        struct strand **strands = realloc(vm->strands, cap * sizeof(*strands));
        if (strands) vm->strands = strands;
        uint32_t *generations = realloc(vm->generations, cap * sizeof(*generations));
        if (generations) vm->generations = generations;
        if (!strands || !generations) return false;
        for (size_t i = vm->strand_cap; i < cap; i++) {
            strands[i] = NULL;
            generations[i] = 0;
        }
        vm->strand_cap = cap;
    }
    vm->strands[slot] = strand;
    strand->slot = (uint32_t)slot;
    return true;
}

static struct strand *slot_find(struct vm *vm, uint64_t id)
{
    uint32_t slot = (uint32_t)id;
    struct strand *strand = slot < vm->strand_cap ? vm->strands[slot] : NULL;
    return strand && id && strand->wait_id == id ? strand : NULL;
}

/* ---- the ready queue ---- */

static void ready_run(void *data);

static void ready_schedule(struct vm *vm)
{
    if (vm->ready_timer || !vm->ready_first) return;
    int code = loop_timer_start(vm->options.loop, 0, ready_run, vm, &vm->ready_timer);
    if (code < 0) log_event(LOG_ERROR, "vm.wake_failed", LOG_S("error", err_text(code)));
}

static void ready_add(struct strand *strand)
{
    struct vm *vm = strand->vm;
    if (strand->queued) return;
    strand->queued = true;
    strand->waiting = false;
    strand->next = NULL;
    if (vm->ready_last)
        vm->ready_last->next = strand;
    else
        vm->ready_first = strand;
    vm->ready_last = strand;
    ready_schedule(vm);
}

static void ready_remove(struct strand *strand)
{
    struct vm *vm = strand->vm;
    if (!strand->queued) return;
    struct strand *before = NULL;
    for (struct strand *at = vm->ready_first; at != strand; at = at->next)
        before = at;
    if (before)
        before->next = strand->next;
    else
        vm->ready_first = strand->next;
    if (vm->ready_last == strand) vm->ready_last = before;
    strand->queued = false;
}

/* ---- strands ---- */

static void strand_step(struct strand *strand);
static void task_finish(struct task *task);

static void ready_run(void *data)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    struct vm *vm = data;
    bool gone = false;
    vm->gone = &gone;
    vm->ready_timer = NULL;
    int64_t end_ns = clock_mono_ns(&real) + TURN_NS;
    struct strand *last = vm->ready_last; /* those that follow it wait for the next turn */
    for (bool more = last != NULL; more && vm->ready_first;) {
        struct strand *strand = vm->ready_first;
        more = strand != last;
        ready_remove(strand);
        strand_step(strand);
        if (gone) return;
        if (clock_mono_ns(&real) > end_ns) break;
    }
    vm->gone = NULL;
    ready_schedule(vm);
}

void strand_free(struct strand *strand)
{
    if (!strand) return;
    struct vm *vm = strand->vm;
    ready_remove(strand);
    if (strand->slot < vm->strand_cap && vm->strands[strand->slot] == strand)
        vm->strands[strand->slot] = NULL;
    luaL_unref(vm->L, LUA_REGISTRYINDEX, strand->ref);
    free(strand);
}

static int new_thread(lua_State *L)
{
    int *ref = lua_touserdata(L, 1);
    lua_State *co = lua_newthread(L);
    lua_pushcfunction(co, vm_body);
    lua_pushvalue(L, -1);
    *ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 1;
}

/* Takes the function and arguments on top of L when it succeeds. */
static int strand_new(struct vm *vm, lua_State *L, int nargs, struct strand **out)
{
    struct strand *strand = calloc(1, sizeof(*strand));
    if (!strand) return ERR_NOMEM;
    strand->vm = vm;
    strand->slot = UINT32_MAX;
    strand->ref = LUA_NOREF;
    strand->nargs = nargs + 1;
    if (!lua_checkstack(L, 4) || !slot_take(strand)) {
        strand_free(strand);
        return ERR_NOMEM;
    }
    lua_pushcfunction(L, new_thread);
    lua_pushlightuserdata(L, &strand->ref);
    int status = lua_pcall(L, 1, 1, 0);
    strand->co = status == LUA_OK ? lua_tothread(L, -1) : NULL;
    lua_pop(L, 1);
    if (!strand->co || !lua_checkstack(strand->co, nargs + 4)) {
        strand_free(strand);
        return vm->memory.refused ? ERR_MEMORY_CAP : ERR_NOMEM;
    }
    lua_xmove(L, strand->co, nargs + 1);
    *out = strand;
    return OK;
}

/* What a step changes in the state besides vm_enter, to be put back after. */
struct step_saved {
    struct meter meter;
    bool stopping, want_traceback;
    struct fault stop;
};

static void step_begin(struct strand *strand, struct step_saved *saved)
{
    struct vm *vm = strand->vm;
    saved->meter = vm->meter;
    saved->stopping = vm->stopping;
    saved->want_traceback = vm->want_traceback;
    saved->stop = vm->stop;
    const struct vm_budget *budget = &strand->task->options.budget;
    if (strand->sliced) {
        vm->meter = strand->meter;
        meter_go_on(&vm->meter);
    } else if (budget->instructions || budget->wall_ms || budget->slice_ms) {
        vm_budget(vm, budget);
    } else {
        vm->meter.armed = false;
    }
    if (!vm->options.loop) vm->meter.budget.slice_ms = 0;
    vm->stopping = strand->canceled;
    if (strand->canceled) vm->stop = strand->stop;
    vm->want_traceback = true;
    if (vm->stopping)
        vm_hook_install(vm, strand->co, 1);
    else if (vm_needs_hook(vm, strand->co))
        vm_hook_install(vm, strand->co, VM_HOOK_COUNT);
    vm->suspend = SUSPEND_NONE;
    strand->running = true;
    strand->waiting = strand->sliced = false;
}

static void step_end(struct strand *strand, const struct step_saved *saved)
{
    struct vm *vm = strand->vm;
    meter_pause(&vm->meter);
    strand->meter = vm->meter;
    vm->meter = saved->meter;
    vm->want_traceback = saved->want_traceback;
    vm->suspend = SUSPEND_NONE;
}

static void strand_step(struct strand *strand)
{
    struct vm *vm = strand->vm;
    struct step_saved saved;
    struct vm_entry entry;
    vm_enter(vm, strand->co, &entry);
    step_begin(strand, &saved);
    vm->strand = strand;
    int nargs = strand->nargs;
    strand->nargs = 0;
    int nres = 0;
    if (vm->options.turn) vm->options.turn(vm->options.owner, true);
    int status = lua_resume(strand->co, NULL, nargs, &nres);
    strand->running = false;
    if (vm->options.turn && status == LUA_YIELD) vm->options.turn(vm->options.owner, false);
    enum suspend suspend = vm->suspend;
    step_end(strand, &saved);
    bool ended = status != LUA_YIELD;
    if (ended) {
        strand->ended = true;
        if (status == LUA_OK) status = vm->body_status;
        strand->on_end(strand, status, nres); /* keeps what it needs; tells nobody yet */
    }
    vm_leave(vm, &entry);
    if (vm->depth > 0) {
        vm->stopping = saved.stopping;
        vm->stop = saved.stop;
    }
    if (!ended && suspend == SUSPEND_SLICE) {
        strand->sliced = true;
        ready_add(strand);
    } else if (!ended) {
        strand->waiting = true;
        if (strand->woken) ready_add(strand);
    }
    if (ended && strand->task->strand == strand) task_finish(strand->task);
}

void strand_cancel(struct strand *strand, int code, const char *why)
{
    if (strand->ended || strand->running) return;
    fault_set(&strand->stop, code, "%s", why);
    strand->canceled = true;
    ready_remove(strand);
    strand_step(strand);
}

struct strand *strand_spawn(lua_State *L, int nargs,
                            void (*on_end)(struct strand *strand, int status, int nresults),
                            void *data)
{
    struct vm *vm = vm_of(L);
    struct strand *parent = vm->strand;
    if (parent->depth >= SPAWN_DEPTH_MAX)
        luaL_error(L, "async: more than %d calls inside each other", SPAWN_DEPTH_MAX);
    struct strand *strand = NULL;
    int code = strand_new(vm, L, nargs, &strand);
    if (code < 0) luaL_error(L, "%s", err_text(code));
    strand->task = parent->task;
    strand->depth = parent->depth + 1;
    strand->on_end = on_end;
    strand->data = data;
    ready_add(strand);
    return strand;
}

/* ---- tasks ---- */

static void main_ended(struct strand *strand, int status, int nresults)
{
    struct task *task = strand->task;
    struct vm *vm = strand->vm;
    task->nresults = status == LUA_OK ? nresults : 0;
    if (status == LUA_OK) return;
    task->code = vm_fault(vm, strand->co, status, &task->fault);
    task->traceback = vm->traceback;
    vm->traceback = NULL;
}

static void task_free(struct task *task)
{
    struct vm *vm = task->vm;
    loop_timer_cancel(task->deadline);
    if (task->prev)
        task->prev->next = task->next;
    else if (vm->tasks == task)
        vm->tasks = task->next;
    if (task->next) task->next->prev = task->prev;
    strand_free(task->strand);
    free(task->traceback);
    free(task);
}

/* The task leaves the list first: `done` may start another, or free the state, which then has
 * nothing of this one left but its strand. */
static void task_finish(struct task *task)
{
    struct vm *vm = task->vm;
    if (task->out) *task->out = NULL;
    bool gone = false;
    bool *outer = vm->gone;
    vm->gone = &gone;
    bool ok = task->code == OK;
    if (task->done)
        task->done(task->data, task->code, task->strand->co, task->nresults,
                   ok ? NULL : &task->fault, task->traceback);
    if (gone) {
        if (outer) *outer = true;
        return; /* vm_free() freed the task */
    }
    vm->gone = outer;
    task_free(task);
}

static void deadline_passed(void *data)
{
    struct task *task = data;
    task->deadline = NULL;
    const char *what = task->options.budget.what ? task->options.budget.what : "this call";
    char limit[DURATION_TEXT_MAX];
    char why[FAULT_TEXT_MAX];
    duration_format(task->options.deadline_ms, limit);
    snprintf(why, sizeof(why), "%s took longer than %s", what, limit);
    task_cancel(task, ERR_TIMEOUT, why);
}

static void task_link(struct task *task)
{
    struct vm *vm = task->vm;
    task->next = vm->tasks;
    if (vm->tasks) vm->tasks->prev = task;
    vm->tasks = task;
}

int task_start(struct vm *vm, int nargs, const struct task_options *options, task_done_fn *done,
               void *data, struct task **out)
{
    if (out) *out = NULL;
    lua_State *L = vm->L;
    int below = lua_gettop(L) - nargs - 1;
    struct task *task = calloc(1, sizeof(*task));
    int code = task ? strand_new(vm, L, nargs, &task->strand) : ERR_NOMEM;
    if (code < 0) goto fail;
    task->vm = vm;
    task->options = *options;
    task->done = done;
    task->data = data;
    if (options->deadline_ms && vm->options.loop)
        code = loop_timer_start(vm->options.loop, options->deadline_ms, deadline_passed, task,
                                &task->deadline);
    if (code < 0) goto fail;
    task->strand->task = task;
    task->strand->on_end = main_ended;
    task_link(task);
    task->out = out;
    if (out) *out = task;
    bool gone = false;
    bool *outer = vm->gone;
    vm->gone = &gone;
    struct strand *strand = task->strand;
    strand_step(strand);
    if (gone) {
        if (outer) *outer = true;
        return OK;
    }
    vm->gone = outer;
    for (struct task *at = vm->tasks; at; at = at->next)
        if (at == task) task->out = NULL;
    return OK;
fail:
    if (task) strand_free(task->strand);
    free(task);
    lua_settop(L, below);
    return code;
}

static bool is_running(const struct task *task)
{
    const struct vm *vm = task->vm;
    for (size_t slot = 0; slot < vm->strand_cap; slot++) {
        const struct strand *strand = vm->strands[slot];
        if (strand && strand->task == task && strand->running) return true;
    }
    return false;
}

void task_cancel(struct task *task, int code, const char *why)
{
    if (is_running(task)) {
        struct fault fault;
        fault_set(&fault, code, "%s", why);
        vm_stop(task->vm, &fault);
        return;
    }
    strand_cancel(task->strand, code, why);
}

void task_end_all(struct vm *vm)
{
    while (vm->tasks) {
        struct task *task = vm->tasks;
        if (task->strand->ended)
            task_free(task); /* vm_free() was called by its `done` */
        else
            strand_cancel(task->strand, ERR_CANCELED, "the state was closed");
    }
    loop_timer_cancel(vm->ready_timer);
    vm->ready_timer = NULL;
}

/* ---- waits ---- */

void *task_tag(lua_State *L)
{
    const struct strand *strand = vm_of(L)->strand;
    return strand ? strand->task->options.tag : NULL;
}

bool task_may_wait(lua_State *L)
{
    struct vm *vm = vm_of(L);
    return vm->strand && vm->options.loop && vm_can_suspend(vm, L);
}

void task_box(lua_State *L, const char *type, lua_CFunction close)
{
    if (luaL_newmetatable(L, type)) {
        lua_pushcfunction(L, close);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, close);
        lua_setfield(L, -2, "__close");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
}

static void note_wait(struct vm *vm, const char *name)
{
    if (strcmp(vm->wait_name, name) != 0) {
        snprintf(vm->wait_name, sizeof vm->wait_name, "%s", name);
        vm->wait_count = 0;
    }
    vm->wait_count++;
}

const char *vm_waits_for(const struct vm *vm, unsigned *count)
{
    *count = vm->wait_count;
    return vm->wait_name;
}

uint64_t task_wait_id(lua_State *L, const char *function_name)
{
    struct vm *vm = vm_of(L);
    if (vm->stopping) vm_throw_stop(vm, L);
    if (!vm->strand || !vm->options.loop)
        luaL_error(L, "%s waits, and may be called only in collect, targets, scripts and the REPL",
                   function_name);
    if (!vm_can_suspend(vm, L))
        luaL_error(L,
                   "%s waits, and cannot be called inside a function that C calls (a comparator of "
                   "table.sort, a callback of gsub, a metamethod such as __tostring)",
                   function_name);
    note_wait(vm, function_name);
    struct strand *strand = vm->strand;
    uint32_t generation = ++vm->generations[strand->slot];
    if (generation == 0) generation = ++vm->generations[strand->slot];
    strand->wait_id = ((uint64_t)generation << 32) | strand->slot;
    strand->woken = false;
    return strand->wait_id;
}

static int wait_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct vm *vm = vm_of(L);
    if (vm->stopping) vm_throw_stop(vm, L);
    struct strand *strand = vm->strand;
    return strand->k(L, LUA_YIELD, strand->ctx);
}

int task_wait(lua_State *L, lua_KContext ctx, lua_KFunction k)
{
    struct vm *vm = vm_of(L);
    vm->strand->k = k;
    vm->strand->ctx = ctx;
    vm->suspend = SUSPEND_WAIT;
    return lua_yieldk(L, 0, 0, wait_done);
}

void task_wake(struct vm *vm, uint64_t id)
{
    struct strand *strand = slot_find(vm, id);
    if (!strand) return;
    strand->wait_id = 0;
    strand->woken = true;
    if (strand->waiting) ready_add(strand);
}
