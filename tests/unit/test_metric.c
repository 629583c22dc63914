/* Facts about metrics: immutable, shared, compared by what they ask. */
#include "moontide/base/err.h"
#include "moontide/model/metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct metric *api_p99(const struct metric_dimension *dimensions, uint32_t count)
{
    struct metric draft = {
        .namespace_name = "GMTool/API",
        .name = "ResponseTime",
        .stat = "p99",
        .period_s = 300,
        .dimensions = dimensions,
        .dimension_count = count,
    };
    struct metric *m = NULL;
    assert_int_equal(metric_new(&draft, &m), OK);
    return m;
}

static void the_order_of_dimensions_does_not_matter(void **state)
{
    (void)state;
    const struct metric_dimension ab[] = {{"A", "1"}, {"B", "2"}}, ba[] = {{"B", "2"}, {"A", "1"}};
    struct metric *x = api_p99(ab, 2), *y = api_p99(ba, 2);
    assert_true(metric_equal(x, y));
    assert_true(x->hash == y->hash);
    assert_string_equal(y->dimensions[0].name, "A");
    metric_release(x);
    metric_release(y);
}

static void any_other_field_makes_another_question(void **state)
{
    (void)state;
    const struct metric_dimension env[] = {{"Environment", "prod"}};
    const struct metric base = {.namespace_name = "N", .name = "M", .stat = "Sum", .period_s = 60};
    struct metric drafts[8];
    for (size_t i = 0; i < COUNT_OF(drafts); i++)
        drafts[i] = base;
    drafts[1].namespace_name = "O";
    drafts[2].stat = "Average";
    drafts[3].period_s = 300;
    drafts[4].unit = "Seconds";
    drafts[5].region = "eu-west-1";
    drafts[6].account = "other";
    drafts[7].dimensions = env;
    drafts[7].dimension_count = 1;
    struct metric *m[COUNT_OF(drafts)];
    for (size_t i = 0; i < COUNT_OF(drafts); i++)
        assert_int_equal(metric_new(&drafts[i], &m[i]), OK);
    for (size_t i = 0; i < COUNT_OF(drafts); i++)
        for (size_t j = 0; j < COUNT_OF(drafts); j++)
            assert_int_equal(metric_equal(m[i], m[j]), i == j);
    for (size_t i = 0; i < COUNT_OF(drafts); i++)
        metric_release(m[i]);
}

static void a_metric_owns_its_texts(void **state)
{
    (void)state;
    char name[] = "Environment", value[] = "prod";
    struct metric_dimension d = {name, value};
    struct metric *m = api_p99(&d, 1);
    memset(name, 'x', sizeof name - 1);
    memset(value, 'x', sizeof value - 1);
    assert_string_equal(m->dimensions[0].name, "Environment");
    assert_string_equal(m->dimensions[0].value, "prod");
    metric_release(m);
}

static void an_expression_keeps_its_inputs(void **state)
{
    (void)state;
    struct metric *input = api_p99(NULL, 0);
    const struct metric_input inputs[] = {{"p99", input}};
    struct metric draft = {
        .expression = "p99 / 1000", .period_s = 300, .inputs = inputs, .input_count = 1};
    struct metric *m = NULL, *again = NULL;
    assert_int_equal(metric_new(&draft, &m), OK);
    assert_int_equal(metric_new(&draft, &again), OK);
    assert_int_equal(input->refs, 3);
    metric_release(input);
    assert_true(metric_equal(m, again));
    metric_release(m);
    assert_string_equal(again->inputs[0].metric->name, "ResponseTime");
    metric_release(again);
}

static void what_is_longer_than_cloudwatch_allows_is_refused(void **state)
{
    (void)state;
    char text[METRIC_TEXT_MAX + 2];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct metric *m = NULL;
    struct metric draft = {.expression = text, .period_s = 60};
    assert_int_equal(metric_new(&draft, &m), ERR_LIMIT);
    text[256] = '\0';
    draft = (struct metric){.namespace_name = "N", .name = text, .stat = "Sum", .period_s = 60};
    assert_int_equal(metric_new(&draft, &m), ERR_LIMIT);
    draft.name = "M";
    draft.dimension_count = METRIC_DIMENSIONS_MAX + 1;
    assert_int_equal(metric_new(&draft, &m), ERR_LIMIT);
    assert_null(m);
}

static void it_describes_itself_in_one_line(void **state)
{
    (void)state;
    const struct metric_dimension d[] = {{"Environment", "prod"}, {"Api", "x"}};
    struct metric *m = api_p99(d, 2);
    char line[128];
    metric_describe(m, line, sizeof line);
    assert_string_equal(line, "GMTool/API ResponseTime p99 5m {Api=x, Environment=prod}");
    for (size_t size = 1; size < sizeof line; size++) {
        memset(line, '!', sizeof line);
        metric_describe(m, line, size);
        assert_true(strlen(line) < size);
    }
    metric_release(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_dimensions_does_not_matter),
        cmocka_unit_test(any_other_field_makes_another_question),
        cmocka_unit_test(a_metric_owns_its_texts),
        cmocka_unit_test(an_expression_keeps_its_inputs),
        cmocka_unit_test(what_is_longer_than_cloudwatch_allows_is_refused),
        cmocka_unit_test(it_describes_itself_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
