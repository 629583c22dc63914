/* Facts about what a policy may use of Lua: what is there, what is not, and that it is bounded. */
#include "moontide/vm/convert.h"
#include "moontide/vm/vm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct vm *new_state(bool sandboxed)
{
    struct vm *vm = NULL;
    /* more memory than the default, so that the other bounds are met first */
    struct vm_options options = {.sandboxed = sandboxed, .memory_limit_bytes = 256 << 20};
    assert_int_equal(vm_new(&options, &vm), OK);
    vm_module(vm_lua(vm), "json", open_json);
    return vm;
}

static int run(struct vm *vm, const char *source, struct fault *fault)
{
    int code = vm_load(vm, source, strlen(source), "@policies/a.lua", fault);
    if (code != OK) fail_msg("%s\n%s:%d: %s", source, fault->file, fault->line, fault->text);
    vm_budget(vm, &(struct vm_budget){.instructions = 20000000, .wall_ms = 60000, .what = "test"});
    return vm_call(vm, vm_lua(vm), 0, 1, fault, NULL);
}

/* Each chunk must return true. */
static void holds(struct vm *vm, const char *const *sources, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fault fault;
        if (run(vm, sources[i], &fault) != OK) fail_msg("%s\n%s", sources[i], fault.text);
        if (!lua_isboolean(vm_lua(vm), -1) || !lua_toboolean(vm_lua(vm), -1))
            fail_msg("not true: %s", sources[i]);
        lua_pop(vm_lua(vm), 1);
    }
}

struct refusal {
    const char *source, *text;
};

static void refuses(const struct refusal *cases, size_t n)
{
    struct vm *vm = new_state(true);
    for (size_t i = 0; i < n; i++) {
        struct fault fault = {0};
        if (run(vm, cases[i].source, &fault) == OK) fail_msg("not refused: %s", cases[i].source);
        if (!strstr(fault.text, cases[i].text)) fail_msg("%s\n%s", cases[i].source, fault.text);
        assert_string_equal(fault.file, "policies/a.lua");
        assert_int_equal(fault.line, 1);
    }
    vm_free(vm);
}

static void what_harms_is_not_there(void **state)
{
    (void)state;
    static const char *const names[] = {"io",     "os",       "debug",      "package",
                                        "dofile", "loadfile", "loadstring", "warn"};
    struct vm *vm = new_state(true);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char source[64];
        snprintf(source, sizeof(source), "return rawget(_G, '%s') == nil", names[i]);
        const char *const sources[] = {source};
        holds(vm, sources, 1);
    }
    static const char *const sources[] = {
        "return string.dump == nil",
        "return ('').dump == nil",
        "return getmetatable('') == nil",
        "return getmetatable(print) == nil",
        "return getmetatable(_G) == 'globals'",
        "return not pcall(setmetatable, _G, {})",
        "return type(collectgarbage('count')) == 'number'",
    };
    holds(vm, sources, COUNT_OF(sources));
    vm_free(vm);
}

static void misuse_is_refused_with_file_and_line(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"return isue", "unknown name 'isue'"},
        {"return tostrin(1)", "unknown name 'tostrin' (did you mean 'tostring'?)"},
        {"collectgarbage()", "only \"count\" is allowed"},
        {"return load('\\27Lua')", ""},
        {"error(select(2, load('\\27LuaS')))", "attempt to load a binary chunk"},
        {"error(select(2, load(function() return nil end, 'n', 'b')) or 'text anyway')",
         "text anyway"},
        {"setmetatable({}, {__gc = 1})", "__gc is not allowed"},
        {"setmetatable({}, setmetatable({}, {__index = {__gc = 1}})) error('fine')", "fine"},
        {"rawset(setmetatable({}, {__metatable = false}), 'a', 1)", "read-only"},
        {"table.insert(setmetatable({}, {__metatable = false}), 1)", "read-only"},
        {"setmetatable(setmetatable({}, {__metatable = false}), nil)", "protected metatable"},
        {"return ('x'):rep(1e9)", "the result is longer than 16777216 bytes"},
        {"return ('xy'):rep(1e18)", "the result is longer than"},
        {"return ('x'):rep(10, ('y'):rep(2000000))", "the result is longer than"},
        {"table.move({}, 1, 1e15, 5)", "the limit is 1000000"},
        {"table.move({}, math.mininteger, math.maxinteger, 5)", "the limit is 1000000"},
        {"return table.unpack({}, 1, 1e7)", "the limit is 1000000"},
        {"return table.concat({}, '', 1, 1e9)", "the limit is 1000000"},
        {"return table.concat(setmetatable({}, {__len = function() return 1 << 60 end}))",
         "the limit is 1000000"},
        {"local x, t = ('x'):rep(1000000), {} for i = 1, 20 do t[i] = x end return table.concat(t)",
         "the result is longer than"},
        {"return ('a'):rep(200):find(('.-'):rep(8) .. 'b')", "too many steps"},
        {"return ('a'):rep(30000):match('(.-)%1b')", "too many steps"},
        {"return ('x'):rep(10000):gsub('x', ('y'):rep(10000))", "the result is longer than"},
        {"return ('x'):format(string.rep('%d', 300))", ""},
        {"coroutine.yield(1)", "attempt to yield from outside a coroutine"},
        {"return math.random(2, 1)", "interval is empty"},
        {"return json.decode('[1,')", "json.decode: JSON: malformed input"},
        {"return json.encode(print)", "json.encode: functions cannot be stored"},
        {"require('os')", "no module 'os'"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (cases[i].text[0]) refuses(&cases[i], 1);
}

