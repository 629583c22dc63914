/* Facts about help(x), ?x, time(f) and profile(f). */
#include "moontide/bind/help.h"
#include "unit/script_fixture.h"

static void assert_help(struct fixture *f, const char *code, const char *wanted)
{
    assert_contains(fixture_echo(f, code), wanted);
}

static void a_function_is_known_by_value_and_by_name(void **state)
{
    struct fixture *f = *state;
    static const char heading[] = "stats.percentile(values: stats.numbers, p: number";
    assert_help(f, "help(stats.percentile)", heading);
    assert_help(f, "help('stats.percentile')", heading);
    assert_help(f, "local other = stats.percentile help(other)", heading);
    assert_help(f, "help('stats.percentile')", "stats.percentile.options:\n  method");
    assert_help(f, "help(json.encode)", "json.encode(");
    assert_help(f, "help(help)", "help(x?: any)");
}

static void what_lua_has_is_known_too(void **state)
{
    struct fixture *f = *state;
    assert_help(f, "help(string.rep)", "string.rep(");
    assert_help(f, "help('math.floor')", "math.floor(x: number): integer\n  The largest");
    assert_help(f, "help(pairs)", "pairs(");
    assert_help(f, "help(io.open)", "io.open(");
}

static void modules_classes_and_policies_words_are_known(void **state)
{
    struct fixture *f = *state;
    assert_help(f, "help(stats)", "stats\n  Statistics");
    assert_help(f, "help(aws)", "\n  sigv4 ");
    assert_help(f, "help('issue')", "issue(fields: issue.fields)");
    assert_help(f, "help('issue.fields.severity')", "\"low\"|\"medium\"|\"high\"");
    assert_help(f, "help('series:above')", "series:above(");
    assert_help(f, "help(cloudwatch)", "cloudwatch(fields: cloudwatch.fields)");
    assert_help(f, "numbers = stats.vector { 1 } help(numbers)", "stats.vector\n");
    assert_help(f, "help('numbers:slice')", "stats.vector:slice(");
}

static void a_client_and_its_operations_are_known(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "ecs = aws.client('ecs')");
    assert_help(f, "help(ecs)", "  describe_services\n");
    assert_help(f, "help('ecs:describe_services')", "ecs:describe_services { ... }");
    assert_help(f, "help(ecs.describe_services)", "list of string, required");
    assert_help(f, "help(ecs.pages)", "function(client, operation, params)\n  of moontide\n");
    assert_help(f, "help('ecs:pages')", "aws.client:pages(");
}

static void other_values_are_looked_at(void **state)
{
    struct fixture *f = *state;
    assert_help(f, "help(function(a, b, ...) end)", "function(a, b, ...)\n  defined at stdin:1\n");
    assert_help(f, "place = { city = 1, 'a' } help(place)",
                "a list of 1 with the fields\n  city\n");
    assert_help(f, "help('place.city')", "a number\n");
    assert_help(f, "help(nil)", "a nil\n");
    assert_help(f, "help('no.such')", "there is no help for 'no.such'");
    assert_help(f, "help('stats.percentil')", "did you mean 'stats.percentile'?");
}

static void without_a_value_it_tells_what_there_is(void **state)
{
    struct fixture *f = *state;
    static const char *const parts[] = {"\nModules\n", "\n  aws  ",   "\nLua's own\n",
                                        "\n  string ", "\nFunctions", "\nIn policies\n",
                                        "issue",       "\nKeys\n"};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_help(f, "help()", parts[i]);
}

static void no_line_is_wider_than_the_screen(void **state)
{
    struct fixture *f = *state;
    static const char *const codes[] = {"help()", "help(stats)", "help(cloudwatch)",
                                        "help('issue')", "help(stats.percentile)"};
    for (int width = 80; width <= 100; width += 20) {
        script_resize(f->script, width);
        for (size_t i = 0; i < COUNT_OF(codes); i++)
            for (const char *at = fixture_echo(f, codes[i]); *at; at += *at == '\n') {
                size_t len = strcspn(at, "\n");
                if (len > (size_t)width && memchr(at, ' ', len - 1))
                    fail_msg("%s: %.*s", codes[i], (int)len, at);
                at += len;
            }
    }
}

