/* What the simulated world promises: values that are a pure function of the time, that agree with
 * each other, and that take prod from healthy to critical and back within a real minute at
 * --speed 60.
 *
 * Longer than other files for its tables: what is known, what is computed, what is refused.
 *
 * Size: each promise of the fleet is a fact of its own. */
#include "moontide/base/compiler.h"
#include "moontide/base/fs.h"
#include "moontide/io/loop.h"
#include "moontide/tick/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S, SLOTS_MAX = 2000 };
static const int64_t T0_S = 1699999200; /* a full hour */

struct sim {
    struct loop *loop;
    struct world *world;
    char path[64];
};

static int setup(void **state)
{
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim || loop_new(&sim->loop) < 0) return -1;
    struct clock clock;
    clock_init_manual(&clock, (T0_S + 30 * (int64_t)DAY_S) * 1000);
    struct world_sim_options options = {.loop = sim->loop, .clock = &clock};
    if (world_sim_new(&options, &sim->world, NULL) < 0) return -1;
    snprintf(sim->path, sizeof sim->path, "/tmp/moontide-sim-%d.json", (int)getpid());
    *state = sim;
    return 0;
}

static int teardown(void **state)
{
    struct sim *sim = *state;
    world_free(sim->world);
    unlink(sim->path);
    int left = loop_free(sim->loop);
    free(sim);
    return left;
}

struct answer {
    int times;
    struct cloudwatch_result result;
};

static void note(void *data, const struct cloudwatch_result *result)
{
    struct answer *answer = data;
    answer->times++;
    answer->result = *result;
}

/* Asks for one metric over [start, start + slots x period); the caller frees the series. */
static struct series *ask(struct sim *sim, const struct metric *draft, int64_t start_s,
                          uint32_t slots, struct answer *answer)
{
    struct metric *metric = NULL;
    struct series *series = NULL;
    assert_int_equal(metric_new(draft, &metric), OK);
    assert_int_equal(series_new(draft->period_s, slots, &series), OK);
    int64_t end_s = start_s + (int64_t)slots * draft->period_s;
    series_move(series, end_s);
    struct metric_question question = {metric, series, SERIES_NEW};
    struct answer own = {0};
    if (!answer) answer = &own;
    assert_int_equal(sim->world->vtable->fetch(sim->world, &question, 1, start_s, end_s,
                                               draft->period_s, note, answer),
                     OK);
    assert_int_equal(answer->times, 0);
    loop_run(sim->loop);
    assert_int_equal(answer->times, 1);
    assert_int_equal(answer->result.code, OK);
    series->state = question.state;
    metric_release(metric);
    return series;
}

static struct series *ask_of(struct sim *sim, const char *namespace_name, const char *name,
                             const char *stat, int32_t period_s, const char *environment,
                             int64_t start_s, uint32_t slots)
{
    struct metric_dimension dimension = {"Environment", environment};
    struct metric draft = {.namespace_name = namespace_name,
                           .name = name,
                           .stat = stat,
                           .period_s = period_s,
                           .dimension_count = 1,
                           .dimensions = &dimension};
    struct series *series = ask(sim, &draft, start_s, slots, NULL);
    assert_int_equal(series->state, SERIES_READY);
    return series;
}

static const struct {
    const char *namespace_name, *name;
} fleet_metrics[] = {
    {"GMTool/API", "ResponseTime"},
    {"GMTool/API", "ErrorRate"},
    {"GMTool/API", "RequestCount"},
    {"GMTool/Database", "QueryTime"},
    {"GMTool/Database", "ConnectionCount"},
    {"GMTool/Database", "DeadlockCount"},
    {"GMTool/Cache", "HitRate"},
    {"GMTool/Cache", "MissRate"},
    {"GMTool/Cache", "EvictionCount"},
};

