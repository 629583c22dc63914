/* Facts about the handles in `m`: what a policy reads of a series. */
#include "policy_fixture.h"

/* Runs an expression in evaluate; what it gives is stored in the memo as { v = ... }, and `nil` is
 * told apart. */
static void expect(struct bench *b, const char *expression, const char *memo)
{
    char body[1000];
    snprintf(body, sizeof body, "local v = %s\nif v == nil then v = 'nil' end\nmemo.v = v",
             expression);
    struct series *series = b->series[0];
    char *text = strdup(policy_with("", body));
    double values[12];
    memcpy(values, series->values, sizeof values);
    ready(b, text);
    free(text);
    memcpy(b->series[0]->values, values, sizeof values);
    evaluate_ok(b);
    char wanted[1000];
    snprintf(wanted, sizeof wanted, "{\"v\":%s}", memo);
    if (strcmp(b->memo, wanted) != 0) fail_msg("%s: %s, not %s", expression, b->memo, wanted);
}

static void with_values(struct bench *b, const double *values, size_t count)
{
    ready(b, policy_with("", ""));
    fill(b, 0, "x", NULL, values, count);
}

static void methods_answer_from_the_datapoints_there_are(void **state)
{
    struct bench *b = *state;
    static const double values[] = {10, NAN, 30, 20, NAN};
    static const struct {
        const char *expression, *memo;
    } cases[] = {
        {"m.x:last()", "20.0"},
        {"m.x:at(1)", "10.0"},
        {"m.x:at(-1)", "20.0"},
        {"m.x:at(3)", "20.0"},
        {"m.x:at(4)", "\"nil\""},
        {"select(2, m.x:at(1))", "1799999700"},
        {"m.x:age()", "120.0"},
        {"m.x:len()", "3"},
        {"m.x:mean()", "20.0"},
        {"m.x:min()", "10.0"},
        {"m.x:max()", "30.0"},
        {"m.x:sum()", "60.0"},
        {"m.x:percentile(50)", "20.0"},
        {"m.x:values()", "[10.0,30.0,20.0]"},
        {"select(2, m.x:values())", "[1799999700,1799999820,1799999880]"},
        {"m.x:above(15)", "true"},
        {"m.x:above(20)", "false"},
        {"m.x:below(21)", "true"},
        {"m.x:below(20)", "false"},
        {"m.x:above(15, { datapoints = 2, of = 3 })", "true"},
        {"m.x:above(15, { datapoints = 3 })", "false"},
        {"m.x:above(25, { of = 3 })", "false"},
        {"tostring(m.x)", "\"metric x: N M p99 1m\""},
        {"m.extra", "\"nil\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        with_values(b, values, COUNT_OF(values));
        expect(b, cases[i].expression, cases[i].memo);
    }
}

static void trends_follow_the_line(void **state)
{
    struct bench *b = *state;
    static const double values[] = {10, 16, 22, 28, 34, 40};
    static const struct {
        const char *expression, *memo;
    } cases[] = {
        {"m.x:slope() * 60 - 6 < 1e-9", "true"},
        {"m.x:rate() * 60 - 6 < 1e-9", "true"},
        {"math.abs(m.x:forecast('5m') - 76) < 1e-6", "true"},
        {"m.x:ewma('1m') > 28 and m.x:ewma(60) < 40", "true"},
        {"m.x:slope { method = 'theil-sen' } * 60 - 6 < 1e-9", "true"},
        {"m.x:line().r2 > 0.999", "true"},
        {"(function(e, low, high) return low <= e and e <= high end)(m.x:forecast('5m'))", "true"},
        {"math.abs(m.x:time_to(100) - (10 * 60 - 60)) < 1e-6", "true"}, /* the tick is 60 s later */
        {"m.x:time_to(0)", "\"nil\""},
        {"m.x:change()", "\"nil\""},
        {"m.x:seasons { period = 3 }.period", "3"},
        {"m.x:anomaly() >= 0 and m.x:anomaly() <= 1", "true"},
        {"select(2, m.x:anomaly())", "\"nil\""}, /* the likelihood is not known so early */
        {"select('#', m.x:band()) == 3 and m.x:band() > 10 and m.x:band() < 40", "true"},
        {"select(2, m.x:band()) < m.x:band() and m.x:band() < select(3, m.x:band())", "true"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        with_values(b, values, COUNT_OF(values));
        expect(b, cases[i].expression, cases[i].memo);
    }
}

/* The newest of twelve is at 60 s before the tick: 66 there, 6 a minute. */
static void options_ask_holt_winters(void **state)
{
    struct bench *b = *state;
    static const double values[] = {0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60, 66};
    with_values(b, values, COUNT_OF(values));
    expect(b, "math.abs(m.x:forecast('5m', { season = false, damped = false }) - 102) < 0.01",
           "true");
}

static void no_datapoint_is_nil_and_recorded_once_with_its_reason(void **state)
{
    struct bench *b = *state;
    ready(b, policy_with("", "local n = 0\n"
                             "for _, f in ipairs { 'last', 'age', 'mean', 'min', 'max', 'sum',\n"
                             "  'slope', 'rate', 'anomaly', 'band', 'values' } do\n"
                             "  assert(m.x[f](m.x) == nil, f) end\n"
                             "assert(m.x:at(1) == nil) assert(m.x:percentile(50) == nil)\n"
                             "assert(m.x:ewma(60) == nil) assert(m.x:forecast(60) == nil)\n"
                             "assert(not m.x:line() and not m.x:change() and not m.x:seasons())\n"
                             "assert(not m.x:time_to(5) and not m.x:forecast(60, {}))\n"
                             "assert(m.x:above(1) == nil) assert(m.x:below(1) == nil)\n"
                             "assert(m.x:len() == 0)"));
    evaluate_ok(b);
    assert_int_equal(b->out.unknown_count, 1);
    assert_string_equal(b->out.unknowns[0].metric, "x");
    assert_string_equal(b->out.unknowns[0].reason, "no datapoint in the last 12m");
    evaluate_ok(b); /* the next evaluation records it again */
    assert_int_equal(b->out.unknown_count, 1);
}

static void the_reason_tells_what_stands_in_the_way(void **state)
{
    struct bench *b = *state;
    static const struct {
        enum series_state state;
        enum series_hint hint;
        const char *reason;
    } cases[] = {
        {SERIES_NEW, SERIES_HINT_NONE, "it was not asked for yet"},
        {SERIES_FORBIDDEN, SERIES_HINT_NONE, "access denied (cloudwatch:GetMetricData)"},
        {SERIES_FAILED, SERIES_HINT_NONE, "CloudWatch could not be asked"},
        {SERIES_PARTIAL, SERIES_HINT_NONE, "CloudWatch's answer was incomplete"},
        {SERIES_READY, SERIES_HINT_UNIT, "no datapoint in the last 12m (is the unit right?)"},
    };
    ready(b, policy_with("", "m.x:last()"));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        b->series[0]->state = (uint8_t)cases[i].state;
        b->series[0]->hint = (uint8_t)cases[i].hint;
        evaluate_ok(b);
        assert_string_equal(b->out.unknowns[0].reason, cases[i].reason);
    }
}

static void len_of_nothing_is_an_answer(void **state)
{
    struct bench *b = *state;
    ready(b, policy_with("", "assert(m.x:len() == 0)"));
    evaluate_ok(b);
    assert_int_equal(b->out.unknown_count, 0);
}

static void missing_data_follows_the_declaration(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *missing, *answer;
    } cases[] = {
        {"missing", "nil"}, {"ignore", "nil"}, {"breaching", "true"}, {"not_breaching", "false"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char option[64];
        snprintf(option, sizeof option, ", missing = '%s'", cases[i].missing);
        ready(b, policy_with(option, "memo.v = tostring(m.x:above(1))"));
        evaluate_ok(b);
        char wanted[64];
        snprintf(wanted, sizeof wanted, "{\"v\":\"%s\"}", cases[i].answer);
        assert_string_equal(b->memo, wanted);
    }
}

static void ignored_gaps_keep_the_last_answer_of_that_question(void **state)
{
    struct bench *b = *state;
    ready(b, policy_with(", missing = 'ignore'",
                         "memo.a = tostring(m.x:above(5)) memo.b = tostring(m.x:above(50))"));
    FILL(b, "x", 10);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"a\":\"true\",\"b\":\"false\"}");
    make_series(b, 0);
    evaluate_ok(b);
    assert_string_equal(b->memo, ""); /* unchanged */
    assert_int_equal(b->out.unknown_count, 0);
    /* A generation that was loaded again asks the same questions. */
    ready(b, policy_with(", missing = 'ignore'", "memo.a = tostring(m.x:above(5))\n"
                                                 "memo.other = tostring(m.x:above(6))"));
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"a\":\"true\",\"other\":\"nil\"}");
}

