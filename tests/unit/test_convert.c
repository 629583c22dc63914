/* Facts about JSON and Lua values, and about the argument checks that bindings share. */
#include "moontide/vm/convert.h"

#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct vm *new_state(void)
{
    struct vm *vm = NULL;
    assert_int_equal(vm_new(&(struct vm_options){.sandboxed = true}, &vm), OK);
    vm_module(vm_lua(vm), "json", open_json);
    return vm;
}

/* Leaves what the chunk returns on the main stack. */
static void evaluate(struct vm *vm, const char *source)
{
    struct fault fault;
    if (vm_load(vm, source, strlen(source), "@a.lua", &fault) != OK ||
        vm_call(vm, vm_lua(vm), 0, 1, &fault, NULL) != OK)
        fail_msg("%s: %s", source, fault.text);
}

static void values_become_json(void **state)
{
    (void)state;
    static const struct {
        const char *source, *json;
    } cases[] = {
        {"return nil", "null"},
        {"return json.null", "null"},
        {"return {a = json.null, b = {json.null, 1}}", "{\"a\":null,\"b\":[null,1]}"},
        {"return true", "true"},
        {"return 9223372036854775807", "9223372036854775807"},
        {"return math.mininteger", "-9223372036854775808"},
        {"return 3.0", "3.0"},
        {"return -0.0", "-0.0"},
        {"return 0.1", "0.1"},
        {"return 1e300", "1e+300"},
        {"return 'a\\0\"\\n\\u{e9}'", "\"a\\u0000\\\"\\n\xc3\xa9\""},
        {"return {}", "{}"},
        {"return json.array{}", "[]"},
        {"return json.array()", "[]"},
        {"return {1, 2, {3}}", "[1,2,[3]]"},
        {"return {b = 1, a = 2, ['a.b'] = 3, A = 4}", "{\"A\":4,\"a\":2,\"a.b\":3,\"b\":1}"},
        {"local t = {} return {t, t}", "[{},{}]"},
        {"local t = {1, 2, 3} t[3] = nil return t", "[1,2]"},
        {"return {x = setmetatable({1}, {__index = error, __len = error, __pairs = error})}",
         "{\"x\":[1]}"},
    };
    struct vm *vm = new_state();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct strbuf out;
        struct fault fault;
        strbuf_init(&out, 1 << 20);
        evaluate(vm, cases[i].source);
        if (convert_to_json(vm_lua(vm), -1, "v", &out, &fault) != OK) fail_msg("%s", fault.text);
        assert_string_equal(strbuf_cstr(&out), cases[i].json);
        assert_int_equal(lua_gettop(vm_lua(vm)), 1);
        lua_settop(vm_lua(vm), 0);
        strbuf_done(&out);
    }
    vm_free(vm);
}

static void what_cannot_be_json_is_refused_with_its_path(void **state)
{
    (void)state;
    static const struct {
        const char *source, *text;
        int code;
    } cases[] = {
        {"return print", "memo: functions cannot be stored", ERR_INVALID},
        {"return {seen = {1, 2, print}}", "memo.seen[3]: functions cannot be stored", ERR_INVALID},
        {"return {a = {b = {c = 0/0}}}", "memo.a.b.c: not a finite number", ERR_INVALID},
        {"return {math.huge}", "memo[1]: not a finite number", ERR_INVALID},
        {"local t = {} t.me = t return t", "memo.me: a table that contains itself", ERR_INVALID},
        {"return {1, 2, x = 3}", "memo: a table with both list items and fields", ERR_INVALID},
        {"return {a = {[1] = 1, [3] = 3}}", "memo.a: a list with holes", ERR_INVALID},
        {"return {[1.5] = 1}", "memo: keys must be strings, or 1 to n", ERR_INVALID},
        {"return {[true] = 1}", "memo: keys must be strings, or 1 to n", ERR_INVALID},
        {"return {[0] = 1}", "memo: keys must be strings, or 1 to n", ERR_INVALID},
        {"return {coroutine.create(print)}",
         "memo[1]: only strings, numbers, booleans and tables can be stored", ERR_INVALID},
        {"local t = {} for i = 1, 127 do t = {t} end return {t = t, s = ('x'):rep(100000)}",
         "memo.s: the text is too long", ERR_LIMIT},
    };
    struct vm *vm = new_state();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct strbuf out;
        struct fault fault;
        strbuf_init(&out, 65536);
        evaluate(vm, cases[i].source);
        assert_int_equal(convert_to_json(vm_lua(vm), -1, "memo", &out, &fault), cases[i].code);
        assert_string_equal(fault.text, cases[i].text);
        assert_int_equal(lua_gettop(vm_lua(vm)), 1);
        lua_settop(vm_lua(vm), 0);
        strbuf_done(&out);
    }
    vm_free(vm);
}