static void every_metric_of_the_fleet_has_datapoints(void **state)
{
    static const char *const stats[] = {"Average",     "Sum", "Minimum", "Maximum",
                                        "SampleCount", "p50", "p99.9"};
    for (size_t i = 0; i < COUNT_OF(fleet_metrics); i++)
        for (size_t k = 0; k < COUNT_OF(stats); k++) {
            struct series *s = ask_of(*state, fleet_metrics[i].namespace_name,
                                      fleet_metrics[i].name, stats[k], 300, "prod", T0_S, 288);
            assert_int_equal(view_count(series_view(s, 288)), 288);
            for (uint32_t slot = 0; slot < s->slots; slot++)
                assert_true(s->values[slot] >= 0);
            free(s);
        }
}

static void asked_twice_and_in_parts_the_values_are_the_same(void **state)
{
    for (size_t i = 0; i < COUNT_OF(fleet_metrics); i++) {
        struct series *whole = ask_of(*state, fleet_metrics[i].namespace_name,
                                      fleet_metrics[i].name, "p90", 300, "prod", T0_S, 100);
        for (uint32_t slot = 0; slot < 100; slot += 7) {
            struct series *one =
                ask_of(*state, fleet_metrics[i].namespace_name, fleet_metrics[i].name, "p90", 300,
                       "prod", T0_S + (int64_t)slot * 300, 1);
            assert_true(one->values[0] == whole->values[slot]);
            free(one);
        }
        free(whole);
    }
}

static void percentiles_never_cross(void **state)
{
    static const char *const stats[] = {"Minimum", "p10", "p50", "p90", "p99", "p99.9", "Maximum"};
    static const int32_t periods[] = {10, 60, 300, 3600};
    for (size_t i = 0; i < COUNT_OF(fleet_metrics); i++)
        for (size_t p = 0; p < COUNT_OF(periods); p++) {
            struct series *before = NULL;
            for (size_t k = 0; k < COUNT_OF(stats); k++) {
                struct series *s =
                    ask_of(*state, fleet_metrics[i].namespace_name, fleet_metrics[i].name, stats[k],
                           periods[p], "prod", T0_S, 48);
                for (uint32_t slot = 0; before && slot < s->slots; slot++)
                    assert_true(before->values[slot] <= s->values[slot]);
                free(before);
                before = s;
            }
            free(before);
        }
}

static void counts_follow_the_load_of_the_day(void **state)
{
    int64_t midnight_s = T0_S - T0_S % DAY_S;
    struct series *s =
        ask_of(*state, "GMTool/API", "RequestCount", "Sum", 3600, "prod", midnight_s, 24);
    assert_true(s->values[12] > 2 * s->values[0]);
    assert_true(s->values[12] > s->values[6]);
    assert_true(s->values[12] > s->values[18]);
    free(s);
}

static void the_sum_of_minutes_is_the_sum_of_their_period(void **state)
{
    struct series *minutes =
        ask_of(*state, "GMTool/API", "RequestCount", "Sum", 60, "prod", T0_S, 5);
    struct series *period =
        ask_of(*state, "GMTool/API", "RequestCount", "Sum", 300, "prod", T0_S, 1);
    double sum = 0;
    for (uint32_t i = 0; i < 5; i++)
        sum += minutes->values[i];
    assert_true(sum == period->values[0]);
    free(minutes);
    free(period);
}

static void hits_and_misses_are_all_there_is(void **state)
{
    struct series *hits =
        ask_of(*state, "GMTool/Cache", "HitRate", "Average", 300, "prod", T0_S, 288);
    struct series *misses =
        ask_of(*state, "GMTool/Cache", "MissRate", "Average", 300, "prod", T0_S, 288);
    for (uint32_t i = 0; i < 288; i++) {
        assert_true(hits->values[i] >= 0 && hits->values[i] <= 1);
        assert_true(fabs(hits->values[i] + misses->values[i] - 1) < 2e-4);
    }
    free(hits);
    free(misses);
}

static void deadlocks_are_rare(void **state)
{
    struct series *s =
        ask_of(*state, "GMTool/Database", "DeadlockCount", "Sum", 300, "prod", T0_S, 288);
    int none = 0, some = 0;
    for (uint32_t i = 0; i < 288; i++)
        s->values[i] > 0 ? some++ : none++;
    assert_in_range(some, 10, 120);
    assert_true(none > some);
    free(s);
}

