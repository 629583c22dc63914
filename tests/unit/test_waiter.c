/* Facts about what a waiter makes of an answer. */
#include "moontide/aws/path.h"
#include "moontide/aws/waiter.h"
#include "support/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* Every walk comes back to where it began. */
static void leave(struct json_value *value)
{
    assert_true(json_value_is_home(value));
    json_value_free(value);
}

static int judge(const struct waiter *waiter, int status, const char *error, const char *json)
{
    struct json_value *value = NULL;
    struct fault fault = {0};
    enum waiter_state state = WAITER_RETRY;
    if (json) assert_int_equal(json_value_new(json, strlen(json), &value), OK);
    struct waiter_answer answer = {status, error, json ? json_value_reader(value) : NULL};
    int code = waiter_judge(waiter, &answer, &state, &fault);
    if (json) leave(value);
    return code < 0 ? code : (int)state;
}

#define WAITER(list) ((struct waiter){.acceptors = (list), .acceptor_count = COUNT_OF(list)})

static void services_are_stable_when_each_runs_what_it_should(void **state)
{
    (void)state;
    static const struct acceptor acceptors[] = {
        {MATCH_PATH_ANY, WAITER_FAILURE, "failures[].reason", "\"MISSING\""},
        {MATCH_PATH_ANY, WAITER_FAILURE, "services[].status", "\"DRAINING\""},
        {MATCH_PATH, WAITER_SUCCESS,
         "length(services[?!(length(deployments) == `1` && runningCount == desiredCount)]) == `0`",
         "true"},
    };
    struct waiter w = WAITER(acceptors);
    assert_int_equal(judge(&w, 200, NULL,
                           "{\"failures\":[],\"services\":[{\"status\":\"ACTIVE\",\"deployments\":"
                           "[{}],\"runningCount\":2,\"desiredCount\":2}]}"),
                     WAITER_SUCCESS);
    assert_int_equal(judge(&w, 200, NULL,
                           "{\"failures\":[],\"services\":[{\"status\":\"ACTIVE\",\"deployments\":"
                           "[{}],\"runningCount\":1,\"desiredCount\":2}]}"),
                     WAITER_RETRY);
    assert_int_equal(judge(&w, 200, NULL, "{\"failures\":[{\"reason\":\"MISSING\"}]}"),
                     WAITER_FAILURE);
    assert_int_equal(judge(&w, 400, "ClusterNotFoundException", NULL), WAITER_FAILURE);
}

static void all_needs_at_least_one(void **state)
{
    (void)state;
    static const struct acceptor acceptors[] = {
        {MATCH_PATH_ALL, WAITER_SUCCESS, "R[].I[].S", "\"running\""},
        {MATCH_PATH_ANY, WAITER_FAILURE, "R[].I[].S", "\"terminated\""},
    };
    struct waiter w = WAITER(acceptors);
    static const char running[] =
        "{\"R\":[{\"I\":[{\"S\":\"running\"}]},{\"I\":[{\"S\":\"running\"}]}]}";
    static const char mixed[] = "{\"R\":[{\"I\":[{\"S\":\"running\"},{\"S\":\"pending\"}]}]}";
    static const char gone[] = "{\"R\":[{\"I\":[{\"S\":\"running\"},{\"S\":\"terminated\"}]}]}";
    assert_int_equal(judge(&w, 200, NULL, running), WAITER_SUCCESS);
    assert_int_equal(judge(&w, 200, NULL, mixed), WAITER_RETRY);
    assert_int_equal(judge(&w, 200, NULL, gone), WAITER_FAILURE);
    assert_int_equal(judge(&w, 200, NULL, "{\"R\":[]}"), WAITER_RETRY);
    assert_int_equal(judge(&w, 200, NULL, "{}"), WAITER_RETRY);
}

static void a_list_itself_counts_by_its_elements(void **state)
{
    (void)state;
    static const struct acceptor acceptors[] = {
        {MATCH_PATH_ALL, WAITER_SUCCESS, "States", "\"up\""},
        {MATCH_PATH_ANY, WAITER_FAILURE, "States", "\"dead\""},
    };
    struct waiter w = WAITER(acceptors);
    assert_int_equal(judge(&w, 200, NULL, "{\"States\":[\"up\",\"up\"]}"), WAITER_SUCCESS);
    assert_int_equal(judge(&w, 200, NULL, "{\"States\":[\"up\",\"dead\"]}"), WAITER_FAILURE);
    assert_int_equal(judge(&w, 200, NULL, "{\"States\":\"up\"}"), WAITER_RETRY);
}

