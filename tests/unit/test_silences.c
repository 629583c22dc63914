/* Facts about the file of silences: what is read of it, what is left out, and what is written. */
#include "moontide/notify/silences.h"

#include "moontide/base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct file {
    char dir[64], path[96];
    struct silences silences;
    struct fault fault;
};

static int make_file(void **state)
{
    struct file *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "/tmp/moontide-silences-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/" SILENCE_FILE, f->dir);
    *state = f;
    return 0;
}

static int remove_file(void **state)
{
    struct file *f = *state;
    silences_done(&f->silences);
    unlink(f->path);
    rmdir(f->dir);
    free(f);
    return 0;
}

static size_t read_text(struct file *f, const char *text)
{
    assert_int_equal(fs_write_file(f->path, text, strlen(text), 0600, NULL), OK);
    silences_done(&f->silences);
    assert_int_equal(silences_read(f->path, &f->silences, &f->fault), OK);
    return f->silences.count;
}

#define LINE(id, matcher, from, until)                                                             \
    "{\"id\":\"" id "\",\"matchers\":[\"" matcher "\"],\"from\":" from ",\"until\":" until         \
    ",\"by\":\"ops\",\"reason\":\"r\"}\n"

static const char *found(struct file *f, const char *policy, const char *target, int64_t now_ms)
{
    struct labels labels;
    assert_int_equal(labels_new(policy, target, "slow", "high", "", &labels), OK);
    const struct silence *silence = silences_find(&f->silences, &labels, now_ms);
    labels_done(&labels);
    return silence ? silence->id : "";
}

static void a_missing_and_an_empty_file_are_no_silence(void **state)
{
    struct file *f = *state;
    assert_int_equal(silences_read(f->path, &f->silences, &f->fault), OK);
    assert_int_equal(f->silences.count, 0);
    assert_int_equal(f->fault.code, OK);
    assert_int_equal(read_text(f, ""), 0);
    assert_int_equal(read_text(f, "\n\n\n"), 0);
    assert_int_equal(f->fault.code, OK);
}

static void a_silence_holds_from_its_beginning_to_before_its_end(void **state)
{
    struct file *f = *state;
    assert_int_equal(
        read_text(f, LINE("a", "policy=p", "100", "200") LINE("b", "environment=prod", "1", "150")),
        2);
    assert_string_equal(f->silences.items[0].by, "ops");
    assert_string_equal(f->silences.items[0].reason, "r");
    assert_string_equal(found(f, "p", "environment=x", 99), "");
    assert_string_equal(found(f, "p", "environment=x", 100), "a");
    assert_string_equal(found(f, "p", "environment=x", 199), "a");
    assert_string_equal(found(f, "p", "environment=x", 200), "");
    assert_string_equal(found(f, "p", "environment=prod", 50), "b");
    assert_string_equal(found(f, "p", "environment=prod", 120), "a"); /* the first of the file */
    assert_string_equal(found(f, "q", "environment=x", 120), "");
}

/* Here silence is the danger: what cannot be read silences nothing, and the others hold. */
static void a_line_that_cannot_be_read_is_left_out_and_said(void **state)
{
    struct file *f = *state;
    static const char *const bad[] = {
        "nonsense",
        "{}",
        "[]",
        "null",
        "{\"id\":\"x\",\"matchers\":[],\"from\":1,\"until\":2}",
        "{\"id\":\"x\",\"matchers\":[\"a=b\"],\"from\":1}",
        "{\"id\":\"x\",\"matchers\":[\"a=b\"],\"from\":1,\"until\":\"2\"}",
        "{\"id\":\"x\",\"matchers\":[\"a=b\"],\"from\":1,\"until\":-5}",
        "{\"id\":\"x\",\"matchers\":[\"a=b\"],\"from\":1,\"until\":1e300}",
        "{\"id\":\"\",\"matchers\":[\"a=b\"],\"from\":1,\"until\":2}",
        "{\"id\":\"0123456789abcdef0\",\"matchers\":[\"a=b\"],\"from\":1,\"until\":2}",
        "{\"matchers\":[\"a=b\"],\"from\":1,\"until\":2}",
        "{\"id\":\"x\",\"matchers\":[\"a\"],\"from\":1,\"until\":2}",
        "{\"id\":\"x\",\"matchers\":[\"a=~(\"],\"from\":1,\"until\":2}",
        "{\"id\":\"x\",\"matchers\":[7],\"from\":1,\"until\":2}",
        "{\"id\":\"x\",\"matchers\":\"a=b\",\"from\":1,\"until\":2}",
        "{\"id\":\"x\",\"matchers\":[\"a=b\"],\"from\":1,\"until\":2",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s\n%s", LINE("a", "policy=p", "1", "200"), bad[i],
                 LINE("b", "policy=q", "1", "200"));
        if (read_text(f, text) != 2) fail_msg("%s: %zu silences", bad[i], f->silences.count);
        assert_int_equal(f->fault.code, ERR_PARSE);
        assert_int_equal(f->fault.line, 2);
        assert_string_equal(f->fault.file, f->path);
        assert_string_equal(found(f, "q", "x", 100), "b");
    }
}