/* In each burst API p99, database p90 and the hit rate breach together; in between, none does. */
static void a_burst_shows_in_all_three_tiers(void **state)
{
    struct series *api =
        ask_of(*state, "GMTool/API", "ResponseTime", "p99", 300, "prod", T0_S, SLOTS_MAX);
    struct series *database =
        ask_of(*state, "GMTool/Database", "QueryTime", "p90", 300, "prod", T0_S, SLOTS_MAX);
    struct series *cache =
        ask_of(*state, "GMTool/Cache", "HitRate", "Average", 300, "prod", T0_S, SLOTS_MAX);
    int breaching = 0, longest = 0, run = 0;
    for (uint32_t i = 0; i < SLOTS_MAX; i++) {
        bool breaches = api->values[i] > 1000;
        assert_int_equal(database->values[i] > 500, breaches);
        assert_int_equal(cache->values[i] < 0.8, breaches);
        assert_true(breaches || api->values[i] < 800); /* room for `clear` */
        breaching += breaches;
        run = breaches ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    assert_int_equal(longest, 3); /* so that 3 of 5 datapoints see it, too */
    assert_int_equal(breaching, SLOTS_MAX * 3 / 8);
    free(api);
    free(database);
    free(cache);
}

/* A tick a minute, at --speed 60 a real second, looks at the newest settled 5-minute datapoint. */
static void from_any_start_prod_turns_critical_and_back_within_a_minute(void **state)
{
    struct series *s =
        ask_of(*state, "GMTool/API", "ResponseTime", "p99", 300, "prod", T0_S, SLOTS_MAX);
    for (int64_t start_s = T0_S + HOUR_S; start_s < T0_S + DAY_S; start_s += 60) {
        int turns = 0, ticks = 0;
        bool critical = true; /* it has to be seen healthy first */
        for (; turns < 3 && ticks < 200; ticks++) {
            int64_t settled_s = start_s + ticks * 60 - 60;
            int64_t slot = (settled_s - settled_s % 300 - T0_S) / 300 - 1;
            if ((s->values[slot] > 1000) != critical) {
                critical = !critical;
                turns++;
            }
        }
        assert_in_range(ticks, 1, 61);
    }
    free(s);
}

static void staging_has_its_bursts_at_other_times_and_gaps(void **state)
{
    struct series *prod =
        ask_of(*state, "GMTool/API", "ResponseTime", "p99", 300, "prod", T0_S, SLOTS_MAX);
    struct series *staging =
        ask_of(*state, "GMTool/API", "ResponseTime", "p99", 300, "staging", T0_S, SLOTS_MAX);
    int missing = 0, bursts = 0;
    for (uint32_t i = 0; i < SLOTS_MAX; i++) {
        assert_false(prod->values[i] > 1000 && staging->values[i] > 1000);
        missing += isnan(staging->values[i]);
        bursts += staging->values[i] > 1000;
    }
    assert_in_range(missing, SLOTS_MAX / 24, SLOTS_MAX / 6);
    assert_true(bursts > SLOTS_MAX / 4);
    free(prod);
    free(staging);
}

static void what_amazon_would_measure_is_there_too(void **state)
{
    static const struct {
        const char *namespace_name, *name;
        struct metric_dimension dimensions[2];
        uint32_t count;
        double low, high;
    } table[] = {
        {"AWS/ECS",
         "CPUUtilization",
         {{"ClusterName", "gm-tool-prod"}, {"ServiceName", "api"}},
         2,
         5,
         100},
        {"AWS/ECS", "MemoryUtilization", {{"ClusterName", "gm-tool-prod"}}, 1, 30, 100},
        {"AWS/RDS", "CPUUtilization", {{"DBInstanceIdentifier", "gm-tool-staging"}}, 1, 5, 100},
        {"AWS/RDS", "FreeStorageSpace", {{"DBInstanceIdentifier", "gm-tool-prod"}}, 1, 5e10, 7e10},
        {"AWS/RDS", "DatabaseConnections", {{"DBInstanceIdentifier", "gm-tool-prod"}}, 1, 10, 200},
        {"AWS/ElastiCache", "CPUUtilization", {{"CacheClusterId", "gm-tool-prod"}}, 1, 1, 100},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct metric draft = {.namespace_name = table[i].namespace_name,
                               .name = table[i].name,
                               .stat = "Average",
                               .period_s = 60,
                               .dimension_count = table[i].count,
                               .dimensions = table[i].dimensions};
        struct series *s = ask(*state, &draft, T0_S, 60, NULL);
        assert_int_equal(view_count(series_view(s, 60)), 60);
        for (uint32_t slot = 0; slot < 60; slot++)
            assert_true(s->values[slot] >= table[i].low && s->values[slot] <= table[i].high);
        free(s);
    }
}

static void what_it_does_not_know_has_no_datapoints(void **state)
{
    struct metric_dimension prod = {"Environment", "prod"}, nowhere = {"Environment", "nowhere"};
    struct metric_dimension two[] = {{"Environment", "prod"}, {"Host", "a"}};
    const struct metric table[] = {
        {.namespace_name = "GMTool/API",
         .name = "Nothing",
         .dimension_count = 1,
         .dimensions = &prod},
        {.namespace_name = "Other",
         .name = "ResponseTime",
         .dimension_count = 1,
         .dimensions = &prod},
        {.namespace_name = "GMTool/API",
         .name = "ResponseTime",
         .dimension_count = 1,
         .dimensions = &nowhere},
        {.namespace_name = "GMTool/API", .name = "ResponseTime"},
        {.namespace_name = "GMTool/API",
         .name = "ResponseTime",
         .dimension_count = 2,
         .dimensions = two},
        {.namespace_name = "GMTool/API",
         .name = "ResponseTime",
         .dimension_count = 1,
         .dimensions = &prod,
         .unit = "Seconds"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct metric draft = table[i];
        draft.stat = "Average";
        draft.period_s = 60;
        struct series *s = ask(*state, &draft, T0_S, 10, NULL);
        assert_int_equal(s->state, SERIES_READY);
        assert_int_equal(view_count(series_view(s, 10)), 0);
        free(s);
    }
}

static void the_future_has_no_datapoints(void **state)
{
    struct sim *sim = *state;
    int64_t now_s = clock_now_ms(&sim->world->clock) / 1000;
    struct series *s =
        ask_of(sim, "GMTool/API", "ResponseTime", "p99", 300, "prod", now_s - 600, 4);
    assert_false(isnan(s->values[1]));
    assert_true(isnan(s->values[2]));
    assert_true(isnan(s->values[3]));
    free(s);
}

static void a_statistic_it_cannot_compute_fails_and_says_so(void **state)
{
    static const char *const stats[] = {"tm99", "p101", "pq", "IQM", "p", "p99x"};
    struct metric_dimension prod = {"Environment", "prod"};
    for (size_t i = 0; i < COUNT_OF(stats); i++) {
        struct metric draft = {.namespace_name = "GMTool/API",
                               .name = "ResponseTime",
                               .stat = stats[i],
                               .period_s = 60,
                               .dimension_count = 1,
                               .dimensions = &prod};
        struct answer answer = {0};
        struct series *s = ask(*state, &draft, T0_S, 3, &answer);
        assert_int_equal(s->state, SERIES_FAILED);
        assert_non_null(strstr(answer.result.messages, stats[i]));
        free(s);
    }
}

static struct series *ask_expression(struct sim *sim, const char *text, struct answer *answer)
{
    struct metric_dimension prod = {"Environment", "prod"};
    struct metric plain = {.namespace_name = "GMTool/API",
                           .name = "RequestCount",
                           .stat = "Sum",
                           .period_s = 60,
                           .dimension_count = 1,
                           .dimensions = &prod};
    struct metric_input inputs[2] = {{.id = "r"}, {.id = "none"}};
    assert_int_equal(metric_new(&plain, &inputs[0].metric), OK);
    plain.name = "Nothing";
    assert_int_equal(metric_new(&plain, &inputs[1].metric), OK);
    struct metric draft = {.expression = text, .period_s = 60, .input_count = 2, .inputs = inputs};
    struct series *s = ask(sim, &draft, T0_S, 1, answer);
    metric_release(inputs[0].metric);
    metric_release(inputs[1].metric);
    return s;
}

static void expressions_are_computed(void **state)
{
    struct series *requests =
        ask_of(*state, "GMTool/API", "RequestCount", "Sum", 60, "prod", T0_S, 1);
    double r = requests->values[0];
    free(requests);
    const struct {
        const char *text;
        double value;
    } table[] = {
        {"1", 1},
        {"1 + 2 * 3", 7},
        {"(1 + 2) * 3", 9},
        {"8 / 4 / 2", 1},
        {"10 - 3 - 2", 5},
        {"-2 * -(1 + 1)", 4},
        {"2*+3", 6},
        {"1.5e2/3", 50},
        {"r", r},
        {"100 * r / r", 100},
        {" ( r - r ) + .5 ", 0.5},
        {"r/0", NAN},
        {"none", NAN},
        {"r + none", NAN},
        {"0 * none", NAN},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct series *s = ask_expression(*state, table[i].text, NULL);
        assert_int_equal(s->state, SERIES_READY);
        if (isnan(table[i].value))
            assert_true(isnan(s->values[0]));
        else
            assert_true(s->values[0] == table[i].value);
        free(s);
    }
}

static void an_expression_it_cannot_compute_fails_and_says_so(void **state)
{
    static const struct {
        const char *text, *why;
    } table[] = {
        {"SUM(METRICS())", "a function"},
        {"FILL (r, 0)", "a function"},
        {"r > 3", "something else"},
        {"x + 1", "a name that `using` does not have"},
        {"(r", "not closed"},
        {"r +", "the end comes too early"},
        {"", "the end comes too early"},
        {"r)", "something else"},
        {"1e999", "not a number"},
        {"0x10", "not a number"},
        {"1..2", "something else"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct answer answer = {0};
        struct series *s = ask_expression(*state, table[i].text, &answer);
        assert_int_equal(s->state, SERIES_FAILED);
        if (!strstr(answer.result.messages, table[i].why))
            fail_msg("%s: %s", table[i].text, answer.result.messages);
        free(s);
    }
}

static void expressions_that_are_too_deep_or_too_long_are_refused(void **state)
{
    static const char *const pieces[] = {"(", "-", "1+(", "1+"};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        char text[METRIC_TEXT_MAX] = "";
        for (size_t k = 0; k < 500; k++)
            strcat(text, pieces[i]);
        strcat(text, "1");
        struct answer answer = {0};
        struct series *s = ask_expression(*state, text, &answer);
        assert_int_equal(s->state, SERIES_FAILED);
        assert_true(answer.result.messages[0] != '\0');
        free(s);
    }
}

static void must_not_answer(void *data, const struct cloudwatch_result *result)
{
    (void)data;
    (void)result;
    fail_msg("answered after a cancel");
}

static void a_canceled_fetch_is_not_answered(void **state)
{
    struct sim *sim = *state;
    struct metric draft = {
        .namespace_name = "GMTool/API", .name = "A", .stat = "Sum", .period_s = 60};
    struct metric *metric = NULL;
    struct series *series = NULL;
    assert_int_equal(metric_new(&draft, &metric), OK);
    assert_int_equal(series_new(60, 1, &series), OK);
    struct metric_question questions[3] = {
        {metric, series, 0}, {metric, series, 0}, {metric, series, 0}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sim->world->vtable->fetch(sim->world, &questions[i], 1, 0, 60, 60,
                                                   must_not_answer, NULL),
                         OK);
    sim->world->vtable->cancel(sim->world, &questions[1]);
    world_free(sim->world); /* takes the others along */
    sim->world = NULL;
    loop_run(sim->loop);
    free(series);
    metric_release(metric);
}

static void count_turn(void *data)
{
    ++*(int *)data;
}

static void long_windows_leave_the_loop_its_turns(void **state)
{
    enum { QUESTIONS = 40, LONG = 4000 };
    struct sim *sim = *state;
    struct metric_dimension prod = {"Environment", "prod"};
    struct metric draft = {.namespace_name = "GMTool/API",
                           .name = "ResponseTime",
                           .stat = "p99",
                           .period_s = 300,
                           .dimension_count = 1,
                           .dimensions = &prod};
    struct metric *metric = NULL;
    struct metric_question questions[QUESTIONS];
    struct answer answer = {0};
    int turns = 0;
    assert_int_equal(metric_new(&draft, &metric), OK);
    for (size_t i = 0; i < QUESTIONS; i++) {
        questions[i] = (struct metric_question){.metric = metric};
        assert_int_equal(series_new(300, LONG, &questions[i].series), OK);
        series_move(questions[i].series, T0_S + LONG * 300);
    }
    assert_int_equal(sim->world->vtable->fetch(sim->world, questions, QUESTIONS, T0_S,
                                               T0_S + LONG * 300, 300, note, &answer),
                     OK);
    for (int limit = 0; answer.times == 0 && limit < 100000; limit++) {
        assert_int_equal(loop_timer_start(sim->loop, 0, count_turn, &turns, NULL), OK);
        loop_turn(sim->loop, false);
    }
    loop_run(sim->loop);
    assert_int_equal(answer.times, 1);
    assert_true(turns > 1);
    for (size_t i = 0; i < QUESTIONS; i++) {
        assert_int_equal(view_count(series_view(questions[i].series, LONG)), LONG);
        free(questions[i].series);
    }
    metric_release(metric);
}

static int make(struct sim *sim, const char *json, struct world **world, struct fault *fault)
{
    assert_int_equal(fs_write_file(sim->path, json, strlen(json), 0600, NULL), OK);
    struct world_sim_options options = {.loop = sim->loop, .file = sim->path};
    return world_sim_new(&options, world, fault);
}

static void a_file_describes_another_fleet(void **state)
{
    struct sim *sim = *state;
    world_free(sim->world);
    sim->world = NULL;
    struct fault fault = {0};
    int code = make(sim,
                    "{ \"environments\": [\"a\", \"b\"], \"seed\": 7,\n"
                    "  \"burst\": { \"every\": \"1h\", \"for\": \"30m\" }, \"gaps\": [] }",
                    &sim->world, &fault);
    if (code < 0) fail_msg("%s", fault.text);
    char name[128];
    snprintf(name, sizeof name, "sim:%s", sim->path);
    assert_string_equal(sim->world->name, name);
    assert_false(sim->world->priced);
    struct series *a = ask_of(sim, "GMTool/API", "ResponseTime", "p99", 300, "a", T0_S, 12);
    struct series *b = ask_of(sim, "GMTool/API", "ResponseTime", "p99", 300, "b", T0_S, 12);
    struct series *prod = ask_of(sim, "GMTool/API", "ResponseTime", "p99", 300, "prod", T0_S, 12);
    for (uint32_t i = 0; i < 12; i++) {
        assert_true((a->values[i] > 1000) != (b->values[i] > 1000));
        assert_true(isnan(prod->values[i]));
    }
    free(a);
    free(b);
    free(prod);
}

static void a_faulty_file_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *json, *says;
        int line;
    } table[] = {
        {"{ \"environments\": [\"a\"],\n\"sed\": 7 }", "did you mean \"seed\"?", 2},
        {"{ \"environments\": [\"a\"], \"burst\": {\n\"evry\": \"1h\" } }",
         "unknown field \"evry\" in burst; did you mean \"every\"?", 2},
        {"{ }", "environments: at least one name is expected", 1},
        {"{ \"environments\": [] }", "at least one name", 1},
        {"{ \"environments\": \"a\" }", "one list of names", 1},
        {"{ \"environments\": [1] }", "a name is a string", 1},
        {"{ \"environments\": [\"\"] }", "1 to 255 characters", 1},
        {"{ \"environments\": [\"a\", \"b\", \"a\"] }", "\"a\" stands there twice", 1},
        {"{ \"environments\": [\"a\"], \"gaps\": [\"b\"] }", "\"b\" is not among", 1},
        {"{ \"environments\": [\"a\"], \"seed\": 1.5 }", "seed: a whole number", 1},
        {"{ \"environments\": [\"a\"], \"burst\": 5 }", "burst: an object", 1},
        {"{ \"environments\": [\"a\"], \"burst\": { \"every\": 5 } }", "burst.every: a duration",
         1},
        {"{ \"environments\": [\"a\"], \"burst\": { \"for\": \"soon\" } }", "is no duration", 1},
        {"{ \"environments\": [\"a\"], \"burst\": { \"every\": \"1s\" } }", "from 1m to 30d", 1},
        {"{ \"environments\": [\"a\"], \"burst\": { \"for\": \"2h\" } }", "longer than", 1},
        {"{ \"environments\": [\"a\"],\n\n", "malformed at byte", 3},
        {"[]", "an object is expected", 1},
        {"{ \"environments\": [\"a\"] } x", "malformed at byte", 1},
        {"", "malformed at byte", 1},
    };
    struct sim *sim = *state;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct world *world = NULL;
        struct fault fault = {0};
        assert_true(make(sim, table[i].json, &world, &fault) < 0);
        if (!strstr(fault.text, table[i].says)) fail_msg("%s: %s", table[i].json, fault.text);
        assert_int_equal(fault.line, table[i].line);
        assert_string_equal(fault.file, sim->path);
    }
    struct world *world = NULL;
    struct fault fault = {0};
    struct world_sim_options options = {.loop = sim->loop, .file = "/nonexistent/fleet.json"};
    assert_int_equal(world_sim_new(&options, &world, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, "/nonexistent/fleet.json"));
}

