/* A version of a policy over ticks that were recorded. */
#include "moontide/app/rerun.h"
#include "moontide/bind/replay.h"
#include "moontide/store/recording.h"
#include "moontide/tick/recorder.h"
#include "policy_fixture.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

enum { TICKS = 6, PERIOD_S = 60, SLOTS = 12 };

static const char recorded_text[] =
    "return policy { name = 'web', metrics = function(t) return {\n"
    "  p99 = cloudwatch { namespace = 'Test', name = 'Latency', stat = 'p99', period = '1m',\n"
    "    dimensions = { Target = t.name } } } end,\n"
    "evaluate = function(t, m, memo)\n"
    "  memo.n = (memo.n or 0) + 1\n"
    "  issue { type = 'slow', severity = 'high', when = m.p99:above(3), description = memo.n }\n"
    "end }\n";

struct past {
    struct bench *bench;
    char dir[64], path[96];
    struct replay *replay;
    struct replay_tick tick;
    struct rerun *rerun;
};

/* ---- the recording: targets a and b, the latter from tick 3 on; the value is the tick's number */

static struct evaluator *load_recorded(struct past *past)
{
    struct evaluator *evaluator = NULL;
    assert_int_equal(policy_load_text(&past->bench->host, "web.lua", "web.lua", recorded_text,
                                      strlen(recorded_text), &evaluator, &past->bench->faults),
                     OK);
    return evaluator;
}

static void record_target_of(struct record *record, const struct target *target, int64_t tick,
                             const char *memo)
{
    struct series *series = NULL;
    assert_int_equal(series_new(PERIOD_S, SLOTS, &series), OK);
    series->state = SERIES_READY;
    series_move(series, NOW_S + tick * PERIOD_S);
    assert_true(series_put(series, NOW_S + (tick - 1) * PERIOD_S, (double)tick));
    record_target(record, target, &series, NULL, memo);
    free(series);
}

static void make_recording(struct past *past)
{
    const struct recording_options options = {.path = past->path};
    struct recorder *recorder = NULL;
    struct fault fault;
    struct evaluator *evaluator = load_recorded(past);
    assert_int_equal(
        policy_give_targets(evaluator, "[{\"name\":\"a\"},{\"name\":\"b\"}]", &past->bench->faults),
        OK);
    assert_int_equal(recorder_new(&options, "test", &recorder, &fault), OK);
    for (int64_t tick = 1; tick <= TICKS; tick++) {
        struct record *record =
            recorder_begin(recorder, evaluator->vtable->info(evaluator),
                           recorder_next_tick(recorder), (NOW_S + tick * PERIOD_S) * 1000);
        assert_non_null(record);
        record_target_of(record, evaluator->vtable->target(evaluator, 0), tick,
                         tick == 1 ? "{\"n\":10}" : "{\"n\":99}");
        if (tick >= 3)
            record_target_of(record, evaluator->vtable->target(evaluator, 1), tick, NULL);
        record_end(record);
    }
    recorder_free(recorder);
    evaluator->vtable->free(evaluator);
}

static int setup(void **state)
{
    struct past *past = calloc(1, sizeof *past);
    assert_non_null(past);
    assert_int_equal(bench_open((void **)&past->bench), 0);
    snprintf(past->dir, sizeof past->dir, "/tmp/moontide-rerun-XXXXXX");
    assert_non_null(mkdtemp(past->dir));
    snprintf(past->path, sizeof past->path, "%s/recording.db", past->dir);
    make_recording(past);
    *state = past;
    return 0;
}

