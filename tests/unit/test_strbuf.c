/* Facts about string buffers: bounded, terminated, and a failure sticks. */
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"
#include "support/alloc_fail.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_new_buffer_is_an_empty_text_without_memory(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b, 10);
    assert_string_equal(strbuf_cstr(&b), "");
    assert_null(b.data);
    assert_int_equal(strbuf_status(&b), OK);
    strbuf_done(&b);
}

static void appends_follow_each_other(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b, 1000);
    strbuf_adds(&b, "a");
    strbuf_addc(&b, 'b');
    strbuf_add(&b, "c\0d", 3);
    strbuf_add(&b, NULL, 0);
    strbuf_addf(&b, "%s-%d", "e", 7);
    assert_int_equal(b.len, 8);
    assert_memory_equal(b.data, "abc\0de-7", 9);
    strbuf_done(&b);
}

static void a_buffer_takes_its_maximum_and_not_a_byte_more(void **state)
{
    (void)state;
    for (size_t max = 0; max < 700; max += 7) {
        struct strbuf b;
        strbuf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            strbuf_addc(&b, 'x');
        assert_int_equal(strbuf_status(&b), OK);
        assert_int_equal(strlen(strbuf_cstr(&b)), max);
        strbuf_addc(&b, 'y');
        assert_int_equal(strbuf_status(&b), ERR_LIMIT);
        assert_int_equal(strlen(strbuf_cstr(&b)), max);
        strbuf_done(&b);
    }
}

static void a_failure_sticks_until_the_reset(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b, 4);
    strbuf_adds(&b, "abc");
    strbuf_adds(&b, "de");
    strbuf_addc(&b, 'f'); /* would fit, but something is missing before it */
    assert_string_equal(strbuf_cstr(&b), "abc");
    assert_int_equal(strbuf_status(&b), ERR_LIMIT);
    assert_null(strbuf_reserve(&b, 0));
    assert_null(strbuf_take(&b, NULL));
    strbuf_reset(&b);
    assert_string_equal(strbuf_cstr(&b), "");
    strbuf_adds(&b, "wxyz");
    assert_int_equal(strbuf_status(&b), OK);
    strbuf_done(&b);
}

static void no_length_wraps(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 10, SIZE_MAX - 1, SIZE_MAX};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct strbuf b;
        strbuf_init(&b, limits[i]);
        if (limits[i]) strbuf_addc(&b, 'a');
        assert_null(strbuf_reserve(&b, SIZE_MAX));
        assert_int_equal(strbuf_status(&b), ERR_LIMIT);
        strbuf_reset(&b);
        assert_null(strbuf_reserve(&b, SIZE_MAX / 2));
        assert_int_equal(strbuf_status(&b), ERR_LIMIT);
        strbuf_done(&b);
    }
}

static void a_reserved_buffer_is_terminated_before_and_after_it_is_filled(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b, 1000);
    char *at = strbuf_reserve(&b, 3);
    assert_non_null(at);
    assert_string_equal(strbuf_cstr(&b), "");
    memcpy(at, "abc", 3);
    b.len += 3;
    assert_string_equal(strbuf_cstr(&b), "abc");
    strbuf_done(&b);
}

static void take_hands_the_bytes_over(void **state)
{
    (void)state;
    struct strbuf b;
    size_t len = 7;
    strbuf_init(&b, 10);
    char *empty = strbuf_take(&b, &len);
    assert_string_equal(empty, "");
    assert_int_equal(len, 0);
    free(empty);
    strbuf_adds(&b, "abc");
    char *taken = strbuf_take(&b, &len);
    assert_int_equal(len, 3);
    assert_string_equal(strbuf_cstr(&b), "");
    strbuf_adds(&b, "next");
    assert_string_equal(taken, "abc");
    free(taken);
    strbuf_done(&b);
}

static void integers_are_written_whole(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b, 100);
    strbuf_add_int(&b, 0);
    strbuf_addc(&b, ' ');
    strbuf_add_int(&b, INT64_MIN);
    strbuf_addc(&b, ' ');
    strbuf_add_int(&b, INT64_MAX);
    assert_string_equal(strbuf_cstr(&b), "0 -9223372036854775808 9223372036854775807");
    strbuf_done(&b);
}

static void a_double_is_the_shortest_text_that_reads_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {100, "100"},
        {1e22, "1e+22"},
        {5e-324, "4.94065645841247e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {0.1 + 0.2, "0.30000000000000004"},
        {-1234.5678, "-1234.5678"},
    };
    struct strbuf b;
    strbuf_init(&b, 100);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        strbuf_reset(&b);
        strbuf_add_double(&b, rows[i].value);
        assert_string_equal(strbuf_cstr(&b), rows[i].text);
        assert_true(strtod(strbuf_cstr(&b), NULL) == rows[i].value);
    }
    strbuf_reset(&b);
    strbuf_add_double(&b, INFINITY);
    assert_string_equal(strbuf_cstr(&b), "inf");
    strbuf_done(&b);
}

static void each_failing_allocation_is_told_and_keeps_what_was_there(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 3; n++) {
        struct strbuf b;
        strbuf_init(&b, 100000);
        alloc_fail_at(n);
        for (int i = 0; i < 1000; i++)
            strbuf_adds(&b, "0123456789");
        assert_true(alloc_fail_done());
        assert_int_equal(strbuf_status(&b), ERR_NOMEM);
        assert_int_equal(strlen(strbuf_cstr(&b)), b.len);
        strbuf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_is_an_empty_text_without_memory),
        cmocka_unit_test(appends_follow_each_other),
        cmocka_unit_test(a_buffer_takes_its_maximum_and_not_a_byte_more),
        cmocka_unit_test(a_failure_sticks_until_the_reset),
        cmocka_unit_test(no_length_wraps),
        cmocka_unit_test(a_reserved_buffer_is_terminated_before_and_after_it_is_filled),
        cmocka_unit_test(take_hands_the_bytes_over),
        cmocka_unit_test(integers_are_written_whole),
        cmocka_unit_test(a_double_is_the_shortest_text_that_reads_back),
        cmocka_unit_test(each_failing_allocation_is_told_and_keeps_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
