/* Facts about issue, recommend and decide, and about the shipped policies. */
#include "policy_fixture.h"

/* Evaluates a body with x without datapoints, y at 10. */
static void run(struct bench *b, const char *body)
{
    static char text[20000];
    snprintf(text, sizeof text,
             "local function raise(t) issue(t) end\n"
             "local function verdict(v) return v end\n"
             "return policy { name = 'test', checks = { recovered = function() end },\n"
             "metrics = function(t) return { x = cloudwatch { namespace = 'N', name = 'X' },\n"
             "  y = cloudwatch { namespace = 'N', name = 'Y' } } end,\n"
             "evaluate = function(t, m, memo)\n%s\nend }",
             body);
    ready(b, text);
    FILL(b, "y", 10);
}

static void an_issue_carries_what_it_was_given(void **state)
{
    struct bench *b = *state;
    run(b, "issue { type = 'slow', key = 'a', severity = 'high', when = m.y:above(5),\n"
           "clear = m.y:below(2), pending = '5m', keep_firing = 90, description = 'is ' .. 10,\n"
           "recommendation = 'do' }\n"
           "recommend { type = 'api', action = 'cache', impact = 'high', effort = 'low' }");
    evaluate_ok(b);
    assert_int_equal(b->out.issue_count, 1);
    const struct issue *issue = &b->out.issues[0];
    assert_string_equal(issue->type, "slow");
    assert_string_equal(issue->key, "a");
    assert_int_equal(issue->severity, SEVERITY_HIGH);
    assert_int_equal(issue->when, VERDICT_TRUE);
    assert_true(issue->has_clear);
    assert_int_equal(issue->clear, VERDICT_FALSE);
    assert_int_equal(issue->pending_ms, 300000);
    assert_int_equal(issue->keep_firing_ms, 90000);
    assert_string_equal(issue->description, "is 10");
    assert_string_equal(issue->recommendation, "do");
    assert_int_equal(b->out.recommendation_count, 1);
    assert_string_equal(b->out.recommendations[0].action, "cache");
    assert_int_equal(b->out.recommendations[0].impact, LEVEL_HIGH);
    assert_int_equal(b->out.recommendations[0].effort, LEVEL_LOW);
}

static void an_issue_knows_the_series_that_it_was_concluded_from(void **state)
{
    struct bench *b = *state;
    run(b, "local _ = m.x:above(1)\n"
           "issue { type = 'one', severity = 'low', when = m.y:above(5), clear = m.y:below(1) }\n"
           "issue { type = 'two', severity = 'low', when = m.y:above(7) }\n"
           "issue { type = 'none', severity = 'low' }\n"
           "issue { type = 'fine', severity = 'low', when = m.y:above(70) }");
    evaluate_ok(b);
    assert_int_equal(b->out.issue_count, 4);
    assert_string_equal(b->out.issues[0].metrics, "x,y");
    assert_string_equal(b->out.issues[1].metrics, "y");
    assert_null(b->out.issues[2].metrics);
    assert_null(b->out.issues[3].metrics);
}

