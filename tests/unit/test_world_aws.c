/* The real world against a CloudWatch on loopback, and what it says when something is missing. */
#include "moontide/base/compiler.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "moontide/tick/collect.h"
#include "moontide/tick/world.h"
#include "support/answer_server.h"
#include "support/answers.h"
#include "support/route_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PERIOD_S = 300, SLOTS = 12, WAIT_MAX_MS = 30000 };
static const int64_t NOW_S = 1767225600;

static const struct account_options accounts[] = {
    {.name = "plain", .region = "eu-west-1"},
    {.name = "elsewhere", .role_arn = "arn:aws:iam::123456789012:role/moontide"},
    {.name = "shop",
     .role_arn = "arn:aws:iam::210987654321:role/moontide",
     .external_id = "shop/1",
     .session_name = "tide"},
};

struct bench {
    struct loop *loop;
    struct http *http;
    struct answer_server *server;
    struct world *world;
    struct collector *collector;
    struct collector_entry *entries[600];
    size_t entry_count;
    struct fetch *under_way;
    struct fetch_result result;
    int told;
    bool too_late;
};

/* No variable of the machine that runs the test may reach it. */
static void clean_environment(void)
{
    static const char *const names[] = {
        "AWS_REGION",          "AWS_DEFAULT_REGION",          "AWS_PROFILE",
        "AWS_ENDPOINT_URL",    "AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_STS"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unsetenv(names[i]);
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    if (!b || loop_new(&b->loop) < 0 || http_new(b->loop, NULL, &b->http) < 0) return -1;
    clean_environment();
    b->server = answer_server_new(loop_uv(b->loop), NULL, -1);
    if (!b->server) return -1;
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d/", answer_server_port(b->server));
    struct world_aws_options options = {.loop = b->loop,
                                        .http = b->http,
                                        .endpoint = endpoint,
                                        .accounts = accounts,
                                        .account_count = COUNT_OF(accounts)};
    if (world_aws_new(&options, &b->world, NULL) < 0) return -1;
    struct collector_options collector = {b->loop, b->world, COLLECT_SETTLE_MS};
    if (collector_new(&collector, &b->collector) < 0) return -1;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    fetch_cancel(b->under_way); /* of a test that failed */
    for (size_t i = 0; i < b->entry_count; i++)
        collector_release(b->collector, b->entries[i]);
    collector_free(b->collector);
    world_free(b->world);
    http_free(b->http);
    answer_server_free(b->server);
    int left = loop_free(b->loop);
    free(b);
    return left;
}

static struct collector_entry *watch(struct bench *b, const char *name, const char *region,
                                     const char *account)
{
    struct metric draft = {.namespace_name = "N",
                           .name = name,
                           .stat = "Sum",
                           .period_s = PERIOD_S,
                           .region = region,
                           .account = account};
    struct metric *metric = NULL;
    struct collector_entry **entry = &b->entries[b->entry_count++];
    assert_int_equal(metric_new(&draft, &metric), OK);
    assert_int_equal(collector_subscribe(b->collector, metric, SLOTS, entry), OK);
    metric_release(metric);
    return *entry;
}

static void tell(void *data, const struct fetch_result *result)
{
    struct bench *b = data;
    b->under_way = NULL;
    b->result = *result;
    b->told++;
}

static void give_up(void *data)
{
    struct bench *b = data;
    b->too_late = true;
}

static void begin(struct bench *b, int64_t now_s)
{
    struct fetch_item items[COUNT_OF(b->entries)];
    for (size_t i = 0; i < b->entry_count; i++)
        items[i] = (struct fetch_item){b->entries[i], 0};
    b->told = 0;
    assert_int_equal(collector_fetch(b->collector, items, b->entry_count, 1, now_s * 1000, tell, b,
                                     &b->under_way),
                     OK);
}

static void fetch(struct bench *b, int64_t now_s)
{
    struct loop_timer *limit = NULL;
    assert_int_equal(loop_timer_start(b->loop, WAIT_MAX_MS, give_up, b, &limit), OK);
    begin(b, now_s);
    assert_int_equal(b->told, 0);
    while (b->told == 0 && !b->too_late)
        loop_turn(b->loop, true);
    assert_false(b->too_late);
    assert_int_equal(b->told, 1);
    loop_timer_cancel(limit);
}

static void datapoints_come_by_signed_calls(void **state)
{
    struct bench *b = *state;
    struct collector_entry *one = watch(b, "One", "eu-west-1", NULL);
    struct collector_entry *two = watch(b, "Two", "eu-west-1", NULL);
    assert_string_equal(b->world->name, "aws");
    assert_true(b->world->priced);
    fetch(b, NOW_S + 60);
    assert_int_equal(b->result.code, OK);
    assert_int_equal(b->result.calls, 1);
    assert_int_equal(b->result.datapoints, 2 * SLOTS);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        int64_t time_s = NOW_S - (int64_t)(SLOTS - slot) * PERIOD_S;
        assert_true(collector_series(one)->values[slot] == answers_value(0, time_s, PERIOD_S));
        assert_true(collector_series(two)->values[slot] == answers_value(1, time_s, PERIOD_S));
    }
    assert_non_null(strstr(answer_server_last_head(b->server), "/eu-west-1/monitoring/"));
    fetch(b, NOW_S + 60 + PERIOD_S);
    assert_int_equal(b->result.datapoints, 2 * (COLLECT_REREAD_PERIODS + 1));
    assert_int_equal(answer_server_counts(b->server)->requests, 2);
}

