/* vm/budget.c - how much may run: instructions, running time, and slices of it.
 *
 *            every VM_HOOK_COUNT instructions
 *   running ---------------------------------> hook: counts, reads the clock
 *      ^                                         |           |            |
 *      |                                within both      slice over   a bound passed
 *      +-----------------------------------------+           |            |
 *                                            lua_yield,   vm_stop: stopping = true
 *                                            VM_AGAIN        |
 *                     hook with count 1 throws at each instruction, in every thread
 *                     that runs; pcall and resume rethrow; vm_leave() ends it
 *
 * The clock is first read by the first hook of an entry, so an entry of a few instructions costs
 * none; the wall bound is late by at most that one stretch. A slice that goes on reads it at once.
 * What C does at length charges for itself, and calls the hook when a slice is over. Counting is by
 * thread: an evaluation may be charged for up to VM_HOOK_COUNT instructions of the one before it.
 */
#include "state.h"

#include "moontide/base/clock.h"
#include "moontide/base/timetext.h"

#include <stdio.h>
#include <string.h>

enum { BYTES_PER_INSTRUCTION = 64 }; /* what a fresh byte is charged */

static int64_t now_ns(void)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real);
}

void meter_pause(struct meter *meter)
{
    if (!meter->entered_ns) return;
    meter->spent_ns += now_ns() - meter->entered_ns;
    meter->entered_ns = 0;
}

void meter_go_on(struct meter *meter)
{
    if (meter->armed) meter->entered_ns = now_ns();
}

bool vm_can_suspend(const struct vm *vm, lua_State *L)
{
    return lua_isyieldable(L) && (!vm->frame || vm->frame->passes);
}

void vm_stop(struct vm *vm, const struct fault *fault)
{
    vm->stop = *fault;
    vm->stopping = true;
    if (fault->code == ERR_BUDGET) vm->expired = true;
}

int vm_throw_stop(struct vm *vm, lua_State *L)
{
    if (vm->stop.line)
        lua_pushfstring(L, "%s:%d: %s", vm->stop.file, vm->stop.line, vm->stop.text);
    else
        lua_pushstring(L, vm->stop.text);
    return lua_error(L);
}

static int stop_here(struct vm *vm, lua_State *L, struct fault *fault)
{
    struct place place = {0};
    if (place_find(L, &place)) fault_at(fault, place.file, place.line, 0);
    vm_stop(vm, fault);
    vm_hook_install(vm, L, 1);
    return vm_throw_stop(vm, L);
}

static const char *meter_name(const struct meter *meter)
{
    return meter->budget.what ? meter->budget.what : "this code";
}

static bool slice_is_over(const struct meter *meter)
{
    return meter->budget.slice_ms && meter->entered_ns &&
           now_ns() - meter->entered_ns > meter->budget.slice_ms * 1000000;
}

/* Throws when a bound is passed. */
static void meter_check(struct vm *vm, lua_State *L)
{
    struct meter *meter = &vm->meter;
    struct fault fault;
    if (meter->budget.instructions && meter->used > meter->budget.instructions) {
        fault_set(&fault, ERR_BUDGET, "%s used more than %llu instructions", meter_name(meter),
                  (unsigned long long)meter->budget.instructions);
        stop_here(vm, L, &fault);
    }
    if (!meter->budget.wall_ms && !meter->budget.slice_ms) return;
    int64_t now = now_ns();
    if (!meter->entered_ns) meter->entered_ns = now;
    int64_t spent_ns = meter->spent_ns + now - meter->entered_ns;
    if (meter->budget.wall_ms && spent_ns > meter->budget.wall_ms * 1000000) {
        char text[DURATION_TEXT_MAX];
        duration_format(meter->budget.wall_ms, text);
        fault_set(&fault, ERR_BUDGET, "%s ran longer than %s", meter_name(meter), text);
        stop_here(vm, L, &fault);
    }
    if (meter->budget.hold_ms && now - meter->entered_ns > meter->budget.hold_ms * 1000000 &&
        !vm_can_suspend(vm, L)) {
        fault_set(&fault, ERR_BUDGET,
                  "%s kept the loop for more than %lld ms in a function that C calls (a comparator "
                  "of table.sort, a callback of gsub, a metamethod)",
                  meter_name(meter), (long long)meter->budget.hold_ms);
        stop_here(vm, L, &fault);
    }
}