static void depth_is_bounded_both_ways(void **state)
{
    (void)state;
    struct vm *vm = new_state();
    lua_State *L = vm_lua(vm);
    for (int depth = CONVERT_DEPTH_MAX; depth <= CONVERT_DEPTH_MAX + 1; depth++) {
        char source[128];
        struct strbuf out;
        struct fault fault;
        snprintf(source, sizeof(source), "local t = 1 for i = 1, %d do t = {t} end return t",
                 depth);
        strbuf_init(&out, 65536);
        evaluate(vm, source);
        bool fits = depth == CONVERT_DEPTH_MAX;
        assert_int_equal(convert_to_json(L, -1, "v", &out, &fault), fits ? OK : ERR_LIMIT);
        strbuf_reset(&out);
        for (int i = 0; i < depth; i++)
            strbuf_addc(&out, '[');
        for (int i = 0; i < depth; i++)
            strbuf_addc(&out, ']');
        assert_int_equal(convert_from_json(L, strbuf_cstr(&out), out.len, &fault),
                         fits ? OK : ERR_LIMIT);
        lua_settop(L, 0);
        strbuf_done(&out);
    }
    vm_free(vm);
}

static void json_comes_back_as_it_was(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null",
        "true",
        "1",
        "-9223372036854775808",
        "9223372036854775807",
        "3.0",
        "0.1",
        "1e+300",
        "\"a\\u0000b\"",
        "\"\xc3\xa9\"",
        "[]",
        "{}",
        "[1,[],{}]",
        "{\"a\":[null,false],\"b\":{\"c\":1.5}}",
    };
    struct vm *vm = new_state();
    lua_State *L = vm_lua(vm);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct strbuf out;
        struct fault fault;
        strbuf_init(&out, 65536);
        assert_int_equal(convert_from_json(L, texts[i], strlen(texts[i]), &fault), OK);
        assert_int_equal(lua_gettop(L), 1);
        assert_int_equal(convert_to_json(L, -1, "v", &out, &fault), OK);
        assert_string_equal(strbuf_cstr(&out), texts[i]);
        lua_settop(L, 0);
        strbuf_done(&out);
    }
    vm_free(vm);
}

static void malformed_json_pushes_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    " ",       "[1,",  "{\"a\"}", "nul",
                                        "1 2", "\"\\x\"", "[1]]", "{1:2}"};
    struct vm *vm = new_state();
    lua_State *L = vm_lua(vm);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct fault fault;
        assert_int_equal(convert_from_json(L, texts[i], strlen(texts[i]), &fault), ERR_PARSE);
        assert_non_null(strstr(fault.text, "JSON: malformed input at byte"));
        assert_int_equal(lua_gettop(L), 0);
    }
    vm_free(vm);
}

static void the_json_module_encodes_and_decodes(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "return json.encode({a = {1, 2}, b = json.array{}, c = {}}, {indent = true}) == "
        "'{\\n  \"a\": [\\n    1,\\n    2\\n  ],\\n  \"b\": [],\\n  \"c\": {}\\n}'",
        "return json.encode({'{', '\"', '\\\\'}, {indent = 1}) == '[\\n \"{\",\\n \"\\\\\"\",\\n "
        "\"\\\\\\\\\"\\n]'",
        "return json.decode('{\"n\": 12345678901234567}').n == 12345678901234567",
        "return math.type(json.decode('1')) == 'integer' and math.type(json.decode('1.0')) == "
        "'float'",
        "return json.decode('null') == json.null and json.null ~= nil",
        "return json.decode('\"a\\\\u0000b\"') == 'a\\0b'",
        "return json.encode(json.decode('[]')) == '[]'",
        "return select(2, pcall(json.encode, 1, {indnt = 1})):find(\"unknown field 'indnt' (did "
        "you mean "
        "'indent'?)\", 1, true) ~= nil",
        "return not pcall(json.array, setmetatable({}, {}))",
    };
    struct vm *vm = new_state();
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        evaluate(vm, sources[i]);
        if (!lua_toboolean(vm_lua(vm), -1)) fail_msg("%s", sources[i]);
        lua_settop(vm_lua(vm), 0);
    }
    vm_free(vm);
}

