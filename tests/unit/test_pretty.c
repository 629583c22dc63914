/* Facts about the pretty printer. */
#include "moontide/bind/pretty.h"
#include "moontide/vm/vm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "unit/contains.h"

struct render {
    struct pretty_options options;
    struct strbuf out;
};

static int render(lua_State *L)
{
    struct render *r = lua_touserdata(L, 1);
    pretty_value(L, 2, &r->options, &r->out);
    return 0;
}

/* What the printer makes of the value of an expression. */
static void pretty(const char *expression, int width, bool color, char *out, size_t size)
{
    struct vm *vm = NULL;
    struct vm_options options = {0};
    struct fault fault;
    char source[2048];
    struct render r = {.options = {.width = width, .color = color}};
    strbuf_init(&r.out, 1 << 20);
    snprintf(source, sizeof source, "return %s", expression);
    assert_int_equal(vm_new(&options, &vm), OK);
    lua_State *L = vm_lua(vm);
    lua_pushcfunction(L, render);
    lua_pushlightuserdata(L, &r);
    assert_int_equal(vm_load(vm, source, strlen(source), "=test", &fault), OK);
    if (vm_call(vm, L, 0, 1, &fault, NULL) != OK) fail_msg("%s: %s", expression, fault.text);
    if (vm_call(vm, L, 2, 0, &fault, NULL) != OK) fail_msg("%s: %s", expression, fault.text);
    assert_int_equal(strbuf_status(&r.out), OK);
    snprintf(out, size, "%s", strbuf_cstr(&r.out));
    strbuf_done(&r.out);
    vm_free(vm);
}

static void assert_pretty(const char *expression, const char *wanted)
{
    char got[8192];
    pretty(expression, 40, false, got, sizeof got);
    assert_string_equal(got, wanted);
}

static void plain_values_are_as_lua_writes_them(void **state)
{
    (void)state;
    assert_pretty("nil", "nil");
    assert_pretty("true", "true");
    assert_pretty("42", "42");
    assert_pretty("1.0", "1.0");
    assert_pretty("0.5", "0.5");
    assert_pretty("'text'", "\"text\"");
    assert_pretty("print", "function <built in>");
    assert_pretty("function() end", "function <test:1>");
}

static void short_tables_take_one_line(void **state)
{
    (void)state;
    assert_pretty("{}", "{}");
    assert_pretty("{ 1, 'two', { 3 } }", "{ 1, \"two\", { 3 } }");
    assert_pretty("{ b = 1, a = { c = {} } }", "{ a = { c = {} }, b = 1 }");
}

static void keys_are_sorted_numbers_before_names(void **state)
{
    (void)state;
    assert_pretty("{ 'l', z = 1, [10] = 2, a = 3, [2.5] = 4, [true] = 5 }",
                  "{\n  \"l\",\n  [true] = 5,\n  [2.5] = 4,\n  [10] = 2,\n  a = 3,\n  z = 1,\n}");
}

static void names_that_are_no_identifiers_are_quoted(void **state)
{
    (void)state;
    assert_pretty("{ ['a b'] = 1, ['end'] = 2, ok_1 = 3 }",
                  "{ [\"a b\"] = 1, [\"end\"] = 2, ok_1 = 3 }");
}

static void what_does_not_fit_has_a_line_an_item(void **state)
{
    (void)state;
    assert_pretty("{ name = 'a rather long text', inner = { x = 1, y = 2 } }",
                  "{\n  inner = { x = 1, y = 2 },\n  name = \"a rather long text\",\n}");
}

static void numbers_of_a_list_share_lines(void **state)
{
    (void)state;
    assert_pretty("{ 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007 }",
                  "{\n  1000, 1001, 1002, 1003, 1004, 1005,\n  1006, 1007,\n}");
}

static void cycles_are_named(void **state)
{
    (void)state;
    assert_pretty("(function() local t = {1}; t.self = t; return t end)()",
                  "{ 1, self = <cycle> }");
}

static void the_same_table_twice_is_no_cycle(void **state)
{
    (void)state;
    assert_pretty("(function() local t = {1}; return {t, t} end)()", "{ { 1 }, { 1 } }");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_pretty("{{{{{{1}}}}}}", "{ { { { {...} } } } }");
    assert_pretty("{{{{{}}}}}", "{ { { { {} } } } }");
}

