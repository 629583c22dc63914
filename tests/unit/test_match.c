/* Facts about patterns: the bounded matcher answers what Lua's own library answers. */
#include "moontide/vm/vm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Applies every pattern function and describes all that came back, errors by their kind alone. */
static const char describe_all[] =
    "local subject, pattern, init = ...\n"
    "local out = {}\n"
    "local function note(name, ok, ...)\n"
    "  if not ok then\n"
    "    out[#out + 1] = name .. ': error'\n"
    "    return\n"
    "  end\n"
    "  local n = select('#', ...)\n"
    "  local parts = {}\n"
    "  for i = 1, n do parts[i] = tostring((select(i, ...))) end\n"
    "  out[#out + 1] = name .. ': ' .. table.concat(parts, '|')\n"
    "end\n"
    "note('find', pcall(string.find, subject, pattern, init))\n"
    "note('match', pcall(string.match, subject, pattern, init))\n"
    "note('plain', pcall(string.find, subject, pattern, init, true))\n"
    "note('gsub', pcall(string.gsub, subject, pattern, '<%0>'))\n"
    "note('gsub1', pcall(string.gsub, subject, pattern, '%1', 2))\n"
    "note('gsubf', pcall(string.gsub, subject, pattern, function(...) return select('#', ...) "
    "end))\n"
    "note('gsubt', pcall(string.gsub, subject, pattern, {a = 'A', b = false}))\n"
    "note('gmatch', pcall(function()\n"
    "  local found = {}\n"
    "  for a, b in string.gmatch(subject, pattern) do\n"
    "    found[#found + 1] = tostring(a) .. ',' .. tostring(b)\n"
    "    if #found > 50 then break end\n"
    "  end\n"
    "  return table.concat(found, ';')\n"
    "end))\n"
    "return table.concat(out, '\\n')";

struct pair {
    struct vm *own, *lua;
};

static struct vm *open_state(bool sandboxed)
{
    struct vm *vm = NULL;
    struct fault fault;
    assert_int_equal(vm_new(&(struct vm_options){.sandboxed = sandboxed}, &vm), OK);
    assert_int_equal(vm_load(vm, describe_all, strlen(describe_all), "@describe.lua", &fault), OK);
    return vm;
}

static const char *answer(struct vm *vm, const char *subject, size_t subject_len,
                          const char *pattern, size_t pattern_len, int init)
{
    lua_State *L = vm_lua(vm);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lua_pushlstring(L, subject, subject_len);
    lua_pushlstring(L, pattern, pattern_len);
    lua_pushinteger(L, init);
    struct fault fault;
    if (vm_call(vm, L, 3, 1, &fault, NULL) != OK) fail_msg("%s: %s", pattern, fault.text);
    return lua_tostring(L, -1);
}

static void compare(struct pair *p, const char *subject, size_t subject_len, const char *pattern,
                    size_t pattern_len, int init)
{
    const char *own = answer(p->own, subject, subject_len, pattern, pattern_len, init);
    const char *lua = answer(p->lua, subject, subject_len, pattern, pattern_len, init);
    if (strcmp(own, lua) != 0)
        fail_msg("pattern '%s' on '%s' from %d\nours:\n%s\nLua's:\n%s", pattern, subject, init, own,
                 lua);
}

static void known_patterns_answer_as_lua_does(void **state)
{
    (void)state;
    static const char *const subjects[] = {
        "",          "a",      "hello world", "key = value",  "THE (quick) fox",
        "f(a(b)c)d", "x=1, y", "2026-01-31",  "  trim  ",     "aXb",
        "a.b-c",     "[[x]]",  "aaab",        "\"q\" 'q' \"", "%d+",
        "a\nb\tc",   "^a$",    "]]",
    };
    static const char *const patterns[] = {
        "",
        "a",
        "^a",
        "a$",
        "^$",
        ".",
        ".*",
        ".-",
        ".+",
        "a*",
        "a-b",
        "a?b",
        "%a+",
        "%s*",
        "(%w+)",
        "()",
        "(a)(b)",
        "((a)b)",
        "(%w+)%s*=%s*(%w+)",
        "%((.-)%)",
        "%b()",
        "%b\"\"",
        "%f[%w]%w+",
        "%f[%W]",
        "[a-z]+",
        "[^a-z]+",
        "[%a_]+",
        "[]]",
        "[^]]",
        "[]-]",
        "[a-]",
        "[-a]",
        "[%-x]",
        "(['\"])(.-)%1",
        "^%s*(.-)%s*$",
        "(%d+)-(%d+)-(%d+)",
        "%d%d?",
        "%.",
        "%%",
        "[%%]",
        "a**",
        "(a*(.)%w(%s*))",
        "$",
        "a$b",
        "^^",
        "%z",
        "[%z]",
        "%x+",
        "%p",
        "%c",
        "%g+",
        "%u%l*",
        "[%u%d]",
        "%A%D%S",
        "(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)",
        "(.-)(%s)",
        "^(.)(.*)$",
        "x-",
        "()a()",
        "[^%s]",
        "[a%]]",
        "[%]a]",
        "[^^]",
    };
    struct pair p = {open_state(true), open_state(false)};
    for (size_t s = 0; s < COUNT_OF(subjects); s++)
        for (size_t i = 0; i < COUNT_OF(patterns); i++)
            for (int init = -3; init <= 4; init++)
                compare(&p, subjects[s], strlen(subjects[s]), patterns[i], strlen(patterns[i]),
                        init);
    vm_free(p.own);
    vm_free(p.lua);
}

