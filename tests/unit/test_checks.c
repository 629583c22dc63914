/* Facts about a policy's `checks`: how a decision is verified later. */
#include "policy_fixture.h"

static const char text[] =
    "return policy { name = 'test', depends_on = { 'db', 'cache' },\n"
    "rails = { cooldown_in = '1m', max_share = 0.5 },\n"
    "metrics = function(t) return { x = cloudwatch { namespace = 'N', name = 'M' } } end,\n"
    "evaluate = function(t, m, memo) memo.seen = (memo.seen or 0) + 1 end,\n"
    "checks = {\n"
    "  low = function(t, m) return m.x:below(5) end,\n"
    "  seen = function(t, m, memo) return memo.seen == 1 and t ~= nil end,\n"
    "  spoils = function(t, m, memo) memo.seen = 99 return true end,\n"
    "  states = function() issue { type = 'a', severity = 'low' } end,\n"
    "  decides = function() decide.call { service = 's', operation = 'o' } end,\n"
    "  wrong = function() return 5 end,\n"
    "  fails = function() return nothing.at.all end,\n"
    "  spins = function() while true do end end } }";

static int check(struct bench *b, const char *name, enum verdict *verdict)
{
    struct evaluation_input input = {
        .now_ms = NOW_S * 1000LL, .series = b->series, .answers = b->answers};
    memset(&b->fault, 0, sizeof b->fault);
    return b->evaluator->vtable->check(b->evaluator, &input, name, verdict, &b->fault);
}

static enum verdict verdict_of(struct bench *b, const char *name)
{
    enum verdict verdict = VERDICT_UNKNOWN;
    if (check(b, name, &verdict) != OK) fail_msg("%s: %s", name, b->fault.text);
    return verdict;
}

static void a_check_answers_for_the_datapoints_there_are(void **state)
{
    struct bench *b = *state;
    ready(b, text);
    evaluate_ok(b);
    assert_int_equal(verdict_of(b, "low"), VERDICT_UNKNOWN);
    FILL(b, "x", 3);
    assert_int_equal(verdict_of(b, "low"), VERDICT_TRUE);
    FILL(b, "x", 8);
    assert_int_equal(verdict_of(b, "low"), VERDICT_FALSE);
    assert_int_equal(b->out.unknown_count, 0); /* that was the evaluation's own */
}

static void a_check_reads_the_memo_and_leaves_it(void **state)
{
    struct bench *b = *state;
    ready(b, text);
    assert_int_equal(verdict_of(b, "spoils"), VERDICT_TRUE);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"seen\":1}");
    assert_int_equal(verdict_of(b, "seen"), VERDICT_TRUE);
    assert_int_equal(verdict_of(b, "spoils"), VERDICT_TRUE);
    assert_int_equal(verdict_of(b, "seen"), VERDICT_TRUE);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"seen\":2}");
}

static void faulty_checks_are_told(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *name, *part;
        int code, line;
    } cases[] = {
        {"lo", "have no function 'lo'", ERR_NOT_FOUND, 0},
        {"states", "issue may be called only inside evaluate", ERR_LUA, 9},
        {"decides", "decide.call may be called only inside evaluate", ERR_LUA, 10},
        {"wrong", "must return true, false or nil, not a number", ERR_LUA, 0},
        {"fails", "nothing", ERR_LUA, 12},
        {"spins", "check", ERR_BUDGET, 13},
    };
    ready(b, text);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum verdict verdict;
        int code = check(b, cases[i].name, &verdict);
        if (code != cases[i].code) fail_msg("%s: %d %s", cases[i].name, code, b->fault.text);
        expect_fault(b, cases[i].line, cases[i].part);
    }
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"seen\":1}");
}

static void rails_and_what_it_depends_on_are_told(void **state)
{
    struct bench *b = *state;
    ready(b, text);
    const struct policy_info *info = b->evaluator->vtable->info(b->evaluator);
    assert_string_equal(info->rails, "{\"cooldown_in\":\"1m\",\"max_share\":0.5}");
    assert_string_equal(info->depends_on[0], "db");
    assert_string_equal(info->depends_on[1], "cache");
    assert_null(info->depends_on[2]);
    ready(b, policy_with("", ""));
    info = b->evaluator->vtable->info(b->evaluator);
    assert_null(info->rails);
    assert_null(info->depends_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(a_check_answers_for_the_datapoints_there_are),
        ON_BENCH(a_check_reads_the_memo_and_leaves_it),
        ON_BENCH(faulty_checks_are_told),
        ON_BENCH(rails_and_what_it_depends_on_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
