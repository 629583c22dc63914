/* Policies and configuration while each allocation fails in turn: a fault or a result, never a
 * crash or a leak (the sanitizer's part), and the policy that runs goes on. */
#include "policy_fixture.h"
#include "support/failing_alloc.h"

#include "moontide/base/fs.h"

#include <unistd.h>

enum { ALLOCATIONS_MAX = 20000 };

static const char text[] =
    "local n = 0\n"
    "return policy { name = 'test', targets = { { id = 'a' }, { id = 'b' } },\n"
    "metrics = function(t) return {\n"
    "  x = cloudwatch { namespace = 'N', name = 'M', stat = 'p99', low_samples = 'ignore',\n"
    "    dimensions = { Id = t.id } },\n"
    "  y = cloudwatch { expression = 'a * 2', using = {\n"
    "    a = cloudwatch { namespace = 'N', name = 'M' } } } } end,\n"
    "evaluate = function(t, m, memo)\n"
    "  issue { type = 'a', severity = 'low', when = m.x:above(1), clear = m.y:below(1) }\n"
    "  recommend { type = 'a', action = 'b', impact = 'low', effort = 'low' }\n"
    "  decide.call { service = 's', operation = 'o', params = { a = 1 } }\n"
    "  m.y:percentile(50)\n"
    "  memo.seen = { 1, 2, m.extra and m.extra.v } end }";

static void loading_and_discovering_survive_each_failed_allocation(void **state)
{
    struct bench *b = *state;
    for (int n = 1; n < ALLOCATIONS_MAX; n++) {
        alloc_fail_at(n);
        int code = load(b, text);
        if (code == OK) code = discover(b);
        bool failed = alloc_has_failed();
        alloc_fail_at(0);
        if (code == OK && !failed) {
            assert_int_equal(target(b, 1)->use_count, 3);
            assert_true(n > 100);
            return;
        }
        assert_true(failed);
    }
    fail_msg("more than %d allocations", ALLOCATIONS_MAX);
}

static void an_evaluation_survives_each_failed_allocation(void **state)
{
    struct bench *b = *state;
    int survived = 0;
    for (int n = 1; n < ALLOCATIONS_MAX; n++) {
        ready(b, text);
        alloc_fail_at(n);
        int code = evaluate_input(b, (struct evaluation_input){.extra_json = "{\"v\":3}"});
        bool failed = alloc_has_failed();
        alloc_fail_at(0);
        survived += code == OK;
        if (code == OK) assert_string_equal(b->memo, "{\"seen\":[1,2,3]}");
        /* The same evaluation once more is of use. */
        evaluate_ok(b);
        assert_int_equal(b->out.issue_count, 1);
        assert_int_equal(b->out.issues[0].when, VERDICT_UNKNOWN);
        assert_string_equal(b->memo, "{\"seen\":[1,2]}");
        if (!failed) {
            assert_true(n > 5 && survived > 0);
            return;
        }
    }
    fail_msg("more than %d allocations", ALLOCATIONS_MAX);
}

static void a_discovery_that_runs_out_of_memory_keeps_the_targets(void **state)
{
    struct bench *b = *state;
    ready(b, text);
    for (int n = 1; n < ALLOCATIONS_MAX; n++) {
        alloc_fail_at(n);
        int code = discover(b);
        bool failed = alloc_has_failed();
        alloc_fail_at(0);
        assert_int_equal(b->evaluator->vtable->target_count(b->evaluator), 2);
        make_series(b, 0);
        evaluate_ok(b);
        if (!failed) {
            assert_int_equal(code, OK);
            return;
        }
    }
    fail_msg("more than %d allocations", ALLOCATIONS_MAX);
}

static void configuration_survives_each_failed_allocation(void **state)
{
    (void)state;
    static const char content[] =
        "return { environments = { 'a', 'b' }, region = 'r', accounts = { x = { region = 'y' } },\n"
        "profile = env 'HOME', vars = { a = { 1, 2 } }, limits = { source = '64KiB' } }";
    char dir[] = "/tmp/moontide-config-XXXXXX", path[64];
    struct fault fault;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/moontide.lua", dir);
    assert_int_equal(fs_write_file(path, content, strlen(content), 0600, &fault), OK);
    bool failed = true;
    for (int n = 1; n < ALLOCATIONS_MAX && failed; n++) {
        struct config *config = NULL;
        alloc_fail_at(n);
        int code = config_load(dir, &config, NULL);
        failed = alloc_has_failed();
        alloc_fail_at(0);
        if (code == OK) {
            assert_int_equal(config->environment_count, 2);
            assert_int_equal(config->account_count, 1);
            config_free(config);
        } else {
            assert_true(failed);
            assert_null(config);
        }
    }
    assert_false(failed);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(loading_and_discovering_survive_each_failed_allocation),
        ON_BENCH(an_evaluation_survives_each_failed_allocation),
        cmocka_unit_test(configuration_survives_each_failed_allocation),
        ON_BENCH(a_discovery_that_runs_out_of_memory_keeps_the_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
