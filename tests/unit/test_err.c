/* Facts about error codes and faults. */
#include "moontide/base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

static void every_code_has_its_own_name_and_text(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *name;
    } rows[] = {
#define X(name, number, text, retryable) {name, #name},
        ERR_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(rows[i].code < 0);
        assert_string_equal(err_name(rows[i].code), rows[i].name);
        assert_string_not_equal(err_text(rows[i].code), "unknown error");
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(rows[i].code, rows[j].code);
    }
    assert_string_equal(err_name(OK), "OK");
    assert_string_equal(err_text(5), "ok");
    assert_string_equal(err_name(-9999), "ERR_UNKNOWN");
    assert_string_equal(err_text(-9999), "unknown error");
}

static void only_what_may_pass_is_retryable(void **state)
{
    (void)state;
    assert_true(err_retryable(ERR_TIMEOUT));
    assert_true(err_retryable(ERR_THROTTLED));
    assert_false(err_retryable(ERR_DENIED));
    assert_false(err_retryable(OK));
    assert_false(err_retryable(-9999));
}

static void system_errors_have_their_code(void **state)
{
    (void)state;
    assert_int_equal(err_from_errno(0), OK);
    assert_int_equal(err_from_errno(ENOENT), ERR_NOT_FOUND);
    assert_int_equal(err_from_errno(EACCES), ERR_DENIED);
    assert_int_equal(err_from_errno(ENOSPC), ERR_FULL);
    assert_int_equal(err_from_errno(ENOMEM), ERR_NOMEM);
    assert_int_equal(err_from_errno(12345), ERR_IO);
    assert_int_equal(err_from_uv(0), OK);
    assert_int_equal(err_from_uv(7), OK);
    assert_int_equal(err_from_uv(UV_ECANCELED), ERR_CANCELED);
    assert_int_equal(err_from_uv(UV_EOF), ERR_CLOSED);
    assert_int_equal(err_from_uv(UV_ECONNREFUSED), ERR_CONNECT);
    assert_int_equal(err_from_uv(UV_EAI_NONAME), ERR_CONNECT); /* a name that does not resolve */
    assert_int_equal(err_from_uv(UV_EAI_AGAIN), ERR_CONNECT);
    assert_int_equal(err_from_uv(UV_EAI_MEMORY), ERR_NOMEM);
    assert_int_equal(err_from_uv(UV_UNKNOWN), ERR_IO);
}

static void a_fault_carries_code_and_text(void **state)
{
    (void)state;
    struct fault f;
    memset(&f, 'x', sizeof f);
    assert_int_equal(fault_set(&f, ERR_LIMIT, "%s: %d", "a", 5), ERR_LIMIT);
    assert_int_equal(f.code, ERR_LIMIT);
    assert_string_equal(f.text, "a: 5");
    assert_string_equal(f.file, "");
    assert_int_equal(f.line + f.column, 0);
    assert_int_equal(fault_set(NULL, ERR_IO, "nobody listens"), ERR_IO);
    fault_at(NULL, "file", 1, 2);
}

static void a_fault_may_be_made_of_itself(void **state)
{
    (void)state;
    struct fault f;
    fault_set(&f, ERR_IO, "inner");
    fault_set(&f, ERR_IO, "outer: %s", f.text);
    assert_string_equal(f.text, "outer: inner");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[2 * FAULT_TEXT_MAX];
    for (size_t shift = 0; shift < 3; shift++) {
        struct fault f;
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 4); /* the euro sign */
        fault_set(&f, ERR_IO, "%s", text);
        size_t len = strlen(f.text);
        assert_true(len < FAULT_TEXT_MAX && len > FAULT_TEXT_MAX - 8);
        assert_string_equal(f.text + len - 3, "...");
        assert_int_equal((len - 3 - shift) % 3, 0);
    }
    struct fault f;
    memset(text, 'b', sizeof text);
    text[FAULT_TEXT_MAX - 1] = '\0';
    fault_set(&f, ERR_IO, "%s", text);
    assert_string_equal(f.text, text); /* just fits */
}

static void a_fault_is_printed_with_as_much_of_its_place_as_is_known(void **state)
{
    (void)state;
    struct fault f;
    char out[64];
    fault_set(&f, ERR_LUA, "boom");
    fault_print(&f, out, sizeof out);
    assert_string_equal(out, "boom");
    fault_at(&f, "p.lua", 0, 0);
    fault_print(&f, out, sizeof out);
    assert_string_equal(out, "p.lua: boom");
    fault_at(&f, "p.lua", 3, 0);
    fault_print(&f, out, sizeof out);
    assert_string_equal(out, "p.lua:3: boom");
    fault_at(&f, "p.lua", 3, 9);
    fault_print(&f, out, sizeof out);
    assert_string_equal(out, "p.lua:3:9: boom");
    fault_print(&f, out, 6);
    assert_string_equal(out, "p.lua");
    fault_at(&f, NULL, 3, 9);
    fault_print(&f, out, sizeof out);
    assert_string_equal(out, "boom");
}

static void a_long_file_name_is_cut(void **state)
{
    (void)state;
    struct fault f;
    char name[2 * FAULT_FILE_MAX];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    fault_set(&f, ERR_IO, "x");
    fault_at(&f, name, 1, 1);
    assert_int_equal(strlen(f.file), FAULT_FILE_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_own_name_and_text),
        cmocka_unit_test(only_what_may_pass_is_retryable),
        cmocka_unit_test(system_errors_have_their_code),
        cmocka_unit_test(a_fault_carries_code_and_text),
        cmocka_unit_test(a_fault_may_be_made_of_itself),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(a_fault_is_printed_with_as_much_of_its_place_as_is_known),
        cmocka_unit_test(a_long_file_name_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
