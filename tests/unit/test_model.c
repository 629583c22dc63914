/* Service models: what is read from JSON, what is refused, and the models inside the binary. */
#include "moontide/aws/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static const char head[] =
    "{\"metadata\":{\"apiVersion\":\"2020-01-01\",\"endpointPrefix\":\"toy\","
    "\"protocol\":\"rest-json\",\"serviceId\":\"Toy\"},";

/* A model of one operation and these shapes. */
static struct model *read_toy(const char *operations, const char *shapes, struct fault *fault)
{
    char text[8192];
    struct model *model = NULL;
    int n = snprintf(text, sizeof text, "%s\"operations\":{%s},\"shapes\":{%s}}", head, operations,
                     shapes);
    assert_true(n > 0 && (size_t)n < sizeof text);
    int code = model_read("toy", text, (size_t)n, &model, fault);
    assert_int_equal(code < 0, model == NULL);
    if (code < 0) assert_int_equal(code, fault->code);
    return model;
}

static void refuses(const char *operations, const char *shapes, const char *because)
{
    struct fault fault = {0};
    assert_null(read_toy(operations, shapes, &fault));
    if (!strstr(fault.text, because)) fail_msg("'%s' does not say '%s'", fault.text, because);
}

static struct model *builtin(const char *service)
{
    struct model *model = NULL;
    struct fault fault = {0};
    if (model_load(service, NULL, &model, &fault) < 0) fail_msg("%s", fault.text);
    return model;
}

static const struct member *member(const struct shape *shape, const char *name)
{
    const struct member *m = shape_member(shape, name, strlen(name));
    if (!m) fail_msg("%s has no %s", shape->name, name);
    return m;
}

static void every_builtin_model_loads(void **state)
{
    (void)state;
    size_t operations = 0, count = 0;
    for (; model_builtin_names[count]; count++) {
        struct model *model = builtin(model_builtin_names[count]);
        assert_string_equal(model->service, model_builtin_names[count]);
        assert_true(model->operation_count > 0);
        operations += model->operation_count;
        model_release(model);
    }
    assert_int_equal(count, 18);
    assert_true(operations > 1200);
}

static void an_operation_is_found_by_either_spelling(void **state)
{
    (void)state;
    struct model *ecs = builtin("ecs");
    const struct operation *op = model_operation(ecs, "describe_services");
    assert_non_null(op);
    assert_string_equal(op->name, "DescribeServices");
    assert_ptr_equal(model_operation(ecs, "DescribeServices"), op);
    assert_null(model_operation(ecs, "describe_service"));
    assert_null(model_operation(ecs, "Describeservices"));
    assert_null(model_operation(ecs, ""));
    assert_true(op->read_only);
    assert_false(model_operation(ecs, "update_service")->read_only);
    model_release(ecs);
}

static void members_are_found_by_name_and_keep_their_order(void **state)
{
    (void)state;
    struct model *rds = builtin("rds");
    const struct shape *input = model_operation(rds, "create_db_instance")->input;
    for (uint32_t i = 0; i < input->member_count; i++) {
        const struct member *m = &input->members[i];
        assert_ptr_equal(shape_member(input, m->name, m->name_len), m);
        assert_ptr_equal(shape_wire_member(input, m->location_name, m->location_name_len), m);
        assert_true(m->index < rds->member_count);
    }
    assert_null(shape_member(input, "dbinstanceidentifier", 20));
    assert_null(shape_member(input, "", 0));
    assert_true(member(input, "DBInstanceClass")->required);
    assert_false(member(input, "Port")->required);
    model_release(rds);
}