static void drop(struct past *past)
{
    rerun_free(past->rerun);
    replay_close(past->replay);
    past->rerun = NULL;
    past->replay = NULL;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    struct past *past = *state;
    char path[128];
    drop(past);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        snprintf(path, sizeof path, "%s%s", past->path, suffixes[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(past->dir), 0);
    int left = bench_close((void **)&past->bench);
    free(past);
    return left;
}

/* ---- a version ---- */

static int open_version(struct past *past, const char *source)
{
    struct fault fault;
    struct version version = {.shown = (char *)"new.lua",
                              .path = (char *)"new.lua",
                              .source = (char *)(uintptr_t)source,
                              .len = strlen(source)};
    const struct replay_options options = {.path = past->path, .policy = "web"};
    int code = replay_open(&options, &past->replay, &fault);
    if (code == OK)
        code = rerun_new(&past->bench->host, &version, &past->rerun, &past->bench->faults);
    if (code == OK) rerun_on(past->rerun, past->replay);
    return code;
}

static int next(struct past *past)
{
    struct fault fault;
    int code = replay_next(past->replay, &past->tick, &fault);
    if (code <= 0) return code;
    code = rerun_tick(past->rerun, &past->tick, &past->bench->faults);
    for (size_t i = 0; i < past->tick.target_count && code == OK; i++)
        rerun_judge(past->rerun, i);
    return code < 0 ? code : 1;
}

/* "a:11 a!12" : what each target said, and its memo's number; "!" raised, "?" unknown, "E" failed
 */
static const char *said_in(struct past *past)
{
    static char text[512];
    text[0] = '\0';
    for (size_t i = 0; i < past->tick.target_count; i++) {
        struct judgement judgement = rerun_judgement(past->rerun, i);
        const struct evaluation *e = judgement.evaluation;
        size_t at = strlen(text);
        if (judgement.fault || e->issue_count == 0) {
            snprintf(text + at, sizeof text - at, "%sE ", past->tick.targets[i].id);
            continue;
        }
        enum verdict when = e->issues[0].when;
        snprintf(text + at, sizeof text - at, "%s%c%s ", past->tick.targets[i].id,
                 when == VERDICT_TRUE    ? '!'
                 : when == VERDICT_FALSE ? ':'
                                         : '?',
                 e->issues[0].description);
    }
    return text;
}

static void all_ticks(struct past *past, const char *const expected[TICKS])
{
    for (int i = 0; i < TICKS; i++) {
        assert_int_equal(next(past), 1);
        assert_string_equal(said_in(past), expected[i]);
    }
    assert_int_equal(next(past), 0);
}

static void a_memo_goes_on_from_the_first_recorded_one(void **state)
{
    static const char *const expected[TICKS] = {"name=a:11 ",          "name=a:12 ",
                                                "name=a:13 name=b:1 ", "name=a!14 name=b!2 ",
                                                "name=a!15 name=b!3 ", "name=a!16 name=b!4 "};
    assert_int_equal(open_version(*state, recorded_text), OK);
    all_ticks(*state, expected);
}

static void a_failed_evaluation_leaves_the_memo_as_it_was(void **state)
{
    static const char source[] = "local calls = 0\n"
                                 "return policy { name = 'web', evaluate = function(t, m, memo)\n"
                                 "  memo.n = (memo.n or 0) + 1\n"
                                 "  calls = calls + 1\n"
                                 "  if calls % 2 == 0 then error('no') end\n"
                                 "  issue { type = 'x', severity = 'low', description = memo.n }\n"
                                 "end }\n";
    struct past *past = *state;
    assert_int_equal(open_version(past, source), OK);
    assert_int_equal(next(past), 1);
    assert_string_equal(said_in(past), "name=a!11 ");
    assert_int_equal(next(past), 1);
    assert_string_equal(said_in(past), "name=aE ");
    assert_int_equal(next(past), 1);
    assert_string_equal(said_in(past), "name=a!12 name=bE ");
}

static void count_metric(void *data, const char *key, const struct metric *metric)
{
    assert_string_equal(key, "p50");
    assert_string_equal(metric->stat, "p50");
    ++*(int *)data;
}

static void a_metric_that_is_not_recorded_answers_unknown_and_is_named_once(void **state)
{
    static const char source[] =
        "return policy { name = 'web', metrics = function(t)\n"
        "  local function s(stat) return cloudwatch { namespace = 'Test', name = 'Latency',\n"
        "    stat = stat, period = '1m', dimensions = { Target = t.name } } end\n"
        "  return { p99 = s('p99'), p50 = s('p50') } end,\n"
        "evaluate = function(t, m)\n"
        "  issue { type = 'half', severity = 'low', when = m.p50:above(3),\n"
        "    description = tostring(m.p99:last() ~= nil) } end }\n";
    struct past *past = *state;
    int count = 0;
    assert_int_equal(open_version(past, source), OK);
    for (int i = 0; i < TICKS; i++)
        assert_int_equal(next(past), 1);
    assert_string_equal(said_in(past), "name=a?true name=b?true ");
    rerun_each_unrecorded(past->rerun, count_metric, &count);
    assert_int_equal(count, 1);
}

static void metrics_that_throw_are_a_fault(void **state)
{
    struct past *past = *state;
    assert_int_equal(open_version(past, "return policy { name = 'web',\n"
                                        "metrics = function(t) error('no metrics') end,\n"
                                        "evaluate = function() end }\n"),
                     OK);
    assert_true(next(past) < 0);
    assert_int_equal(past->bench->faults.count, 1);
    assert_non_null(strstr(past->bench->faults.items[0].text, "no metrics"));
}

static void every_allocation_may_fail_once(void **state)
{
    struct past *past = *state;
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        alloc_fail_at(n);
        int code = open_version(past, recorded_text);
        for (int i = 0; i < TICKS && code >= 0; i++)
            code = next(past);
        failed = alloc_fail_done();
        if (!failed) assert_int_equal(code, 1);
        if (!failed) assert_string_equal(said_in(past), "name=a!16 name=b!4 ");
        drop(past);
        faults_done(&past->bench->faults);
        faults_init(&past->bench->faults);
        assert_true(n < 20000);
    }
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_memo_goes_on_from_the_first_recorded_one),
        FACT(a_failed_evaluation_leaves_the_memo_as_it_was),
        FACT(a_metric_that_is_not_recorded_answers_unknown_and_is_named_once),
        FACT(metrics_that_throw_are_a_fault),
        FACT(every_allocation_may_fail_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
