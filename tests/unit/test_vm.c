/* Facts about a Lua state: how code is loaded, called and resumed, and how errors come back. */
#include "moontide/vm/vm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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

static int run(struct vm *vm, const char *source, struct fault *fault)
{
    load(vm, source);
    return vm_call(vm, vm_lua(vm), 0, 0, fault, NULL);
}

static void a_chunk_returns_its_values(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    load(vm, "local a, b = ... return a + b, 'x'");
    lua_pushinteger(vm_lua(vm), 2);
    lua_pushinteger(vm_lua(vm), 3);
    struct fault fault;
    assert_int_equal(vm_call(vm, vm_lua(vm), 2, 2, &fault, NULL), OK);
    assert_int_equal(lua_tointeger(vm_lua(vm), -2), 5);
    assert_string_equal(lua_tostring(vm_lua(vm), -1), "x");
    vm_free(vm);
}

static void a_syntax_error_names_file_and_line(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    const char *source = "local x = 1\nlocal = 2\n";
    assert_int_equal(vm_load(vm, source, strlen(source), "@policies/a.lua", &fault), ERR_LUA);
    assert_string_equal(fault.file, "policies/a.lua");
    assert_int_equal(fault.line, 2);
    assert_string_equal(fault.text, "<name> expected near '='");
    assert_int_equal(lua_gettop(vm_lua(vm)), 0);
    vm_free(vm);
}

static void a_runtime_error_names_file_and_line(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    assert_int_equal(run(vm, "\n\nlocal t = nil\nreturn t.x", &fault), ERR_LUA);
    assert_string_equal(fault.file, "policies/a.lua");
    assert_int_equal(fault.line, 4);
    assert_non_null(strstr(fault.text, "attempt to index a nil value"));
    assert_int_equal(lua_gettop(vm_lua(vm)), 0);
    vm_free(vm);
}

static void a_long_file_name_is_whole_in_the_fault(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    char name[201];
    memset(name, 'p', 200);
    name[0] = '@';
    memcpy(name + 196, ".lua", 5);
    const char *source = "error('boom')";
    assert_int_equal(vm_load(vm, source, strlen(source), name, &fault), OK);
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), ERR_LUA);
    assert_string_equal(fault.file, name + 1);
    assert_string_equal(fault.text, "boom");
    vm_free(vm);
}

static void an_error_object_is_described_and_placed(void **state)
{
    (void)state;
    static const struct {
        const char *source, *text;
    } cases[] = {
        {"error({message = 'told'})", "told"},
        {"error({})", "(error object is a table value)"},
        {"error()", "(error object is a nil value)"},
        {"error(setmetatable({}, {__tostring = function() return 'mine' end}))", "mine"},
        {"error(42)", "42"},
        {"error(setmetatable({}, {__tostring = function() error('no') end}))",
         "(the error object's __tostring failed)"},
        {"error(print)", "(error object is a function value)"},
    };
    struct vm *vm = policy_state();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault;
        assert_int_equal(run(vm, cases[i].source, &fault), ERR_LUA);
        assert_string_equal(fault.text, cases[i].text);
        assert_string_equal(fault.file, "policies/a.lua");
        assert_int_equal(fault.line, 1);
    }
    vm_free(vm);
}

static void a_traceback_names_the_calls(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    char *traceback = NULL;
    load(vm,
         "local function inner() error('deep') end\nlocal function outer() inner() end\nouter()");
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, &traceback), ERR_LUA);
    assert_non_null(traceback);
    assert_non_null(strstr(traceback, "inner"));
    assert_non_null(strstr(traceback, "policies/a.lua:3"));
    free(traceback);
    vm_free(vm);
}

static void bytecode_is_refused(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    assert_int_equal(vm_load(vm, "\x1bLua\x54", 5, "@policies/a.lua", &fault), ERR_LUA);
    assert_string_equal(fault.file, "policies/a.lua");
    assert_non_null(strstr(fault.text, "compiled Lua"));
    vm_free(vm);
}

static void a_source_above_the_limit_is_refused(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    char *source = calloc(1, VM_SOURCE_MAX + 1);
    assert_non_null(source);
    memset(source, ' ', VM_SOURCE_MAX + 1);
    assert_int_equal(vm_load(vm, source, VM_SOURCE_MAX + 1, "@policies/a.lua", &fault), ERR_LIMIT);
    assert_int_equal(vm_load(vm, source, VM_SOURCE_MAX, "@policies/a.lua", &fault), OK);
    free(source);
    vm_free(vm);
}

