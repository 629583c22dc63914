/* Scripts while each allocation fails in turn: an error or a result, never a crash, a leak (the
 * sanitizer's part) or a handle that stays open. */
#include "support/failing_alloc.h"
#include "unit/script_fixture.h"

enum { ALLOCATIONS_MAX = 20000, PATIENCE_MS = 200 };

static const char chunk[] = "local s = stats.summary({ 1, 2, 3 })\n"
                            "local v = stats.vector({ 1, 2, 3 }):append({ 4, 5 }):append(6)\n"
                            "for i = 1, 6 do v:append(v) end\n"
                            "local part = v:slice(2, 300):copy():reserve(10):fill(2)\n"
                            "local p = stats.percentiles(v, { 50, 99 }, { weights = v:values() })\n"
                            "stats.percentiles(v, { 50, 99 }) stats.trimmed_mean(v, 10, 90)\n"
                            "stats.correlation(v, v:copy(), { method = 'spearman' })\n"
                            "stats.histogram({ 1, 2, 0/0 }, { bins = 3, nan = 'omit' })\n"
                            "local shown = tostring(part) .. tostring(p[1])\n"
                            "local text = plot.label(1500, 'ms')\n"
                            "local e = journal.entries { target = 'a', since = '1h' }\n"
                            "log.info('some.event', { s = s })\n"
                            "local ok, problem = pcall(http.get, 'no url')\n"
                            "async.sleep(0)\n"
                            "return s, e, #text, time.iso(), ok, problem, json.encode(s)";

/* A wake for which there was no memory is lost, and logged by the vm; a person presses Ctrl-C. */
struct person {
    struct fixture *f;
    struct loop_timer *patience;
};

static void press(void *data)
{
    struct person *person = data;
    person->patience = NULL;
    script_interrupt(person->f->script);
}

static int run_once(struct fixture *f)
{
    bool incomplete;
    int code = script_run_text(f->script, chunk, strlen(chunk), "=stdin", true, &incomplete,
                               fixture_done, f);
    if (code != OK) {
        assert_false(f->done);
        return code;
    }
    fixture_wait(f);
    return f->code;
}

static void a_run_survives_each_failed_allocation(void **state)
{
    (void)state;
    int survived = 0;
    for (int n = 1; n < ALLOCATIONS_MAX; n++) {
        struct fixture f;
        struct person person = {.f = &f};
        fixture_open(&f);
        f.host.database = "/tmp/moontide-no-such-dir/moontide.db";
        fixture_begin(&f);
        assert_int_equal(loop_timer_start(f.loop, PATIENCE_MS, press, &person, &person.patience),
                         OK);
        alloc_fail_at(n);
        int code = run_once(&f);
        bool failed = alloc_has_failed();
        alloc_fail_at(0);
        loop_timer_cancel(person.patience);
        if (code != OK && !failed) fail_msg("%s", f.error);
        survived += code == OK;
        /* The state is of use after it. */
        fixture_run(&f, "1 + 1");
        assert_int_equal(f.code, OK);
        fixture_close(&f);
        if (!failed) {
            assert_true(n > 50 && survived > 0);
            return;
        }
    }
    fail_msg("more than %d allocations", ALLOCATIONS_MAX);
}

static void a_state_is_made_or_not_at_all(void **state)
{
    (void)state;
    struct clock clock;
    struct loop *loop = NULL;
    clock_init_manual(&clock, 0);
    assert_int_equal(loop_new(&loop), OK);
    struct host host = {.loop = loop, .clock = &clock, .world_name = "test"};
    struct script_options options = {.host = &host};
    bool failed = true;
    /* Lua collects and tries again when an allocation fails, so steps of 7 miss nothing of note. */
    for (int n = 1; n < ALLOCATIONS_MAX && failed; n += n < 50 ? 1 : 7) {
        struct script *script = NULL;
        alloc_fail_at(n);
        int code = script_new(&options, &script);
        failed = alloc_has_failed();
        alloc_fail_at(0);
        assert_true(code == OK ? script != NULL : failed);
        script_free(script);
    }
    assert_false(failed);
    assert_int_equal(loop_free(loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_survives_each_failed_allocation),
        cmocka_unit_test(a_state_is_made_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
