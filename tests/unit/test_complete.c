/* Facts about completion. */
#include "unit/script_fixture.h"

/* The candidates for the end of line, in one line; "" when there are none. */
static void assert_completes(struct fixture *f, const char *line, size_t from, const char *wanted)
{
    struct strbuf out;
    size_t got_from = 999;
    strbuf_init(&out, 64 * 1024);
    script_complete(f->script, line, strlen(line), &got_from, &out);
    char got[8192];
    snprintf(got, sizeof got, "%s", strbuf_cstr(&out));
    strbuf_done(&out);
    for (char *at = got; *at; at++)
        if (*at == '\n') *at = ' ';
    assert_string_equal(got, wanted);
    assert_int_equal(got_from, from);
}

static void globals_and_keywords_complete(void **state)
{
    struct fixture *f = *state;
    assert_completes(f, "ipa", 0, "ipairs");
    assert_completes(f, "for k, v in pai", 12, "pairs");
    assert_completes(f, "func", 0, "function");
    assert_completes(f, "st", 0, "stats string");
    assert_completes(f, "nothing_like_it", 0, "");
}

static void fields_complete_at_any_depth(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "deep = { one = { two = { three = 1, thrice = print } } }");
    assert_completes(f, "http.", 5, "get post request");
    assert_completes(f, "print(stats.std", 12, "stddev");
    assert_completes(f, "deep.one.two.thr", 13, "three thrice");
    assert_completes(f, "x = deep.one.two:thr", 17, "thrice"); /* a method can be called */
    assert_completes(f, "deep.none.", 10, "");
}

static void strings_have_their_methods(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "s = 'text'");
    assert_completes(f, "s:up", 2, "upper");
    assert_completes(f, "('x'):rep(3) .. 'y':up", 20, "upper");
}

static void userdata_and_objects_have_those_of_their_index(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "Base = { greet = function() end }\n"
                   "Class = setmetatable({ go = function() end }, { __index = Base })\n"
                   "object = setmetatable({ name = 1 }, { __index = Class })");
    assert_completes(f, "object:g", 7, "go greet");
    assert_completes(f, "object.", 7, "go greet name");
    assert_completes(f, "io.stdout:fl", 10, "flush");
}

static void no_lua_code_runs(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "ran = false\n"
                   "trap = setmetatable({ key = 1 }, { __index = function() ran = true end,\n"
                   "  __pairs = function() ran = true end })");
    assert_completes(f, "trap.k", 5, "key");
    assert_completes(f, "trap.other.", 11, "");
    assert_string_equal(fixture_echo(f, "ran"), "false\n");
}

static void a_chain_that_loops_ends(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "loop = {}; setmetatable(loop, { __index = loop })");
    assert_completes(f, "loop.", 5, "");
    assert_completes(f, "loop.a.", 7, "");
}

static void what_is_no_name_has_no_candidates(void **state)
{
    struct fixture *f = *state;
    assert_completes(f, "f().", 4, "");
    assert_completes(f, "1.5", 2, "");
    assert_completes(f, "a:b().c", 6, "");
    assert_completes(f, "'a' ..ipa", 6, "ipairs");
}

static void private_names_show_only_when_asked(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "t = { __secret = 1, open = 2 }");
    assert_completes(f, "t.", 2, "open");
    assert_completes(f, "t.__", 2, "__secret");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        script_test(globals_and_keywords_complete),
        script_test(fields_complete_at_any_depth),
        script_test(strings_have_their_methods),
        script_test(userdata_and_objects_have_those_of_their_index),
        script_test(no_lua_code_runs),
        script_test(a_chain_that_loops_ends),
        script_test(what_is_no_name_has_no_candidates),
        script_test(private_names_show_only_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
