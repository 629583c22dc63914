/* Facts about the log: one line an event, whatever its fields hold. */
#include "moontide/base/clock.h"
#include "moontide/base/err.h"
#include "moontide/base/json.h"
#include "moontide/base/log.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct capture {
    FILE *stream;
    char *text;
    size_t len;
    struct clock clock;
};

static int setup(void **state)
{
    struct capture *c = calloc(1, sizeof *c);
    if (!c || !(c->stream = open_memstream(&c->text, &c->len))) return -1;
    clock_init_manual(&c->clock, 1769860800123); /* 2026-01-31T12:00:00.123Z */
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct capture *c = *state;
    log_open(NULL, LOG_OFF, LOG_TEXT, false, NULL);
    fclose(c->stream);
    free(c->text);
    free(c);
    return 0;
}

static void say_everything(void)
{
    log_event(LOG_INFO, "metrics.collected", LOG_S("policy", "performance"), LOG_I("queries", 26),
              LOG_N("cost", 0.1), LOG_B("partial", false), LOG_S("gone", NULL),
              LOG_S("note", "two words"));
}

static void text_reads_like_a_line(void **state)
{
    struct capture *c = *state;
    log_open(c->stream, LOG_DEBUG, LOG_TEXT, false, &c->clock);
    say_everything();
    assert_string_equal(c->text, "12:00:00 INFO  metrics.collected policy=performance queries=26 "
                                 "cost=0.1 partial=false note=\"two words\"\n");
}

static void json_is_one_object_a_line(void **state)
{
    struct capture *c = *state;
    log_open(c->stream, LOG_DEBUG, LOG_JSON, true, &c->clock);
    say_everything();
    assert_string_equal(c->text,
                        "{\"at\":\"2026-01-31T12:00:00.123Z\",\"level\":\"info\",\"event\":"
                        "\"metrics.collected\",\"policy\":\"performance\",\"queries\":26,"
                        "\"cost\":0.1,\"partial\":false,\"note\":\"two words\"}\n");
}

static void color_is_for_text_alone_and_only_when_asked(void **state)
{
    struct capture *c = *state;
    log_open(c->stream, LOG_DEBUG, LOG_TEXT, true, &c->clock);
    log_event(LOG_ERROR, "x.y", LOG_I("n", 1));
    assert_non_null(strstr(c->text, "\033[31mERROR\033[0m"));
}

static void levels_below_the_sink_are_silent(void **state)
{
    struct capture *c = *state;
    static const enum log_level levels[] = {LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR};
    for (int from = LOG_DEBUG; from <= LOG_OFF; from++) {
        log_open(c->stream, (enum log_level)from, LOG_TEXT, false, &c->clock);
        for (size_t i = 0; i < COUNT_OF(levels); i++) {
            size_t before = c->len;
            log_event(levels[i], "x", LOG_I("n", 1));
            assert_int_equal(c->len > before, (int)levels[i] >= from);
            assert_int_equal(log_enabled(levels[i]), (int)levels[i] >= from);
        }
    }
    log_set_level(LOG_ERROR);
    assert_true(log_enabled(LOG_ERROR));
    assert_false(log_enabled(LOG_OFF));
    log_open(NULL, LOG_DEBUG, LOG_TEXT, false, NULL);
    assert_false(log_enabled(LOG_ERROR));
}

static void a_field_cannot_forge_a_line(void **state)
{
    struct capture *c = *state;
    static const char *const evil[] = {"a\nb", "", "x=y", "\"", "\033[2J", "\x7f", "\xFF"};
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        log_open(c->stream, LOG_DEBUG, (enum log_format)format, false, &c->clock);
        for (size_t i = 0; i < COUNT_OF(evil); i++) {
            size_t before = c->len;
            log_event(LOG_WARN, "x", LOG_S("k", evil[i]));
            const char *line = c->text + before;
            assert_ptr_equal(strchr(line, '\n'), c->text + c->len - 1);
            assert_null(strchr(line, '\033'));
            assert_null(strchr(line, '\x7f'));
        }
    }
}

static int read_json(const char *text, size_t len)
{
    struct json_reader r;
    json_reader_init(&r, text, len, 100000);
    int token = JSON_NULL;
    while (token > JSON_END)
        token = json_next(&r);
    json_reader_done(&r);
    return token;
}

static void numbers_that_json_cannot_say_are_null(void **state)
{
    struct capture *c = *state;
    log_open(c->stream, LOG_DEBUG, LOG_JSON, false, &c->clock);
    log_event(LOG_INFO, "x", LOG_N("a", NAN), LOG_N("b", INFINITY), LOG_N("c", -INFINITY));
    assert_non_null(strstr(c->text, "\"a\":null,\"b\":null,\"c\":null}"));
    assert_int_equal(read_json(c->text, c->len), JSON_END);
}

static void a_line_that_is_too_long_says_so(void **state)
{
    struct capture *c = *state;
    char *big = malloc(100001);
    assert_non_null(big);
    memset(big, 'x', 100000);
    big[100000] = '\0';
    log_open(c->stream, LOG_DEBUG, LOG_JSON, false, &c->clock);
    log_event(LOG_INFO, "big.event", LOG_S("k", big));
    assert_string_equal(c->text, "{\"at\":\"2026-01-31T12:00:00.123Z\",\"level\":\"info\","
                                 "\"event\":\"big.event\",\"too_long\":true}\n");
    size_t before = c->len;
    log_open(c->stream, LOG_DEBUG, LOG_TEXT, false, &c->clock);
    log_event(LOG_INFO, "big.event", LOG_S("k", big));
    assert_string_equal(c->text + before, "12:00:00 INFO  big.event too_long=true\n");
    free(big);
}

static void levels_are_read_by_name(void **state)
{
    (void)state;
    assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
    assert_int_equal(log_level_parse("off"), LOG_OFF);
    assert_int_equal(log_level_parse("INFO"), -1);
    assert_int_equal(log_level_parse(""), -1);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(text_reads_like_a_line),
        LOG_TEST(json_is_one_object_a_line),
        LOG_TEST(color_is_for_text_alone_and_only_when_asked),
        LOG_TEST(levels_below_the_sink_are_silent),
        LOG_TEST(a_field_cannot_forge_a_line),
        LOG_TEST(numbers_that_json_cannot_say_are_null),
        LOG_TEST(a_line_that_is_too_long_says_so),
        cmocka_unit_test(levels_are_read_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