/* Told at once, also where the text would never lead there. */
static void a_malformed_pattern_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
    } cases[] = {
        {"(", "unfinished capture"},
        {"(()", "unfinished capture"},
        {"a)", "invalid pattern capture"},
        {"a%", "malformed pattern (ends with '%')"},
        {"[a", "malformed pattern (missing ']')"},
        {"[]", "malformed pattern (missing ']')"},
        {"[^]", "malformed pattern (missing ']')"},
        {"[a%", "malformed pattern (missing ']')"},
        {"%f", "missing '[' after '%f' in pattern"},
        {"%fa", "missing '[' after '%f' in pattern"},
        {"%f[a", "malformed pattern (missing ']')"},
        {"%b(", "malformed pattern (missing arguments to '%b')"},
        {"%1", "invalid capture index in pattern"},
        {"(%1)", "invalid capture index in pattern"},
        {"%0", "invalid capture index in pattern"},
    };
    struct vm *vm = open_state(true);
    lua_State *L = vm_lua(vm);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault;
        const char *source = "local p = ... string.match('xyz', p)";
        assert_int_equal(vm_load(vm, source, strlen(source), "@a.lua", &fault), OK);
        lua_pushstring(L, cases[i].pattern);
        assert_int_equal(vm_call(vm, L, 1, 0, &fault, NULL), ERR_LUA);
        assert_string_equal(fault.text, cases[i].text);
    }
    vm_free(vm);
}

static uint64_t draw(uint64_t *seed, uint64_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % n;
}

static size_t random_pattern(uint64_t *seed, char *out)
{
    static const char *const parts[] = {"a",  "b",     ".",  "%a",    "%d", "[ab]", "[^a]",
                                        "%w", "[a-c]", "%s", "[%d_]", "%.", "c",    "x"};
    static const char *const repeats[] = {"", "", "", "*", "+", "-", "?"};
    char *at = out;
    int open = 0;
    bool anchored = draw(seed, 6) == 0;
    if (anchored) *at++ = '^';
    for (uint64_t n = 1 + draw(seed, 5); n > 0; n--) {
        if (draw(seed, 5) == 0) {
            *at++ = '(';
            open++;
        }
        if (draw(seed, 12) == 0)
            at = stpcpy(at, "()");
        else if (draw(seed, 14) == 0)
            at = stpcpy(at, "%f[%w]");
        else if (draw(seed, 14) == 0)
            at = stpcpy(at, "%bab");
        at = stpcpy(at, parts[draw(seed, COUNT_OF(parts))]);
        at = stpcpy(at, repeats[draw(seed, COUNT_OF(repeats))]);
        if (open && draw(seed, 2) == 0) {
            *at++ = ')';
            open--;
        }
    }
    while (open-- > 0)
        *at++ = ')';
    if (draw(seed, 6) == 0) *at++ = '$';
    *at = '\0';
    return (size_t)(at - out);
}

static void random_patterns_answer_as_lua_does(void **state)
{
    (void)state;
    struct pair p = {open_state(true), open_state(false)};
    uint64_t seed = 20260131;
    for (int i = 0; i < 20000; i++) {
        static const char letters[] = "aaabbbc x1_.";
        char subject[16];
        char pattern[128];
        size_t len = draw(&seed, sizeof(subject));
        for (size_t k = 0; k < len; k++)
            subject[k] = letters[draw(&seed, sizeof(letters) - 1)];
        subject[len < sizeof(subject) ? len : len - 1] = '\0';
        len = strlen(subject);
        size_t pattern_len = random_pattern(&seed, pattern);
        compare(&p, subject, len, pattern, pattern_len, 1 + (int)draw(&seed, 3));
    }
    vm_free(p.own);
    vm_free(p.lua);
}

static void bytes_and_zeros_are_characters(void **state)
{
    (void)state;
    struct pair p = {open_state(true), open_state(false)};
    static const char subject[] = "a\0b\xff\x80\0c";
    static const struct {
        const char *text;
        size_t len;
    } patterns[] = {{"\0", 1},   {"[\0]", 3},        {".", 1},    {"%z", 2}, {"[^\0]+", 5},
                    {"\xff", 1}, {"[\x80-\xff]", 5}, {"a\0b", 3}, {"%W+", 3}};
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        if (patterns[i].text[0] == '%' && patterns[i].text[1] == 'z') continue; /* gone since 5.2 */
        compare(&p, subject, sizeof(subject) - 1, patterns[i].text, patterns[i].len, 1);
    }
    vm_free(p.own);
    vm_free(p.lua);
}

static void a_long_pattern_works(void **state)
{
    (void)state;
    struct pair p = {open_state(true), open_state(false)};
    char pattern[2001];
    char subject[2001];
    for (size_t i = 0; i < 1000; i++) {
        memcpy(pattern + 2 * i, "%a", 2);
        memcpy(subject + 2 * i, "zz", 2);
    }
    pattern[2000] = subject[2000] = '\0';
    compare(&p, subject, 2000, pattern, 2000, 1);
    vm_free(p.own);
    vm_free(p.lua);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_patterns_answer_as_lua_does),
        cmocka_unit_test(a_malformed_pattern_is_refused),
        cmocka_unit_test(random_patterns_answer_as_lua_does),
        cmocka_unit_test(bytes_and_zeros_are_characters),
        cmocka_unit_test(a_long_pattern_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