static int duration_of(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)convert_duration_ms(L, 1, "every"));
    return 1;
}

static int check_issue(lua_State *L)
{
    static const char *const known[] = {"type", "severity", "when", NULL};
    convert_check_fields(L, 1, "issue", known);
    return 0;
}

static void arguments_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        lua_Integer ms;
        const char *text;
    } cases[] = {
        {"return duration(1.5)", 1500, NULL},
        {"return duration('5m')", 300000, NULL},
        {"return duration('30')", 30000, NULL},
        {"return duration(-1)", 0, "every: '-1' is no duration"},
        {"return duration(0/0)", 0, "is no duration"},
        {"return duration('soon')", 0, "every: 'soon' is no duration"},
        {"return duration({})", 0,
         "every: expected seconds or a duration such as \"5m\", got table"},
        {"check{type = 1, 'x'} return 0", 0, NULL},
        {"check{serverity = 1}", 0, "issue: unknown field 'serverity' (did you mean 'severity'?)"},
        {"check{zzzzzzz = 1}", 0, "issue: unknown field 'zzzzzzz'"},
    };
    struct vm *vm = new_state();
    lua_State *L = vm_lua(vm);
    lua_pushcfunction(L, duration_of);
    lua_setglobal(L, "duration");
    lua_pushcfunction(L, check_issue);
    lua_setglobal(L, "check");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault;
        const char *source = cases[i].source;
        assert_int_equal(vm_load(vm, source, strlen(source), "@a.lua", &fault), OK);
        int code = vm_call(vm, L, 0, 1, &fault, NULL);
        if (cases[i].text) {
            assert_int_equal(code, ERR_LUA);
            if (!strstr(fault.text, cases[i].text)) fail_msg("%s", fault.text);
            assert_int_equal(fault.line, 1);
        } else {
            assert_int_equal(code, OK);
            assert_int_equal(lua_tointeger(L, -1), cases[i].ms);
            lua_pop(L, 1);
        }
    }
    vm_free(vm);
}

static const char document[] =
    "{\"list\":[1,2.5,\"three\",null,true,[],{}],\"text\":\"with \\u0000 and \\\" in it\",\"deep\":"
    "{\"a\":{\"b\":{\"c\":[[[\"a string that is longer than forty bytes, so not interned\"]]]}}},"
    "\"a key that is longer than forty bytes, so not interned\":1}";

/* There and back. Returns the first failure. */
static int round_trip(lua_State *L, struct fault *fault)
{
    struct strbuf out;
    strbuf_init(&out, 65536);
    int top = lua_gettop(L);
    int code = convert_from_json(L, document, sizeof(document) - 1, fault);
    if (code == OK) code = convert_to_json(L, -1, "v", &out, fault);
    if (code == OK) assert_true(out.len > 100);
    strbuf_done(&out);
    assert_in_range(lua_gettop(L), top, top + 1);
    lua_settop(L, top);
    return code;
}

static void conversion_outlives_each_failing_allocation(void **state)
{
    (void)state;
    struct vm *vm = new_state();
    struct fault fault;
    bool all = false;
    int failed = 0;
    for (unsigned n = 1; n < 10000 && !all; n++) {
        alloc_fail_at(n);
        int code = round_trip(vm_lua(vm), &fault);
        all = !alloc_fail_done();
        assert_true(code == OK || code == ERR_NOMEM); /* Lua collects and tries once more */
        failed += code != OK;
    }
    assert_true(all);
    assert_true(failed > 0);
    assert_int_equal(round_trip(vm_lua(vm), &fault), OK);
    vm_free(vm);
}

static void conversion_outlives_a_full_state(void **state)
{
    (void)state;
    int full = 0;
    bool fits = false;
    for (size_t room = 0; room < 100000 && !fits; room += 64) {
        struct vm *vm = NULL;
        struct vm_options options = {.sandboxed = true, .memory_limit_bytes = 1 << 20};
        assert_int_equal(vm_new(&options, &vm), OK);
        lua_State *L = vm_lua(vm);
        lua_gc(L, LUA_GCCOLLECT);
        lua_newuserdatauv(L, options.memory_limit_bytes - vm_memory_bytes(vm) - room - 64, 0);
        struct fault fault;
        int code = round_trip(L, &fault);
        assert_true(code == OK || code == ERR_MEMORY_CAP);
        full += code != OK;
        fits = code == OK;
        vm_free(vm);
    }
    assert_true(full > 5);
    assert_true(fits);
}

