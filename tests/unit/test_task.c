/* Facts about code that waits: tasks, the async functions, and waits inside users' coroutines. */
#include "moontide/io/loop.h"
#include "moontide/vm/task.h"

#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct loop *loop;
    struct vm *vm;
    struct task *task;
    int calls, code;
    char result[FAULT_TEXT_MAX]; /* the first result as text, or the fault's */
    char file[64];
    int line;
    bool free_vm_in_done;
    /* of the operation that `manual` starts */
    uint64_t id;
    int started, ended;
};

static int box_end(lua_State *L)
{
    struct fixture *f = vm_owner(vm_of(L));
    int *open = lua_touserdata(L, 1);
    if (*open) f->ended++;
    *open = 0;
    return 0;
}

static int manual_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    lua_pushinteger(L, (lua_Integer)ctx);
    return 1;
}

/* manual(n): an operation that ends when the test wakes it; returns n. */
static int manual(lua_State *L)
{
    struct fixture *f = vm_owner(vm_of(L));
    lua_Integer n = luaL_optinteger(L, 1, 0);
    f->id = task_wait_id(L, "manual");
    int *open = lua_newuserdatauv(L, sizeof(*open), 0);
    *open = 0;
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, box_end);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, box_end);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_toclose(L, -1);
    *open = 1;
    f->started++;
    if (n < 0) task_wake(f->vm, f->id); /* ends while it is being started */
    return task_wait(L, (lua_KContext)n, manual_done);
}

static int cancel_self(lua_State *L)
{
    struct fixture *f = vm_owner(vm_of(L));
    task_cancel(f->task, ERR_CANCELED, "from inside");
    return 0;
}

static void setup(struct fixture *f, bool sandboxed)
{
    *f = (struct fixture){.code = 1};
    assert_int_equal(loop_new(&f->loop), OK);
    struct vm_options options = {.sandboxed = sandboxed, .loop = f->loop, .owner = f};
    assert_int_equal(vm_new(&options, &f->vm), OK);
    lua_State *L = vm_lua(f->vm);
    vm_module(L, "async", open_async);
    lua_pushcfunction(L, manual);
    lua_setglobal(L, "manual");
    lua_pushcfunction(L, cancel_self);
    lua_setglobal(L, "cancel");
}

static void teardown(struct fixture *f)
{
    vm_free(f->vm);
    assert_int_equal(loop_free(f->loop), 0);
}

static void done(void *data, int code, lua_State *L, int nresults, const struct fault *fault,
                 const char *traceback)
{
    (void)traceback;
    struct fixture *f = data;
    f->calls++;
    f->code = code;
    f->task = NULL;
    if (code == OK && nresults > 0) {
        snprintf(f->result, sizeof(f->result), "%s", luaL_tolstring(L, -nresults, NULL));
        lua_pop(L, 1);
    }
    if (code < 0) {
        snprintf(f->result, sizeof(f->result), "%s", fault->text);
        snprintf(f->file, sizeof(f->file), "%.63s", fault->file);
        f->line = fault->line;
    }
    if (f->free_vm_in_done) {
        vm_free(f->vm);
        f->vm = NULL;
    }
}

static void start(struct fixture *f, const char *source, const struct task_options *options)
{
    struct fault fault;
    int code = vm_load(f->vm, source, strlen(source), "@a.lua", &fault);
    if (code != OK) fail_msg("%s", fault.text);
    f->calls = 0;
    struct task *task = NULL;
    assert_int_equal(task_start(f->vm, 0, options, done, f, &task), OK);
    if (f->calls == 0)
        f->task = task;
    else
        assert_null(task);
    assert_int_equal(lua_gettop(vm_lua(f->vm)), 0);
}

static const struct task_options plain = {
    .budget = {.instructions = 5000000, .wall_ms = 60000, .slice_ms = 5, .what = "collect"}};

static void finish(struct fixture *f)
{
    for (int turns = 0; f->calls == 0; turns++) {
        assert_true(turns < 100000);
        loop_turn(f->loop, true);
    }
    assert_int_equal(f->calls, 1);
}

