/* The findings of `check`, and the parser under them, while each allocation fails in turn: an error
 * or the findings, never a crash or a leak (the sanitizer's part). */
#include "policy_fixture.h"
#include "support/failing_alloc.h"

#include "moontide/bind/allow.h"
#include "moontide/bind/syntax.h"

enum { ALLOCATIONS_MAX = 20000 };

static const char text[] =
    "return policy { name = 'test', mode = 'act', metrics = function()\n"
    "return { x = cloudwatch { namespace = 'N', name = 'M', window = '400d' } } end,\n"
    "evaluate = function(t, m)\n"
    "  if m.x:last() > 5 then isue { } end -- moontide: allow W-nil-value\n"
    "  decide.ecs_desired_count { cluster = 'c', service = 's', count = m.x:len() }\n"
    "end }";

/* Checks with the n-th allocation failing. Answers whether there were as many. */
static bool check_failing_at(struct bench *b, int n)
{
    bench_drop(b);
    alloc_fail_at(n);
    int code = policy_check_text(&b->host, "a.lua", "a.lua", text, strlen(text), &b->evaluator,
                                 &b->faults);
    bool failed = alloc_has_failed();
    alloc_fail_at(0);
    assert_true(code < 0); /* the text has errors */
    return failed;
}

/* How many allocations a check makes: all up to the last can fail. */
static int count_allocations(struct bench *b)
{
    int low = 1, high = ALLOCATIONS_MAX;
    while (low + 1 < high) {
        int middle = (low + high) / 2;
        *(check_failing_at(b, middle) ? &low : &high) = middle;
    }
    return low;
}

/* Loading comes first, and has a test of its own (test_policy_memory.c): there every 11th. */
static void a_check_survives_each_failed_allocation(void **state)
{
    enum { LAST = 300 };
    struct bench *b = *state;
    int count = count_allocations(b);
    assert_true(count > LAST && count < ALLOCATIONS_MAX - 2);
    for (int n = 1; n <= count; n += n + LAST < count ? 11 : 1)
        assert_true(check_failing_at(b, n));
    assert_false(check_failing_at(b, count + 1));
    assert_int_equal(b->faults.count, 4);
}

static void the_parser_survives_each_failed_allocation(void **state)
{
    (void)state;
    char *big = malloc(20000);
    size_t len = 0;
    assert_non_null(big);
    while (len < 15000)
        len +=
            (size_t)snprintf(big + len, 100, "local a%zu = { b = f(1 + 2), c = 'x' }\n", len % 100);
    for (int n = 1; n < ALLOCATIONS_MAX; n++) {
        struct syntax *syntax = NULL;
        struct allows *allows = NULL;
        alloc_fail_at(n);
        int code = syntax_new(big, len, &syntax);
        int allowed = allows_read(text, strlen(text), &allows);
        bool failed = alloc_has_failed();
        alloc_fail_at(0);
        assert_true(code == OK || code == ERR_NOMEM);
        assert_true(allowed == OK || allowed == ERR_NOMEM);
        syntax_free(syntax);
        allows_free(allows);
        if (failed) continue;
        assert_true(n > 10);
        free(big);
        return;
    }
    fail_msg("more than %d allocations", ALLOCATIONS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(a_check_survives_each_failed_allocation),
        ON_BENCH(the_parser_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
