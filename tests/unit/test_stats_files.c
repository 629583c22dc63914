/* Facts about the functions of `stats` that read files, called as a script calls them. */
#include "unit/file_fixture.h"
#include "unit/script_fixture.h"

struct both {
    struct fixture script;
    struct place *place;
    char text[4096];
};

static int setup(void **state)
{
    static struct both both;
    void *place = NULL;
    if (place_open(&place) != 0) return -1;
    fixture_open(&both.script);
    both.place = place;
    *state = &both;
    return 0;
}

static int teardown(void **state)
{
    struct both *both = *state;
    void *place = both->place;
    fixture_close(&both->script);
    return place_close(&place);
}

/* code with the path of the file for each $. */
static const char *with_path(struct both *both, const char *code)
{
    size_t n = 0;
    for (; *code; code++) {
        if (*code == '$')
            n += (size_t)snprintf(both->text + n, sizeof both->text - n, "'%s'", both->place->file);
        else
            both->text[n++] = *code;
    }
    both->text[n] = '\0';
    return both->text;
}

static void expect(struct both *both, const char *code, const char *wanted)
{
    const char *got = fixture_echo(&both->script, with_path(both, code));
    if (strcmp(got, wanted) != 0) fail_msg("%s gave %s", code, got);
}

static void expect_error(struct both *both, const char *code, const char *wanted)
{
    const char *got = fixture_error(&both->script, with_path(both, code));
    if (!strstr(got, wanted)) fail_msg("%s: %s", code, got);
}

static void put(struct both *both, const char *text)
{
    place_put(both->place, text, strlen(text));
}

static void numbers_are_read_wherever_white_space_is(void **state)
{
    struct both *both = *state;
    put(both, "1 2\t3\n\n4.5\r\n-6e1");
    expect(both, "local v, i = stats.read($) return #v, stats.sum(v), i.lines, i.values, i.broken",
           "5\t-49.5\t4\t5\t0\n");
    put(both, "");
    expect(both, "local v, i = stats.read($) return #v, i.lines", "0\t0\n");
}

static void gzip_is_known_by_its_content(void **state)
{
    struct both *both = *state;
    place_add_gz(both->place, "1\n2\n", 4);
    place_add_gz(both->place, "3\n4\n", 4);
    expect(both, "return stats.sum((stats.read($)))", "10.0\n");
}

static void broken_lines_are_counted_and_named(void **state)
{
    struct both *both = *state;
    put(both, "1\n2 x\n3\nnan\n0x10\n");
    expect(both,
           "local v, i = stats.read($) local b = i.first_broken "
           "return #v, i.broken, #b, b[1].line, b[1].text, b[1].why, b[2].why, b[3].text",
           "2\t3\t3\t2\t\"2 x\"\t\"not a number\"\t\"NaN is no value\"\t\"0x10\"\n");
    put(both, "x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n");
    expect(both, "local v, i = stats.read($) return i.broken, #i.first_broken", "12\t10\n");
}

static void a_column_of_csv_is_read(void **state)
{
    struct both *both = *state;
    put(both,
        "\xef\xbb\xbftime,\"latency\",path\n1,0.5,\"a,b\"\n2,\"0.75\",\"two\nlines\"\n3,,x\n4\n");
    expect(both,
           "local v, i = stats.read($, { column = 'latency' }) local b = i.first_broken "
           "return #v, stats.sum(v), i.broken, b[1].line, b[1].why, b[2].line, b[2].why",
           "2\t1.25\t2\t5\t\"the field is empty\"\t6\t\"too few columns\"\n");
    expect(both, "return stats.sum((stats.read($, { column = 1 })))", "10.0\n");
    put(both, "7;1\n8;2\n");
    expect(both, "return stats.sum((stats.read($, { column = 1, separator = ';' })))", "15.0\n");
    put(both, "a,b\n1,\"2\n");
    expect(
        both,
        "local v, i = stats.read($, { column = 'b' }) return #v, i.broken, i.first_broken[1].why",
        "0\t1\t\"the file ends within a quote\"\n");
}

