/* Facts about cloudwatch.fetch, on a world that answers when the test says so. */
#include "moontide/bind/config.h"
#include "unit/fake_world.h"
#include "unit/script_fixture.h"

enum { PERIOD_S = 300 };

static struct fake_world fake;

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    fake = (struct fake_world){.world.vtable = &fake_vtable};
    struct collector_options options = {f->loop, &fake.world, COLLECT_SETTLE_MS};
    f->host.world = &fake.world;
    assert_int_equal(collector_new(&options, &f->host.collector), OK);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    script_free(f->script);
    f->script = NULL;
    collector_free(f->host.collector);
    return fixture_teardown(state);
}

/* Begins the chunk; `p99` and `count` are declarations. */
static void begin(struct fixture *f, const char *text)
{
    char all[2048];
    bool incomplete;
    snprintf(all, sizeof all,
             "local p99 = cloudwatch { namespace = 'Fake', name = 'Time', stat = 'p99', "
             "period = '5m', window = '1h' } "
             "local count = cloudwatch { namespace = 'Fake', name = 'Count', stat = 'Sum', "
             "period = '5m', window = '1h' } %s",
             text);
    fixture_begin(f);
    assert_int_equal(
        script_run_text(f->script, all, strlen(all), "=stdin", true, &incomplete, fixture_done, f),
        OK);
}

/* Waits for `calls` calls of the world, if they do not come at once. */
static void expect_calls(struct fixture *f, size_t calls)
{
    while (fake.call_count < calls && !f->done && !f->late)
        loop_turn(f->loop, true);
    if (f->done) fail_msg("it ended: %s%s", f->error, strbuf_cstr(&f->out));
    assert_int_equal(fake.call_count, calls);
}

static const char *finish(struct fixture *f)
{
    fake_answer_all(&fake);
    fixture_wait(f);
    return f->code == OK ? strbuf_cstr(&f->out) : f->error;
}

static void the_window_of_a_declaration_is_fetched(void **state)
{
    struct fixture *f = *state;
    begin(f,
          "local got = cloudwatch.fetch { a = p99, b = count }\n"
          "return #got.a.values, got.a.times[1], got.a.times[12], got.b.last == got.b.values[12], "
          "got.b.reason");
    expect_calls(f, 1);
    assert_int_equal(fake.calls[0].queries, 2);                      /* both in one call */
    assert_int_equal(fake.calls[0].end_s, FIXTURE_NOW_S - PERIOD_S); /* settled */
    assert_string_equal(finish(f), "12\t1767221700\t1767225000\ttrue\tnil\n");
}

static void what_another_fetch_asks_already_is_not_asked_twice(void **state)
{
    struct fixture *f = *state;
    begin(
        f,
        "local a = async.all { function() return cloudwatch.fetch { a = p99 } end,\n"
        "  function() return cloudwatch.fetch { a = p99 } end } return a[1].a.last == a[2].a.last");
    expect_calls(f, 1);
    assert_int_equal(fake.calls[0].queries, 1);
    assert_string_equal(finish(f), "true\n");
    assert_int_equal(fake.call_count, 1);
}

static void a_range_is_fetched_as_it_was_asked(void **state)
{
    struct fixture *f = *state;
    begin(f, "local got = cloudwatch.fetch({ a = p99 }, { start_time = '2025-12-31T20:00:00Z', "
             "end_time = '2025-12-31T22:00:00Z' })\n"
             "return #got.a.values, time.iso(got.a.times[1]), time.iso(got.a.times[24])");
    expect_calls(f, 1);
    assert_string_equal(finish(f), "24\t\"2025-12-31T20:00:00Z\"\t\"2025-12-31T21:55:00Z\"\n");
    assert_int_equal(fake.calls[0].end_s - fake.calls[0].start_s, 2 * HOUR_S);
}

static void a_range_may_begin_some_time_ago_and_ends_settled(void **state)
{
    struct fixture *f = *state;
    begin(f, "local got = cloudwatch.fetch({ a = p99 }, { start_time = '3h' })\n"
             "return #got.a.values, time.iso(got.a.times[1])");
    expect_calls(f, 1);
    assert_string_equal(finish(f), "35\t\"2025-12-31T21:00:00Z\"\n");
    assert_int_equal(fake.calls[0].end_s, FIXTURE_NOW_S - PERIOD_S);
}