static void the_first_of_several_faults_is_named(void **state)
{
    struct file *f = *state;
    assert_int_equal(read_text(f, "\nx\n" LINE("a", "policy=p", "1", "2") "y"), 1);
    assert_int_equal(f->fault.line, 2);
}

static void a_file_that_is_none_or_too_large_is_an_error(void **state)
{
    struct file *f = *state;
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_true(silences_read(f->path, &f->silences, &f->fault) < 0);
    assert_int_equal(f->silences.count, 0);
    rmdir(f->path);
    char *large = malloc(SILENCE_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, '\n', SILENCE_BYTES_MAX + 1);
    assert_int_equal(fs_write_file(f->path, large, SILENCE_BYTES_MAX + 1, 0600, NULL), OK);
    free(large);
    assert_int_equal(silences_read(f->path, &f->silences, &f->fault), ERR_LIMIT);
    assert_int_equal(f->silences.count, 0);
}

static void no_more_than_a_thousand_are_taken(void **state)
{
    struct file *f = *state;
    char *text = malloc((SILENCES_MAX + 5) * 128), *at = text;
    assert_non_null(text);
    for (int i = 0; i < SILENCES_MAX + 5; i++)
        at += sprintf(at, "{\"id\":\"%d\",\"matchers\":[\"a=b\"],\"from\":1,\"until\":2}\n", i);
    assert_int_equal(read_text(f, text), SILENCES_MAX);
    assert_int_equal(f->fault.line, SILENCES_MAX + 1);
    free(text);
}

static void what_is_written_is_read_as_the_same(void **state)
{
    struct file *f = *state;
    struct silences again;
    assert_int_equal(read_text(f, "{\"id\":\"a\",\"matchers\":[\"policy=\\\"a\\\\\\\"b\\\"\","
                                  "\"type=~x|y\",\"key!=\"],\"from\":5,\"until\":1764307200000,"
                                  "\"by\":\"\\u00e9 \\n\",\"reason\":\"\\ud83d\\ude80\"}\n"),
                     1);
    assert_int_equal(silences_write(f->path, &f->silences, 0, &f->fault), OK);
    assert_int_equal(silences_read(f->path, &again, &f->fault), OK);
    assert_int_equal(again.count, 1);
    assert_int_equal(again.items[0].until_ms, 1764307200000);
    assert_int_equal(again.items[0].from_ms, 5);
    assert_string_equal(again.items[0].by, "\u00e9 \n");
    assert_string_equal(again.items[0].reason, "\U0001f680");
    assert_int_equal(again.items[0].matchers.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(matcher_text(again.items[0].matchers.items[i]),
                            matcher_text(f->silences.items[0].matchers.items[i]));
    silences_done(&again);
}

static void an_expired_one_stays_listed_for_five_days(void **state)
{
    struct file *f = *state;
    int64_t end = 1000;
    assert_int_equal(read_text(f, LINE("a", "policy=p", "1", "1000")), 1);
    assert_int_equal(silences_write(f->path, &f->silences, end + SILENCE_KEEP_MS - 1, &f->fault),
                     OK);
    silences_done(&f->silences);
    assert_int_equal(silences_read(f->path, &f->silences, &f->fault), OK);
    assert_int_equal(f->silences.count, 1);
    assert_int_equal(silences_write(f->path, &f->silences, end + SILENCE_KEEP_MS, &f->fault), OK);
    silences_done(&f->silences);
    assert_int_equal(silences_read(f->path, &f->silences, &f->fault), OK);
    assert_int_equal(f->silences.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_missing_and_an_empty_file_are_no_silence),
        TEST(a_silence_holds_from_its_beginning_to_before_its_end),
        TEST(a_line_that_cannot_be_read_is_left_out_and_said),
        TEST(the_first_of_several_faults_is_named),
        TEST(a_file_that_is_none_or_too_large_is_an_error),
        TEST(no_more_than_a_thousand_are_taken),
        TEST(what_is_written_is_read_as_the_same),
        TEST(an_expired_one_stays_listed_for_five_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
