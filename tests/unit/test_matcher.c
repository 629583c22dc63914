/* Facts about labels and matchers: as Alertmanager's. */
#include "moontide/notify/matcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct labels labels_of(const char *target)
{
    struct labels labels;
    assert_int_equal(labels_new("performance", target, "api_latency", "high", "k", &labels), OK);
    return labels;
}

static bool matches(const char *text, const char *target)
{
    struct matchers matchers;
    struct fault fault;
    struct labels labels = labels_of(target);
    matchers_init(&matchers);
    assert_int_equal(matchers_add(&matchers, text, &fault), OK);
    bool answer = matchers_match(&matchers, &labels);
    matchers_done(&matchers);
    labels_done(&labels);
    return answer;
}

static void an_alert_is_called_by_its_policy_type_and_target(void **state)
{
    (void)state;
    struct labels labels = labels_of("environment=prod,service=api");
    assert_string_equal(labels_get(&labels, "policy"), "performance");
    assert_string_equal(labels_get(&labels, "type"), "api_latency");
    assert_string_equal(labels_get(&labels, "severity"), "high");
    assert_string_equal(labels_get(&labels, "key"), "k");
    assert_string_equal(labels_get(&labels, "environment"), "prod");
    assert_string_equal(labels_get(&labels, "service"), "api");
    assert_string_equal(labels_get(&labels, "target"), "environment=prod,service=api");
    assert_string_equal(labels_get(&labels, "region"), "");
    labels_done(&labels);
}

static void a_value_may_have_commas_and_a_field_may_bear_a_taken_name(void **state)
{
    (void)state;
    struct labels labels = labels_of("hosts=a,b,type=db");
    assert_string_equal(labels_get(&labels, "hosts"), "a,b");
    assert_string_equal(labels_get(&labels, "target_type"), "db");
    assert_string_equal(labels_get(&labels, "type"), "api_latency");
    labels_done(&labels);
    labels = labels_of("db-1");
    assert_string_equal(labels_get(&labels, "target"), "db-1");
    assert_int_equal(labels.count, 5);
    labels_done(&labels);
}

static void matchers_mean_what_alertmanager_means(void **state)
{
    (void)state;
    assert_true(matches("environment=prod", "environment=prod"));
    assert_true(matches(" environment = \"prod\" ", "environment=prod"));
    assert_false(matches("environment=pro", "environment=prod"));
    assert_true(matches("environment!=staging", "environment=prod"));
    assert_true(matches("environment=~prod|staging", "environment=prod"));
    assert_false(matches("environment=~pro", "environment=prod")); /* the whole value */
    assert_true(matches("environment!~stag.*", "environment=prod"));
    assert_true(matches("region=\"\"", "environment=prod")); /* absent is empty */
    assert_false(matches("region=~.+", "environment=prod"));
    assert_true(matches("environment=\"a \\\"b\\\" \\\\c\"", "environment=a \"b\" \\c"));
}

static void what_is_no_matcher_is_refused_with_words(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",      "environment", "=prod", "1a=b",
                                        "a=\"b", "a=\"b\"c",    "a=~(",  "a~b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct matchers matchers;
        struct fault fault = {0};
        matchers_init(&matchers);
        assert_int_equal(matchers_add(&matchers, wrong[i], &fault), ERR_INVALID);
        assert_non_null(strstr(fault.text, "matcher"));
        assert_int_equal(matchers.count, 0);
        matchers_done(&matchers);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_is_called_by_its_policy_type_and_target),
        cmocka_unit_test(a_value_may_have_commas_and_a_field_may_bear_a_taken_name),
        cmocka_unit_test(matchers_mean_what_alertmanager_means),
        cmocka_unit_test(what_is_no_matcher_is_refused_with_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
