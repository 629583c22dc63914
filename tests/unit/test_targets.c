/* Facts about discovery: what a policy judges, and the metrics that it declares of each. */
#include "policy_fixture.h"

#define EVALUATE "evaluate = function() end"

static void targets_are_named_by_their_fields(void **state)
{
    struct bench *b = *state;
    ready(b, "return policy { name = 'x', " EVALUATE ", targets = {\n"
             " { tier = 'api', environment = 'prod', n = 2, on = true }, 'plain' } }");
    assert_string_equal(target(b, 0)->id, "environment=prod,n=2,on=true,tier=api");
    assert_string_equal(target(b, 0)->json,
                        "{\"environment\":\"prod\",\"n\":2,\"on\":true,\"tier\":\"api\"}");
    assert_string_equal(target(b, 1)->id, "plain");
    assert_string_equal(target(b, 1)->json, "\"plain\"");
}

static void targets_may_wait(void **state)
{
    struct bench *b = *state;
    ready(b, "return policy { name = 'x', " EVALUATE ", targets = function()\n"
             " async.sleep(0.001) return { 'a', 'b' } end }");
    assert_int_equal(b->evaluator->vtable->target_count(b->evaluator), 2);
}

static void metrics_are_asked_once_for_each_target_and_load(void **state)
{
    struct bench *b = *state;
    ready(b, "local found, asked = 0, ''\n"
             "return policy { name = 'x', evaluate = function(t, m, memo) memo.asked = asked end,\n"
             "targets = function() found = found + 1\n"
             " return { { n = 1 }, { n = 2, zones = { found > 1 and 'b' or 'a' } }, { n = found + "
             "2 } } end,\n"
             "metrics = function(t) asked = asked .. t.n .. ' '\n"
             " return { ['x' .. t.n] = cloudwatch { namespace = 'N', name = 'M' .. t.n } } end }");
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"asked\":\"1 2 3 \"}");
    assert_int_equal(discover(b), OK); /* 2 has other fields, 3 is gone, 4 is new */
    make_series(b, 0);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"asked\":\"1 2 3 2 4 \"}");
    static const char *const names[] = {"M1", "M2", "M4"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_string_equal(target(b, i)->uses[0].metric->name, names[i]);
}

static void a_stopped_discovery_never_calls_back(void **state)
{
    struct bench *b = *state;
    assert_int_equal(load(b, "return policy { name = 'x', " EVALUATE ", targets = function()\n"
                             " async.sleep(0.001) return {} end,\n"
                             "collect = function() async.sleep(0.001) end }"),
                     OK);
    b->discovered = false;
    b->evaluator->vtable->discover(b->evaluator, note_discovered, b);
    b->evaluator->vtable->stop(b->evaluator);
    for (int i = 0; i < 50; i++)
        (void)loop_turn(b->loop, false);
    assert_false(b->discovered);
    b->evaluator->vtable->discover(b->evaluator, note_discovered, b);
    bench_drop(b); /* and one that is freed */
    assert_false(b->discovered);
}

