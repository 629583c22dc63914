/* Facts about runaway code: whatever it does, it is stopped, with file and line. */
#include "moontide/vm/convert.h"
#include "moontide/vm/vm.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

static struct vm *policy_state(void)
{
    struct vm *vm = NULL;
    assert_int_equal(vm_new(&(struct vm_options){.sandboxed = true}, &vm), OK);
    return vm;
}

static void load(struct vm *vm, const char *source)
{
    struct fault fault;
    int code = vm_load(vm, source, strlen(source), "@policies/a.lua", &fault);
    if (code != OK) fail_msg("%s:%d: %s", fault.file, fault.line, fault.text);
}

static const struct vm_budget small = {
    .instructions = 200000, .wall_ms = 60000, .what = "evaluate"};

static int require_spin(void *data, const char *name, char **source, size_t *len,
                        char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    (void)data;
    (void)name;
    (void)fault;
    *source = strdup("while true do end");
    *len = strlen(*source);
    strcpy(chunkname, "@policies/a.lua");
    return OK;
}

/* Each would run for ever, or for minutes. `spin` is a function that never returns. */
static const char *const runaways[] = {
    "while true do end",
    "while true do pcall(spin) end",
    "while true do xpcall(spin, spin) end",
    "while true do xpcall(error, spin) end",
    "pcall(pcall, pcall, spin) spin()",
    "local co = coroutine.wrap(spin) while true do pcall(co) end",
    "while true do coroutine.resume(coroutine.create(spin)) end",
    "while true do pcall(coroutine.wrap(function() pcall(spin) end)) end",
    "table.sort({3, 2, 1}, spin)",
    "while true do pcall(table.sort, {3, 2, 1}, spin) end",
    "local t <close> = setmetatable({}, {__close = spin}) spin()",
    "local co = coroutine.create(function() local t <close> = setmetatable({}, {__close = spin}) "
    "coroutine.yield() end) coroutine.resume(co) coroutine.close(co)",
    "local co = coroutine.wrap(function() local t <close> = setmetatable({}, {__close = spin}) "
    "spin() end) co()",
    "local co = coroutine.create(function() local t <close> = setmetatable({}, {__close = spin}) "
    "error('x') end) coroutine.resume(co) coroutine.close(co)",
    "return setmetatable({}, {__index = spin}).x",
    "return tostring(setmetatable({}, {__tostring = spin}))",
    "print(setmetatable({}, {__tostring = spin}))",
    "return #setmetatable({}, {__len = spin})",
    "return setmetatable({}, {__eq = spin}) == setmetatable({}, {__eq = spin})",
    "for _ in pairs(setmetatable({}, {__pairs = spin})) do end",
    "return (string.gsub('abc', '.', spin))",
    "return (string.gsub('abc', '.', setmetatable({}, {__index = spin})))",
    "load(spin)",
    "load('spin()')()",
    "require 'lib.spin'",
    "while true do pcall(require, 'lib.spin') end",
    "error(setmetatable({}, {__tostring = spin}))",
    "local f f = function() return f() end f()",
    "goto a ::a:: goto a",
    "for i = 1, math.huge do end",
    "local s = string.rep('x', 1000000) while true do local t = s .. 'y' end",
    "while true do coroutine.wrap(function() end)() end",
    "while true do string.rep('x', 1000000) end",
    "local s = ('x'):rep(1000000) while true do s:upper() end",
    "local s = ('x'):rep(1000000) while true do utf8.len(s) end",
    "local s = ('a'):rep(200) while true do pcall(string.find, s, ('.-'):rep(8) .. 'b') end",
    "local t = {} for i = 1, 20000 do t[i] = i end while true do next(t, 5) end",
    "local t = {} for i = 1, 20000 do t['k' .. i] = i end while true do pairs(t) end",
    "local t = {} for i = 1, 5000 do t[i] = i end for i = 1, 5000 do t[i] = nil end "
    "while true do next(t) end",
    "while true do table.move({}, 1, 1000000, 5) end",
    "while true do json.decode('[' .. ('1,'):rep(100000) .. '1]') end",
};

static void runaway_code_is_stopped_with_file_and_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(runaways); i++) {
        struct vm *vm = policy_state();
        lua_State *L = vm_lua(vm);
        vm_module(L, "json", open_json);
        vm_set_loader(vm, require_spin, NULL);
        load(vm, "function spin() while true do end end");
        struct fault fault = {0};
        assert_int_equal(vm_call(vm, L, 0, 0, &fault, NULL), OK);
        for (int round = 0; round < 2; round++) {
            load(vm, runaways[i]);
            vm_budget(vm, &small);
            int code = OK;
            int nres;
            if (round == 0) {
                code = vm_call(vm, L, 0, 0, &fault, NULL);
            } else {
                lua_xmove(L, vm_runner(vm), 1);
                code = vm_resume(vm, 0, &nres, &fault);
            }
            if (code != ERR_BUDGET) fail_msg("%s: %d %s", runaways[i], code, fault.text);
            assert_true(vm_expired(vm));
            assert_string_equal(fault.file, "policies/a.lua");
            assert_int_equal(fault.line, 1);
            if (strcmp(fault.text, "evaluate used more than 200000 instructions") != 0)
                fail_msg("%s: %s", runaways[i], fault.text);
            assert_int_equal(lua_gettop(vm_runner(vm)), 0);
        }
        /* the state is as good as before */
        load(vm, "local n = 0 for i = 1, 100 do n = n + i end return n");
        vm_budget(vm, &small);
        assert_int_equal(vm_call(vm, L, 0, 1, &fault, NULL), OK);
        assert_int_equal(lua_tointeger(L, -1), 5050);
        assert_false(vm_expired(vm));
        vm_free(vm);
    }
}