/* The first result of `source` as text, or "code: text" of its error. */
static void expect(struct fixture *f, const char *source, const char *result)
{
    start(f, source, &plain);
    finish(f);
    if (strcmp(f->result, result) != 0) fail_msg("%s\n gave: %s (%d)", source, f->result, f->code);
}

static void what_does_not_wait_is_done_at_once(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    start(&f, "return 1 + 1", &plain);
    assert_int_equal(f.calls, 1);
    assert_string_equal(f.result, "2");
    start(&f, "\nerror('no')", &plain);
    assert_int_equal(f.code, ERR_LUA);
    assert_string_equal(f.result, "no");
    assert_string_equal(f.file, "a.lua");
    assert_int_equal(f.line, 2);
    teardown(&f);
}

static void a_wait_ends_with_its_wake(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    start(&f, "return manual(7)", &plain);
    assert_int_equal(f.calls, 0);
    assert_int_equal(f.started, 1);
    task_wake(f.vm, f.id);
    assert_int_equal(f.calls, 0); /* never inside the caller */
    finish(&f);
    assert_string_equal(f.result, "7");
    assert_int_equal(f.ended, 1);
    teardown(&f);
}

static void a_stale_wake_finds_nobody(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    start(&f, "manual(1) return manual(2)", &plain);
    uint64_t first = f.id;
    task_wake(f.vm, first);
    task_wake(f.vm, first);
    while (f.started < 2)
        loop_turn(f.loop, false);
    task_wake(f.vm, first);
    task_wake(f.vm, 0);
    task_wake(f.vm, UINT64_MAX);
    loop_turn(f.loop, false);
    assert_int_equal(f.calls, 0);
    task_wake(f.vm, f.id);
    finish(&f);
    assert_string_equal(f.result, "2");
    task_wake(f.vm, f.id);
    loop_turn(f.loop, false);
    assert_int_equal(f.calls, 1);
    teardown(&f);
}

static void an_operation_may_end_while_it_is_started(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    expect(&f, "return manual(-3)", "-3");
    teardown(&f);
}

static void waits_pass_through_a_users_own_code(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "return select(2, pcall(manual, -5))",
        "return select(2, xpcall(manual, print, -5))",
        "return coroutine.wrap(manual)(-5)",
        "return select(2, coroutine.resume(coroutine.create(manual), -5))",
        "local co = coroutine.wrap(function(a) local b = coroutine.yield(manual(a)) "
        "return manual(b) end) assert(co(-1) == -1) return co(-5)",
        "for v in coroutine.wrap(function() manual(-1) coroutine.yield(manual(-5)) end) do "
        "return v end",
        "return coroutine.wrap(function() return coroutine.wrap(function() return "
        "select(2, pcall(manual, -5)) end)() end)()",
        "return setmetatable({}, {__index = function() return manual(-5) end}).x",
        "return load('return manual(-5)')()",
        "local t <close> = setmetatable({}, {__close = function() manual(-1) end}) return -5",
        "local co = coroutine.create(function() return manual(-5) end) "
        "local ok, v = coroutine.resume(co) assert(coroutine.status(co) == 'dead') return v",
        "return async.timeout(5, manual, -5)",
        "return async.all{function() return manual(-5) end}[1]",
    };
    for (int sandboxed = 0; sandboxed < 2; sandboxed++) {
        struct fixture f;
        setup(&f, sandboxed);
        for (size_t i = 0; i < COUNT_OF(sources); i++)
            expect(&f, sources[i], "-5");
        assert_int_equal(f.started, f.ended);
        teardown(&f);
    }
}

static int waiting_module(void *data, const char *name, char **source, size_t *len,
                          char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    (void)data;
    (void)name;
    (void)fault;
    *source = strdup("local v = manual(-5) return {v = v}");
    *len = strlen(*source);
    strcpy(chunkname, "@lib/waits.lua");
    return OK;
}