static void an_absent_when_is_true_and_a_nil_one_is_unknown(void **state)
{
    struct bench *b = *state;
    enum { NONE = 9 };
    static const struct {
        const char *body;
        int when, clear; /* of the last issue; NONE: no clear */
    } cases[] = {
        {"issue { type = 'a', severity = 'low' }", VERDICT_TRUE, NONE},
        {"issue { type = 'a', severity = 'low', when = false }", VERDICT_FALSE, NONE},
        {"issue { type = 'a', severity = 'low', when = m.x:above(1) }", VERDICT_UNKNOWN, NONE},
        {"issue { type = 'a', severity = 'low',\n when = m.x:above(1), clear = m.x:below(1) }",
         VERDICT_UNKNOWN, VERDICT_UNKNOWN},
        {"issue { type = 'a', severity = 'low', when = true, clear = m.x:below(1) }", VERDICT_TRUE,
         VERDICT_UNKNOWN},
        {"issue { type = 'a', severity = 'low', when = nil }", VERDICT_UNKNOWN, NONE},
        {"issue { type = 'a', severity = 'low', when = m.extra }", VERDICT_UNKNOWN, NONE},
        /* Found before, and used as a field. */
        {"local v = m.x:above(1) issue { type = 'a', severity = 'low', when = v }", VERDICT_UNKNOWN,
         NONE},
        {"local v = m.x:last() issue { type = 'a', severity = 'low', when = v and v > 5 }",
         VERDICT_UNKNOWN, NONE},
        /* Another series did not answer; this issue does not ask it. */
        {"local v = m.x:above(1)\nif m.y:above(1) then issue { type = 'a', severity = 'low' } end",
         VERDICT_TRUE, NONE},
        {"issue { type = 'a', severity = 'low', description = tostring(m.x:last()) }", VERDICT_TRUE,
         NONE},
        {"issue { type = 'a', severity = 'low', description = tostring(m.x:above(1)) }",
         VERDICT_TRUE, NONE},
        {"if not m.x:above(1) then issue { type = 'a', severity = 'low' } end", VERDICT_TRUE, NONE},
        /* Through a table that was built elsewhere: the rule of answers since the statement. */
        {"raise { type = 'a', severity = 'low', when = m.x:above(1) }", VERDICT_UNKNOWN, NONE},
        {"raise { type = 'a', severity = 'low' }", VERDICT_TRUE, NONE},
        {"raise { type = 'a', severity = 'low', description = tostring(m.x:last()) }", VERDICT_TRUE,
         NONE},
        {"raise { type = 'a', severity = 'low', when = m.x:above(1), clear = m.x:below(1) }",
         VERDICT_UNKNOWN, VERDICT_UNKNOWN},
        {"raise { type = 'a', severity = 'low', when = m.y:above(1), clear = m.x:below(1) }",
         VERDICT_TRUE, VERDICT_UNKNOWN},
        {"raise { type = 'b', severity = 'low', when = m.x:above(1) }\n"
         "raise { type = 'a', severity = 'low' }",
         VERDICT_TRUE, NONE},
        {"local f = { type = 'a', severity = 'low' }\nf.when = m.x:above(1)\nissue(f)",
         VERDICT_UNKNOWN, NONE},
        /* Two on a line that differ. */
        {"issue { type = 'b', severity = 'low' } issue { type = 'a', severity = 'low', when = "
         "m.x:above(1) }",
         VERDICT_UNKNOWN, NONE},
        {"issue { type = 'b', severity = 'low', when = m.x:above(1) } issue { type = 'a', severity "
         "= 'low' }",
         VERDICT_TRUE, NONE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        run(b, cases[i].body);
        evaluate_ok(b);
        assert_true(b->out.issue_count > 0);
        const struct issue *issue = &b->out.issues[b->out.issue_count - 1];
        int clear = issue->has_clear ? (int)issue->clear : NONE;
        if ((int)issue->when != cases[i].when || clear != cases[i].clear)
            fail_msg("%s: when %d, clear %d", cases[i].body, issue->when, clear);
    }
}

static void faulty_statements_throw_with_their_line(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"issue { type = 'a', serverity = 'low' }", "unknown field 'serverity' (did you mean "
                                                    "'severity'?)"},
        {"issue { type = 'a', severity = 'low', effort = 'low' }", "unknown field 'effort'"},
        {"issue { type = 'a', zeta = 1, beta = 1, severity = 'low' }", "unknown field 'beta'"},
        {"issue { 'a', severity = 'low' }", "issue takes named fields only"},
        {"issue { severity = 'low' }", "issue: type is missing"},
        {"issue { type = '', severity = 'low' }", "type is empty"},
        {"issue { type = 'a' }", "issue: severity is missing"},
        {"issue { type = 'a', severity = 'hihg' }", "severity is 'hihg'; it must be low, medium "
                                                    "or high (did you mean 'high'?)"},
        {"issue { type = 'a', severity = 3 }", "severity must be low, medium or high, not a num"},
        {"issue { type = {}, severity = 'low' }", "type must be a string, not a table"},
        {"issue { type = 'a', severity = 'low', when = 5 }", "when must be true, false or nil"},
        {"issue { type = 'a', severity = 'low', pending = 'soon' }", "pending must be a duration"},
        {"issue()", "table expected"},
        {"recommend { type = 'a', action = 'b', impact = 'high' }", "effort is missing"},
        {"recommend { type = 'a', action = 'b', impact = 'x', effort = 'low' }", "impact is 'x'"},
        {"recommend { type = 'a', when = true }", "unknown field 'when'"},
        {"for i = 1, 1001 do issue { type = 'a' .. i, severity = 'low' } end", "more than 1000"},
        {"issue { type = 'a', severity = 'low', description = ('x'):rep(2000000) }", "longer than"},
        {"coroutine.wrap(function() issue { tipe = 'a' } end)()", "unknown field 'tipe'"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        run(b, cases[i].body);
        if (evaluate(b) >= 0) fail_msg("%s", cases[i].body);
        expect_fault(b, 7, cases[i].part);
    }
}