static void width_is_bounded(void **state)
{
    (void)state;
    char got[8192];
    pretty("(function() local t = {} for i = 1, 173 do t[i] = i end return t end)()", 40, false,
           got, sizeof got);
    assert_contains(got, " 50,\n  ... 123 more\n}");
    assert_null(strstr(got, " 51,"));
}

static void a_huge_table_shows_its_beginning(void **state)
{
    (void)state;
    char got[8192];
    pretty("(function() local t = {} for i = 1, 20000 do t['k' .. i] = i end return t end)()", 40,
           false, got, sizeof got);
    assert_contains(got, "... 19950 more");
}

static void tables_full_of_tables_are_bounded_as_a_whole(void **state)
{
    (void)state;
    static char got[200000];
    pretty(
        "(function() local function t(d) local r = {} for i = 1, 40 do r[i] = d > 0 and t(d - 1) "
        "or 'some text' end return r end return t(2) end)()",
        40, false, got, sizeof got);
    int texts = 0;
    for (const char *at = got; (at = strstr(at, "some text")); at++)
        texts++;
    assert_in_range(texts, 900, PRETTY_TOTAL + PRETTY_ITEMS);
    assert_contains(got, "{...}");
}

static void long_strings_are_cut_and_counted(void **state)
{
    (void)state;
    char got[8192];
    pretty("string.rep('x', 5000)", 40, false, got, sizeof got);
    assert_int_equal(strlen(got), 1 + PRETTY_STRING_BYTES + strlen("...\" (5000 bytes)"));
    assert_contains(got, "x...\" (5000 bytes)");
}

static void nothing_in_a_string_can_move_the_cursor(void **state)
{
    (void)state;
    assert_pretty("'a\\n\\27[2J\\0\\\"\\\\'", "\"a\\n\\x1b[2J\\x00\\\"\\\\\"");
    assert_pretty("'caf\\u{e9} \\xff'", "\"caf\303\251 \\xff\"");
    assert_pretty("'\\u{9b}31m'", "\"\\xc2\\x9b31m\"");
}

static void tostring_is_honoured(void **state)
{
    (void)state;
    assert_pretty("setmetatable({1}, {__tostring = function() return 'a thing' end})", "a thing");
    assert_pretty("{ setmetatable({}, {__tostring = function() return 'a\\nb' end}) }", "{ a b }");
}

static void a_tostring_that_throws_does_no_harm(void **state)
{
    (void)state;
    assert_pretty("setmetatable({1}, {__tostring = function() error('no') end})", "{ 1 }");
    assert_pretty("setmetatable({1}, {__tostring = function() return {} end})", "{ 1 }");
}

static void metamethods_are_not_called_for_content(void **state)
{
    (void)state;
    assert_pretty("setmetatable({1}, {__index = error, __len = error, __pairs = error})", "{ 1 }");
}

static void colours_do_not_count_as_width(void **state)
{
    (void)state;
    char got[8192];
    pretty("{ 100001, 100002, 100003, 100004 }", 40, true, got, sizeof got);
    assert_null(strchr(got, '\n'));
    assert_contains(got, "\033[36m100001\033[0m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values_are_as_lua_writes_them),
        cmocka_unit_test(short_tables_take_one_line),
        cmocka_unit_test(keys_are_sorted_numbers_before_names),
        cmocka_unit_test(names_that_are_no_identifiers_are_quoted),
        cmocka_unit_test(what_does_not_fit_has_a_line_an_item),
        cmocka_unit_test(numbers_of_a_list_share_lines),
        cmocka_unit_test(cycles_are_named),
        cmocka_unit_test(the_same_table_twice_is_no_cycle),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(width_is_bounded),
        cmocka_unit_test(a_huge_table_shows_its_beginning),
        cmocka_unit_test(tables_full_of_tables_are_bounded_as_a_whole),
        cmocka_unit_test(long_strings_are_cut_and_counted),
        cmocka_unit_test(nothing_in_a_string_can_move_the_cursor),
        cmocka_unit_test(tostring_is_honoured),
        cmocka_unit_test(a_tostring_that_throws_does_no_harm),
        cmocka_unit_test(metamethods_are_not_called_for_content),
        cmocka_unit_test(colours_do_not_count_as_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