static void a_module_may_wait_while_it_loads(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    vm_set_loader(f.vm, waiting_module, NULL);
    expect(&f, "return require('lib.waits').v", "-5");
    teardown(&f);
}

static void a_coroutine_that_waits_belongs_to_its_waiter(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    expect(&f,
           "local co = coroutine.create(function() async.sleep(0.02) return 'slept' end) "
           "local r = async.all{function() return select(2, coroutine.resume(co)) end, function() "
           "async.sleep(0.001) local s = coroutine.status(co) "
           "local ok, e = coroutine.resume(co) local ok2 = pcall(coroutine.close, co) "
           "return s .. ' ' .. e .. ' ' .. tostring(ok2) end} return r[1] .. ': ' .. r[2]",
           "slept: normal cannot resume non-suspended coroutine false");
    teardown(&f);
}

static void where_no_wait_is_possible_it_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    static const char *const sources[] = {
        "table.sort({2, 1}, function() manual() end)",
        "string.gsub('a', 'a', function() manual() end)",
        "return tostring(setmetatable({}, {__tostring = function() manual() end}))",
        "table.sort({2, 1}, function() coroutine.wrap(manual)() end)",
    };
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        start(&f, sources[i], &plain);
        assert_int_equal(f.code, ERR_LUA);
        assert_non_null(strstr(f.result, "manual waits, and cannot be called inside a function"));
        assert_int_equal(f.line, 1);
    }
    struct fault fault;
    const char *source = "manual()";
    assert_int_equal(vm_load(f.vm, source, strlen(source), "@a.lua", &fault), OK);
    assert_int_equal(vm_call(f.vm, vm_lua(f.vm), 0, 0, &fault, NULL), ERR_LUA);
    assert_string_equal(
        fault.text,
        "manual waits, and may be called only in collect, targets, scripts and the REPL");
    int nres;
    assert_int_equal(vm_load(f.vm, source, strlen(source), "@a.lua", &fault), OK);
    lua_xmove(vm_lua(f.vm), vm_runner(f.vm), 1);
    assert_int_equal(vm_resume(f.vm, 0, &nres, &fault), ERR_LUA);
    assert_non_null(strstr(fault.text, "may be called only in collect"));
    assert_int_equal(f.started, 0);
    teardown(&f);
}

static void a_canceled_task_unwinds(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "manual()",
        "while true do pcall(manual) end",
        "coroutine.wrap(function() while true do pcall(manual) end end)()",
        "for v in coroutine.wrap(function() manual() end) do end",
        "async.all{manual, manual, function() coroutine.wrap(manual)() end}",
        "async.timeout(1000, function() async.all{manual, manual} end)",
        "local t <close> = setmetatable({}, {__close = function() while true do end end}) manual()",
    };
    struct fixture f;
    setup(&f, true);
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        f.started = f.ended = 0;
        start(&f, sources[i], &plain);
        for (int turn = 0; turn < 5; turn++)
            loop_turn(f.loop, false);
        assert_int_equal(f.calls, 0);
        assert_true(f.started > 0);
        task_cancel(f.task, ERR_CANCELED, "enough");
        assert_int_equal(f.calls, 1);
        assert_int_equal(f.code, ERR_CANCELED);
        assert_string_equal(f.result, "enough");
        assert_int_equal(f.ended, f.started);
    }
    teardown(&f);
}

static void a_task_may_be_canceled_from_inside(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    start(&f, "async.sleep(0) while true do pcall(cancel) end", &plain);
    finish(&f);
    assert_int_equal(f.code, ERR_CANCELED);
    start(&f, "async.all{function() async.sleep(0) while true do pcall(cancel) end end, manual}",
          &plain);
    finish(&f);
    assert_int_equal(f.code, ERR_CANCELED);
    assert_string_equal(f.result, "from inside");
    teardown(&f);
}

static void a_deadline_ends_a_task(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    struct task_options options = plain;
    options.deadline_ms = 20;
    start(&f, "while true do pcall(manual) end", &options);
    finish(&f);
    assert_int_equal(f.code, ERR_TIMEOUT);
    assert_string_equal(f.result, "collect took longer than 20ms");
    assert_int_equal(f.ended, f.started);
    teardown(&f);
}