static void each_region_has_its_client(void **state)
{
    struct bench *b = *state;
    watch(b, "One", "eu-west-1", NULL);
    watch(b, "One", "us-east-1", NULL);
    watch(b, "One", NULL, "plain"); /* whose region is eu-west-1, too */
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, OK);
    assert_int_equal(b->result.calls, 3);
    assert_int_equal(answer_server_counts(b->server)->requests, 3);
}

static void without_a_region_every_place_is_named(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "One", NULL, NULL);
    setenv("AWS_PROFILE", "games", 1);
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, ERR_INVALID);
    static const char *const places[] = {"AWS_REGION", "AWS_DEFAULT_REGION",
                                         "`region` of the "
                                         "configuration",
                                         "profile \"games\"", "/nonexistent/config"};
    for (size_t i = 0; i < COUNT_OF(places); i++)
        if (!strstr(b->result.fault.text, places[i]))
            fail_msg("%s is not in: %s", places[i], b->result.fault.text);
    assert_string_equal(collector_reason(entry), b->result.fault.text);
    assert_int_equal(collector_series(entry)->state, SERIES_FAILED);
    unsetenv("AWS_PROFILE");
    setenv("AWS_REGION", "eu-west-1", 1); /* and it is asked again as soon as there is one */
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, OK);
}

static void an_account_must_be_configured(void **state)
{
    struct bench *b = *state;
    watch(b, "One", NULL, "plaim");
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, ERR_NOT_FOUND);
    assert_string_equal(
        b->result.fault.text,
        "account \"plaim\" is not in the configuration's accounts; did you mean \"plain\"?");
}

#define ROLE_ANSWER                                                                                \
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLEID</AccessKeyId>"         \
    "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>"               \
    "2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"

/* A world without an endpoint of its own: CloudWatch and STS are two servers. */
static void separate_world(struct bench *b, int sts_port)
{
    char url[64];
    struct world_aws_options options = {.loop = b->loop,
                                        .http = b->http,
                                        .accounts = accounts,
                                        .account_count = COUNT_OF(accounts)};
    struct collector_options collector = {b->loop, NULL, COLLECT_SETTLE_MS};
    snprintf(url, sizeof url, "http://127.0.0.1:%d", answer_server_port(b->server));
    setenv("AWS_ENDPOINT_URL_CLOUDWATCH", url, 1);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", sts_port);
    setenv("AWS_ENDPOINT_URL_STS", url, 1);
    collector_free(b->collector);
    world_free(b->world);
    b->collector = NULL;
    b->world = NULL;
    assert_int_equal(world_aws_new(&options, &b->world, NULL), OK);
    collector.world = b->world;
    assert_int_equal(collector_new(&collector, &b->collector), OK);
}

static void an_account_with_a_role_is_read_as_that_role(void **state)
{
    struct bench *b = *state;
    struct route routes[] = {{"POST", "/", NULL, 200, ROLE_ANSWER, 0, NULL}, {0}};
    struct route_server *sts = route_server_new(loop_uv(b->loop), routes);
    assert_non_null(sts);
    separate_world(b, route_server_port(sts));
    struct collector_entry *entry = watch(b, "One", "eu-west-1", "elsewhere");
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, OK);
    assert_int_equal(collector_series(entry)->state, SERIES_READY);
    assert_int_equal(routes[0].hits, 1);
    assert_non_null(strstr(route_server_last(sts), "Credential=AKID/"));
    assert_non_null(strstr(route_server_last(sts), "role%2Fmoontide&RoleSessionName=moontide"));
    fetch(b, NOW_S + PERIOD_S);
    assert_int_equal(routes[0].hits, 1); /* kept */
    route_server_free(sts);
}

