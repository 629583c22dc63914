/* Facts about vectors, and what stats makes of them, as a script calls it. */
#include "unit/script_fixture.h"

struct fact {
    const char *text, *wanted;
};

static void assert_facts(struct fixture *f, const struct fact *facts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = fixture_echo(f, facts[i].text);
        if (strcmp(got, facts[i].wanted) != 0) fail_msg("%s gave %s", facts[i].text, got);
    }
}

static void assert_refused(struct fixture *f, const struct fact *facts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_contains(fixture_error(f, facts[i].text), facts[i].wanted);
}

/* ---- vectors ---- */

static void a_vector_reads_like_a_list(void **state)
{
    static const struct fact facts[] = {
        {"stats.vector({1, 2.5, 3})", "vector of 3 values: 1, 2.5, 3\n"},
        {"stats.vector(2), stats.vector()", "vector of 2 values: 0, 0\tvector of 0 values\n"},
        {"tostring(stats.vector(9))", "\"vector of 9 values: 0, 0, 0, 0, 0, 0, 0, ..., 0\"\n"},
        {"#stats.vector({1, 2}), stats.vector({4, 5})[2]", "2\t5.0\n"},
        {"local n = 0 for i, x in ipairs(stats.vector({5, 6})) do n = n + i * x end return n",
         "17.0\n"},
        {"local v = stats.vector({1, 2}) v[2] = 7 return v[2], v[3]", "7.0\tnil\n"},
        {"stats.vector({3, 4}):values()", "{ 3.0, 4.0 }\n"},
        {"stats.vector(stats.vector({3, 4}):slice(2))", "vector of 1 value: 4\n"},
        {"stats.vector({ values = {1, 2} })", "vector of 2 values: 1, 2\n"},
        {"#stats.vector(0):reserve(100)", "0\n"},
    };
    assert_facts(*state, facts, COUNT_OF(facts));
}

static void what_is_outside_of_a_vector_is_refused_by_name(void **state)
{
    static const struct fact facts[] = {
        {"stats.vector({1, 2})[0]", "vector index 0 is not a whole number from 1 to 2"},
        {"stats.vector({1, 2})[-1]", "vector index -1 is not"},
        {"stats.vector({1, 2})[1.5]", "vector index 1.5 is not"},
        {"stats.vector({1, 2})[3] = 1", "vector index 3 is not a whole number from 1 to 2"},
        {"stats.vector({1, 2}).x = 1", "vector index x is not"},
        {"stats.vector({1, 2})[1] = 'x'", "value 1 must be a number, not a string"},
        {"stats.vector({1, 2}):apend(1)", "no method 'apend' (did you mean 'append'?)"},
        {"stats.vector({1, nil, 3})", "value 2 is a nil"},
        {"stats.vector({1, 2, '3'})", "value 3 is a string"},
        {"stats.vector(-1)", "0 or more"},
        {"stats.vector(2^40)", "at most 1073741824 values"},
        {"stats.vector(print)", "list of numbers, vector or series expected"},
        {"stats.vector({1}).append(1)", "call its methods with a colon"},
        {"stats.vector({1, 2}):slice(0, 1)", "from 0 to 1 is not within 1 to 2"},
        {"stats.vector({1, 2}):slice(1, 3)", "from 1 to 3 is not within 1 to 2"},
        {"stats.vector({1, 2}):slice(3, 1)", "from 3 to 1 is not within 1 to 2"},
    };
    assert_refused(*state, facts, COUNT_OF(facts));
}

static void appending_takes_all_that_is_numbers(void **state)
{
    static const struct fact facts[] = {
        {"stats.vector():append(1):append({2, 3}):append(stats.vector({4})):append({ values = {5} "
         "})",
         "vector of 5 values: 1, 2, 3, 4, 5\n"},
        {"local v = stats.vector({1, 2}) v:append(v) v:append(v:slice(2, 3)) return v",
         "vector of 6 values: 1, 2, 1, 2, 2, 1\n"},
        {"local v = stats.vector({1, 2}) return pcall(v.append, v, {3, 'x'}), v",
         "false\tvector of 2 values: 1, 2\n"},
    };
    assert_facts(*state, facts, COUNT_OF(facts));
}

static void a_slice_shares_and_outlives_its_vector(void **state)
{
    static const struct fact facts[] = {
        {"local v = stats.vector({1, 2, 3, 4}) local s = v:slice(2, 3) s[1] = 20 v[3] = 30 "
         "return v, s, #s",
         "vector of 4 values: 1, 20, 30, 4\tvector of 2 values: 20, 30\t2\n"},
        {"local v = stats.vector({1, 2, 3}) local s = v:slice(2) "
         "for i = 1, 10000 do v:append(i) end v[2] = 9 return s",
         "vector of 2 values: 9, 3\n"},
        {"local s = stats.vector({1, 2, 3, 4}):slice(2):slice(2, 3) collectgarbage() "
         "collectgarbage() return s:fill(8), s:copy():append(1)",
         "vector of 2 values: 8, 8\tvector of 3 values: 8, 8, 1\n"},
        {"#stats.vector({1, 2}):slice(3), #stats.vector():slice(1, 0)", "0\t0\n"},
    };
    assert_facts(*state, facts, COUNT_OF(facts));
    assert_contains(fixture_error(*state, "stats.vector({1}):slice(1):append(2)"),
                    "a slice shares its vector's memory and cannot grow");
}

