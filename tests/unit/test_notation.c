/* Facts about series as text: the cases that promtool documents, and what is refused. */
#include "moontide/model/notation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "moontide/base/compiler.h"
#include "moontide/model/series.h"

/* The values as promtool's documentation writes them, with _ for none. */
static void expand(const char *text, char *out, size_t size)
{
    struct notation notation;
    struct fault fault;
    size_t len = 0;
    if (notation_parse(text, strlen(text), &notation, &fault) < 0) fail_msg("%s", fault.text);
    out[0] = '\0';
    for (size_t i = 0; i < notation.count; i++) {
        const char *space = i ? " " : "";
        int n = isnan(notation.values[i])
                    ? snprintf(out + len, size - len, "%s_", space)
                    : snprintf(out + len, size - len, "%s%g", space, notation.values[i]);
        len += (size_t)n;
    }
    if (notation.ended) snprintf(out + len, size - len, " end");
    free(notation.values);
}

/* Source: Prometheus documentation, "Unit testing for rules". */
static void test_the_documented_cases_expand_as_documented(void **state)
{
    static const char *const cases[][2] = {
        {"-2+4x3", "-2 2 6 10"},
        {" 1-2x4", "1 -1 -3 -5 -7"},
        {" 1x4", "1 1 1 1 1"},
        {" 1 _x3 stale", "1 _ _ _ _ end"},
        {"0 0 0 0", "0 0 0 0"},
        {"1+0x6 0 0 0 0 0 0 0 0", "1 1 1 1 1 1 1 0 0 0 0 0 0 0 0"},
        {"10+10x2 30+20x5", "10 20 30 30 50 70 90 110 130"},
        {"10+10x7 10+30x4", "10 20 30 40 50 60 70 80 10 40 70 100 130"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[512];
        expand(cases[i][0], out, sizeof out);
        assert_string_equal(out, cases[i][1]);
    }
}

static void test_numbers_may_have_points_exponents_and_signs(void **state)
{
    static const char *const cases[][2] = {
        {"0.5", "0.5"},
        {".5", "0.5"},
        {"+3", "3"},
        {"1e3", "1000"},
        {"1e-1-0.1x1", "0.1 0"},
        {"2E2+1e2x2", "200 300 400"},
        {"-1-1x2", "-1 -2 -3"},
        {"5x0", "5"},
        {"_x0 1", "1"},
        {"0-1x5", "0 -1 -2 -3 -4 -5"},
        {"_", "_"},
        {"", ""},
        {" \t1\n2 ", "1 2"},
        {"0x2", "0 0 0"},
        {"1 stale", "1 _ end"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[512];
        expand(cases[i][0], out, sizeof out);
        assert_string_equal(out, cases[i][1]);
    }
}

static void test_a_step_is_multiplied_so_that_it_does_not_drift(void **state)
{
    struct notation notation;
    (void)state;
    assert_int_equal(notation_parse("0+0.1x10", 8, &notation, NULL), OK);
    assert_true(notation.values[10] == 1.0);
    free(notation.values);
}

static void refused(const char *text, int code, const char *words)
{
    struct notation notation;
    struct fault fault = {0};
    assert_int_equal(notation_parse(text, strlen(text), &notation, &fault), code);
    if (!strstr(fault.text, words)) fail_msg("'%s' says: %s", text, fault.text);
}

static void test_what_is_no_series_is_refused_with_its_place(void **state)
{
    (void)state;
    refused("1 2 three", ERR_PARSE, "'three' at character 5");
    refused("1+2", ERR_PARSE, "how often is missing");
    refused("1+x3", ERR_PARSE, "'1+x3' at character 1");
    refused("1x", ERR_PARSE, "expected a number");
    refused("1x-2", ERR_PARSE, "expected a number");
    refused("1x2.5", ERR_PARSE, "expected a number");
    refused("1,2", ERR_PARSE, "expected a number");
    refused("x3", ERR_PARSE, "expected a number");
    refused("_3", ERR_PARSE, "_ or _xN");
    refused("_x", ERR_PARSE, "_ or _xN");
    refused("NaN", ERR_PARSE, "expected a number");
    refused("Inf", ERR_PARSE, "expected a number");
    refused("1e999", ERR_PARSE, "expected a number");
    refused("0x10g", ERR_PARSE, "expected a number");
    refused("1 stale 2", ERR_PARSE, "nothing can follow `stale`");
    refused("stalex2", ERR_PARSE, "expected a number");
    refused("{{schema:1 count:3}}", ERR_PARSE, "no native histograms");
}

static void test_no_more_values_than_a_series_has_slots(void **state)
{
    struct notation notation;
    (void)state;
    refused("1x100800", ERR_LIMIT, "more than 100800 values");
    refused("1x99999999999999999999", ERR_LIMIT, "more than");
    refused("1x50000 1x50000 _x801", ERR_LIMIT, "more than");
    assert_int_equal(notation_parse("1x100799", 8, &notation, NULL), OK);
    assert_int_equal(notation.count, SERIES_SLOTS_MAX);
    free(notation.values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documented_cases_expand_as_documented),
        cmocka_unit_test(test_numbers_may_have_points_exponents_and_signs),
        cmocka_unit_test(test_a_step_is_multiplied_so_that_it_does_not_drift),
        cmocka_unit_test(test_what_is_no_series_is_refused_with_its_place),
        cmocka_unit_test(test_no_more_values_than_a_series_has_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