static void bounded_functions_end_at_once(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "return string.rep('', 1e18) == ''",
        "local t = setmetatable({}, {__len = function() return 1e18 end}) table.insert(t, 'a') "
        "return rawget(t, 1) == 'a'",
        "local t = setmetatable({1, 2}, {__len = function() return 1e18 end}) return "
        "table.remove(t) == 2 and rawlen(t) == 1",
        "local t = setmetatable({3, 1, 2}, {__len = function() return 1e18 end}) table.sort(t) "
        "return t[1] == 1 and t[3] == 3",
        "return #('x'):rep(1000000) == 1000000",
        "return ('a'):rep(100000):find('b') == nil",
        "return ('a'):rep(100000):find('[b]') == nil",
        "return select('#', ('a'):rep(100000):gsub('a', 'b')) == 2",
    };
    struct vm *vm = new_state(true);
    holds(vm, sources, COUNT_OF(sources));
    vm_free(vm);
}

static void pairs_has_a_fixed_order(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "local t = {z = 1, a = 2, [3] = 3, [1] = 4, [2.5] = 5, [true] = 6, [false] = 7, ['2'] = 8, "
        "[-1] = 9} local s = '' for k, v in pairs(t) do s = s .. tostring(k) .. '=' .. v .. ' ' "
        "end "
        "return s == '-1=9 1=4 2.5=5 3=3 2=8 a=2 z=1 false=7 true=6 '",
        "local t = {10, 20, 30, nil, 50, n = 1} local s = '' for k in pairs(t) do s = s .. k end "
        "return s == '1235n'",
        "local s = '' for k in pairs({}) do s = s .. k end return s == ''",
        "local t = {a = 1, b = 2, c = 3} local n = 0 for k in pairs(t) do t[k] = nil n = n + 1 end "
        "return n == 3 and next(t) == nil",
        "local t = {a = 1, b = 2, c = 3} local s = '' for k in pairs(t) do t.b = nil s = s .. k "
        "end "
        "return s == 'ac'",
        "local s = '' for k, v in pairs(setmetatable({}, {__pairs = function(t) return next, {x = "
        "1}, "
        "nil end})) do s = s .. k .. v end return s == 'x1'",
        "local s = '' local t = {b = 1, a = 2, 5} local k, v = next(t) while k ~= nil do s = s .. "
        "tostring(k) .. v k, v = next(t, k) end return s == '15a2b1'",
        "local s = '' for k, v in next, {y = 1, x = 2} do s = s .. k .. v end return s == 'x2y1'",
        "local t = {} for i = 1, 5000 do t['k' .. i] = i end local last = '' for k in pairs(t) do "
        "assert(k > last) last = k end return true",
        "local t = {} for i = 1, 100 do t[{}] = i end local n = 0 for k in pairs(t) do n = n + 1 "
        "end "
        "return n == 100",
    };
    struct vm *vm = new_state(true);
    holds(vm, sources, COUNT_OF(sources));
    vm_free(vm);
}

