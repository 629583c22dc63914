/* Facts about the lines of Lua sources: those that can run, and those that did. */
#include "moontide/vm/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINES_MAX = 1000 };

struct lines {
    bool set[LINES_MAX];
};

static void add(void *data, int line)
{
    struct lines *lines = data;
    assert_in_range(line, 1, LINES_MAX - 1);
    lines->set[line] = true;
}

static void write_lines(const struct lines *lines, char out[512])
{
    size_t len = 0;
    out[0] = '\0';
    for (int i = 0; i < LINES_MAX && len < 500; i++)
        if (lines->set[i]) len += (size_t)snprintf(out + len, 512 - len, "%s%d", len ? " " : "", i);
}

static void expect_active(const char *source, const char *expected)
{
    struct lines lines = {0};
    struct fault fault;
    char text[512];
    if (lines_active(source, strlen(source), "@a.lua", add, &lines, &fault) < 0)
        fail_msg("%s", fault.text);
    write_lines(&lines, text);
    assert_string_equal(text, expected);
}

static void test_lines_with_code_are_active(void **state)
{
    (void)state;
    expect_active("local a = 1\n\n-- a comment\nprint(a)\n", "1 4");
    expect_active("local t = {\n  a = 1,\n  b = f(),\n}\nreturn t\n", "1 2 3 5");
    expect_active("if x then\n  y()\nelse\n  z()\nend\n", "1 2 4");
    expect_active("", "");
}

static void test_functions_that_are_never_made_have_theirs(void **state)
{
    (void)state;
    expect_active("local function f()\n  local function g()\n    return 1\n  end\n  g()\nend\n",
                  "3 4 5 6"); /* a function is made on the line of its end */
    expect_active("return {\n  f = function(...)\n    h(...)\n  end,\n}\n", "1 3 4 5");
}

static void test_what_nobody_wrote_is_not_active(void **state)
{
    (void)state;
    /* the return at the end of a function, and the one behind a tail call */
    expect_active("local f = function()\n  g()\nend\nf()\n", "2 3 4");
    expect_active("return f {\n  a = 1,\n}\n", "1 2");
}

static void test_long_functions_have_absolute_lines(void **state)
{
    char source[16 * 1024] = "local x = 0\n";
    struct lines lines = {0};
    struct fault fault;
    (void)state;
    for (int i = 0; i < 400; i++)
        strcat(source, "x = x + 1\n");
    strcat(source, "\n\n");
    for (int i = 0; i < 300; i++)
        strcat(source, "\n"); /* a difference that does not fit a byte */
    strcat(source, "x = 2\nprint(x)\n");
    assert_int_equal(lines_active(source, strlen(source), "@a.lua", add, &lines, &fault), OK);
    for (int i = 1; i <= 401; i++)
        assert_true(lines.set[i]);
    assert_false(lines.set[402]);
    assert_true(lines.set[704]);
    assert_true(lines.set[705]);
}

static void test_all_kinds_of_constants_are_read_over(void **state)
{
    (void)state;
    expect_active("local a, b, c, d = 1, 2.5, 'short', "
                  "'a string that is longer than forty characters, so that it is a long one'\n"
                  "local e, f, g = nil, true, false\n"
                  "t[false], t[true], t.x, t[9007199254740993], t[1e300] = nil, a, b, c, d\n",
                  "1 2 3");
}

static void test_a_source_that_does_not_compile_says_so(void **state)
{
    struct lines lines = {0};
    struct fault fault;
    (void)state;
    assert_int_equal(lines_active("x =", 3, "@a.lua", add, &lines, &fault), ERR_LUA);
    assert_string_equal(fault.file, "a.lua");
}

static void ran(void *data, lua_State *L, lua_Debug *event)
{
    if (event->event != LUA_HOOKLINE) return;
    lua_getinfo(L, "S", event);
    assert_string_equal(event->source, "@a.lua");
    add(data, event->currentline);
}

static const char program[] = "local function f(n)\n"   /* 1 */
                              "  if n > 1 then\n"       /* 2 */
                              "    return 'many'\n"     /* 3 */
                              "  end\n"                 /* 4 */
                              "  for i = 1, n do\n"     /* 5 */
                              "    g = i\n"             /* 6 */
                              "  end\n"                 /* 7 */
                              "  return tostring {\n"   /* 8 */
                              "    n,\n"                /* 9 */
                              "  }\n"                   /* 10 */
                              "end\n"                   /* 11 */
                              "coroutine.wrap(f)(1)\n"; /* 12 */

static void test_the_lines_that_run_are_told_in_coroutines_too(void **state)
{
    struct lines lines = {0};
    struct vm *vm = NULL;
    struct fault fault;
    char text[512];
    (void)state;
    assert_int_equal(vm_new(&(struct vm_options){.sandboxed = true}, &vm), OK);
    vm_observe(vm_lua(vm), ran, &lines);
    vm_budget(vm, &(struct vm_budget){.instructions = 100000, .what = "test"});
    assert_int_equal(vm_load(vm, program, strlen(program), "@a.lua", &fault), OK);
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), OK);
    write_lines(&lines, text);
    assert_string_equal(text, "2 5 6 8 10 11 12");
    expect_active(program, "2 3 5 6 8 10 11 12");
    vm_free(vm);
}

static void test_a_budget_holds_while_lines_are_watched(void **state)
{
    struct lines lines = {0};
    struct vm *vm = NULL;
    struct fault fault;
    static const char loop[] = "while true do pcall(function() while true do end end) end";
    (void)state;
    assert_int_equal(vm_new(&(struct vm_options){.sandboxed = true}, &vm), OK);
    vm_observe(vm_lua(vm), ran, &lines);
    vm_budget(vm, &(struct vm_budget){.instructions = 100000, .what = "test"});
    assert_int_equal(vm_load(vm, loop, strlen(loop), "@a.lua", &fault), OK);
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), ERR_BUDGET);
    vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_with_code_are_active),
        cmocka_unit_test(test_functions_that_are_never_made_have_theirs),
        cmocka_unit_test(test_what_nobody_wrote_is_not_active),
        cmocka_unit_test(test_long_functions_have_absolute_lines),
        cmocka_unit_test(test_all_kinds_of_constants_are_read_over),
        cmocka_unit_test(test_a_source_that_does_not_compile_says_so),
        cmocka_unit_test(test_the_lines_that_run_are_told_in_coroutines_too),
        cmocka_unit_test(test_a_budget_holds_while_lines_are_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