static void assert_short_for(const char *line, const char *wanted)
{
    struct strbuf out;
    strbuf_init(&out, 1024);
    bool is = help_shorthand(line, strlen(line), &out);
    assert_int_equal(is, wanted != NULL);
    assert_string_equal(strbuf_cstr(&out), wanted ? wanted : "");
    strbuf_done(&out);
}

static void a_question_mark_is_short_for_it(void **state)
{
    (void)state;
    assert_short_for("?", "help()");
    assert_short_for(" ? x ", "help(\"x\")");
    assert_short_for("?stats.percentile", "help(\"stats.percentile\")");
    assert_short_for("?ecs:describe_services", "help(\"ecs:describe_services\")");
    assert_short_for("?t[1]", "help(t[1])");
    assert_short_for("x = '?'", NULL);
    assert_short_for("", NULL);
}

static void time_tells_how_long_and_answers_what_the_function_does(void **state)
{
    struct fixture *f = *state;
    assert_help(f, "select('#', time(function(...) return ... end, 1, nil, nil))", "\n3\n");
    assert_help(f, "time('1 + 1')", "took ");
    assert_help(f, "time('async.sleep(0.02) return 5')", "\n5\n");
    assert_contains(fixture_error(f, "time(5)"), "time: a function, or text, was expected");
    assert_contains(fixture_error(f, "time('= 1')"), "unexpected symbol");
    assert_help(f, "time.iso(0)", "1970-01-01T00:00:00Z"); /* it is the module still */
}

static void profile_tells_the_lines_with_their_source(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "function work(n)\n  local s = 0\n  for i = 1, n do s = s + i end\n"
                   "  return s\nend");
    script_resize(f->script, 80);
    const char *report = fixture_echo(f, "profile(work, 20000)");
    assert_contains(report, "     20000  stdin:3  for i = 1, n do s = s + i end\n");
    assert_contains(report, "         1  stdin:4  return s\n");
    assert_contains(report, "\n200010000\n");
    script_resize(f->script, 60);
    assert_contains(fixture_echo(f, "profile(work, 10)"), "  for i = 1, n do s...\n");
}

/* What C does, and what is waited for, is of the line that asked for it. */
static void profile_gives_time_to_the_line_that_takes_it(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "function first() local x = 1\n return x end\n"
                   "function waits()\n first()\n async.sleep(0.1)\n first()\nend");
    const char *report = fixture_echo(f, "profile(waits)");
    const char *line = strstr(report, "line\n"), *sleep = strstr(report, "async.sleep(0.1)");
    assert_non_null(line);
    assert_non_null(sleep);
    assert_null(memchr(line + 5, '\n', (size_t)(sleep - line - 5))); /* the first of them */
}

static void profile_sees_coroutines_and_ends_with_an_error(void **state)
{
    struct fixture *f = *state;
    fixture_run(f,
                "co = coroutine.wrap(function()\n while true do\n  coroutine.yield(1)\n end\nend)\n"
                "co()");
    assert_contains(fixture_echo(f, "profile('for i = 1, 500 do co() end')"),
                    "       500  stdin:3  ");
    assert_contains(fixture_error(f, "profile(error, 'it broke')"), "it broke");
    assert_contains(fixture_error(f, "profile('profile(print)')"), "profile: one is under way");
    assert_contains(fixture_echo(f, "profile('1')"), "took ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        script_test(a_function_is_known_by_value_and_by_name),
        script_test(what_lua_has_is_known_too),
        script_test(modules_classes_and_policies_words_are_known),
        script_test(a_client_and_its_operations_are_known),
        script_test(other_values_are_looked_at),
        script_test(without_a_value_it_tells_what_there_is),
        script_test(no_line_is_wider_than_the_screen),
        script_test(a_question_mark_is_short_for_it),
        script_test(time_tells_how_long_and_answers_what_the_function_does),
        script_test(profile_tells_the_lines_with_their_source),
        script_test(profile_gives_time_to_the_line_that_takes_it),
        script_test(profile_sees_coroutines_and_ends_with_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