static void random_numbers_follow_the_seed(void **state)
{
    (void)state;
    struct vm *vm = new_state(true);
    struct fault fault;
    lua_State *L = vm_lua(vm);
    const char *draw = "local t = {} for i = 1, 20 do t[i] = math.random(1, 1000) end "
                       "return table.concat(t, ' ')";
    for (uint64_t seed = 1; seed <= 2; seed++) {
        for (int i = 0; i < 2; i++) {
            vm_seed(vm, seed);
            assert_int_equal(run(vm, draw, &fault), OK);
        }
        assert_string_equal(lua_tostring(L, -1), lua_tostring(L, -2));
    }
    assert_string_not_equal(lua_tostring(L, -1), lua_tostring(L, -3));
    lua_settop(L, 0);
    static const char *const sources[] = {
        "for i = 1, 1000 do local x = math.random() assert(x >= 0 and x < 1) end return true",
        "for i = 1, 1000 do local x = math.random(3) assert(x >= 1 and x <= 3) end return true",
        "local x = math.random(math.mininteger, math.maxinteger) return math.type(x) == 'integer'",
        "return math.random(5, 5) == 5",
        "math.randomseed(7) local a = math.random(0) math.randomseed(7) return a == math.random(0)",
        "local sum = 0 for i = 1, 10000 do sum = sum + math.random() end "
        "return sum > 4800 and sum < 5200",
    };
    holds(vm, sources, COUNT_OF(sources));
    vm_free(vm);
}

/* What is replaced must mean what Lua's manual says: the same chunks in Lua's own library. */
static void the_library_means_what_the_manual_says(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "local t = {1, 2, 3} table.insert(t, 4) table.insert(t, 1, 0) return table.concat(t, ',') "
        "== "
        "'0,1,2,3,4'",
        "local t = {1, 2, 3} return table.remove(t, 1) == 1 and table.remove(t) == 3 and #t == 1",
        "return table.remove({}) == nil and not pcall(table.remove, {1}, 5)",
        "return not pcall(table.insert, {1}, 5, 1) and not pcall(table.insert, {1}, 1, 2, 3)",
        "local t = table.move({1, 2, 3}, 1, 3, 2) return table.concat(t) == '1123'",
        "local t = table.move({1, 2, 3}, 2, 3, 1) return table.concat(t) == '233'",
        "local t = table.move({1, 2, 3}, 1, 3, 1, {}) return table.concat(t) == '123'",
        "return table.concat({1, 2.5, 'x'}, '-', 2) == '2.5-x' and table.concat({}, 'x') == ''",
        "return not pcall(table.concat, {1, {}, 2})",
        "return select('#', table.unpack({1, nil, 3}, 1, 3)) == 3 and table.pack(1, nil).n == 2",
        "local t = {5, 3, 8, 1, 9, 2} table.sort(t) return table.concat(t) == '123589'",
        "local t = {5, 3, 8, 1, 9, 2} table.sort(t, function(a, b) return a > b end) "
        "return table.concat(t) == '985321'",
        "local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1009 end table.sort(t) "
        "for i = 2, #t do assert(t[i - 1] <= t[i]) end return true",
        "return not pcall(table.sort, {1, 'x', 2})",
        "return ('ab'):rep(3, ',') == 'ab,ab,ab' and ('x'):rep(0) == '' and ('x'):rep(-1) == ''",
        "return ('%5.2f|%d|%s|%q'):format(3.14159, 42, 'x', 'y') == ' 3.14|42|x|\"y\"'",
        "return ('hello'):upper() == 'HELLO' and ('abc'):reverse() == 'cba' and ('abc'):byte(2) == "
        "98",
        "return utf8.len('häß') == 3 and utf8.char(228) == 'ä'",
        "for p, c in utf8.codes('ä') do return p == 1 and c == 228 end",
        "return tonumber('0x10') == 16 and tonumber('z', 36) == 35 and tonumber('x') == nil",
        "return select(2, pcall(error, 'm', 0)) == 'm' and select('#', pcall(error)) == 2",
        "return select(2, xpcall(error, function(m) return m .. '!' end, 'm')) == 'm!'",
        "return select('#', xpcall(function(...) return ... end, print, 1, 2, nil)) == 4",
        "local ok, e = pcall(function() local x <close> = setmetatable({}, {__close = function(_, "
        "e) "
        "error('second', 0) end}) error('first', 0) end) return e == 'second'",
        "return load('return ...')(5) == 5 and load('syntax error here') == nil",
        "local n = 0 return load(function() n = n + 1 return ({'return ', '42'})[n] end)() == 42",
        "local env = {} load('x = 1', 'n', 't', env)() return env.x == 1 and rawget(_G, 'x') == "
        "nil",
        "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) return c * 2 "
        "end) "
        "local _, s = coroutine.resume(co, 1, 2) local _, d = coroutine.resume(co, 10) "
        "return s == 3 and d == 20 and coroutine.status(co) == 'dead'",
        "local ok, e = coroutine.resume(coroutine.create(function() error('in', 0) end)) "
        "return ok == false and e == 'in'",
        "local co = coroutine.create(function() error({}) end) coroutine.resume(co) "
        "return coroutine.status(co) == 'dead' and not coroutine.resume(co)",
        "local s = '' for v in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end "
        "end) do "
        "s = s .. v end return s == '123'",
        "local co co = coroutine.create(function() return coroutine.status(co), "
        "coroutine.running() "
        "end) local _, s, me, main = coroutine.resume(co) return s == 'running' and me == co and "
        "not main",
        "local co = coroutine.create(function() coroutine.yield() end) coroutine.resume(co) "
        "return coroutine.close(co) and coroutine.status(co) == 'dead'",
        "local closed local co = coroutine.create(function() local x <close> = setmetatable({}, "
        "{__close = function() closed = true end}) coroutine.yield() end) coroutine.resume(co) "
        "coroutine.close(co) return closed",
        "local co = coroutine.create(function() local x <close> = setmetatable({}, {__close = "
        "function() error('c', 0) end}) coroutine.yield() end) coroutine.resume(co) "
        "local ok, e = coroutine.close(co) return ok == false and e == 'c'",
        "local co = coroutine.wrap(function() return pcall(pcall, error, 'x') end) "
        "return select('#', co()) == 3",
        "local co co = coroutine.create(function() return coroutine.resume(co) end) "
        "local _, ok, e = coroutine.resume(co) return not ok and e:find('non%-suspended') ~= nil",
        "return select('#', coroutine.resume(coroutine.create(function() end))) == 1",
        "return coroutine.isyieldable() == false",
        "return coroutine.wrap(function() return coroutine.isyieldable() end)()",
        "local co = coroutine.wrap(function() error('w', 0) end) return select(2, "
        "pcall(co)):find('w') "
        "~= nil and not pcall(co)",
        "local t = setmetatable({}, {__index = function(_, k) return k .. '!' end}) return t.a == "
        "'a!'",
        "return rawequal(getmetatable(setmetatable({}, {__metatable = 'm'})), 'm')",
        "return math.floor(2.5) == 2 and math.max(1, 3, 2) == 3 and math.tointeger('3') ~= 4",
        "return rawlen({1, 2}) == 2 and rawget({a = 1}, 'a') == 1 and rawequal('a', 'a')",
        "local s = '' for i, v in ipairs({'a', 'b', nil, 'd'}) do s = s .. i .. v end return s == "
        "'1a2b'",
        "return _VERSION == 'Lua 5.4' and _G._G == _G",
    };
    for (int sandboxed = 0; sandboxed < 2; sandboxed++) {
        struct vm *vm = new_state(sandboxed);
        holds(vm, sources, COUNT_OF(sources));
        vm_free(vm);
    }
}