static void a_faulty_discovery_is_told_and_changes_nothing(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *fields;
        const char *part;
    } cases[] = {
        {"targets = { 5 }", "target 1 must be a table or a string, not a number"},
        {"targets = { 'a', 'a' }", "two targets are called 'a'"},
        {"targets = { { 'a' } }", "target 1 must have named fields"},
        {"targets = { x = 1 }", "targets must be a list, not a table of fields"},
        {"targets = { { f = print } }", "target.f"},
        {"targets = function() return 5 end", "targets must be a list, not a number"},
        {"targets = function() error('why') end", "why"},
        {"targets = function() while true do end end", "targets used more than"},
        {"metrics = function() return 5 end", "metrics must return a table"},
        {"metrics = function() return { 5 } end", "named declarations"},
        {"metrics = function() return { x = 5 } end", "'x' is no cloudwatch"},
        {"metrics = function() return { extra = cloudwatch { namespace = 'N', name = 'M' } } end",
         "kept for what collect returns"},
        {"metrics = function() error('why') end", "why"},
        {"metrics = function() while true do end end", "metrics used more than"},
        {"metrics = function() while true do pcall(function() while true do end end) end end",
         "metrics used more than"},
        {"metrics = function() async.sleep(1) end", "waits"},
        {"metrics = function(t) return { x = cloudwatch { nam = 'M' } } end",
         "cloudwatch: unknown field 'nam' (did you mean 'name'?) (and 2 more faults)"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[500];
        snprintf(text, sizeof text, "return policy { name = 'x', " EVALUATE ", %s }",
                 cases[i].fields);
        assert_int_equal(load(b, text), OK);
        if (discover(b) >= 0) fail_msg("discovered: %s", cases[i].fields);
        expect_fault(b, 0, cases[i].part);
        assert_string_equal(b->fault.file, "policies/test.lua");
        assert_int_equal(b->evaluator->vtable->target_count(b->evaluator), 0);
    }
}

static void a_discovery_that_fails_later_keeps_the_targets_it_had(void **state)
{
    struct bench *b = *state;
    ready(b, "local n = 0 return policy { name = 'x', evaluate = function(t, m, memo)\n"
             "memo.n = (memo.n or 0) + 1 end, targets = function()\n"
             " n = n + 1 return n == 2 and { 5 } or { 'b', 'a', 'n' .. n } end }");
    assert_int_equal(evaluate_input(b, (struct evaluation_input){.target = 1}), OK);
    assert_true(discover(b) < 0);
    assert_int_equal(b->evaluator->vtable->target_count(b->evaluator), 3);
    assert_int_equal(discover(b), OK);
    assert_string_equal(target(b, 2)->id, "n3");
    assert_int_equal(evaluate_input(b, (struct evaluation_input){.target = 1}), OK);
    assert_string_equal(b->memo, "{\"n\":2}"); /* a target that stays keeps its memo */
}

static void declarations_are_checked_field_by_field(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *fields, *part;
    } cases[] = {
        {"name = 'M'", "namespace is missing"},
        {"namespace = 'N', name = 'M', stat = 'p101'", "stat 'p101' is none of CloudWatch's"},
        {"namespace = 'N', name = 'M', stat = 'average'", "did you mean 'Average'?"},
        {"namespace = 'N', name = 'M', period = 61", "period is 1m1s"},
        {"namespace = 'N', name = 'M', period = 2", "period is 2s"},
        {"namespace = 'N', name = 'M', period = '5m', window = '1m'", "shorter than the period"},
        {"namespace = 'N', name = 'M', period = 1, window = '2d'", "the limit is 100800"},
        {"namespace = 'N', name = 'M', unit = 'Second'", "did you mean 'Seconds'?"},
        {"namespace = 'N', name = 'M', missing = 'zero'", "missing is 'zero'"},
        {"namespace = 'N', name = 'M', low_samples = 'ignore'", "is for percentiles"},
        {"namespace = 'N', name = 'M', account = 'audit'", "account 'audit' is not named"},
        {"namespace = 'N', name = 'M', dimensions = { 'x' }", "name = value pairs"},
        {"namespace = 'N', name = 'M', dimensions = { X = 5 }", "dimension X must be a string"},
        {"namespace = 'N', name = 'M', dimensions = { X = '' }", "1 to 1024 characters"},
        {"namespace = 'N', name = 'M', dimensions = many()", "more than 30 dimensions"},
        {"namespace = 'N', name = 'M', using = {}", "using belongs to an expression"},
        {"expression = 'a + b', name = 'M'", "name and expression exclude each other"},
        {"expression = 'a + b', using = { A = one }", "'A' is no id"},
        {"expression = 'a + b', using = { a = 5 }", "using.a must be a cloudwatch"},
        {"expression = 'a + aa', using = { a = one }", "names 'aa', which is not in `using`"},
        {"expression = \"SEARCH('x\", using = { a = one }", "quote that does not end"},
        {"expression = 'a', period = '1m', using = { a = one }", "using.a has a period of 300 s"},
        {"expression = ''", "expression is empty"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[1000];
        snprintf(text, sizeof text,
                 "local function many() local d = {} for i = 1, 31 do d['D' .. i] = 'x' end\n"
                 "return d end return policy { name = 'x', " EVALUATE ", metrics = function()\n"
                 "local one = cloudwatch { namespace = 'N', name = 'M' }\n"
                 "return { x = cloudwatch { %s } } end }",
                 cases[i].fields);
        assert_int_equal(load(b, text), OK);
        if (discover(b) >= 0) fail_msg("discovered: %s", cases[i].fields);
        expect_fault(b, 4, cases[i].part);
        if (strstr(b->fault.text, " more fault")) fail_msg("%s", b->fault.text);
    }
}

