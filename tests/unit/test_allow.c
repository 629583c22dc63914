/* Facts about the comments that silence a warning. */
#include "moontide/base/err.h"
#include "moontide/bind/allow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct allows *of(const char *text)
{
    struct allows *allows = NULL;
    assert_int_equal(allows_read(text, strlen(text), &allows), OK);
    return allows;
}

static void a_comment_speaks_of_its_line_or_the_next_code(void **state)
{
    (void)state;
    static const struct {
        const char *text, *id;
        int line; /* the one line that is silenced, of 1 to 6; 0: none */
    } cases[] = {
        {"a = 1 -- moontide: allow W-nil-value", "W-nil-value", 1},
        {"-- moontide: allow W-nil-value\na = 1", "W-nil-value", 2},
        {"\n-- moontide: allow W-nil-value\n\n-- why\n\na = 1", "W-nil-value", 6},
        {"a = 1 -- moontide: allow W-nil-value\nb = 2", "W-nil-value", 1},
        {"a = 1 --moontide: allow W-never-nil, W-nil-value: why", "W-nil-value", 1},
        {"a = 1 -- moontide: allow W-never-nil", "W-nil-value", 0},
        {"a = '-- moontide: allow W-nil-value'", "W-nil-value", 0},
        {"a = 1 -- see: moontide: allow W-nil-value", "W-nil-value", 0},
        {"--[[ x ]] -- moontide: allow W-nil-value\na = 1", "W-nil-value", 2},
        {"a = {\n  b, -- moontide: allow W-nil-value\n  c }", "W-nil-value", 2},
        {"a = 1 -- moontide: allow E-stat", "E-stat", 0},
        {"a = 1 -- moontide: allow", "W-nil-value", 0},
        {"", "W-nil-value", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int line = 1; line <= 6; line++) {
            struct allows *allows = of(cases[i].text);
            if (allows_take(allows, line, cases[i].id) != (line == cases[i].line))
                fail_msg("%s: line %d", cases[i].text, line);
            allows_free(allows);
        }
}

static void what_allows_nothing_is_told(void **state)
{
    (void)state;
    struct allows *allows = of("-- moontide: allow W-nil-value, W-nil-valu\n"
                               "a = 1 -- moontide: allow E-stat\n"
                               "b = 1 -- moontide: allow W-never-nil");
    struct faults faults;
    faults_init(&faults);
    assert_true(allows_take(allows, 2, "W-nil-value"));
    allows_report(allows, "a.lua", true, &faults);
    assert_int_equal(faults.count, 3);
    assert_string_equal(faults.items[0].id, "W-unknown-allow");
    assert_string_equal(faults.items[0].hint, "did you mean 'W-nil-value'?");
    assert_int_equal(faults.items[0].column, 33);
    assert_string_equal(faults.items[1].id, "W-unknown-allow");
    assert_string_equal(faults.items[2].id, "W-unused-allow");
    assert_int_equal(faults.items[2].line, 3);
    faults_done(&faults);
    faults_init(&faults);
    allows_report(allows, "a.lua", false, &faults);
    assert_int_equal(faults.count, 2);
    faults_done(&faults);
    allows_free(allows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comment_speaks_of_its_line_or_the_next_code),
        cmocka_unit_test(what_allows_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