static void a_script_has_the_whole_library(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "return type(io.open) == 'function' and type(os.time()) == 'number'",
        "return type(debug.traceback()) == 'string' and unknown == nil",
        "return load(string.dump(function() return 7 end), 'x', 'b')() == 7",
        "return require('string') == string and package.loaded.table == table",
        "local done = false do local t = setmetatable({}, {__gc = function() done = true end}) end "
        "collectgarbage() return done",
    };
    struct vm *vm = new_state(false);
    holds(vm, sources, COUNT_OF(sources));
    vm_free(vm);
}

static void one_state_cannot_reach_another(void **state)
{
    (void)state;
    struct vm *a = new_state(true);
    struct vm *b = new_state(true);
    struct fault fault;
    assert_int_equal(run(a, "string.format = nil math = nil x = 1", &fault), OK);
    static const char *const sources[] = {"return type(string.format) == 'function' and type(math) "
                                          "== 'table' and rawget(_G, 'x') == nil "
                                          "and ('abc'):len() == 3"};
    holds(b, sources, 1);
    vm_free(a);
    vm_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_harms_is_not_there),
        cmocka_unit_test(misuse_is_refused_with_file_and_line),
        cmocka_unit_test(bounded_functions_end_at_once),
        cmocka_unit_test(pairs_has_a_fixed_order),
        cmocka_unit_test(random_numbers_follow_the_seed),
        cmocka_unit_test(the_library_means_what_the_manual_says),
        cmocka_unit_test(a_script_has_the_whole_library),
        cmocka_unit_test(one_state_cannot_reach_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
