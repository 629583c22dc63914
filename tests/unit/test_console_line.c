/* Facts about the lines of a console's client: what is understood, and what is refused. */
#include "moontide/app/console_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void what_is_asked_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum console_ask ask;
        int64_t id;
        const char *text;
        size_t cursor;
    } lines[] = {
        {"{\"id\":1,\"run\":\"1 + 1\"}", CONSOLE_RUN, 1, "1 + 1", 5},
        {"{\"run\":\"\",\"id\":-9223372036854775808}", CONSOLE_RUN, INT64_MIN, "", 0},
        {"{\"id\":2,\"run\":\"a\\n\\\"b\\u00e9\"}", CONSOLE_RUN, 2, "a\n\"b\xc3\xa9", 6},
        {"{\"id\":3,\"complete\":\"poli\",\"cursor\":2}", CONSOLE_COMPLETE, 3, "poli", 2},
        {"{\"id\":3,\"complete\":\"poli\"}", CONSOLE_COMPLETE, 3, "poli", 4},
        {"{\"id\":4,\"interrupt\":true,\"later\":[{\"x\":1}]}", CONSOLE_INTERRUPT, 4, "", 0},
    };
    struct strbuf text;
    strbuf_init(&text, CONSOLE_LINE_MAX);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct console_line line;
        assert_int_equal(console_line_read(lines[i].json, strlen(lines[i].json), &text, &line), OK);
        assert_int_equal(line.ask, lines[i].ask);
        assert_int_equal(line.id, lines[i].id);
        assert_string_equal(line.text, lines[i].text);
        assert_int_equal(line.len, strlen(lines[i].text));
        assert_int_equal(line.cursor, lines[i].cursor);
    }
    strbuf_done(&text);
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "x",
        "1",
        "[]",
        "{}",
        "{\"id\":1}",
        "{\"run\":\"x\"}",
        "{\"id\":\"1\",\"run\":\"x\"}",
        "{\"id\":1.5,\"run\":\"x\"}",
        "{\"id\":1,\"run\":1}",
        "{\"id\":1,\"run\":\"x\"",
        "{\"id\":1,\"run\":\"x\"} 2",
        "{\"id\":1,\"run\":\"x\",\"complete\":\"y\"}",
        "{\"id\":1,\"interrupt\":false}",
        "{\"id\":1,\"interrupt\":1}",
        "{\"id\":1,\"complete\":\"x\",\"cursor\":2}",
        "{\"id\":1,\"complete\":\"x\",\"cursor\":-1}",
    };
    struct strbuf text;
    strbuf_init(&text, CONSOLE_LINE_MAX);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct console_line line;
        if (console_line_read(lines[i], strlen(lines[i]), &text, &line) != ERR_PARSE)
            fail_msg("it was taken: %s", lines[i]);
    }
    strbuf_done(&text);
}

static void a_hello_may_leave_everything_out(void **state)
{
    (void)state;
    struct console_hello hello;
    const char *bare = "{\"command\":\"console\"}";
    assert_int_equal(console_hello_read(bare, strlen(bare), &hello), OK);
    assert_false(hello.write || hello.color || hello.utf8);
    assert_int_equal(hello.width, 0);
    assert_string_equal(hello.by, "");
    const char *full = "{\"command\":\"console\",\"write\":true,\"color\":true,\"utf8\":true,"
                       "\"width\":120,\"by\":\"ops\"}";
    assert_int_equal(console_hello_read(full, strlen(full), &hello), OK);
    assert_true(hello.write && hello.color && hello.utf8);
    assert_int_equal(hello.width, 120);
    assert_string_equal(hello.by, "ops");
}

static void a_hello_with_wrong_members_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"{\"write\":1}", "{\"write\":\"yes\"}",
                                        "{\"width\":0}", "{\"width\":1001}",
                                        "{\"by\":7}",    "{\"color\":null}"};
    struct console_hello hello;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_int_equal(console_hello_read(lines[i], strlen(lines[i]), &hello), ERR_PARSE);
    char name[200];
    snprintf(name, sizeof name, "{\"by\":\"%0150d\"}", 0);
    assert_int_equal(console_hello_read(name, strlen(name), &hello), OK);
    assert_int_equal(strlen(hello.by), CONSOLE_BY_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_is_read),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(a_hello_may_leave_everything_out),
        cmocka_unit_test(a_hello_with_wrong_members_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
