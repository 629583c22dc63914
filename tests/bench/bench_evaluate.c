/* bench_evaluate.c - what one evaluation costs, with the count hook on, as the engine calls it.
 *
 * Prints CPU nanoseconds an evaluation, the median of several rounds: a healthy target that asks
 * three thresholds, and one whose three issues are raised as tables. */
#include "moontide/base/clock.h"
#include "moontide/base/faults.h"
#include "moontide/bind/config.h"
#include "moontide/bind/policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 11, EVALUATIONS = 200000, SERIES_COUNT = 3 };

#define HEAD                                                                                       \
    "return policy { name = 'bench', metrics = function(t)\n"                                      \
    "  local function s(name, stat) return cloudwatch { namespace = 'GMTool', name = name,\n"      \
    "    stat = stat, period = '5m' } end\n"                                                       \
    "  return { api = s('ResponseTime', 'p99'), db = s('QueryTime', 'p90'),\n"                     \
    "    cache = s('HitRate', 'Average') } end,\n"                                                 \
    "evaluate = function(t, m)\n"
#define TAIL "end }"

static const char empty[] = HEAD TAIL;

static const char healthy[] =
    HEAD "if m.api:above(1000) then issue { type = 'api', severity = 'high' } end\n"
         "if m.db:above(500) then issue { type = 'db', severity = 'medium' } end\n"
         "if m.cache:below(0.8) then issue { type = 'cache', severity = 'low' } end\n" TAIL;

static const char one_issue[] =
    HEAD "if m.api:above(1000) then issue { type = 'api', severity = 'high' } end\n"
         "if m.db:above(500) then issue { type = 'db', severity = 'medium' } end\n"
         "issue { type = 'cache', severity = 'low', when = m.cache:below(0.8),\n"
         "  description = 'cold', recommendation = 'warm it' }\n" TAIL;

static const char three_issues[] =
    HEAD "issue { type = 'api', severity = 'high', when = m.api:above(1000),\n"
         "  description = 'slow', recommendation = 'cache it' }\n"
         "issue { type = 'db', severity = 'medium', when = m.db:above(500),\n"
         "  description = 'slow', recommendation = 'index it' }\n"
         "issue { type = 'cache', severity = 'low', when = m.cache:below(0.8),\n"
         "  description = 'cold', recommendation = 'warm it' }\n" TAIL;

static void stop(const char *what)
{
    fprintf(stderr, "bench_evaluate: %s\n", what);
    exit(1);
}

static void discovered(void *data, int code, const struct fault *fault)
{
    (void)data;
    if (code < 0) stop(fault->text);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure(const struct host *host, const char *text)
{
    struct evaluator *evaluator = NULL;
    struct faults faults;
    struct evaluation out;
    struct fault fault;
    struct answers *answers = NULL;
    struct series *series[SERIES_COUNT];
    double rounds[ROUNDS];
    faults_init(&faults);
    evaluation_init(&out);
    if (policy_load_text(host, "bench.lua", "bench.lua", text, strlen(text), &evaluator, &faults) <
        0)
        stop(faults.items[0].text);
    evaluator->vtable->discover(evaluator, discovered, NULL);
    if (answers_new(&answers) < 0) stop("out of memory");
    for (int i = 0; i < SERIES_COUNT; i++) {
        if (series_new(300, 12, &series[i]) < 0) stop("out of memory");
        series[i]->state = SERIES_READY;
        series_move(series[i], 1800000000);
        for (int j = 0; j < 12; j++)
            series[i]->values[j] = i == 1 ? 0.9 : 100; /* api, cache, db: in the order of keys */
    }
    struct evaluation_input input = {
        .now_ms = 1800000000000, .series = series, .answers = answers, .slice_ms = 5};
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begin_ns = clock_cpu_ns();
        for (int i = 0; i < EVALUATIONS; i++) {
            evaluation_reset(&out);
            input.seed = (uint64_t)i;
            int code = evaluator->vtable->evaluate(evaluator, &input, &out, &fault);
            if (code < 0) stop(fault.text);
            if (code == EVALUATE_AGAIN) i--;
        }
        rounds[round] = (double)(clock_cpu_ns() - begin_ns) / EVALUATIONS;
    }
    qsort(rounds, ROUNDS, sizeof rounds[0], by_value);
    evaluator->vtable->free(evaluator);
    for (int i = 0; i < SERIES_COUNT; i++)
        free(series[i]);
    answers_free(answers);
    evaluation_done(&out);
    faults_done(&faults);
    return rounds[ROUNDS / 2];
}

int main(void)
{
    struct config *config = NULL;
    struct clock clock;
    if (config_load("/nonexistent", &config, NULL) < 0) stop("no configuration");
    clock_init_manual(&clock, 1800000000000);
    struct host host = {.clock = &clock, .config = config, .world_name = "bench"};
    printf("evaluation of nothing                      %7.0f ns\n", measure(&host, empty));
    printf("evaluation, healthy, three thresholds      %7.0f ns\n", measure(&host, healthy));
    printf("evaluation, one issue table                %7.0f ns\n", measure(&host, one_issue));
    printf("evaluation, three issue tables             %7.0f ns\n", measure(&host, three_issues));
    config_free(config);
    return 0;
}