static void names_become_snake_case_as_boto3_has_them(void **state)
{
    static const char *const names[][2] = {
        {"DescribeDBInstances", "describe_db_instances"},
        {"ListECSClusters", "list_ecs_clusters"},
        {"GetMetricData", "get_metric_data"},
        {"ListWebACLs", "list_web_acls"},
        {"ListOpenIDConnectProviders", "list_open_id_connect_providers"},
        {"ListHITsForQualificationType", "list_hits_for_qualification_type"},
        {"CreateCachediSCSIVolume", "create_cached_iscsi_volume"},
        {"ExecutePartiQLStatement", "execute_partiql_statement"},
        {"CreateOAuth2Token", "create_oauth2_token"},
        {"StartOTelEnrichment", "start_otel_enrichment"},
        {"GetWhatsAppFlowPreview", "get_whatsapp_flow_preview"},
        {"Query", "query"},
        {"PutS3Object", "put_s3_object"},
        {"GetEC2RecommendationProjectedMetrics", "get_ec2_recommendation_projected_metrics"},
        {"ServicesStable", "services_stable"},
        {"DBInstanceAvailable", "db_instance_available"},
        {"already_snake", "already_snake"},
        {"A", "a"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char snake[SNAKE_MAX];
        snake_case(names[i][0], snake);
        assert_string_equal(snake, names[i][1]);
    }
}

static void a_name_too_long_for_snake_case_is_cut(void **state)
{
    char name[SNAKE_MAX * 2], snake[SNAKE_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof name - 1; i++)
        name[i] = i % 2 ? 'b' : 'A';
    name[sizeof name - 1] = '\0';
    snake_case(name, snake);
    assert_true(strlen(snake) < SNAKE_MAX);
}

static void the_best_protocol_is_spoken(void **state)
{
    (void)state;
    struct model *cloudwatch = builtin("cloudwatch"), *sqs = builtin("sqs");
    assert_int_equal(cloudwatch->protocol, PROTOCOL_CBOR);
    assert_true(cloudwatch->protocols & 1u << PROTOCOL_QUERY);
    assert_true(cloudwatch->protocols & 1u << PROTOCOL_JSON);
    assert_string_equal(cloudwatch->endpoint_prefix, "monitoring");
    assert_string_equal(cloudwatch->signing_name, "monitoring");
    assert_int_equal(sqs->protocol, PROTOCOL_JSON);
    assert_string_equal(sqs->json_version, "1.0");
    assert_true(sqs->query_compatible);
    model_release(cloudwatch);
    model_release(sqs);
}

static void waiters_and_pages_lead_to_their_operations(void **state)
{
    (void)state;
    struct model *ecs = builtin("ecs");
    const struct waiter *waiter = model_waiter(ecs, "services_stable");
    assert_non_null(waiter);
    assert_ptr_equal(model_waiter(ecs, "ServicesStable"), waiter);
    assert_ptr_equal(waiter->operation, model_operation(ecs, "describe_services"));
    assert_int_equal(waiter->delay_s, 15);
    assert_int_equal(waiter->max_attempts, 40);
    const struct acceptor *last = &waiter->acceptors[waiter->acceptor_count - 1];
    assert_int_equal(last->matcher, MATCH_PATH);
    assert_int_equal(last->state, WAITER_SUCCESS);
    assert_string_equal(last->expected, "true");
    const struct pagination *pages = model_operation(ecs, "list_services")->pagination;
    assert_string_equal(pages->input_token[0], "nextToken");
    assert_string_equal(pages->output_token[0], "nextToken");
    assert_string_equal(pages->result_key[0], "serviceArns");
    assert_null(pages->result_key[1]);
    assert_string_equal(pages->limit_key, "maxResults");
    assert_null(model_operation(ecs, "create_service")->pagination);
    model_release(ecs);
}

static void errors_have_their_codes(void **state)
{
    (void)state;
    struct model *sns = builtin("sns"), *ecs = builtin("ecs");
    const struct shape *found = NULL;
    const struct operation *op = model_operation(sns, "get_topic_attributes");
    for (const struct shape *const *error = op->errors; *error; error++)
        if (strcmp((*error)->name, "NotFoundException") == 0) found = *error;
    assert_non_null(found);
    assert_string_equal(found->error_code, "NotFound");
    assert_int_equal(found->error_status, 404);
    assert_true(found->fault_of_sender);
    found = *model_operation(ecs, "describe_services")->errors;
    assert_string_equal(found->error_code, found->name);
    model_release(sns);
    model_release(ecs);
}

static void a_member_has_from_its_shape_what_it_does_not_say(void **state)
{
    struct fault fault = {0};
    (void)state;
    struct model *model = read_toy(
        "\"Do\":{\"http\":{\"method\":\"PUT\",\"requestUri\":\"/x\"},\"input\":{\"shape\":\"In\"}}",
        "\"In\":{\"type\":\"structure\",\"members\":{"
        "\"When\":{\"shape\":\"Time\"},\"Own\":{\"shape\":\"Time\",\"timestampFormat\":\"rfc822\","
        "\"locationName\":\"own\"},\"Names\":{\"shape\":\"List\"}}},"
        "\"Time\":{\"type\":\"timestamp\",\"timestampFormat\":\"iso8601\",\"locationName\":\"t\"},"
        "\"List\":{\"type\":\"list\",\"flattened\":true,\"member\":{\"shape\":\"Text\"}},"
        "\"Text\":{\"type\":\"string\"}",
        &fault);
    assert_non_null(model);
    const struct shape *in = model_operation(model, "do")->input;
    assert_int_equal(member(in, "When")->timestamp_format, TIMESTAMP_ISO8601);
    assert_string_equal(member(in, "When")->location_name, "t");
    assert_int_equal(member(in, "Own")->timestamp_format, TIMESTAMP_RFC822);
    assert_string_equal(member(in, "Own")->location_name, "own");
    assert_ptr_equal(shape_wire_member(in, "own", 3), member(in, "Own"));
    assert_null(shape_wire_member(in, "Own", 3));
    assert_true(member(in, "Names")->flattened);
    assert_string_equal(member(in, "Names")->shape->item->location_name, "member");
    assert_false(member(in, "Names")->shape->item->has_location_name);
    model_release(model);
}

static void a_shape_may_hold_itself(void **state)
{
    (void)state;
    struct model *dynamodb = builtin("dynamodb");
    const struct shape *value =
        member(model_operation(dynamodb, "put_item")->input, "Item")->shape->item->shape;
    assert_ptr_equal(member(value, "L")->shape->item->shape, value);
    model_release(dynamodb);
}

static void what_leads_nowhere_is_refused(void **state)
{
    (void)state;
    refuses("\"Do\":{\"input\":{\"shape\":\"Gone\"}}", "", "the shape Gone is not there");
    refuses("", "\"L\":{\"type\":\"list\"}", "the list L has no member");
    refuses("", "\"M\":{\"type\":\"map\",\"key\":{\"shape\":\"S\"}},\"S\":{\"type\":\"string\"}",
            "lacks key or value");
    refuses("",
            "\"M\":{\"type\":\"map\",\"key\":{\"shape\":\"N\"},\"value\":{\"shape\":\"N\"}},"
            "\"N\":{\"type\":\"integer\"}",
            "keys that are no texts");
    refuses("", "\"S\":{\"type\":\"structure\",\"members\":{},\"required\":[\"A\"]}", "requires A");
    refuses("", "\"S\":{\"type\":\"structure\",\"members\":{},\"payload\":\"A\"}", "payload A");
    refuses("",
            "\"S\":{\"type\":\"structure\",\"members\":{\"A\":{\"shape\":\"S\"},"
            "\"A\":{\"shape\":\"S\"}}}",
            "S has A twice");
    refuses("", "\"S\":{\"type\":\"colour\"}", "the type 'colour' is not known");
    refuses("", "\"S\":{\"type\":\"string\"},\"S\":{\"type\":\"string\"}", "comes twice");
    refuses("\"Do\":{\"http\":{\"requestUri\":\"/{Id}\"}}", "", "no member for the label {Id}");
    refuses("\"Do\":{\"http\":{\"requestUri\":\"/{Id\"}}", "", "an open label");
    refuses("\"Do\":{\"http\":{\"requestUri\":\"x\"}}", "", "the URI 'x'");
    refuses("\"Do\":{\"endpoint\":{\"hostPrefix\":\"{A}.\"}}", "", "a label of '{A}.'");
    refuses("\"Do\":{\"input\":{\"shape\":\"S\"}}", "\"S\":{\"type\":\"string\"}",
            "S is not a structure");
    refuses("\"Do\":{\"input\":{\"shape\":\"S\"}}",
            "\"S\":{\"type\":\"structure\",\"members\":{\"A\":{\"shape\":\"S\",\"location\":"
            "\"header\"}}}",
            "S.A does not fit where it goes");
    refuses("\"Do\":{\"input\":{}}", "", "without a shape");
    refuses("\"Do\":[]", "", "an object was expected");
    refuses("\"Do\":{", "", "it is not JSON");
}

static void a_protocol_that_nobody_speaks_is_told(void **state)
{
    static const char text[] = "{\"metadata\":{\"protocol\":\"corba\",\"apiVersion\":\"1\"}}";
    struct model *model = NULL;
    struct fault fault = {0};
    (void)state;
    assert_int_equal(model_read("old", text, strlen(text), &model, &fault), ERR_UNSUPPORTED);
}

static void malformed_text_is_told_with_its_place(void **state)
{
    struct model *model = NULL;
    struct fault fault = {0};
    (void)state;
    assert_int_equal(model_read("toy", "{\"operations\":{]}", 17, &model, &fault), ERR_PARSE);
    assert_non_null(strstr(fault.text, "the model of toy: at byte 15"));
    assert_int_equal(model_read("toy", "", 0, &model, &fault), ERR_PARSE);
    assert_int_equal(model_read("toy", "\x1f\x8b\x08 no gzip", 11, &model, &fault), ERR_PARSE);
}

static void a_model_is_read_from_a_file_plain_or_packed(void **state)
{
    char path[] = "/tmp/moontide-model-XXXXXX";
    struct fault fault = {0};
    struct model *model = NULL;
    char text[512];
    (void)state;
    snprintf(text, sizeof text, "%s\"operations\":{\"GetIt\":{}},\"shapes\":{}}", head);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(model_load("toy", path, &model, &fault), OK);
    assert_non_null(model_operation(model, "get_it"));
    model_release(model);
    gzFile packed = gzopen(path, "wb");
    assert_int_equal(gzwrite(packed, text, (unsigned)strlen(text)), strlen(text));
    gzclose(packed);
    assert_int_equal(model_load("toy", path, &model, &fault), OK);
    assert_non_null(model_operation(model, "get_it"));
    model_release(model);
    unlink(path);
}

static void put_file(const char *directory, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void remove_tree(const char *root)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    assert_int_equal(system(command), 0);
}

static void the_newest_version_is_found_where_botocore_keeps_it(void **state)
{
    char root[] = "/tmp/moontide-models-XXXXXX", directory[128], text[512];
    struct fault fault = {0};
    struct model *model = NULL;
    (void)state;
    assert_non_null(mkdtemp(root));
    snprintf(
        text, sizeof text,
        "mkdir -p %s/toy-service/2019-01-01 %s/toy-service/2020-01-01 %s/toy-service/2021-01-01",
        root, root, root);
    assert_int_equal(system(text), 0);
    snprintf(text, sizeof text, "%s\"operations\":{\"ListOld\":{}},\"shapes\":{}}", head);
    snprintf(directory, sizeof directory, "%s/toy-service/2019-01-01", root);
    put_file(directory, "service-2.json", text);
    snprintf(text, sizeof text, "%s\"operations\":{\"ListNew\":{}},\"shapes\":{}}", head);
    snprintf(directory, sizeof directory, "%s/toy-service/2020-01-01", root);
    put_file(directory, "service-2.json", text);
    put_file(directory, "paginators-1.json",
             "{\"pagination\":{\"ListNew\":{\"input_token\":\"a\",\"output_token\":\"b\"}}}");
    put_file(directory, "waiters-2.json",
             "{\"version\":2,\"waiters\":{\"NewThere\":{\"operation\":\"ListNew\",\"delay\":1,"
             "\"maxAttempts\":2,\"acceptors\":[]}}}");
    setenv("AWS_DATA_PATH", root, 1);
    assert_int_equal(model_load("toy-service", NULL, &model, &fault), OK);
    assert_null(model_operation(model, "list_old"));
    assert_non_null(model_operation(model, "list_new")->pagination);
    assert_non_null(model_waiter(model, "new_there"));
    model_release(model);
    assert_int_equal(model_load("toy-service", directory, &model, &fault), OK);
    model_release(model);
    assert_int_equal(model_load("toy-servis", NULL, &model, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, root));
    unsetenv("AWS_DATA_PATH");
    remove_tree(root);
}

/* As `pip install awscli` leaves it, in an environment that was not "activated". */
static void a_model_is_found_beside_the_programs_of_the_path(void **state)
{
    static const char data[] = "lib/python3.11/site-packages/botocore/data/toy-service/2020-01-01";
    char root[] = "/tmp/moontide-programs-XXXXXX", text[1024], directory[256];
    struct fault fault = {0};
    struct model *model = NULL;
    (void)state;
    assert_non_null(mkdtemp(root));
    snprintf(directory, sizeof directory, "%s/%s", root, data);
    snprintf(text, sizeof text, "mkdir -p %s/bin %s", root, directory);
    assert_int_equal(system(text), 0);
    snprintf(text, sizeof text, "%s\"operations\":{\"ListNew\":{}},\"shapes\":{}}", head);
    put_file(directory, "service-2.json", text);
    char *before = strdup(getenv("PATH"));
    assert_non_null(before);
    snprintf(text, sizeof text, "relative/bin::%s/bin:%.800s", root, before);
    setenv("PATH", text, 1);
    int code = model_load("toy-service", NULL, &model, &fault);
    setenv("PATH", before, 1);
    free(before);
    remove_tree(root);
    assert_int_equal(code, OK);
    assert_non_null(model_operation(model, "list_new"));
    model_release(model);
}

static void an_unknown_service_names_the_nearest(void **state)
{
    struct model *model = NULL;
    struct fault fault = {0};
    (void)state;
    assert_int_equal(model_load("lamda", NULL, &model, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, "did you mean 'lambda'?"));
    assert_int_equal(model_load("../ecs", NULL, &model, &fault), ERR_INVALID);
    assert_int_equal(model_load("", NULL, &model, &fault), ERR_INVALID);
    assert_int_equal(model_load("x", "/nonexistent.json", &model, &fault), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_builtin_model_loads),
        cmocka_unit_test(an_operation_is_found_by_either_spelling),
        cmocka_unit_test(members_are_found_by_name_and_keep_their_order),
        cmocka_unit_test(names_become_snake_case_as_boto3_has_them),
        cmocka_unit_test(a_name_too_long_for_snake_case_is_cut),
        cmocka_unit_test(the_best_protocol_is_spoken),
        cmocka_unit_test(waiters_and_pages_lead_to_their_operations),
        cmocka_unit_test(errors_have_their_codes),
        cmocka_unit_test(a_member_has_from_its_shape_what_it_does_not_say),
        cmocka_unit_test(a_shape_may_hold_itself),
        cmocka_unit_test(what_leads_nowhere_is_refused),
        cmocka_unit_test(a_protocol_that_nobody_speaks_is_told),
        cmocka_unit_test(malformed_text_is_told_with_its_place),
        cmocka_unit_test(a_model_is_read_from_a_file_plain_or_packed),
        cmocka_unit_test(the_newest_version_is_found_where_botocore_keeps_it),
        cmocka_unit_test(an_unknown_service_names_the_nearest),
        cmocka_unit_test(a_model_is_found_beside_the_programs_of_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