static void an_error_can_be_what_is_waited_for(void **state)
{
    (void)state;
    static const struct acceptor acceptors[] = {
        {MATCH_ERROR, WAITER_SUCCESS, NULL, "\"ResourceNotFoundException\""},
        {MATCH_ERROR, WAITER_RETRY, NULL, "\"ResourceInUseException\""},
        {MATCH_STATUS, WAITER_SUCCESS, NULL, "404"},
    };
    struct waiter w = WAITER(acceptors);
    assert_int_equal(judge(&w, 400, "ResourceNotFoundException", NULL), WAITER_SUCCESS);
    assert_int_equal(judge(&w, 400, "com.amazonaws#ResourceNotFoundException", NULL),
                     WAITER_SUCCESS);
    assert_int_equal(judge(&w, 400, "ResourceInUseException", NULL), WAITER_RETRY);
    assert_int_equal(judge(&w, 404, "NoSuchKey", NULL), WAITER_SUCCESS);
    assert_int_equal(judge(&w, 400, "AccessDenied", NULL), WAITER_FAILURE);
    assert_int_equal(judge(&w, 200, NULL, "{}"), WAITER_RETRY);
}

static void whether_there_was_an_error_at_all_can_be_asked(void **state)
{
    (void)state;
    static const struct acceptor acceptors[] = {
        {MATCH_ERROR, WAITER_RETRY, NULL, "true"},
        {MATCH_ERROR, WAITER_SUCCESS, NULL, "false"},
    };
    struct waiter w = WAITER(acceptors);
    assert_int_equal(judge(&w, 400, "Any", NULL), WAITER_RETRY);
    assert_int_equal(judge(&w, 200, "", "{}"), WAITER_SUCCESS);
}

static void a_path_compares_text_numbers_and_truth(void **state)
{
    (void)state;
    static const struct acceptor acceptors[] = {
        {MATCH_PATH, WAITER_SUCCESS, "Status", "\"a \\u00e4 \\\"b\\\"\""},
        {MATCH_PATH, WAITER_FAILURE, "Count", "3"},
        {MATCH_PATH, WAITER_FAILURE, "Items[]", "\"x\""}, /* a list is no text */
        {MATCH_PATH, WAITER_SUCCESS, "Done", "true"},
    };
    struct waiter w = WAITER(acceptors);
    assert_int_equal(judge(&w, 200, NULL, "{\"Status\":\"a \xc3\xa4 \\\"b\\\"\"}"), WAITER_SUCCESS);
    assert_int_equal(judge(&w, 200, NULL, "{\"Count\":3}"), WAITER_FAILURE);
    assert_int_equal(judge(&w, 200, NULL, "{\"Items\":[\"x\"]}"), WAITER_RETRY);
    assert_int_equal(judge(&w, 200, NULL, "{\"Done\":true}"), WAITER_SUCCESS);
    assert_int_equal(judge(&w, 200, NULL, "{\"Done\":\"true\"}"), WAITER_RETRY);
}

static void an_acceptor_that_is_none_is_an_error(void **state)
{
    (void)state;
    static const struct acceptor path[] = {{MATCH_PATH, WAITER_SUCCESS, "a[", "true"}};
    static const struct acceptor expected[] = {{MATCH_PATH, WAITER_SUCCESS, "a", "{}"}};
    struct waiter w = WAITER(path), v = WAITER(expected);
    assert_int_equal(judge(&w, 200, NULL, "{}"), ERR_PARSE);
    assert_int_equal(judge(&v, 200, NULL, "{}"), ERR_PARSE);
}

static void every_waiter_and_paginator_of_the_built_in_services_is_understood(void **state)
{
    (void)state;
    for (const char *const *name = model_builtin_names; *name; name++) {
        struct model *model = NULL;
        struct fault fault = {0};
        struct path path;
        assert_int_equal(model_load(*name, NULL, &model, &fault), OK);
        for (uint32_t i = 0; i < model->waiter_count; i++) {
            for (uint32_t k = 0; k < model->waiters[i].acceptor_count; k++) {
                const char *argument = model->waiters[i].acceptors[k].argument;
                int code = argument ? path_parse(argument, &path, &fault) : OK;
                if (code < 0) print_error("%s: %s\n", *name, fault.text);
                assert_int_equal(code, OK);
            }
            assert_true(judge(&model->waiters[i], 200, NULL, "{}") >= 0);
        }
        for (uint32_t i = 0; i < model->operation_count; i++) {
            const struct pagination *p = model->operations[i].pagination;
            for (size_t k = 0; p && p->output_token[k]; k++)
                assert_int_equal(path_parse(p->output_token[k], &path, &fault), OK);
            for (size_t k = 0; p && p->result_key[k]; k++)
                assert_int_equal(path_parse(p->result_key[k], &path, &fault), OK);
            if (p && p->more_results)
                assert_int_equal(path_parse(p->more_results, &path, &fault), OK);
        }
        model_release(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_are_stable_when_each_runs_what_it_should),
        cmocka_unit_test(all_needs_at_least_one),
        cmocka_unit_test(a_list_itself_counts_by_its_elements),
        cmocka_unit_test(an_error_can_be_what_is_waited_for),
        cmocka_unit_test(whether_there_was_an_error_at_all_can_be_asked),
        cmocka_unit_test(a_path_compares_text_numbers_and_truth),
        cmocka_unit_test(an_acceptor_that_is_none_is_an_error),
        cmocka_unit_test(every_waiter_and_paginator_of_the_built_in_services_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
