/* Facts about "did you mean". */
#include "moontide/base/compiler.h"
#include "moontide/base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const fields[] = {"namespace", "name", "stat",    "period", "dimensions",
                                     "window",    "unit", "missing", "",       NULL};

static void a_typo_finds_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *meant;
    } rows[] = {
        {"namespce", "namespace"},    /* left out */
        {"naame", "name"},            /* put in */
        {"perios", "period"},         /* another */
        {"dimesnions", "dimensions"}, /* two swapped: one edit, not two */
        {"sxyt", NULL},               /* two edits in four letters are too many */
        {"Window", "window"},         /* case is no edit */
        {"PERIOD", "period"},
        {"unti", "unit"},
        {"mising", "missing"},
        {"missing", "missing"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *got = nearest_name(rows[i].typed, fields);
        if (rows[i].meant)
            assert_string_equal(got ? got : "(none)", rows[i].meant);
        else
            assert_null(got);
    }
}

static void the_nearest_of_several_wins_and_the_first_of_equals(void **state)
{
    (void)state;
    static const char *const names[] = {"cats", "cat", "cut", NULL};
    assert_string_equal(nearest_name("cat", names), "cat");
    assert_string_equal(nearest_name("cet", names), "cat");
    assert_string_equal(nearest_name("cast", names), "cats");
}

static void what_is_too_far_off_finds_nothing(void **state)
{
    (void)state;
    assert_null(nearest_name("threshold", fields));
    assert_null(nearest_name("", fields));
    assert_null(nearest_name("xy", fields));
    static const char *const none[] = {NULL};
    assert_null(nearest_name("name", none));
}

static void names_of_any_length_are_safe(void **state)
{
    (void)state;
    char long_name[300], limit[65];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    memset(limit, 'a', 64);
    limit[64] = '\0';
    const char *const names[] = {long_name, limit, NULL};
    assert_null(nearest_name(long_name, names));
    limit[63] = 'b';
    char typed[65];
    memset(typed, 'a', 64);
    typed[64] = '\0';
    assert_ptr_equal(nearest_name(typed, names), limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_typo_finds_its_name),
        cmocka_unit_test(the_nearest_of_several_wins_and_the_first_of_equals),
        cmocka_unit_test(what_is_too_far_off_finds_nothing),
        cmocka_unit_test(names_of_any_length_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