static void a_decision_states_what_should_be_true(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *body, *kind, *resource, *wanted;
    } cases[] = {
        {"decide.ecs_autoscaling { cluster = 'c', service = 's', target = 50, min = 2, max = 20,\n"
         " metric = 'ECSServiceAverageCPUUtilization', scale_out_cooldown = '1m',\n"
         " scale_in_cooldown = 300, disable_scale_in = false, region = 'eu-x', account = 'a' }",
         "ecs_autoscaling", "service/c/s",
         "{\"cluster\":\"c\",\"disable_scale_in\":false,\"max\":20,"
         "\"metric\":\"ECSServiceAverageCPUUtilization\",\"min\":2,\"scale_in_cooldown\":300,"
         "\"scale_out_cooldown\":60,\"service\":\"s\",\"target\":50}"},
        {"decide.ecs_desired_count { cluster = 'c', service = 's', count = 3.0,\n"
         " rails = { cooldown_in = '1m' }, verify = { within = '10m', check = 'recovered',\n"
         " on_failure = 'revert' } }",
         "ecs_desired_count", "service/c/s", "{\"cluster\":\"c\",\"count\":3,\"service\":\"s\"}"},
        {"decide.rds_instance { instance = 'i', class = 'db.r6g.large', allocated_storage = 100 }",
         "rds_instance", "db/i",
         "{\"allocated_storage\":100,\"class\":\"db.r6g.large\",\"instance\":\"i\"}"},
        {"decide.cache_parameters { group = 'g', parameters = { ['maxmemory-policy'] = 'x' } }",
         "cache_parameters", "parameter-group/g",
         "{\"group\":\"g\",\"parameters\":{\"maxmemory-policy\":\"x\"}}"},
        {"decide.call { service = 'sqs', operation = 'SetQueueAttributes', params = { A = 1 } }",
         "call", "sqs:SetQueueAttributes/52dddc1755a9b3ac",
         "{\"operation\":\"SetQueueAttributes\",\"params\":{\"A\":1},\"service\":\"sqs\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        run(b, cases[i].body);
        evaluate_ok(b);
        assert_int_equal(b->out.decision_count, 1);
        const struct decision *d = &b->out.decisions[0];
        assert_string_equal(d->kind, cases[i].kind);
        assert_string_equal(d->resource, cases[i].resource);
        assert_string_equal(d->wanted, cases[i].wanted);
        assert_true((i == 0) == (d->region != NULL));
        if (i == 0) assert_string_equal(d->account, "a");
        assert_true((i == 1) == (d->rails != NULL));
        if (i != 1) continue;
        assert_string_equal(d->rails, "{\"cooldown_in\":\"1m\"}");
        assert_string_equal(d->verify, "{\"check\":\"recovered\",\"on_failure\":\"revert\","
                                       "\"within\":600}");
    }
}

static void calls_are_told_apart_by_key_or_parameters(void **state)
{
    struct bench *b = *state;
    run(b, "decide.call { service = 's', operation = 'O', idempotency_key = 'k', params = { 1 } }\n"
           "decide.call { service = 's', operation = 'O' }\n"
           "decide.call { service = 's', operation = 'O', params = { A = 1 } }\n"
           "decide.call { service = 's', operation = 'O', params = { A = 1 } }");
    evaluate_ok(b);
    assert_int_equal(b->out.decision_count, 4);
    const struct decision *d = b->out.decisions;
    assert_string_equal(d[0].resource, "s:O/k");
    assert_string_equal(d[2].resource, d[3].resource);
    assert_string_not_equal(d[1].resource, d[2].resource);
}

static void decisions_come_with_the_datapoints_that_were_read(void **state)
{
    struct bench *b = *state;
    run(b, "issue { type = 'a', severity = 'low', when = m.y:above(1) }");
    evaluate_ok(b);
    assert_null(b->out.datapoints_json);
    run(b, "local v = m.x:last()\nif m.y:above(1) then decide.ecs_desired_count { cluster = 'c',\n"
           " service = 's', count = 1 } end");
    evaluate_ok(b);
    assert_string_equal(b->out.datapoints_json, "{\"y\":{\"at\":1799999700,\"value\":10}}");
}