static void a_state_outlives_each_failing_allocation(void **state)
{
    (void)state;
    bool all = false;
    for (unsigned n = 1; n < 10000 && !all; n++) {
        struct vm *vm = NULL;
        alloc_fail_at(n);
        int code = vm_new(&(struct vm_options){.sandboxed = true}, &vm);
        all = !alloc_fail_done();
        assert_true(code == OK || code == ERR_NOMEM);
        assert_true((vm != NULL) == (code == OK));
        vm_free(vm);
    }
    assert_true(all);
}

/* The reader guesses the next key from the objects before: the same names in other orders,
 * escaped, with space about them, at other depths, and what is no JSON but close to what was read
 * before. The encoder sorts. */
static void keys_are_those_of_the_text_whatever_came_before(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted; /* NULL: it is refused */
    } rows[] = {
        {"[{\"aa\":1,\"bb\":2,\"cc\":3},{\"aa\":4,\"bb\":5,\"cc\":6}]",
         "[{\"aa\":1,\"bb\":2,\"cc\":3},{\"aa\":4,\"bb\":5,\"cc\":6}]"},
        {"[{\"cc\":1,\"aa\":2},{\"bb\":3},{\"aa\":4,\"cc\":5,\"bb\":6}]",
         "[{\"aa\":2,\"cc\":1},{\"bb\":3},{\"aa\":4,\"bb\":6,\"cc\":5}]"},
        {"[{\"aa\":1},{ \"aa\" : 3 , \"bb\" : 4 }]", "[{\"aa\":1},{\"aa\":3,\"bb\":4}]"},
        {"[{\"\\u0061a\":1,\"b\\u0062\":2},{\"aab\":1,\"b\":2}]",
         "[{\"aa\":1,\"bb\":2},{\"aab\":1,\"b\":2}]"},
        {"{\"aa\":{\"aa\":{\"aa\":[],\"bb\":[{\"aa\":1,\"bb\":2}]},\"bb\":0},\"bb\":{}}",
         "{\"aa\":{\"aa\":{\"aa\":[],\"bb\":[{\"aa\":1,\"bb\":2}]},\"bb\":0},\"bb\":{}}"},
        {"[{\"aa\":1,\"bb\":2,\"cc\":3,\"dd\":4},\"aa\",[\"bb\"],{\"aa\":\"bb\"}]",
         "[{\"aa\":1,\"bb\":2,\"cc\":3,\"dd\":4},\"aa\",[\"bb\"],{\"aa\":\"bb\"}]"},
        {"[{\"q\\\"x\":1},{\"q\\\"x\":2}]", "[{\"q\\\"x\":1},{\"q\\\"x\":2}]"},
        {"[{\"q\"x\":1}]", NULL},
        {"[{\"aa\":1,\"bb\"}]", NULL},
        {"[{\"aa\":1,}]", NULL},
        {"[{\"aa\":1\"bb\":2}]", NULL},
        {"[{,\"aa\":1}]", NULL},
        {"[\"aa\":1]", NULL},
        {"[{\"aa\":\"bb\":1}]", NULL},
    };
    struct vm *vm = new_state();
    lua_State *L = vm_lua(vm);
    for (size_t n = 0; n < 5 * COUNT_OF(rows); n++) {
        size_t i = n * 5 % COUNT_OF(rows); /* each after others, and again when it is known */
        struct fault fault = {0};
        struct strbuf out;
        strbuf_init(&out, 1000);
        int code = convert_from_json(L, rows[i].text, strlen(rows[i].text), &fault);
        if (!rows[i].wanted) {
            if (code != ERR_PARSE) fail_msg("%s was taken", rows[i].text);
            continue;
        }
        if (code != OK) fail_msg("%s: %s", rows[i].text, fault.text);
        assert_int_equal(convert_to_json(L, -1, "value", &out, &fault), OK);
        assert_string_equal(strbuf_cstr(&out), rows[i].wanted);
        strbuf_done(&out);
        lua_settop(L, 0);
    }
    vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_json),
        cmocka_unit_test(what_cannot_be_json_is_refused_with_its_path),
        cmocka_unit_test(depth_is_bounded_both_ways),
        cmocka_unit_test(json_comes_back_as_it_was),
        cmocka_unit_test(malformed_json_pushes_nothing),
        cmocka_unit_test(the_json_module_encodes_and_decodes),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(keys_are_those_of_the_text_whatever_came_before),
        cmocka_unit_test(conversion_outlives_each_failing_allocation),
        cmocka_unit_test(conversion_outlives_a_full_state),
        cmocka_unit_test(a_state_outlives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
