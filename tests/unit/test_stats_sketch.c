/* Facts about stats.sketch, called as a script or a policy calls it. */
#include "unit/script_fixture.h"

#include "moontide/vm/vm.h"

static void assert_echo(struct fixture *f, const char *text, const char *wanted)
{
    const char *got = fixture_echo(f, text);
    if (strcmp(got, wanted) != 0) fail_msg("%s gave %s", text, got);
}

static void a_sketch_counts_and_answers(void **state)
{
    struct fixture *f = *state;
    assert_echo(f,
                "s = stats.sketch() for i = 1, 100 do s:add(i) end s:add(-7, 3) s:add(0)"
                " print(s:count(), #s, s:sum(), s:min(), s:max(), s:scale())",
                "104\t104\t5029.0\t-7.0\t100.0\t6\n");
    assert_echo(f, "math.abs(s:quantile(0.5) - 48) < 0.27, s:quantile(0), s:quantile(1)",
                "true\t-7.0\t100.0\n");
    assert_echo(f, "#s:quantiles { 0.5, 0.9, 0.99 }, s:quantiles { 1 }[1]", "3\t100.0\n");
    assert_echo(f, "s:rank(0) * 104, s:rank(100), s:rank(-8), s:mean() == 5029 / 104",
                "4.0\t1.0\t0.0\ttrue\n");
    assert_echo(f, "s:buckets()[1].count, s:buckets()[2].low, s:buckets()[2].count", "3\t0.0\t1\n");
    assert_echo(f, "tostring(s), string.format('%.6f', s:error())",
                "\"sketch of 104 values, within 0.54 %\"\t\"0.005415\"\n");
}

static void nothing_has_no_answer(void **state)
{
    struct fixture *f = *state;
    assert_echo(f,
                "s = stats.sketch() return s:quantile(0.5), s:min(), s:max(), s:mean(), s:sum(), "
                "s:rank(1), s:count()",
                "nil\tnil\tnil\tnil\tnil\tnil\t0\n");
}

static void sketches_merge_copy_reset_and_travel(void **state)
{
    struct fixture *f = *state;
    assert_echo(f,
                "a, b = stats.sketch(), stats.sketch { scale = 4 }\n"
                "a:add_all { 1, 2, 3 } b:add_all { values = { 4, 5 } }\n"
                "c = a:copy() bound = c:merge(b)\n"
                "return c:count(), a:count(), c:scale(), bound == c:error()",
                "5\t3\t4\ttrue\n");
    assert_echo(f, "d = stats.decode(c:encode()) return d:encode() == c:encode(), d:max()",
                "true\t5.0\n");
    assert_echo(f, "a:reset() return #a, #c", "0\t5\n");
    assert_echo(f, "s = stats.from_values_counts({ 1, 2 }, { 10, 5 }) return #s, s:sum()",
                "15\t20.0\n");
}

static void a_coarser_bound_is_answered(void **state)
{
    struct fixture *f = *state;
    assert_echo(f,
                "s = stats.sketch { buckets = 16 } told = 0\n"
                "for i = 1, 100 do if s:add(i) then told = told + 1 end end\n"
                "return told, s:scale(), s:add_all { 1, 2 }",
                "3\t1\n");
}

static void what_cannot_be_counted_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "s = stats.sketch()");
    assert_contains(fixture_error(f, "s:add(0/0)"), "neither NaN nor infinities");
    assert_contains(fixture_error(f, "s:add('1')"), "number expected, got string");
    assert_contains(fixture_error(f, "s:add(1, -1)"), "a count is not negative");
    assert_contains(fixture_error(f, "s:add_all { 1, 1/0 }"), "value 2 is infinite");
    assert_contains(fixture_error(f, "s:add_all { 1, 0/0 }"), "value 2 is NaN");
    assert_contains(fixture_error(f, "s:quantile(50)"), "a quantile is from 0 to 1");
    assert_contains(fixture_error(f, "s.add(1)"), "sketch expected");
    assert_contains(fixture_error(f, "s:quantlie(1)"), "did you mean 'quantile'?");
    assert_contains(fixture_error(f, "stats.sketch { scale = 21 }"), "from -10 to 20");
    assert_contains(fixture_error(f, "stats.sketch { scael = 2 }"), "did you mean 'scale'?");
    assert_contains(fixture_error(f, "stats.decode('mqs')"), "decode:");
    assert_contains(fixture_error(f, "stats.from_values_counts({ 1 }, { 0.5 })"), "count 1");
    assert_contains(fixture_error(f, "stats.from_values_counts({ 1 }, {})"), "1 values but 0");
    assert_echo(f, "#s", "0\n");
    assert_echo(f, "s:add_all({ 1, 0/0, 2 }, { nan = 'omit' }) return #s", "2\n");
}

static void a_count_never_overflows(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "s = stats.sketch() s:add(1, math.maxinteger) s:add(2, math.maxinteger)");
    assert_contains(fixture_error(f, "s:add(3, 2)"), "2^64 - 1");
    assert_echo(f, "s:add(3) return s:count() == 2.0^64", "true\n");
}

/* Where memory is bounded, a sketch's pages count, and garbage sketches are collected. */
static void its_memory_is_the_states(void **state)
{
    struct fixture *f = *state;
    assert_echo(f,
                "local function grown() local s = stats.sketch { buckets = 262144 }\n"
                "  for i = -1000, 1000 do s:add(2.0 ^ i * 1.1) end return s end\n"
                "collectgarbage() local before = collectgarbage 'count'\n"
                "for i = 1, 2000 do grown() end\n"
                "return collectgarbage 'count' - before < 20000",
                "true\n");
}

static int limited(const char *text, struct fault *fault)
{
    struct vm *vm = NULL;
    assert_int_equal(
        vm_new(&(struct vm_options){.sandboxed = true, .memory_limit_bytes = 4 << 20}, &vm), OK);
    vm_module(vm_lua(vm), "stats", open_stats);
    int code = vm_load(vm, text, strlen(text), "@test.lua", fault);
    if (code == OK) code = vm_call(vm, vm_lua(vm), 0, 0, fault, NULL);
    vm_free(vm);
    return code;
}

static void a_policys_cap_holds(void **state)
{
    (void)state;
    struct fault fault;
    const char *garbage = "for i = 1, 3000 do local s = stats.sketch()\n"
                          "for k = -100, 100 do s:add(2.0 ^ k) end end";
    assert_int_equal(limited(garbage, &fault), OK);
    const char *kept = "local all = {} for i = 1, 3000 do local s = stats.sketch() all[i] = s\n"
                       "for k = -100, 100 do s:add(2.0 ^ k) end end";
    assert_true(limited(kept, &fault) < 0);
    assert_contains(fault.text, "memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        script_test(a_sketch_counts_and_answers),
        script_test(nothing_has_no_answer),
        script_test(sketches_merge_copy_reset_and_travel),
        script_test(a_coarser_bound_is_answered),
        script_test(what_cannot_be_counted_is_refused),
        script_test(a_count_never_overflows),
        script_test(its_memory_is_the_states),
        cmocka_unit_test(a_policys_cap_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