static void faulty_decisions_throw(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"decide.ecs_autoscalin {}", "did you mean 'ecs_autoscaling'?"},
        {"decide.ecs_desired_count { cluster = 'c', service = 's', cont = 1 }",
         "decide.ecs_desired_count: unknown field 'cont' (did you mean 'count'?)"},
        {"decide.ecs_desired_count { cluster = 'c', count = 1 }", "service is missing"},
        {"decide.ecs_desired_count { cluster = 'c', service = '', count = 1 }", "not empty"},
        {"decide.ecs_desired_count { cluster = 'c', service = 's', count = '3' }", "whole number"},
        {"decide.ecs_desired_count { cluster = 'c', service = 's', count = -1 }", "whole number"},
        {"decide.ecs_desired_count { cluster = 'c', service = 's', count = 1.5 }", "whole number"},
        {"decide.ecs_desired_count { cluster = 'c', service = 's', count = 1e300 }", "whole num"},
        {"decide.ecs_desired_count { cluster = 'c', service = 's', count = 0/0 }", "whole number"},
        {"decide.ecs_autoscaling { cluster = 'c', service = 's', target = 0/0 }", "a number"},
        {"decide.ecs_autoscaling { cluster = 'c', service = 's', scale_in_cooldown = 'x' }",
         "scale_in_cooldown"},
        {"decide.rds_instance { instance = 'i', apply_immediately = 1 }", "true or false"},
        {"decide.cache_parameters { group = 'g', parameters = { f = print } }", "parameters.f"},
        {"decide.call { service = 's', operation = 'o', verify = { check = 'x', within = 1 } }",
         "no function 'x'"},
        {"decide.call { service = 's', operation = 'o', verify = { chek = 'x', within = 1 } }",
         "unknown field 'chek'"},
        {"decide.ecs_autoscaling { cluster = 'c', service = 's', target = 1, min = 5, max = 2 }",
         "decide.ecs_autoscaling: min = 5.0 is more than max = 2.0"},
        {"decide.ecs_autoscaling { cluster = 'c', service = 's', target = '5', min = 1, max = 2 }",
         "target must be a number"},
        {"decide.rds_instance { instance = 'i', allocated_storage = 20, max_allocated_storage = 9 "
         "}",
         "allocated_storage = 20.0 is more than max_allocated_storage"},
        {"decide.ecs_desired_count { cluster = 'c', service = 's', count = 1, rails = 5 }",
         "rails must be a table"},
        {"decide.call { service = 's', operation = 'o', region = '' }", "region must be a string"},
        {"decide.call { 5 }", "named fields only"},
        {"decide.mine = 5", "decide is read-only"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        run(b, cases[i].body);
        if (evaluate(b) >= 0) fail_msg("%s", cases[i].body);
        expect_fault(b, 7, cases[i].part);
    }
}

/* ---- the shipped policies ---- */

static void load_shipped(struct bench *b, const char *language)
{
    bench_drop(b);
    free(b->config->json);
    char json[200];
    snprintf(json, sizeof json,
             "{\"environments\":[\"prod\",\"staging\"],\"language\":\"%s\",\"vars\":{}}", language);
    b->config->json = strdup(json);
    int code = policy_load(&b->host, MOONTIDE_POLICIES "/performance.lua",
                           "policies/performance.lua", &b->evaluator, &b->faults);
    if (code < 0)
        fail_msg("%s:%d %s", b->faults.items[0].file, b->faults.items[0].line,
                 b->faults.items[0].text);
    assert_int_equal(discover(b), OK);
    make_series(b, 0);
}

static const struct issue *issue_of(const struct bench *b, const char *type)
{
    for (uint32_t i = 0; i < b->out.issue_count; i++)
        if (strcmp(b->out.issues[i].type, type) == 0) return &b->out.issues[i];
    return NULL;
}

static void expect_issue(const struct bench *b, const char *type, enum severity severity,
                         const char *description)
{
    const struct issue *issue = issue_of(b, type);
    assert_non_null(issue);
    assert_int_equal(issue->when, VERDICT_TRUE);
    assert_int_equal(issue->severity, severity);
    assert_string_equal(issue->description, description);
    assert_true(*issue->recommendation);
}