static void wrong_arguments_are_told(void **state)
{
    struct both *both = *state;
    put(both, "a,b\n1,2\n");
    expect_error(both, "stats.read($, { column = 'c' })", "no column 'c' in the first line: a,b");
    expect_error(both, "stats.read($, { colum = 'c' })", "did you mean 'column'");
    expect_error(both, "stats.read($, { column = 0 })", "count from 1");
    expect_error(both, "stats.read($, { separator = ',,' })", "one character");
    expect_error(both, "stats.read('/nonexistent/x')", "No such file");
    expect_error(both, "stats.read({})", "must be a string");
    expect_error(both, "stats.access_log {}", "files must be a list");
    expect_error(both, "stats.access_log { files = {} }", "1 to 100000 files");
    expect_error(both, "stats.access_log { files = { $ }, by = { 'x' } }", "none of target, path");
    expect_error(both, "stats.access_log { files = { $ }, by = { 'path', 'path' } }", "twice");
    expect_error(both, "stats.access_log { files = { $ }, value = 'x' }", "none of target_proc");
    expect_error(both, "stats.access_log { files = { '/nonexistent/x' } }", "No such file");
}

static void an_early_end_is_an_error_that_says_what_was_read(void **state)
{
    struct both *both = *state;
    size_t len;
    char text[20000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 10 == 9 ? '\n' : '1' + i * i % 7);
    place_add_gz(both->place, text, sizeof text);
    unsigned char *bytes = place_get(both->place, &len);
    place_put(both->place, bytes, len - 4);
    free(bytes);
    expect(both,
           "local ok, e = pcall(stats.read, $) "
           "return ok, e.code, e.message:find('ends early.*2000 lines, 2000 values') ~= nil",
           "false\t\"Corrupt\"\ttrue\n");
    expect(both,
           "local v, i = stats.read($, { partial = true }) "
           "return #v, i.ended_early:find('ends early') ~= nil",
           "2000\ttrue\n");
}

#define LOG(time, status, path)                                                                    \
    "http 2026-01-01T00:00:00Z app/a/1 192.0.2.1:1 10.0.0.1:80 0.001 " time " 0.002 " status       \
    " 200 1 50 \"GET http://h" path " HTTP/1.1\" \"-\" - - arn:targetgroup/web/1 \"-\"\n"

static void an_access_log_is_read_in_steps(void **state)
{
    struct both *both = *state;
    put(both,
        LOG("0.1", "200", "/a?x") LOG("0.3", "503", "/a") "broken\n" LOG("-1", "504", "/b/7"));
    expect(both,
           "local scan = stats.access_log { files = { $, $ }, collapse_ids = true } "
           "local steps, done, total = 0 "
           "repeat done, total = scan:step(1) steps = steps + (done and 1 or 0) "
           "until not done "
           "local g = scan:groups { 50, 99.9 } local i = scan:info() "
           "return steps > 3, #g, g[1].target, g[1].path, g[1].count, g[1].errors, g[1].max, "
           "g[1]['p99.9'] ~= nil, g[2].path, g[2].no_answer, g[2].p50, i.lines, i.broken, "
           "i.first_broken[1].line, i.first_broken[1].text, #i.files_cut, scan:overall().count",
           "true\t2\t\"10.0.0.1:80\"\t\"/a\"\t4\t2\t0.3\ttrue\t\"/b/:id\"\t2\tnil\t8\t2\t3\t"
           "\"broken\"\t0\t6\n");
    expect(
        both,
        "local scan <close> = stats.access_log { files = { $ }, by = { 'status' }, "
        "value = 'total', groups_max = 1 } while scan:step() do end "
        "local g = scan:groups() return #g, g[1].status, g[2].status, g[1].max, scan:info().full",
        "2\t\"200\"\t\"(other)\"\t0.103\ttrue\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_are_read_wherever_white_space_is, setup, teardown),
        cmocka_unit_test_setup_teardown(gzip_is_known_by_its_content, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_lines_are_counted_and_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_column_of_csv_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(an_early_end_is_an_error_that_says_what_was_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_access_log_is_read_in_steps, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