static void no_datapoint_is_no_zero(void **state)
{
    struct fixture *f = *state;
    begin(f, "local got = cloudwatch.fetch { a = p99 }\n"
             "return #got.a.values, got.a.last, got.a.reason ~= nil");
    expect_calls(f, 1);
    fake_answer_state(&fake, 0, SERIES_READY, "");
    assert_string_equal(finish(f), "0\tnil\ttrue\n");
}

static void the_shipped_library_answers_numbers_by_their_path(void **state)
{
    struct fixture *f = *state;
    char policies[] = MOONTIDE_POLICIES;
    struct config config = {.dir = policies, .policies_dir = policies};
    f->host.config = &config;
    begin(f,
          "local got = require('lib.performance').collect('prod')\n"
          "local t, q = got.api.response_time, got.database.query_time\n"
          "local all = { t.p50, t.p90, t.p99, got.api.error_rate, got.api.request_count, q.p50,\n"
          "  q.p90, q.p99, got.database.connection_count, got.database.deadlock_count,\n"
          "  got.cache.hit_rate, got.cache.miss_rate, got.cache.eviction_count }\n"
          "return #all, math.type(t.p99), math.type(got.cache.hit_rate)");
    expect_calls(f, 1); /* all 13 in one */
    assert_int_equal(fake.calls[0].queries, 13);
    assert_string_equal(finish(f), "13\t\"float\"\t\"float\"\n");
    begin(f, "return require('lib.performance').collect('prod', '2h').cache.hit_rate");
    expect_calls(f, 2);
    fake_answer_state(&fake, 1, SERIES_READY, "");
    assert_string_equal(finish(f), "nil\n"); /* never zero */
    f->host.config = NULL;
}

static void a_failed_call_is_an_error_object(void **state)
{
    struct fixture *f = *state;
    begin(f, "local ok, e = pcall(cloudwatch.fetch, { a = p99 }) return ok, e.code, tostring(e)");
    expect_calls(f, 1);
    fake_fail(&fake, 0, ERR_CREDENTIALS, "looked everywhere");
    assert_string_equal(finish(f),
                        "false\t\"Credentials\"\t\"cloudwatch.fetch: looked everywhere\"\n");
}

static void an_interrupted_fetch_is_canceled(void **state)
{
    struct fixture *f = *state;
    begin(f, "cloudwatch.fetch({ a = p99 }, { start_time = '3h' })");
    expect_calls(f, 1);
    script_interrupt(f->script);
    fixture_wait(f);
    assert_int_equal(f->code, ERR_CANCELED);
    assert_int_equal(fake.canceled, 1);
    assert_int_equal(fake.under_way, 0);
}

static void wrong_arguments_are_named(void **state)
{
    struct fixture *f = *state;
    begin(f, "cloudwatch.fetch { a = 5 }");
    assert_contains(finish(f), "'a' is no declaration");
    begin(f, "cloudwatch.fetch({ a = p99 }, { form = 1 })");
    assert_contains(finish(f), "unknown field 'form'");
    begin(f, "cloudwatch.fetch({ a = p99 }, { start_time = '1m' })");
    assert_contains(finish(f), "less than one period");
    begin(f, "cloudwatch.fetch({ a = p99 }, { start_time = 0 })");
    assert_contains(finish(f), "more than 100800 periods");
    begin(f, "return next(cloudwatch.fetch {})");
    assert_string_equal(finish(f), "nil\n");
    assert_int_equal(fake.call_count, 0);
}

#define fetch_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fetch_test(the_window_of_a_declaration_is_fetched),
        fetch_test(what_another_fetch_asks_already_is_not_asked_twice),
        fetch_test(a_range_is_fetched_as_it_was_asked),
        fetch_test(a_range_may_begin_some_time_ago_and_ends_settled),
        fetch_test(no_datapoint_is_no_zero),
        fetch_test(the_shipped_library_answers_numbers_by_their_path),
        fetch_test(a_failed_call_is_an_error_object),
        fetch_test(an_interrupted_fetch_is_canceled),
        fetch_test(wrong_arguments_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