static void a_first_line_with_a_hash_is_skipped_and_counted(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    assert_int_equal(run(vm, "#!/usr/bin/moontide script\nerror('here')", &fault), ERR_LUA);
    assert_int_equal(fault.line, 2);
    vm_free(vm);
}

static void a_memory_bomb_meets_the_cap(void **state)
{
    (void)state;
    struct vm *vm = NULL;
    struct vm_options options = {.sandboxed = true, .memory_limit_bytes = 4 << 20};
    assert_int_equal(vm_new(&options, &vm), OK);
    struct fault fault;
    const char *bomb = "local t = {}\nfor i = 1, 1e9 do\n  t[i] = 'x' .. i\nend";
    assert_int_equal(run(vm, bomb, &fault), ERR_MEMORY_CAP);
    assert_string_equal(fault.text, "the memory limit of 4 MiB was exceeded");
    assert_string_equal(fault.file, "policies/a.lua");
    assert_int_equal(fault.line, 3);
    assert_true(vm_memory_bytes(vm) <= 4 << 20);
    assert_int_equal(run(vm, "local t = {} for i = 1, 1000 do t[i] = i end", &fault), OK);
    vm_free(vm);
}

static void deep_recursion_is_an_error(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    struct fault fault;
    int code = run(vm, "local function f() return 1 + f() end\nf()", &fault);
    assert_true(code == ERR_LUA || code == ERR_MEMORY_CAP);
    assert_int_equal(fault.line, 1);
    code = run(vm,
               "local t = setmetatable({}, {__index = function(t, k) return t[k] end})\nreturn t.x",
               &fault);
    assert_true(code == ERR_LUA || code == ERR_MEMORY_CAP);
    vm_free(vm);
}

static void the_runner_is_clean_after_an_error(void **state)
{
    (void)state;
    struct vm *vm = policy_state();
    lua_State *R = vm_runner(vm);
    for (int i = 0; i < 3; i++) {
        struct fault fault;
        int nres;
        load(vm, i == 1 ? "return 7"
                        : "local x <close> = setmetatable({}, {__close = "
                          "function() closed = (rawget(_G, 'closed') or 0) + 1 end}) "
                          "error('bad')");
        lua_xmove(vm_lua(vm), R, 1);
        int code = vm_resume(vm, 0, &nres, &fault);
        if (i == 1) {
            assert_int_equal(code, OK);
            assert_int_equal(nres, 1);
            assert_int_equal(lua_tointeger(R, -1), 7);
            lua_settop(R, 0);
        } else {
            assert_int_equal(code, ERR_LUA);
            assert_string_equal(fault.text, "bad");
            assert_int_equal(fault.line, 1);
            assert_int_equal(lua_gettop(R), 0);
        }
    }
    assert_ptr_equal(R, vm_runner(vm));
    lua_getglobal(vm_lua(vm), "closed");
    assert_int_equal(lua_tointeger(vm_lua(vm), -1), 2);
    vm_free(vm);
}

static void print_lines_go_to_the_owner(void *owner, const char *line, size_t len)
{
    snprintf(owner, 64, "%.*s", (int)len, line);
}

static void print_goes_to_the_owner(void **state)
{
    (void)state;
    char line[64] = "";
    struct vm *vm = NULL;
    struct vm_options options = {
        .sandboxed = true, .owner = line, .print = print_lines_go_to_the_owner};
    assert_int_equal(vm_new(&options, &vm), OK);
    struct fault fault;
    assert_int_equal(run(vm, "print('a', 1, nil, true)", &fault), OK);
    assert_string_equal(line, "a\t1\tnil\ttrue");
    vm_free(vm);
}

static void a_state_that_does_not_fit_its_memory_is_not_made(void **state)
{
    (void)state;
    int made = 0;
    for (size_t limit = 512; limit < 200000 && !made; limit += 97) {
        struct vm *vm = NULL;
        struct vm_options options = {.sandboxed = true, .memory_limit_bytes = limit};
        int code = vm_new(&options, &vm);
        if (code == OK) {
            made = 1;
        } else {
            assert_int_equal(code, ERR_MEMORY_CAP);
            assert_null(vm);
        }
        vm_free(vm);
    }
    assert_true(made);
}

