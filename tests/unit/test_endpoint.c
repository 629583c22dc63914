/* Facts about where a service answers. */
#include "moontide/aws/endpoint.h"
#include "moontide/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char config[] = "/tmp/moontide-endpoint-XXXXXX";

static int setup(void **state)
{
    (void)state;
    static const char *const variables[] = {"AWS_ENDPOINT_URL",
                                            "AWS_ENDPOINT_URL_CLOUDWATCH",
                                            "AWS_USE_FIPS_ENDPOINT",
                                            "AWS_USE_DUALSTACK_ENDPOINT",
                                            "AWS_PROFILE",
                                            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                            "AWS_ENDPOINT_URL_ELASTIC_BEANSTALK",
                                            "AWS_STS_REGIONAL_ENDPOINTS"};
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        unsetenv(variables[i]);
    setenv("AWS_CONFIG_FILE", config, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    FILE *file = fopen(config, "w");
    assert_non_null(file);
    return fclose(file);
}

static void write_config(const char *text)
{
    FILE *file = fopen(config, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void expect(const char *region, const char *configured, const char *url)
{
    char *out = NULL;
    struct fault fault = {0};
    int code = endpoint_resolve("cloudwatch", "monitoring", region, NULL, configured, &out, &fault);
    if (code < 0) print_error("%s\n", fault.text);
    assert_int_equal(code, OK);
    assert_string_equal(out, url);
    free(out);
}

static void refuse(const char *region, const char *configured, const char *says)
{
    char *out = NULL;
    struct fault fault = {0};
    assert_int_equal(
        endpoint_resolve("cloudwatch", "monitoring", region, NULL, configured, &out, &fault),
        ERR_INVALID);
    assert_null(out);
    if (!strstr(fault.text, says)) print_error("%s\n", fault.text);
    assert_non_null(strstr(fault.text, says));
}

static void each_partition_has_its_rule(void **state)
{
    (void)state;
    expect("ap-northeast-2", NULL, "https://monitoring.ap-northeast-2.amazonaws.com");
    expect("cn-north-1", NULL, "https://monitoring.cn-north-1.amazonaws.com.cn");
    expect("us-gov-west-1", NULL, "https://monitoring.us-gov-west-1.amazonaws.com");
    setenv("AWS_USE_FIPS_ENDPOINT", "true", 1);
    expect("us-east-1", NULL, "https://monitoring-fips.us-east-1.amazonaws.com");
    setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
    expect("us-east-1", NULL, "https://monitoring-fips.us-east-1.api.aws");
}

static void the_nearest_setting_wins(void **state)
{
    (void)state;
    write_config("[default]\nendpoint_url = http://profile:1\nservices = local\n"
                 "[services local]\ncloudwatch =\n  endpoint_url = http://services:2\n");
    expect("us-east-1", NULL, "http://services:2");
    setenv("AWS_ENDPOINT_URL", "http://all:3", 1);
    expect("us-east-1", NULL, "http://all:3");
    setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://one:4/", 1);
    expect("us-east-1", NULL, "http://one:4");
    expect("us-east-1", "http://mine:5/base/", "http://mine:5/base");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    expect("us-east-1", NULL, "https://monitoring.us-east-1.amazonaws.com");
    unsetenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    unsetenv("AWS_ENDPOINT_URL_CLOUDWATCH");
    unsetenv("AWS_ENDPOINT_URL");
    write_config("[default]\nendpoint_url = http://profile:1\n");
    expect("us-east-1", NULL, "http://profile:1");
    expect(NULL, NULL, "http://profile:1"); /* needs no region */
}

static void a_service_name_with_a_space_has_its_variable(void **state)
{
    (void)state;
    char *out = NULL;
    struct fault fault = {0};
    setenv("AWS_ENDPOINT_URL_ELASTIC_BEANSTALK", "https://x", 1);
    assert_int_equal(endpoint_resolve("elastic beanstalk", "elasticbeanstalk", "us-east-1", NULL,
                                      NULL, &out, &fault),
                     OK);
    assert_string_equal(out, "https://x");
    free(out);
}

static void find(const char *service_id, const char *prefix, const char *region, const char *url,
                 const char *signed_for)
{
    struct endpoint_question question = {service_id, prefix, region, NULL, NULL};
    struct endpoint out;
    struct fault fault = {0};
    int code = endpoint_find(&question, &out, &fault);
    if (code < 0) print_error("%s\n", fault.text);
    assert_int_equal(code, OK);
    assert_string_equal(out.url, url);
    if (signed_for)
        assert_string_equal(out.region, signed_for);
    else
        assert_null(out.region);
    endpoint_done(&out);
}

static void a_service_section_is_named_with_underscores(void **state)
{
    (void)state;
    write_config("[default]\nservices = local\n[services local]\nelastic_beanstalk =\n"
                 "  endpoint_url = http://eb:2\n");
    find("Elastic Beanstalk", "elasticbeanstalk", "us-east-1", "http://eb:2", "us-east-1");
    find("ECS", "ecs", "us-east-1", "https://ecs.us-east-1.amazonaws.com", "us-east-1");
}

static void a_global_service_lives_in_its_partitions_home(void **state)
{
    (void)state;
    find("IAM", "iam", "ap-northeast-2", "https://iam.amazonaws.com", "us-east-1");
    find("IAM", "iam", NULL, "https://iam.amazonaws.com", "us-east-1");
    find("IAM", "iam", "cn-northwest-1", "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1");
    find("IAM", "iam", "us-gov-east-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1");
    find("Cost Explorer", "ce", "eu-west-1", "https://ce.us-east-1.amazonaws.com", "us-east-1");
    find("Cost Explorer", "ce", "cn-north-1", "https://ce.cn-northwest-1.amazonaws.com.cn",
         "cn-northwest-1");
    find("Route 53", "route53", "eu-west-1", "https://route53.amazonaws.com", "us-east-1");
    setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
    find("Route 53", "route53", "eu-west-1", "https://route53.global.api.aws", "us-east-1");
}

static void sts_is_regional_unless_told_to_be_as_it_was(void **state)
{
    (void)state;
    find("STS", "sts", "eu-west-1", "https://sts.eu-west-1.amazonaws.com", "eu-west-1");
    setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy", 1);
    find("STS", "sts", "eu-west-1", "https://sts.amazonaws.com", "us-east-1");
    find("STS", "sts", "il-central-1", "https://sts.il-central-1.amazonaws.com", "il-central-1");
    find("STS", "sts", "cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1");
}

static void the_profile_sets_the_flags_too(void **state)
{
    (void)state;
    write_config("[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n");
    find("ECS", "ecs", "us-east-1", "https://ecs-fips.us-east-1.api.aws", "us-east-1");
    setenv("AWS_USE_FIPS_ENDPOINT", "false", 1);
    find("ECS", "ecs", "us-east-1", "https://ecs.us-east-1.api.aws", "us-east-1");
    write_config("[default]\nendpoint_url = http://x\nignore_configured_endpoint_urls = true\n");
    find("ECS", "ecs", "us-east-1", "https://ecs.us-east-1.amazonaws.com", "us-east-1");
}

static void govcloud_answers_fips_on_the_plain_host_where_it_does(void **state)
{
    (void)state;
    setenv("AWS_USE_FIPS_ENDPOINT", "true", 1);
    find("RDS", "rds", "us-gov-west-1", "https://rds.us-gov-west-1.amazonaws.com", "us-gov-west-1");
    find("ECS", "ecs", "us-gov-west-1", "https://ecs-fips.us-gov-west-1.amazonaws.com",
         "us-gov-west-1");
}

static void some_services_have_their_own_way_with_dual_stack(void **state)
{
    (void)state;
    setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
    find("S3", "s3", "eu-west-1", "https://s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1");
    find("Secrets Manager", "secretsmanager", "eu-west-1",
         "https://secretsmanager.eu-west-1.amazonaws.com", "eu-west-1");
    unsetenv("AWS_USE_DUALSTACK_ENDPOINT");
    find("DataZone", "datazone", "eu-west-1", "https://datazone.eu-west-1.api.aws", "eu-west-1");
}

static void a_configured_endpoint_is_signed_for_the_callers_region(void **state)
{
    (void)state;
    setenv("AWS_ENDPOINT_URL", "http://localhost:4566", 1);
    find("ECS", "ecs", "eu-west-1", "http://localhost:4566", "eu-west-1");
    find("ECS", "ecs", NULL, "http://localhost:4566", NULL);
    find("IAM", "iam", NULL, "http://localhost:4566", "us-east-1");
}

static void a_configured_endpoint_needs_no_profile_that_can_be_read(void **state)
{
    (void)state;
    write_config("[default\n");
    expect("us-east-1", "http://mine:5", "http://mine:5");
    char *out = NULL;
    struct fault fault = {0};
    assert_int_equal(endpoint_resolve("ECS", "ecs", "us-east-1", NULL, NULL, &out, &fault),
                     ERR_PARSE);
}

static void each_known_region_has_its_partition(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct region *r = regions; r->name; r++, count++)
        assert_string_equal(region_partition(r->name), r->partition);
    assert_true(count > 30);
    assert_string_equal(region_partition("ap-southeast-99"), "aws");
}

static void what_is_no_url_is_refused_with_its_source(void **state)
{
    (void)state;
    static const char *const bad[] = {"localhost:4566",   "ftp://x",       "http://",
                                      "http://a b",       "http://a?x=1",  "http://user@host",
                                      "http://host:port", "http://host:",  "http://host:1234567",
                                      "http://[::1",      "http://ho\nst", "https:///x"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        refuse("us-east-1", bad[i], "endpoint in the configuration");
    setenv("AWS_ENDPOINT_URL", "nonsense", 1);
    refuse("us-east-1", NULL, "AWS_ENDPOINT_URL");
    expect("us-east-1", "http://[::1]:4566", "http://[::1]:4566");
}

static void a_region_is_a_name_and_nothing_else(void **state)
{
    (void)state;
    refuse(NULL, NULL, "no region");
    refuse("", NULL, "AWS_REGION");
    refuse("evil.com/", NULL, "not the name of a region");
    refuse("US-EAST-1", NULL, "not the name of a region");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_partition_has_its_rule, setup),
        cmocka_unit_test_setup(the_nearest_setting_wins, setup),
        cmocka_unit_test_setup(a_service_name_with_a_space_has_its_variable, setup),
        cmocka_unit_test_setup(a_service_section_is_named_with_underscores, setup),
        cmocka_unit_test_setup(a_global_service_lives_in_its_partitions_home, setup),
        cmocka_unit_test_setup(sts_is_regional_unless_told_to_be_as_it_was, setup),
        cmocka_unit_test_setup(the_profile_sets_the_flags_too, setup),
        cmocka_unit_test_setup(govcloud_answers_fips_on_the_plain_host_where_it_does, setup),
        cmocka_unit_test_setup(some_services_have_their_own_way_with_dual_stack, setup),
        cmocka_unit_test_setup(a_configured_endpoint_is_signed_for_the_callers_region, setup),
        cmocka_unit_test_setup(a_configured_endpoint_needs_no_profile_that_can_be_read, setup),
        cmocka_unit_test_setup(each_known_region_has_its_partition, setup),
        cmocka_unit_test_setup(what_is_no_url_is_refused_with_its_source, setup),
        cmocka_unit_test_setup(a_region_is_a_name_and_nothing_else, setup),
    };
    int fd = mkstemp(config);
    if (fd < 0) return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(config);
    return failed;
}