static void an_accounts_external_id_and_session_name_are_told_to_sts(void **state)
{
    struct bench *b = *state;
    struct route routes[] = {{"POST", "/", NULL, 200, ROLE_ANSWER, 0, NULL}, {0}};
    struct route_server *sts = route_server_new(loop_uv(b->loop), routes);
    assert_non_null(sts);
    separate_world(b, route_server_port(sts));
    watch(b, "One", "eu-west-1", "shop");
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, OK);
    assert_int_equal(routes[0].hits, 1);
    assert_non_null(strstr(route_server_last(sts), "RoleSessionName=tide"));
    assert_non_null(strstr(route_server_last(sts), "ExternalId=shop%2F1"));
    route_server_free(sts);
}

static void a_role_that_is_refused_fails_its_account_and_says_why(void **state)
{
    struct bench *b = *state;
    struct route routes[] = {{"POST", "/", NULL, 403,
                              "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you"
                              "</Message></Error></ErrorResponse>",
                              0, NULL},
                             {0}};
    struct route_server *sts = route_server_new(loop_uv(b->loop), routes);
    assert_non_null(sts);
    separate_world(b, route_server_port(sts));
    watch(b, "One", "eu-west-1", "elsewhere");
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, ERR_CREDENTIALS);
    assert_non_null(strstr(b->result.fault.text, "role/moontide"));
    assert_non_null(strstr(b->result.fault.text, "AccessDenied: not you"));
    route_server_free(sts);
}

static void one_region_that_fails_does_not_spoil_the_other(void **state)
{
    struct bench *b = *state;
    struct collector_entry *bad = watch(b, "One", NULL, "nobody");
    struct collector_entry *good = watch(b, "One", "eu-west-1", NULL);
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, ERR_NOT_FOUND);
    assert_int_equal(collector_series(bad)->state, SERIES_FAILED);
    assert_int_equal(collector_series(good)->state, SERIES_READY);
}

static void refused_access_rests(void **state)
{
    struct bench *b = *state;
    struct collector_entry *entry = watch(b, "One", "eu-west-1", NULL);
    answer_server_mode(b->server, "denied", -1);
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, ERR_DENIED);
    assert_int_equal(collector_series(entry)->state, SERIES_FORBIDDEN);
    assert_non_null(strstr(collector_reason(entry), "AccessDenied"));
    begin(b, NOW_S + PERIOD_S);
    assert_int_equal(b->told, 1); /* nothing is asked */
    answer_server_mode(b->server, "ok", -1);
    fetch(b, NOW_S + COLLECT_FORBIDDEN_MS / 1000);
    assert_int_equal(collector_series(entry)->state, SERIES_READY);
}

static void a_fetch_is_canceled_in_mid_call(void **state)
{
    struct bench *b = *state;
    watch(b, "One", "eu-west-1", NULL);
    watch(b, "One", NULL, "nobody");
    answer_server_mode(b->server, "stall", -1);
    begin(b, NOW_S);
    for (int i = 0; i < 3; i++)
        loop_turn(b->loop, false);
    fetch_cancel(b->under_way);
    b->under_way = NULL;
    assert_int_equal(b->told, 0);
    answer_server_mode(b->server, "ok", -1);
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, ERR_NOT_FOUND); /* of the other one */
    assert_int_equal(collector_series(b->entries[0])->state, SERIES_READY);
}

static void a_fleet_of_queries_takes_several_calls(void **state)
{
    struct bench *b = *state;
    char name[32];
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "M%d", i);
        watch(b, name, "eu-west-1", NULL);
    }
    fetch(b, NOW_S);
    assert_int_equal(b->result.code, OK);
    assert_int_equal(b->result.calls, 2);
    assert_int_equal(b->result.datapoints, 600 * SLOTS);
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        FACT(datapoints_come_by_signed_calls),
        FACT(each_region_has_its_client),
        FACT(without_a_region_every_place_is_named),
        FACT(an_account_must_be_configured),
        FACT(an_account_with_a_role_is_read_as_that_role),
        FACT(an_accounts_external_id_and_session_name_are_told_to_sts),
        FACT(a_role_that_is_refused_fails_its_account_and_says_why),
        FACT(one_region_that_fails_does_not_spoil_the_other),
        FACT(refused_access_rests),
        FACT(a_fetch_is_canceled_in_mid_call),
        FACT(a_fleet_of_queries_takes_several_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
