/* Facts about the names of CloudWatch's statistics. */
#include "moontide/bind/declaration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names_that_cloudwatch_takes_are_valid(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Average",     "Sum",      "Minimum", "Maximum",      "SampleCount", "IQM",
        "p50",         "p99",      "p99.9",   "p0",           "p100",        "tm90",
        "wm98",        "tc90",     "ts99.5",  "PR(:300)",     "PR(100:)",    "PR(1:2)",
        "TM(10%:90%)", "TM(:95%)", "WM(5%:)", "TS(150:1000)", "TC(:0.5)",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!statistic_valid(names[i])) fail_msg("%s", names[i]);
}

static void other_names_are_not(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",          "average",      "P99",   "p",         "p101",  "p99.",
        "p-1",       "p9 9",         "p99x",  "TM()",      "TM(:)", "TM(10%:90)",
        "TM(90:10)", "TM(10%:190%)", "PR(1)", "PR(1%:2%)", "PR(:1", "PR(1:2)x",
        "XX(1:2)",   "Avg",          "IQM1",  "Sum ",      "tm",    "p1e2",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (statistic_valid(names[i])) fail_msg("%s", names[i]);
}

static void only_a_percentile_has_its_number(void **state)
{
    (void)state;
    assert_true(statistic_percentile("p99.9") == 99.9);
    assert_true(statistic_percentile("PR(:1)") == 0);
    assert_true(statistic_percentile("Average") == 0);
    assert_true(statistic_percentile("tm99") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_cloudwatch_takes_are_valid),
        cmocka_unit_test(other_names_are_not),
        cmocka_unit_test(only_a_percentile_has_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