static int find_module(void *data, const char *name, char **source, size_t *len,
                       char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    static const char *const modules[][2] = {
        {"lib.plain", "local name, file = ... return {name = name, file = file}"},
        {"lib.a", "local b = require('lib.b') return b"},
        {"lib.b", "\nlocal a = require('lib.a') return a"},
        {"lib.broken", "\n\nlocal = 3"},
        {"lib.fails", "\nerror('at load')"},
        {"lib.silent", "silent = (rawget(_G, 'silent') or 0) + 1"},
    };
    (*(int *)data)++;
    for (size_t i = 0; i < COUNT_OF(modules); i++) {
        if (strcmp(modules[i][0], name) != 0) continue;
        *source = strdup(modules[i][1]);
        *len = strlen(*source);
        snprintf(chunkname, FAULT_FILE_MAX, "@policies/lib/%s.lua", name + 4);
        return *source ? OK : ERR_NOMEM;
    }
    return fault_set(fault, ERR_NOT_FOUND, "there is no policies/%s.lua", name);
}

static struct vm *state_with_modules(int *asked)
{
    struct vm *vm = policy_state();
    vm_set_loader(vm, find_module, asked);
    return vm;
}

static void a_module_is_loaded_once(void **state)
{
    (void)state;
    int asked = 0;
    struct vm *vm = state_with_modules(&asked);
    struct fault fault;
    assert_int_equal(run(vm,
                         "local m = require 'lib.plain' assert(m == require 'lib.plain') "
                         "assert(m.name == 'lib.plain' and m.file == '@policies/lib/plain.lua') "
                         "require 'lib.silent' require 'lib.silent' assert(silent == 1) "
                         "assert(require 'table' == table)",
                         &fault),
                     OK);
    assert_int_equal(asked, 2);
    vm_free(vm);
}

static void a_loop_of_modules_is_named(void **state)
{
    (void)state;
    int asked = 0;
    struct vm *vm = state_with_modules(&asked);
    struct fault fault;
    assert_int_equal(run(vm, "require 'lib.a'", &fault), ERR_LUA);
    assert_string_equal(fault.text, "require: a loop: lib.a -> lib.b -> lib.a");
    assert_string_equal(fault.file, "policies/lib/b.lua");
    assert_int_equal(fault.line, 2);
    vm_free(vm);
}

static void a_faulty_module_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *source, *file, *text;
        int line;
    } cases[] = {
        {"require 'lib.broken'", "policies/lib/broken.lua", "<name> expected near '='", 3},
        {"require 'lib.fails'", "policies/lib/fails.lua", "at load", 2},
        {"\nrequire 'lib.none'", "policies/a.lua",
         "require: no module 'lib.none': there is no policies/lib.none.lua", 2},
        {"require '../etc/passwd'", "policies/a.lua",
         "require: no module '../etc/passwd': a name has letters, digits, '_' and single dots", 1},
    };
    int asked = 0;
    struct vm *vm = state_with_modules(&asked);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault;
        assert_int_equal(run(vm, cases[i].source, &fault), ERR_LUA);
        assert_string_equal(fault.text, cases[i].text);
        assert_string_equal(fault.file, cases[i].file);
        assert_int_equal(fault.line, cases[i].line);
    }
    vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_returns_its_values),
        cmocka_unit_test(a_syntax_error_names_file_and_line),
        cmocka_unit_test(a_runtime_error_names_file_and_line),
        cmocka_unit_test(a_long_file_name_is_whole_in_the_fault),
        cmocka_unit_test(an_error_object_is_described_and_placed),
        cmocka_unit_test(a_traceback_names_the_calls),
        cmocka_unit_test(bytecode_is_refused),
        cmocka_unit_test(a_source_above_the_limit_is_refused),
        cmocka_unit_test(a_first_line_with_a_hash_is_skipped_and_counted),
        cmocka_unit_test(a_memory_bomb_meets_the_cap),
        cmocka_unit_test(deep_recursion_is_an_error),
        cmocka_unit_test(the_runner_is_clean_after_an_error),
        cmocka_unit_test(print_goes_to_the_owner),
        cmocka_unit_test(a_state_that_does_not_fit_its_memory_is_not_made),
        cmocka_unit_test(a_module_is_loaded_once),
        cmocka_unit_test(a_loop_of_modules_is_named),
        cmocka_unit_test(a_faulty_module_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