static void its_time_runs_as_fast_as_was_asked(void **state)
{
    struct sim *sim = *state;
    struct world *world = NULL;
    struct world_sim_options options = {
        .loop = sim->loop, .start_ms = T0_S * 1000, .speed = 1000000};
    assert_int_equal(world_sim_new(&options, &world, NULL), OK);
    assert_string_equal(world->name, "sim");
    struct clock real = {0};
    int64_t until_ns = clock_mono_ns(&real) + 2000000;
    while (clock_mono_ns(&real) < until_ns)
        ;
    assert_true(clock_now_ms(&world->clock) >= T0_S * 1000 + 2000 * 1000);
    world_free(world);
    struct fault fault = {0};
    const double wrong[] = {-1, 1e9, NAN, INFINITY};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        options.speed = wrong[i];
        assert_int_equal(world_sim_new(&options, &world, &fault), ERR_INVALID);
        assert_non_null(strstr(fault.text, "speed"));
    }
    world_free(NULL);
}

int main(void)
{
#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        FACT(every_metric_of_the_fleet_has_datapoints),
        FACT(asked_twice_and_in_parts_the_values_are_the_same),
        FACT(percentiles_never_cross),
        FACT(counts_follow_the_load_of_the_day),
        FACT(the_sum_of_minutes_is_the_sum_of_their_period),
        FACT(hits_and_misses_are_all_there_is),
        FACT(deadlocks_are_rare),
        FACT(a_burst_shows_in_all_three_tiers),
        FACT(from_any_start_prod_turns_critical_and_back_within_a_minute),
        FACT(staging_has_its_bursts_at_other_times_and_gaps),
        FACT(what_amazon_would_measure_is_there_too),
        FACT(what_it_does_not_know_has_no_datapoints),
        FACT(the_future_has_no_datapoints),
        FACT(a_statistic_it_cannot_compute_fails_and_says_so),
        FACT(expressions_are_computed),
        FACT(an_expression_it_cannot_compute_fails_and_says_so),
        FACT(expressions_that_are_too_deep_or_too_long_are_refused),
        FACT(a_canceled_fetch_is_not_answered),
        FACT(long_windows_leave_the_loop_its_turns),
        FACT(a_file_describes_another_fleet),
        FACT(a_faulty_file_is_refused_with_its_place),
        FACT(its_time_runs_as_fast_as_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
