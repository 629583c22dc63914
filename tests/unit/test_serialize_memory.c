/* From a model's text to a request, while each allocation fails in turn: every failure is told, and
 * none crashes or leaks (the sanitizer's part). */
#include "moontide/aws/model.h"
#include "moontide/aws/protocol.h"
#include "support/alloc_fail.h"
#include "support/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { ALLOCATIONS_MAX = 5000 };

static void a_model_is_read_or_says_that_memory_ended(void **state)
{
    unsigned n = 1;
    (void)state;
    for (; n < ALLOCATIONS_MAX; n++) {
        struct model *model = NULL;
        struct fault fault = {0};
        alloc_fail_at(n);
        int code = model_load("secretsmanager", NULL, &model, &fault);
        bool failed = alloc_fail_done();
        if (!failed) assert_int_equal(code, OK);
        if (code == OK) {
            assert_non_null(model_operation(model, "get_secret_value"));
            model_release(model);
        } else {
            assert_int_equal(code, ERR_NOMEM);
            assert_int_equal(fault.code, ERR_NOMEM);
        }
        if (!failed) break;
    }
    assert_in_range(n, 5, ALLOCATIONS_MAX - 1);
}

/* The request is made anew each time, so that it has to grow each time. */
static void serialize_failing(const char *service, const char *operation, const char *params)
{
    struct model *model = NULL;
    struct fault fault = {0};
    struct json_value *value = NULL;
    unsigned n = 1;
    assert_int_equal(model_load(service, NULL, &model, &fault), OK);
    assert_int_equal(json_value_new(params, strlen(params), &value), OK);
    const struct operation *op = model_operation(model, operation);
    for (; n < ALLOCATIONS_MAX; n++) {
        struct wire_request request;
        wire_request_init(&request);
        alloc_fail_at(n);
        int code = protocol_serialize(model, op, json_value_reader(value), NULL, &request, &fault);
        bool failed = alloc_fail_done();
        assert_int_equal(code, failed ? ERR_NOMEM : OK);
        assert_true(json_value_is_home(value));
        wire_request_done(&request);
        if (!failed) break;
    }
    assert_in_range(n, 3, ALLOCATIONS_MAX - 1);
    json_value_free(value);
    model_release(model);
}

static void a_request_is_written_or_says_that_memory_ended(void **state)
{
    (void)state;
    serialize_failing(
        "dynamodb", "put_item",
        "{\"TableName\":\"t\",\"Item\":{\"a\":{\"L\":[{\"B\":\"bytes\"},{\"N\":\"5\"}]}}}");
    serialize_failing("rds", "describe_db_instances",
                      "{\"Filters\":[{\"Name\":\"a\",\"Values\":[\"b\"]}],\"MaxRecords\":20}");
    serialize_failing("lambda", "invoke",
                      "{\"FunctionName\":\"f\",\"Qualifier\":\"1\",\"Payload\":\"p\","
                      "\"InvocationType\":\"Event\"}");
    serialize_failing("cloudwatch", "get_metric_data",
                      "{\"StartTime\":0,\"EndTime\":1.5,\"MetricDataQueries\":[{\"Id\":\"a\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_read_or_says_that_memory_ended),
        cmocka_unit_test(a_request_is_written_or_says_that_memory_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