static void wall_time_is_bounded_too(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    load(vm, "\nwhile true do end");
    vm_budget(vm, &(struct vm_budget){.wall_ms = 20, .what = "metrics"});
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), ERR_BUDGET);
    assert_string_equal(fault.text, "metrics ran longer than 20ms");
    assert_int_equal(fault.line, 2);
    vm_free(vm);
}

static int repeat_resume(struct vm *vm, int *slices, struct fault *fault)
{
    int nres;
    int code = vm_resume(vm, 0, &nres, fault);
    for (*slices = 0; code == VM_AGAIN; (*slices)++)
        code = vm_resume(vm, 0, &nres, fault);
    return code;
}

static void a_long_evaluation_gives_the_loop_its_turn(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "local n = 0 for i = 1, 2000000 do n = n + 1 end return n",
        "return coroutine.wrap(function() local n = 0 for i = 1, 2000000 do n = n + 1 end "
        "return n end)()",
        "local _, n = pcall(function() local n = 0 for i = 1, 2000000 do n = n + 1 end "
        "return n end) return n",
        "for n in coroutine.wrap(function() local n = 0 for i = 1, 2000000 do n = n + 1 end "
        "coroutine.yield(n) end) do return n end",
    };
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        struct vm *vm = policy_state();
        struct fault fault;
        int slices;
        load(vm, sources[i]);
        lua_xmove(vm_lua(vm), vm_runner(vm), 1);
        vm_budget(vm, &(struct vm_budget){.slice_ms = 1, .what = "evaluate"});
        assert_int_equal(repeat_resume(vm, &slices, &fault), OK);
        assert_true(slices > 0);
        assert_int_equal(lua_tointeger(vm_runner(vm), -1), 2000000);
        lua_settop(vm_runner(vm), 0);
        vm_free(vm);
    }
}

static void what_cannot_yield_runs_on(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    int slices;
    load(vm, "local n = 0 table.sort({2, 1}, function(a, b) for i = 1, 500000 do n = n + 1 end "
             "return a < b end) return n");
    lua_xmove(vm_lua(vm), vm_runner(vm), 1);
    vm_budget(vm, &(struct vm_budget){.slice_ms = 1, .what = "evaluate"});
    assert_int_equal(repeat_resume(vm, &slices, &fault), OK);
    assert_int_equal(lua_tointeger(vm_runner(vm), -1), 500000);
    vm_free(vm);
}

static void the_budget_counts_across_slices(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    int slices;
    load(vm, "while true do end");
    lua_xmove(vm_lua(vm), vm_runner(vm), 1);
    vm_budget(vm, &(struct vm_budget){.instructions = 20000000, .slice_ms = 1, .what = "evaluate"});
    assert_int_equal(repeat_resume(vm, &slices, &fault), ERR_BUDGET);
    assert_string_equal(fault.text, "evaluate used more than 20000000 instructions");
    assert_true(slices >= 3);

    load(vm, "while true do end");
    lua_xmove(vm_lua(vm), vm_runner(vm), 1);
    vm_budget(vm, &(struct vm_budget){.wall_ms = 40, .slice_ms = 5, .what = "evaluate"});
    assert_int_equal(repeat_resume(vm, &slices, &fault), ERR_BUDGET);
    assert_string_equal(fault.text, "evaluate ran longer than 40ms");
    assert_true(slices <= 8);
    vm_free(vm);
}

/* A name that does not exist is looked for among all there are: much work for one instruction. */
static void errors_that_are_caught_give_the_loop_its_turn_too(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    int slices;
    load(vm, "while true do pcall(function() return nowhere end) end");
    lua_xmove(vm_lua(vm), vm_runner(vm), 1);
    vm_budget(vm, &(struct vm_budget){.wall_ms = 400, .slice_ms = 1, .what = "evaluate"});
    assert_int_equal(repeat_resume(vm, &slices, &fault), ERR_BUDGET);
    assert_true(slices >= 20);
    vm_free(vm);
}

