/* Facts about reading numbers from text; the random ones are held against Python's float() by
 * tests/integration/test_stats_files.py. */
#include "moontide/base/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void texts_are_the_nearest_double(void **state)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0},
        {"-0.0", -0.0},
        {"12", 12},
        {"+.5", .5},
        {"5.", 5},
        {"0.012", 0.012},
        {"-1", -1},
        {"1e3", 1000},
        {"1E-3", 0.001},
        {"0.1234567890123456", 0.1234567890123456},
        {"9007199254740993", 9007199254740992.0}, /* a tie: to even */
        {"9007199254740993.00000000000000000001", 9007199254740994.0},
        {"18446744073709551615", 18446744073709551616.0},
        {"4503599627370496.5", 4503599627370496.0},
        {"4503599627370497.5", 4503599627370498.0},
        {"5e-324", 5e-324},
        {"2.2250738585072011e-308", 2.2250738585072011e-308},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"1e999", INFINITY},
        {"1e-999", 0},
        {"-inf", -INFINITY},
        {"Infinity", INFINITY},
        {"0000000000000000000000000000001", 1},
        {"0.00000000000000000000000000000000000001", 1e-38},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value = -99;
        if (!number_parse(cases[i].text, strlen(cases[i].text), &value))
            fail_msg("'%s' is refused", cases[i].text);
        if (value != cases[i].value || signbit(value) != signbit(cases[i].value))
            fail_msg("'%s' is %.17g", cases[i].text, value);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const texts[] = {"",      "-",    ".",  "+.",  "e5",   "1e",
                                        "1e+",   "1 ",   " 1", "1,5", "0x1",  "1_0",
                                        "1.2.3", "inf1", "na", "--1", "1e5.", "\0"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double value;
        if (number_parse(texts[i], strlen(texts[i]), &value)) fail_msg("'%s' is read", texts[i]);
    }
    double value;
    assert_true(number_parse("NaN", 3, &value) && isnan(value));
    assert_false(number_parse("1\0", 2, &value));
}

static void a_text_is_not_read_past_its_length(void **state)
{
    double value;
    (void)state;
    assert_true(number_parse("123456", 3, &value));
    assert_true(value == 123);
    char digits[NUMBER_TEXT_MAX + 1];
    memset(digits, '7', sizeof digits);
    assert_true(number_parse(digits, NUMBER_TEXT_MAX, &value));
    assert_false(number_parse(digits, sizeof digits, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_the_nearest_double),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(a_text_is_not_read_past_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