static void a_declaration_becomes_a_metric_with_its_window(void **state)
{
    struct bench *b = *state;
    ready(b, "return policy { name = 'x', " EVALUATE ", metrics = function(t) return {\n"
             "plain = cloudwatch { namespace = 'N', name = 'M', unit = 'Count', region = 'eu-x',\n"
             "  dimensions = { B = '2', A = '1' } },\n"
             "rate = cloudwatch { expression = '100 * errors / FILL(requests, 0)',\n"
             "  period = '1m', window = '90s', using = {\n"
             "  errors = cloudwatch { namespace = 'N', name = 'E', stat = 'Sum', period = 60 },\n"
             "  requests = cloudwatch { namespace = 'N', name = 'R', stat = 'Sum', period = 60 } "
             "} } } end }");
    const struct target *t = target(b, 0);
    assert_int_equal(t->use_count, 2);
    const struct metric *plain = t->uses[0].metric, *rate = t->uses[1].metric;
    assert_string_equal(t->uses[0].key, "plain");
    assert_string_equal(plain->stat, "Average");
    assert_string_equal(plain->dimensions[0].name, "A");
    assert_string_equal(plain->unit, "Count");
    assert_string_equal(plain->region, "eu-x");
    assert_int_equal(plain->period_s, 300);
    assert_int_equal(t->uses[0].slots, 12);
    assert_string_equal(rate->expression, "100 * errors / FILL(requests, 0)");
    assert_int_equal(rate->input_count, 2);
    assert_string_equal(rate->inputs[0].id, "errors");
    assert_string_equal(rate->inputs[1].metric->name, "R");
    assert_int_equal(t->uses[1].slots, 2);
}

static void ten_thousand_targets_are_small(void **state)
{
    struct bench *b = *state;
    ready(b, "local targets = {} for i = 1, 10000 do targets[i] = { id = i } end\n"
             "return policy { name = 'x', targets = targets, metrics = function(t)\n"
             "return { a = cloudwatch { namespace = 'N', name = 'M',\n"
             "  dimensions = { Id = tostring(t.id) } } } end,\n"
             "evaluate = function(t, m) m.a:above(1) end }");
    size_t before = b->evaluator->vtable->memory_bytes(b->evaluator);
    assert_true(before / 10000 < 1024);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(evaluate_input(b, (struct evaluation_input){.target = i}), OK);
    assert_true(b->evaluator->vtable->memory_bytes(b->evaluator) / 10000 < 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(targets_are_named_by_their_fields),
        ON_BENCH(targets_may_wait),
        ON_BENCH(metrics_are_asked_once_for_each_target_and_load),
        ON_BENCH(a_stopped_discovery_never_calls_back),
        ON_BENCH(a_faulty_discovery_is_told_and_changes_nothing),
        ON_BENCH(a_discovery_that_fails_later_keeps_the_targets_it_had),
        ON_BENCH(declarations_are_checked_field_by_field),
        ON_BENCH(a_declaration_becomes_a_metric_with_its_window),
        ON_BENCH(ten_thousand_targets_are_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