static void each_stretch_has_a_budget(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    struct task_options options = plain;
    options.budget.instructions = 300000;
    start(&f, "for i = 1, 5 do for j = 1, 60000 do end async.sleep(0) end return 'all'", &options);
    finish(&f);
    assert_string_equal(f.result, "all");
    start(&f, "async.sleep(0)\nwhile true do pcall(function() while true do end end) end",
          &options);
    finish(&f);
    assert_int_equal(f.code, ERR_BUDGET);
    assert_string_equal(f.result, "collect used more than 300000 instructions");
    assert_int_equal(f.line, 2);
    start(&f, "pcall(async.all, {function()\nwhile true do end end}) return 'caught'", &options);
    finish(&f);
    assert_int_equal(f.code, ERR_BUDGET);
    assert_int_equal(f.line, 2);
    teardown(&f);
}

static void tick_fire(void *data)
{
    (*(int *)data)++;
}

static void a_long_stretch_gives_the_loop_its_turn(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    int fired = 0;
    struct task_options options = plain;
    options.budget.slice_ms = 1;
    options.budget.instructions = 0;
    assert_int_equal(loop_timer_start(f.loop, 0, tick_fire, &fired, NULL), OK);
    start(&f, "local n = 0 for i = 1, 2000000 do n = n + 1 end return n", &options);
    assert_int_equal(f.calls, 0);
    loop_turn(f.loop, false);
    loop_turn(f.loop, false);
    assert_int_equal(fired, 1);
    finish(&f);
    assert_string_equal(f.result, "2000000");
    /* canceled between two slices */
    start(&f, "while true do pcall(function() while true do end end) end", &options);
    assert_int_equal(f.calls, 0);
    task_cancel(f.task, ERR_CANCELED, "enough");
    assert_int_equal(f.code, ERR_CANCELED);
    teardown(&f);
}

static void a_budgetless_script_waits_too(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, false);
    static const struct task_options unbounded = {0};
    start(&f, "async.sleep('1ms') return os.time() > 0", &unbounded);
    finish(&f);
    assert_string_equal(f.result, "true");
    teardown(&f);
}

static void several_functions_run_at_once(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    expect(&f,
           "local order = {} local function job(name, s) return function() async.sleep(s) "
           "order[#order + 1] = name return name, 'dropped' end end "
           "local r = async.all{job('a', 0.03), job('b', 0.015), job('c', 0), function() end} "
           "return table.concat(order) .. r[1] .. r[2] .. r[3] .. tostring(r[4])",
           "cbaabcnil");
    expect(&f, "return #async.all{}", "0");
    expect(&f, "return select(2, pcall(async.all, {1}))",
           "async.all: item 1 is a number, not a function");
    teardown(&f);
}

static void the_first_error_cancels_the_others(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    expect(&f,
           "local seen = {} local ok, e = pcall(async.all, {function() local t <close> = "
           "setmetatable({}, {__close = function() seen[1] = 'closed' end}) manual() end, "
           "function() async.sleep(0) error({code = 'Mine'}) end}) "
           "return tostring(ok) .. e.code .. tostring(seen[1])",
           "falseMinenil");
    assert_int_equal(f.started, 1);
    assert_int_equal(f.ended, 1);
    start(&f, "async.all{manual, function()\nasync.sleep(0) error('told') end}", &plain);
    finish(&f);
    assert_string_equal(f.result, "told");
    assert_int_equal(f.line, 2);
    teardown(&f);
}

static void a_timeout_throws_an_error_object(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    expect(&f,
           "local ok, e = pcall(async.timeout, 0.01, manual) return e.code .. '|' .. tostring(e)",
           "Timeout|Timeout: not done within 10ms");
    assert_int_equal(f.ended, 1);
    expect(&f, "return select('#', async.timeout(1, function(...) return ... end, 1, nil, 3))",
           "3");
    expect(&f, "return select(2, pcall(async.timeout, 1, error, 'inner'))", "inner");
    teardown(&f);
}

