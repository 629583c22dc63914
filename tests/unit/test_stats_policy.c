/* Facts about stats in a policy: series as they are, and the memory cap. */
#include "policy_fixture.h"

/* Runs an expression in evaluate over series x and y of 12 minutes; what it gives is stored in the
 * memo, nil told apart. */
static void expect(struct bench *b, const char *expression, const char *wanted)
{
    char text[2000], memo[1000];
    snprintf(
        text, sizeof text,
        "return policy { name = 'test', metrics = function(t) return {\n"
        "  x = cloudwatch { namespace = 'N', name = 'X', stat = 'Sum', period = '1m' },\n"
        "  y = cloudwatch { namespace = 'N', name = 'Y', stat = 'Sum', period = '1m' },\n"
        "  slow = cloudwatch { namespace = 'N', name = 'Z', stat = 'Sum', period = '5m' },\n"
        "  none = cloudwatch { namespace = 'N', name = 'W', stat = 'Sum', period = '1m' } } end,\n"
        "evaluate = function(t, m, memo)\n"
        "local v = %s\nif v == nil then v = 'nil' end\nmemo.v = v\nend }",
        expression);
    ready(b, text);
    FILL(b, "x", 10, NAN, 30, 20);
    FILL(b, "y", 1, 5, 3, 2);
    FILL(b, "slow", 1, 2);
    evaluate_ok(b);
    snprintf(memo, sizeof memo, "{\"v\":%s}", wanted);
    if (strcmp(b->memo, memo) != 0) fail_msg("%s: %s, not %s", expression, b->memo, memo);
}

static void empty_slots_of_a_series_are_left_out(void **state)
{
    static const struct {
        const char *expression, *wanted;
    } cases[] = {
        {"stats.percentile(m.x, 50)", "20.0"},
        {"stats.percentiles(m.x, {0, 100})", "[10.0,30.0]"},
        {"stats.mean(m.x)", "20.0"},
        {"stats.summary(m.x).count", "3"},
        {"stats.vector(m.x):append(m.x):values()", "[10.0,30.0,20.0,10.0,30.0,20.0]"},
        {"stats.vector(2):append({ values = m.x }):values()", "[0.0,0.0,10.0,30.0,20.0]"},
        {"stats.percentile_rank(m.x, 10) < 33.4", "true"},
        {"stats.percentile(m.none, 50)", "\"nil\""},
        {"stats.histogram(m.none)", "\"nil\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect(*state, cases[i].expression, cases[i].wanted);
}

static void a_series_brings_its_own_times(void **state)
{
    expect(*state, "math.abs(stats.slope(m.x) - m.x:slope()) < 1e-12", "true");
    expect(*state, "stats.slope({ values = {1, 2}, times = {0, 60} }) * 60", "1.0");
    expect(*state, "stats.slope({ values = {1, 2}, times = {0, 60} }, {0, 30}) * 60", "2.0");
}

/* y is 1, 3, 2 where x is 10, 30, 20; its 5 has no partner. */
static void series_pair_by_time(void **state)
{
    expect(*state, "stats.correlation(m.x, m.y) > 0.999999", "true");
    expect(*state, "stats.correlation(m.x, m.x, { method = 'spearman' }) > 0.999999", "true");
    expect(*state, "select(2, pcall(stats.correlation, m.x, m.slow))",
           "\"a series every 60 s and one every 300 s do not pair\"");
}

static void a_series_without_datapoints_is_recorded(void **state)
{
    struct bench *b = *state;
    expect(b, "stats.mean(m.none)", "\"nil\"");
    assert_int_equal(b->out.unknown_count, 1);
    assert_string_equal(b->out.unknowns[0].metric, "none");
}

static void a_series_of_another_evaluation_is_refused(void **state)
{
    struct bench *b = *state;
    ready(b, "local kept\n"
             "return policy { name = 'test', targets = { { n = 1 }, { n = 2 } },\n"
             "metrics = function(t) local c = cloudwatch { namespace = 'N', name = 'M' }\n"
             "  return t.n == 1 and { x = c } or { y = c } end,\n"
             "evaluate = function(t, m)\n"
             "  if t.n == 1 then kept = m.x else stats.mean(kept) end\n"
             "end }");
    evaluate_ok(b);
    assert_int_equal(evaluate_input(b, (struct evaluation_input){.target = 1}), ERR_LUA);
    expect_fault(b, 6, "used outside of its evaluation");
}

static void the_memory_cap_holds_for_vectors(void **state)
{
    static const char *const greedy[] = {
        "local v = stats.vector(20000000)",
        "local v, some = stats.vector(), stats.vector(1000) while true do v:append(some) end",
        "local v = stats.vector(1000) while true do v:append(v) end",
        "local all = {} for i = 1, 1000 do all[i] = stats.vector(100000) end",
        "stats.vector():reserve(1000000000)",
    };
    struct bench *b = *state;
    for (size_t i = 0; i < COUNT_OF(greedy); i++) {
        ready(b, policy_with("", greedy[i]));
        assert_int_equal(evaluate(b), ERR_MEMORY_CAP);
        expect_fault(b, 5, "memory limit");
    }
}

static void memory_that_is_free_again_is_given_again(void **state)
{
    struct bench *b = *state;
    ready(b, policy_with("", "for i = 1, 25 do local v = stats.vector(1000000) v[1] = i end"));
    evaluate_ok(b);
}

static void the_budget_holds_for_work_in_c(void **state)
{
    static const char *const busy[] = {
        "local v = stats.vector(100000) while true do stats.percentile(v, 50) end",
        "local v = stats.vector(100000) while true do pcall(stats.correlation, v, v) end",
        "local v = stats.vector(100000) while true do v:fill(1) end",
        "local v = stats.vector(100000) while true do stats.histogram(v) end",
    };
    struct bench *b = *state;
    for (size_t i = 0; i < COUNT_OF(busy); i++) {
        ready(b, policy_with("", busy[i]));
        assert_int_equal(evaluate(b), ERR_BUDGET);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(empty_slots_of_a_series_are_left_out),
        ON_BENCH(a_series_brings_its_own_times),
        ON_BENCH(series_pair_by_time),
        ON_BENCH(a_series_without_datapoints_is_recorded),
        ON_BENCH(a_series_of_another_evaluation_is_refused),
        ON_BENCH(the_memory_cap_holds_for_vectors),
        ON_BENCH(memory_that_is_free_again_is_given_again),
        ON_BENCH(the_budget_holds_for_work_in_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