/* What runs while Lua collects may let a vector move in the middle of a function. */
static void a_finalizer_may_let_a_vector_move(void **state)
{
    static const struct fact facts[] = {
        {"local v, list = stats.vector({1, 2, 3}), {} for i = 1, 1000 do list[i] = i end\n"
         "local function litter() setmetatable({}, { __gc = function() v:append(list) litter() end "
         "}) end\n"
         "collectgarbage('generational') litter()\n"
         "for i = 1, 200 do local n = #v stats.correlation(v:slice(1, 3), {1, 2, i}) "
         "stats.slope(v:slice(1, 3), {1, 2, 3}) v:append({i}) v:append(v:slice(1, 2)) end\n"
         "collectgarbage('incremental') litter = print return v[3], v[1]",
         "3.0\t1.0\n"},
    };
    assert_facts(*state, facts, COUNT_OF(facts));
}

static void vectors_that_nobody_holds_are_collected(void **state)
{
    static const struct fact facts[] = {
        {"local held, n = setmetatable({}, { __mode = 'k' }), 0 "
         "for i = 1, 200 do held[stats.vector(100000)] = true end "
         "for _ in pairs(held) do n = n + 1 end return n < 50",
         "true\n"},
    };
    assert_facts(*state, facts, COUNT_OF(facts));
}

/* ---- statistics ---- */

static void every_input_gives_the_same_answer(void **state)
{
    static const char *const inputs[] = {"{4, 1, 3, 2}", "stats.vector({4, 1, 3, 2})",
                                         "stats.vector({9, 4, 1, 3, 2, 9}):slice(2, 5)",
                                         "{ values = {4, 1, 3, 2} }",
                                         "{ values = stats.vector({4, 1, 3, 2}) }"};
    for (size_t i = 0; i < COUNT_OF(inputs); i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "local v = %s return stats.percentile(v, 25), stats.mean(v), stats.min(v), "
                 "stats.max(v), stats.sum(v), stats.summary(v).p90, stats.trimmed_mean(v, 25, 75), "
                 "stats.percentile_rank(v, 2), stats.slope(v)",
                 inputs[i]);
        const struct fact fact = {text, "1.75\t2.5\t1.0\t4.0\t10.0\t3.7\t2.5\t50.0\t-0.4\n"};
        assert_facts(*state, &fact, 1);
    }
}

static void what_was_given_is_not_changed(void **state)
{
    static const struct fact facts[] = {
        {"local v = stats.vector({4, 1, 3, 2}) stats.percentiles(v, {10, 90}) stats.summary(v) "
         "stats.winsorized_mean(v, 10, 90) stats.correlation(v, v, { method = 'spearman' }) return "
         "v",
         "vector of 4 values: 4, 1, 3, 2\n"},
    };
    assert_facts(*state, facts, COUNT_OF(facts));
}

static void percentiles_by_method_and_weight(void **state)
{
    static const struct fact facts[] = {
        {"stats.percentile({1, 2, 3, 4}, 40, { method = 'lower' }), "
         "stats.percentile({1, 2, 3, 4}, 40, { method = 'weibull' })",
         "2.0\t2.0\n"},
        {"stats.percentiles({10, 20, 40}, {20, 75}, { method = 'hazen', weights = {1, 3, 2} })",
         "{ 17.0, 40.0 }\n"},
        {"stats.percentile({10, 0/0, 40}, 100, { nan = 'omit', weights = {1, 3, 0} })", "10.0\n"},
        {"stats.percentile({10, 20}, 50, { weights = stats.vector(2) })", "nil\n"},
        {"stats.percentiles({}, {50}), stats.percentiles({1}, {})", "nil\t{}\n"},
        {"stats.percentile({ -math.huge, 1, math.huge }, 100)", "inf\n"},
    };
    assert_facts(*state, facts, COUNT_OF(facts));
}

static void summaries_means_and_ranks(void **state)
{
    static const struct fact facts[] = {
        {"local s = stats.summary({2, 4, 4, 4, 5, 5, 7, 9}, { percentiles = {99.9, 50} }) "
         "return s.count, s.sum, s.stddev, s.skew, s.kurtosis, s['p99.9'], s.p50, s.p90",
         "8\t40.0\t2.0\t0.65625\t-0.21875\t8.986\t4.5\tnil\n"},
        {"stats.summary({})", "{ count = 0 }\n"},
        {"stats.summary({3, 3}).skew", "nil\n"},
        {"stats.stddev({1, 3}), stats.stddev({1, 3, 5}, { sample = true }), "
         "stats.stddev({1}, { sample = true })",
         "1.0\t2.0\tnil\n"},
        {"stats.trimmed_mean({149, 150, 151, 1000, 1001}, { above = 150, below = 1000 })",
         "575.5\n"},
        {"stats.winsorized_mean({1, 5, 100}, { below = 9 })", "5.0\n"},
        {"stats.trimmed_mean({}, 10, 90), stats.trimmed_mean({1}, { above = 2 })", "nil\tnil\n"},
        {"stats.percentile_rank({1, 2, 3, 4}, 1, 3), stats.percentile_rank({}, 1)", "50.0\tnil\n"},
    };
    assert_facts(*state, facts, COUNT_OF(facts));
}