static void calls_inside_each_other_are_bounded(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    start(&f, "local function f() return async.all{f} end f()", &plain);
    finish(&f);
    assert_int_equal(f.code, ERR_LUA);
    assert_non_null(strstr(f.result, "more than 32 calls inside each other"));
    teardown(&f);
}

static void a_state_may_be_freed_with_waiting_tasks(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    start(&f, "async.all{manual, function() async.sleep(1000) end}", &plain);
    loop_turn(f.loop, false);
    loop_turn(f.loop, false);
    assert_int_equal(f.started, 1);
    vm_free(f.vm);
    assert_int_equal(f.calls, 1);
    assert_int_equal(f.code, ERR_CANCELED);
    assert_int_equal(f.ended, 1);
    assert_int_equal(loop_free(f.loop), 0);
}

static void done_may_free_the_state(void **state)
{
    (void)state;
    static const char *const sources[] = {"return 1", "async.sleep(0)", "error('x')"};
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        struct fixture f;
        setup(&f, true);
        f.free_vm_in_done = true;
        struct fault fault;
        assert_int_equal(vm_load(f.vm, sources[i], strlen(sources[i]), "@a.lua", &fault), OK);
        struct task *task = NULL;
        assert_int_equal(task_start(f.vm, 0, &plain, done, &f, &task), OK);
        finish(&f);
        assert_null(f.vm);
        assert_int_equal(loop_free(f.loop), 0);
    }
}

static void a_task_that_cannot_be_made_leaves_nothing(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    lua_State *L = vm_lua(f.vm);
    bool all = false;
    int failed = 0;
    for (unsigned n = 1; n < 1000 && !all; n++) {
        struct fault fault;
        struct task *task = NULL;
        const char *source = "return coroutine.wrap(function() return {'made'} end)()[1]";
        assert_int_equal(vm_load(f.vm, source, strlen(source), "@a.lua", &fault), OK);
        struct task_options options = plain;
        options.deadline_ms = 1000;
        f.calls = 0;
        alloc_fail_at(n);
        int code = task_start(f.vm, 0, &options, done, &f, &task);
        all = !alloc_fail_done();
        assert_int_equal(f.calls, code == OK);
        assert_true(code == OK || code == ERR_NOMEM);
        failed += code != OK;
        assert_null(task);
        assert_int_equal(lua_gettop(L), 0);
    }
    assert_true(all);
    assert_true(failed >= 3);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_wait_is_done_at_once),
        cmocka_unit_test(a_wait_ends_with_its_wake),
        cmocka_unit_test(a_stale_wake_finds_nobody),
        cmocka_unit_test(an_operation_may_end_while_it_is_started),
        cmocka_unit_test(waits_pass_through_a_users_own_code),
        cmocka_unit_test(a_module_may_wait_while_it_loads),
        cmocka_unit_test(a_coroutine_that_waits_belongs_to_its_waiter),
        cmocka_unit_test(where_no_wait_is_possible_it_is_refused),
        cmocka_unit_test(a_canceled_task_unwinds),
        cmocka_unit_test(a_task_may_be_canceled_from_inside),
        cmocka_unit_test(a_deadline_ends_a_task),
        cmocka_unit_test(each_stretch_has_a_budget),
        cmocka_unit_test(a_long_stretch_gives_the_loop_its_turn),
        cmocka_unit_test(a_budgetless_script_waits_too),
        cmocka_unit_test(several_functions_run_at_once),
        cmocka_unit_test(the_first_error_cancels_the_others),
        cmocka_unit_test(a_timeout_throws_an_error_object),
        cmocka_unit_test(calls_inside_each_other_are_bounded),
        cmocka_unit_test(a_task_that_cannot_be_made_leaves_nothing),
        cmocka_unit_test(a_state_may_be_freed_with_waiting_tasks),
        cmocka_unit_test(done_may_free_the_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