static void percentiles_of_few_samples_are_left_out_when_asked_to(void **state)
{
    struct bench *b = *state;
    ready(b, policy_with(", low_samples = 'ignore'", "memo.v = tostring(m.x:last())"));
    assert_int_equal(target(b, 0)->use_count, 2);
    assert_string_equal(target(b, 0)->uses[1].metric->stat, "SampleCount");
    static const double values[] = {5, 7}, samples[] = {1000, 999};
    fill(b, 0, "x", "p99", values, 2);
    fill(b, 0, "x", "SampleCount", samples, 2);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"v\":\"5.0\"}");
    static const double few[] = {1, 1};
    fill(b, 0, "x", "SampleCount", few, 2);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"v\":\"nil\"}");
    assert_string_equal(b->out.unknowns[0].reason,
                        "no datapoint of enough samples in the last 12m");
}

static void wrong_use_throws_with_its_line(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"m.y:last()", "m has no metric 'y' (did you mean 'x'?)"},
        {"m.x:abov(1)", "a metric has no method 'abov' (did you mean 'above'?)"},
        {"m.x.last()", "call its methods with a colon"},
        {"m.x.last({})", "call its methods with a colon"},
        {"m.x.above(cloudwatch, 1)", "call its methods with a colon"},
        {"m.x:above()", "number expected"},
        {"m.x:above('5')", "number expected"},
        {"m.x:above(0/0)", "NaN"},
        {"m.x:above(1, 2)", "table expected"},
        {"m.x:above(1, { points = 2 })", "above: unknown field 'points'"},
        {"m.x:above(1, { datapoints = 0 })", "datapoints must be a whole number"},
        {"m.x:above(1, { datapoints = 1.5 })", "datapoints must be a whole number"},
        {"m.x:above(1, { datapoints = 3, of = 2 })", "datapoints = 3 is more than of = 2"},
        {"m.x:above(1, { of = 13 })", "of = 13 is more than the 12 datapoints of x's window"},
        {"m.x:percentile(101)", "from 0 to 100"},
        {"m.x:ewma('x')", "half_life"},
        {"m.x:ewma(0)", "half_life"},
        {"m.x:line { times = {} }", "unknown field 'times'"},
        {"m.x:time_to('full')", "number expected"},
        {"m.x:forecast('1h', { method = 'guess' })", "line, holt-winters"},
        {"m.x = 5", "m is read-only"},
        {"m.y = 5", "m is read-only"},
        {"rawset(m, 'x', 5)", "read-only"},
        {"setmetatable(m, {})", "protected"},
        {"getmetatable(m.x).__index = 5", "attempt"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ready(b, policy_with("", cases[i].body));
        FILL(b, "x", 1);
        assert_int_equal(evaluate(b), ERR_LUA);
        expect_fault(b, 5, cases[i].part);
    }
}