static void histograms_and_correlation(void **state)
{
    static const struct fact facts[] = {
        {"stats.histogram({1, 2, 3, 4}, { edges = {1, 3, 4} })",
         "{\n  { count = 2, high = 3.0, low = 1.0 },\n  { count = 2, high = 4.0, low = 3.0 "
         "},\n}\n"},
        {"local h = stats.histogram({1, 2, 3, 4, 11}) return #h, h[1].count, h[10].high",
         "10\t1\t11.0\n"},
        {"local h = stats.histogram({1, 2, 30}, { bins = 2, min = 0, max = 4 }) "
         "return h[1].count, h[2].count",
         "1\t1\n"},
        {"stats.histogram({}), stats.histogram({0/0}, { nan = 'omit' })", "nil\tnil\n"},
        {"stats.correlation({1, 2, 3}, {2, 4, 6}), stats.correlation({1, 2}, {5, 5}), "
         "stats.correlation({}, {})",
         "1.0\tnil\tnil\n"},
        {"stats.correlation({1, 0/0, 3}, {1, 2, 9}, { method = 'spearman', nan = 'omit' })",
         "1.0\n"},
    };
    assert_facts(*state, facts, COUNT_OF(facts));
}

static void wrong_input_is_refused_by_name(void **state)
{
    static const struct fact facts[] = {
        {"stats.mean({1, 0/0})", "value 2 is NaN or missing (nan = \"omit\""},
        {"stats.mean(stats.vector({0/0}))", "value 1 is NaN"},
        {"stats.mean({1}, { nan = 'ommit' })", "did you mean 'omit'"},
        {"stats.mean({1}, { nam = 'omit' })", "did you mean 'nan'"},
        {"stats.mean({1}, { nan = true })", "nan must be a string"},
        {"local t = {} for i = 1, 1000000 do t[i] = 0.5 end t[1000000] = 'x' "
         "return stats.percentile(t, 50)",
         "value 1000000 is a string"},
        {"stats.percentile({1}, 50, { method = 'hazn' })", "did you mean 'hazen'"},
        {"stats.percentile({1}, 100.5)", "between 0 and 100"},
        {"stats.percentile({1}, 0/0)", "between 0 and 100"},
        {"stats.percentiles({1}, {50, -1})", "percentile 2 is -1.0"},
        {"stats.percentiles({1}, 50, 90)", "a list of percentiles expected"},
        {"stats.percentile({1, 2}, 50, { weights = {1} })", "2 values but 1 weights"},
        {"stats.percentile({1, 2}, 50, { weights = {1, -1} })", "weight 2 is -1.0"},
        {"stats.percentile({1, 2}, 50, { weights = {1, 0.5} })", "weight 2 is 0.5"},
        {"stats.percentile({1, 2}, 50, { weights = {1, 'x'} })", "weight 2 is a string"},
        {"stats.percentile({1, 2}, 50, { weights = {1, math.huge} })", "weight 2 is inf"},
        {"stats.trimmed_mean({1}, 90, 10)", "the upper bound is above the lower"},
        {"stats.trimmed_mean({1}, { above = 3, below = 3 })", "above must be less than below"},
        {"stats.percentile_rank({1}, 3, 1)", "the upper bound is below the lower"},
        {"stats.histogram({1, math.huge})", "there are infinite values"},
        {"stats.histogram({1}, { bins = 0 })", "bins must be a whole number from 1 to 10000"},
        {"stats.histogram({1}, { edges = {1, 3, 2} })", "edge 3 is below the one before it"},
        {"stats.histogram({1}, { edges = {1} })", "2 to 10001 numbers expected, not 1"},
        {"stats.histogram({1}, { edges = {1, 2}, bins = 1 })", "do not go with them"},
        {"stats.histogram({1}, { min = 3, max = 2 })", "min is more than max"},
        {"stats.histogram({1}, { min = 3 })", "no value is between"},
        {"stats.correlation({1, 2}, {1})", "2 values but 1 values"},
        {"stats.correlation({1, 2}, {1, 0/0})", "value 2 is NaN"},
    };
    assert_refused(*state, facts, COUNT_OF(facts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        script_test(a_vector_reads_like_a_list),
        script_test(what_is_outside_of_a_vector_is_refused_by_name),
        script_test(appending_takes_all_that_is_numbers),
        script_test(a_slice_shares_and_outlives_its_vector),
        script_test(a_finalizer_may_let_a_vector_move),
        script_test(vectors_that_nobody_holds_are_collected),
        script_test(every_input_gives_the_same_answer),
        script_test(what_was_given_is_not_changed),
        script_test(percentiles_by_method_and_weight),
        script_test(summaries_means_and_ranks),
        script_test(histograms_and_correlation),
        script_test(wrong_input_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