static void hook(lua_State *L, lua_Debug *ar)
{
    struct vm *vm = vm_of(L);
    int count = lua_gethookcount(L);
    if (vm->stopping) {
        vm_hook_install(vm, L, 1);
        vm_throw_stop(vm, L);
    }
    if (ar->event != LUA_HOOKCOUNT) {
        if (vm->observer) vm->observer(vm->observer_data, L, ar);
        if (!vm->observer) vm_hook_install(vm, L, VM_HOOK_COUNT); /* without lines */
        return;
    }
    if (!vm->hooked && !vm->observer)
        lua_sethook(L, NULL, 0, 0);
    else if (count != VM_HOOK_COUNT)
        vm_hook_install(vm, L, VM_HOOK_COUNT);
    if (vm->interrupted) {
        struct fault fault;
        vm->interrupted = 0;
        fault_set(&fault, ERR_CANCELED, "interrupted!");
        stop_here(vm, L, &fault);
    }
    struct meter *meter = &vm->meter;
    if (!meter->armed) return;
    meter->used += (uint64_t)count + vm->memory.fresh / BYTES_PER_INSTRUCTION;
    vm->memory.fresh = 0;
    meter_check(vm, L);
    if (slice_is_over(meter) && vm_can_suspend(vm, L)) {
        vm->suspend = SUSPEND_SLICE;
        lua_yield(L, 0); /* in a hook this returns, and Lua yields after it */
    }
}

void vm_hook_install(struct vm *vm, lua_State *L, int count)
{
    int lines = vm->observer ? LUA_MASKLINE | LUA_MASKRET : 0;
    lua_sethook(L, hook, LUA_MASKCOUNT | lines, count);
}

void vm_observe(lua_State *L, vm_observer_fn *observer, void *data)
{
    struct vm *vm = vm_of(L);
    vm->observer = observer;
    vm->observer_data = data;
    vm_hook_install(vm, L, VM_HOOK_COUNT);
    if (vm->runner && vm->runner != L) vm_hook_install(vm, vm->runner, VM_HOOK_COUNT);
}

void vm_budget(struct vm *vm, const struct vm_budget *budget)
{
    struct meter *meter = &vm->meter;
    meter->armed = budget != NULL;
    meter->used = 0;
    meter->charged = 0;
    meter->spent_ns = 0;
    meter->entered_ns = 0;
    vm->memory.fresh = 0;
    vm->expired = false;
    if (!budget) return;
    meter->budget = *budget;
    if (vm->hooked) return;
    vm->hooked = true;
    vm_hook_install(vm, vm->L, VM_HOOK_COUNT);
    if (vm->runner) vm_hook_install(vm, vm->runner, VM_HOOK_COUNT);
}

void vm_interrupt(struct vm *vm)
{
    lua_State *L = vm->running;
    if (!L) return;
    vm->interrupted = 1; /* should L not run any more, vm_runs() sees it */
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
}

void vm_runs(struct vm *vm, lua_State *L)
{
    vm->running = L;
    if (vm->interrupted) vm_hook_install(vm, L, 1);
}

bool vm_expired(const struct vm *vm)
{
    return vm->expired;
}

void vm_charge(lua_State *L, uint64_t n)
{
    struct vm *vm = vm_of(L);
    struct meter *meter = &vm->meter;
    if (vm->stopping) vm_throw_stop(vm, L);
    if (!meter->armed) return;
    meter->used = n > UINT64_MAX - meter->used ? UINT64_MAX : meter->used + n;
    meter->charged += n;
    bool over = meter->budget.instructions && meter->used > meter->budget.instructions;
    if (!over && meter->charged < VM_HOOK_COUNT) return;
    meter->charged = 0;
    meter_check(vm, L);
    if (vm->hooked && slice_is_over(meter)) vm_hook_install(vm, L, 1);
}