static void a_handle_that_was_kept_throws_outside_of_its_evaluation(void **state)
{
    struct bench *b = *state;
    ready(b, "local kept\n"
             "return policy { name = 'test', targets = { { n = 1 }, { n = 2 }, { n = 3 } },\n"
             "metrics = function(t)\n"
             "  if kept then assert(not pcall(kept.last, kept)) end\n"
             "  local c = cloudwatch { namespace = 'N', name = 'M' }\n"
             "  return t.n < 3 and { x = c } or { y = c } end,\n"
             "evaluate = function(t, m)\n"
             "  if t.n == 1 then kept = m.x end\n"
             "  if t.n == 3 then kept:last() end\n"
             "end }");
    evaluate_ok(b);
    assert_int_equal(evaluate_input(b, (struct evaluation_input){.target = 2}), ERR_LUA);
    expect_fault(b, 9, "used outside of its evaluation");
    assert_int_equal(discover(b), OK); /* the layouts are new ones */
    make_series(b, 0);
    evaluate_ok(b);
}

static void targets_that_declare_alike_share_their_handles(void **state)
{
    struct bench *b = *state;
    ready(b, "local seen = {}\n"
             "return policy { name = 'test', targets = { 'a', 'b' },\n"
             "metrics = function(t) return { x = cloudwatch { namespace = 'N', name = 'M',\n"
             "  dimensions = { Id = t } } } end,\n"
             "evaluate = function(t, m, memo)\n"
             "  seen[#seen + 1] = m\n"
             "  assert(seen[1] == m) memo.v = m.x:last() end }");
    FILL(b, "x", 1);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"v\":1.0}");
    make_series(b, 1);
    FILL(b, "x", 2);
    assert_int_equal(evaluate_input(b, (struct evaluation_input){.target = 1}), OK);
    assert_string_equal(b->memo, "{\"v\":2.0}");
}

static void pairs_goes_over_the_metrics_in_order(void **state)
{
    struct bench *b = *state;
    ready(b, "return policy { name = 'test',\n"
             "metrics = function(t) local c = cloudwatch { namespace = 'N', name = 'M' }\n"
             "  return { c = c, a = c, b = c } end,\n"
             "evaluate = function(t, m, memo) memo.v = '' \n"
             "  for k, s in pairs(m) do memo.v = memo.v .. k .. s:len() end end }");
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"v\":\"a0b0c0\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(methods_answer_from_the_datapoints_there_are),
        ON_BENCH(trends_follow_the_line),
        ON_BENCH(options_ask_holt_winters),
        ON_BENCH(no_datapoint_is_nil_and_recorded_once_with_its_reason),
        ON_BENCH(the_reason_tells_what_stands_in_the_way),
        ON_BENCH(len_of_nothing_is_an_answer),
        ON_BENCH(missing_data_follows_the_declaration),
        ON_BENCH(ignored_gaps_keep_the_last_answer_of_that_question),
        ON_BENCH(percentiles_of_few_samples_are_left_out_when_asked_to),
        ON_BENCH(wrong_use_throws_with_its_line),
        ON_BENCH(a_handle_that_was_kept_throws_outside_of_its_evaluation),
        ON_BENCH(targets_that_declare_alike_share_their_handles),
        ON_BENCH(pairs_goes_over_the_metrics_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