static void the_shipped_policy_asks_thirteen_metrics_of_each_environment(void **state)
{
    struct bench *b = *state;
    load_shipped(b, "en");
    assert_int_equal(b->evaluator->vtable->target_count(b->evaluator), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct target *t = target(b, i);
        assert_string_equal(t->id, i ? "environment=staging" : "environment=prod");
        assert_int_equal(t->use_count, 13);
        for (uint32_t j = 0; j < t->use_count; j++) {
            const struct metric *metric = t->uses[j].metric;
            assert_int_equal(metric->period_s, 300);
            assert_int_equal(metric->dimension_count, 1);
            assert_string_equal(metric->dimensions[0].name, "Environment");
            assert_string_equal(metric->dimensions[0].value, i ? "staging" : "prod");
        }
    }
    assert_true(
        b->evaluator->vtable->uses_file(b->evaluator, MOONTIDE_POLICIES "/lib/performance.lua"));
}

static void the_shipped_policy_sees_latency_and_cold_caches(void **state)
{
    struct bench *b = *state;
    load_shipped(b, "en");
    FILL(b, "api_response_p99", 900, 1500);
    FILL(b, "db_query_p90", 400, 700);
    FILL(b, "cache_hit_rate", 0.9, 0.7);
    evaluate_ok(b);
    assert_int_equal(b->out.issue_count, 3);
    expect_issue(b, "api_latency", SEVERITY_HIGH,
                 "API p99 response time is 1500 ms (limit 1000 ms)");
    expect_issue(b, "db_latency", SEVERITY_MEDIUM,
                 "Database p90 query time is 700 ms (limit 500 ms)");
    expect_issue(b, "cache_miss", SEVERITY_LOW,
                 "Cache hit rate is 70.0 % (at least 80 % is expected)");
    assert_int_equal(b->out.recommendation_count, 3);
    assert_int_equal(b->out.unknown_count, 0);

    FILL(b, "api_response_p99", 1000);
    FILL(b, "db_query_p90", 500);
    FILL(b, "cache_hit_rate", 0.8);
    evaluate_ok(b); /* at the limit is within it */
    assert_int_equal(b->out.issue_count + b->out.recommendation_count, 0);
}

static void a_missing_hit_rate_is_unknown_and_no_cache_miss(void **state)
{
    struct bench *b = *state;
    load_shipped(b, "en");
    FILL(b, "api_response_p99", 100);
    FILL(b, "db_query_p90", 100);
    evaluate_ok(b);
    assert_int_equal(b->out.issue_count, 1);
    assert_string_equal(b->out.issues[0].type, "cache_miss");
    assert_int_equal(b->out.issues[0].when, VERDICT_UNKNOWN);
    assert_int_equal(b->out.recommendation_count, 0);
    assert_int_equal(b->out.unknown_count, 1);
    assert_string_equal(b->out.unknowns[0].metric, "cache_hit_rate");
}

static void the_shipped_policy_speaks_korean(void **state)
{
    struct bench *b = *state;
    load_shipped(b, "ko");
    FILL(b, "api_response_p99", 1500);
    FILL(b, "db_query_p90", 100);
    FILL(b, "cache_hit_rate", 0.9);
    evaluate_ok(b);
    expect_issue(b, "api_latency", SEVERITY_HIGH,
                 "API p99 응답 시간이 1500 ms입니다 (한도 1000 ms)");
    assert_int_equal(b->out.issue_count, 1);
}

static void the_shipped_policy_passes_check(void **state)
{
    struct bench *b = *state;
    struct faults faults;
    faults_init(&faults);
    load_shipped(b, "en");
    assert_int_equal(policy_check(b->evaluator, &faults), OK);
    assert_int_equal(faults.count, 0);
    faults_done(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(an_issue_carries_what_it_was_given),
        ON_BENCH(an_issue_knows_the_series_that_it_was_concluded_from),
        ON_BENCH(an_absent_when_is_true_and_a_nil_one_is_unknown),
        ON_BENCH(faulty_statements_throw_with_their_line),
        ON_BENCH(a_decision_states_what_should_be_true),
        ON_BENCH(calls_are_told_apart_by_key_or_parameters),
        ON_BENCH(decisions_come_with_the_datapoints_that_were_read),
        ON_BENCH(faulty_decisions_throw),
        ON_BENCH(the_shipped_policy_asks_thirteen_metrics_of_each_environment),
        ON_BENCH(the_shipped_policy_sees_latency_and_cold_caches),
        ON_BENCH(a_missing_hit_rate_is_unknown_and_no_cache_miss),
        ON_BENCH(the_shipped_policy_speaks_korean),
        ON_BENCH(the_shipped_policy_passes_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