static void an_abandoned_evaluation_is_unwound(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "local t <close> = setmetatable({}, {__close = function() closed = 1 end}) while true do "
        "end",
        "coroutine.wrap(function() while true do pcall(function() while true do end end) end "
        "end)()",
    };
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        struct vm *vm = policy_state();
        struct fault fault;
        int nres;
        load(vm, sources[i]);
        lua_xmove(vm_lua(vm), vm_runner(vm), 1);
        vm_budget(vm, &(struct vm_budget){.slice_ms = 1, .what = "evaluate"});
        assert_int_equal(vm_resume(vm, 0, &nres, &fault), VM_AGAIN);
        vm_abandon(vm);
        load(vm, "return 1");
        lua_xmove(vm_lua(vm), vm_runner(vm), 1);
        vm_budget(vm, &(struct vm_budget){.slice_ms = 1, .what = "evaluate"});
        assert_int_equal(vm_resume(vm, 0, &nres, &fault), OK);
        assert_int_equal(nres, 1);
        vm_free(vm);
    }
}

static void a_finalizer_is_refused(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    load(vm, "setmetatable({}, {__gc = function() while true do end end})");
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), ERR_LUA);
    assert_non_null(strstr(fault.text, "__gc is not allowed in a policy"));
    assert_string_equal(fault.file, "policies/a.lua");
    assert_int_equal(fault.line, 1);
    vm_free(vm);
}

static void an_exhausted_budget_stays_so_until_it_is_armed_again(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    vm_budget(vm, &small);
    load(vm, "while true do end");
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), ERR_BUDGET);
    load(vm, "for i = 1, 20000 do end");
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), ERR_BUDGET);
    vm_budget(vm, NULL);
    load(vm, "for i = 1, 1000000 do end");
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), OK);
    vm_free(vm);
}

static void the_hook_stays_after_an_expiry(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    int nres;
    for (int i = 0; i < 5; i++) {
        load(vm,
             i % 2 ? "coroutine.wrap(function() while true do end end)()" : "while true do end");
        lua_xmove(vm_lua(vm), vm_runner(vm), 1);
        vm_budget(vm, &small);
        assert_int_equal(vm_resume(vm, 0, &nres, &fault), ERR_BUDGET);
        assert_int_equal(lua_gethookcount(vm_runner(vm)), VM_HOOK_COUNT);
    }
    vm_free(vm);
}

static int charge_for_ever(lua_State *L)
{
    for (int i = 0; i < 100000000; i++)
        vm_charge(L, 100);
    return 0;
}

static void loops_in_bindings_are_charged(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    lua_pushcfunction(vm_lua(vm), charge_for_ever);
    lua_setglobal(vm_lua(vm), "charge");
    load(vm, "while true do pcall(charge) end");
    vm_budget(vm, &small);
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), ERR_BUDGET);
    assert_int_equal(fault.line, 1);
    vm_free(vm);
}

static void a_script_is_budgeted_once_it_is_armed(void **state)
{
    (void)state;
    struct vm *vm = NULL;
    assert_int_equal(vm_new(&(struct vm_options){0}, &vm), OK);
    struct fault fault;
    load(vm, "co = coroutine.wrap(function() coroutine.yield() while true do end end) co()");
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), OK);
    load(vm, "while true do pcall(co) end");
    vm_budget(vm, &small);
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), ERR_BUDGET);
    vm_free(vm);
}

static struct vm *interrupted_vm;

static void on_alarm(int number)
{
    (void)number;
    vm_interrupt(interrupted_vm);
}

static void an_interrupt_ends_spinning_code(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
        "local t = {} for i = 1, 300000 do t[i] = -i end while true do table.sort(t, "
        "function(a, b) return a < b end) end",
    };
    struct sigaction action = {.sa_handler = on_alarm};
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        assert_int_equal(vm_new(&(struct vm_options){0}, &interrupted_vm), OK);
        load(interrupted_vm, sources[i]);
        struct itimerval soon = {.it_value.tv_usec = 20000, .it_interval.tv_usec = 20000};
        struct itimerval never = {0};
        assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
        struct fault fault;
        int code = vm_call(interrupted_vm, vm_lua(interrupted_vm), 0, 0, &fault, NULL);
        assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
        assert_int_equal(code, ERR_CANCELED);
        assert_string_equal(fault.text, "interrupted!");
        assert_int_equal(fault.line, 1);
        load(interrupted_vm, "for i = 1, 100000 do end");
        assert_int_equal(vm_call(interrupted_vm, vm_lua(interrupted_vm), 0, 0, &fault, NULL), OK);
        vm_free(interrupted_vm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runaway_code_is_stopped_with_file_and_line),
        cmocka_unit_test(wall_time_is_bounded_too),
        cmocka_unit_test(a_long_evaluation_gives_the_loop_its_turn),
        cmocka_unit_test(what_cannot_yield_runs_on),
        cmocka_unit_test(the_budget_counts_across_slices),
        cmocka_unit_test(errors_that_are_caught_give_the_loop_its_turn_too),
        cmocka_unit_test(an_abandoned_evaluation_is_unwound),
        cmocka_unit_test(a_finalizer_is_refused),
        cmocka_unit_test(an_exhausted_budget_stays_so_until_it_is_armed_again),
        cmocka_unit_test(the_hook_stays_after_an_expiry),
        cmocka_unit_test(loops_in_bindings_are_charged),
        cmocka_unit_test(a_script_is_budgeted_once_it_is_armed),
        cmocka_unit_test(an_interrupt_ends_spinning_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
