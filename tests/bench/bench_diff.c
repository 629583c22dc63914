/* bench_diff.c - `moontide diff` of two versions of a policy over a recording: 10,080 ticks of 100
 * targets with 13 series each, one new datapoint a series and tick.
 *
 * The recording is made by the production recorder in a directory of its own, before the clock
 * runs. Prints the CPU and wall time of the command, its report going to the file `report` there;
 * the arguments are the ticks, the targets and the runs (the median of which is shown). */
#include "moontide/app/options.h"
#include "moontide/base/clock.h"
#include "moontide/base/faults.h"
#include "moontide/base/hash.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/config.h"
#include "moontide/bind/policy.h"
#include "moontide/bind/replay.h"
#include "moontide/store/recording.h"
#include "moontide/tick/recorder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { METRICS = 13, SLOTS = 12, PERIOD_S = 60, RUNS_MAX = 21 };
static const int64_t BEGIN_S = 1700000040;

/* What such a policy does: thresholds, a trend, texts only when something is wrong, a memo that
 * changes now and then, a decision. `limit` is what the two versions differ in. */
static const char policy_text[] =
    "return policy { name = 'web', metrics = function(t)\n"
    "  local m = {}\n"
    "  for i = 1, 13 do m['m' .. i] = cloudwatch { namespace = 'Bench', name = 'Metric' .. i,\n"
    "    stat = 'Average', period = '1m', dimensions = { Target = t.name } } end\n"
    "  return m end,\n"
    "evaluate = function(t, m, memo)\n"
    "  if m.m2:above(990) or m.m3:above(990) or m.m4:above(990) then\n"
    "    issue { type = 'spike', severity = 'medium', description = 'm2 is ' .. m.m2:last() } end\n"
    "  if m.m5:below(1) or m.m6:below(1) or m.m7:below(1) then\n"
    "    issue { type = 'drop', severity = 'low', description = 'm5 is ' .. m.m5:last() } end\n"
    "  if m.m8:above(900, { datapoints = 3, of = 5 }) then issue { type = 'busy',\n"
    "    severity = 'high', description = 'm8 stays over 900' } end\n"
    "  if m.m9:mean() > 800 then recommend { type = 'm9', action = 'look at it', impact = 'low',\n"
    "    effort = 'low' } end\n"
    "  if m.m10:last() + m.m11:last() > 1900 then memo.seen = (memo.seen or 0) + 1 end\n"
    "  if m.m12:above(%d) then\n"
    "    issue { type = 'slow', severity = 'high', description = 'm12 is ' .. m.m12:last() }\n"
    "    decide.ecs_desired_count { cluster = 'c', service = t.name, count = 4 } end\n"
    "  if m.m13:below(0) then issue { type = 'never', severity = 'low' } end\n"
    "end }\n";

static void stop(const char *what)
{
    fprintf(stderr, "bench_diff: %s\n", what);
    exit(1);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) stop(path);
}

static char *policy_of(int limit)
{
    char *text = malloc(sizeof policy_text + 16);
    if (!text) stop("out of memory");
    snprintf(text, sizeof policy_text + 16, policy_text, limit);
    return text;
}

/* ---- the recording ---- */

/* 0 to 1000, pseudo-random, but slow: a value wanders. */
static double value_of(size_t series, int64_t tick)
{
    struct {
        uint64_t series, tick;
    } key = {series, (uint64_t)tick / 7};
    double wave = 400 + 300 * sin((double)tick / 200 + (double)series);
    double noise = (double)(hash64(&key, sizeof key, (uint64_t)tick) % 3000) / 10;
    return floor((wave + noise) * 10) / 10;
}

static struct evaluator *load(const struct host *host, const char *text, size_t targets)
{
    struct evaluator *evaluator = NULL;
    struct faults faults;
    struct strbuf list;
    faults_init(&faults);
    strbuf_init(&list, 1 << 24);
    strbuf_addc(&list, '[');
    for (size_t i = 0; i < targets; i++)
        strbuf_addf(&list, "%s{\"name\":\"t%zu\"}", i ? "," : "", i);
    strbuf_addc(&list, ']');
    if (policy_load_text(host, "web.lua", "web.lua", text, strlen(text), &evaluator, &faults) < 0 ||
        policy_give_targets(evaluator, strbuf_cstr(&list), &faults) < 0)
        stop(faults.items[0].text);
    strbuf_done(&list);
    faults_done(&faults);
    return evaluator;
}

static void wait_for_queue(struct recorder *recorder)
{
    struct recording_status status;
    do {
        recorder_status(recorder, &status);
        if (status.failed || status.lost) stop("the recorder lost a tick");
    } while (status.waiting > 100 && usleep(1000) == 0);
}

static void record_tick(struct recorder *recorder, const struct evaluator *evaluator,
                        struct series **series, int64_t tick, size_t targets)
{
    int64_t end_s = BEGIN_S + tick * PERIOD_S;
    struct record *record = recorder_begin(recorder, evaluator->vtable->info(evaluator),
                                           recorder_next_tick(recorder), end_s * 1000);
    if (!record) stop("no record could be begun");
    for (size_t i = 0; i < targets; i++) {
        for (size_t k = 0; k < METRICS; k++) {
            struct series *one = series[i * METRICS + k];
            series_move(one, end_s);
            (void)series_put(one, end_s - PERIOD_S, value_of(i * METRICS + k, tick));
        }
        record_target(record, evaluator->vtable->target(evaluator, i), &series[i * METRICS], NULL,
                      NULL);
    }
    record_end(record);
    wait_for_queue(recorder);
}

static void record_all(const struct evaluator *evaluator, size_t ticks, size_t targets)
{
    const struct recording_options options = {.path = ".moontide/recording.db"};
    struct recorder *recorder = NULL;
    struct fault fault;
    struct series **series = calloc(targets * METRICS, sizeof(struct series *));
    if (!series || recorder_new(&options, "bench", &recorder, &fault) < 0) stop("no recorder");
    for (size_t i = 0; i < targets * METRICS; i++) {
        if (series_new(PERIOD_S, SLOTS, &series[i]) < 0) stop("out of memory");
        series[i]->state = SERIES_READY;
    }
    for (size_t tick = 1; tick <= ticks; tick++)
        record_tick(recorder, evaluator, series, (int64_t)tick, targets);
    recorder_free(recorder);
    for (size_t i = 0; i < targets * METRICS; i++)
        free(series[i]);
    free(series);
}

static void make_project(size_t ticks, size_t targets)
{
    struct config *config = NULL;
    struct clock clock;
    char *old = policy_of(650), *new = policy_of(645);
    if (mkdir(".moontide", 0700) < 0 || mkdir("policies", 0700) < 0) stop("no project");
    write_text("policies/web.lua", old);
    write_text("new.lua", new);
    if (config_load(".", &config, NULL) < 0) stop("no configuration");
    clock_init_manual(&clock, BEGIN_S * 1000);
    const struct host host = {.clock = &clock, .config = config, .world_name = "bench"};
    struct evaluator *evaluator = load(&host, old, targets);
    record_all(evaluator, ticks, targets);
    evaluator->vtable->free(evaluator);
    config_free(config);
    free(old);
    free(new);
}

/* ---- the command ---- */

struct measured {
    double cpu_s, wall_s;
};

static struct measured measure(void)
{
    static char old[] = "policies/web.lua", new[] = "new.lua";
    char *operands[] = {old, new, NULL};
    const struct clock clock = {.kind = CLOCK_REAL};
    struct arguments arguments;
    const struct command *command = commands;
    while (command->name && strcmp(command->name, "diff") != 0)
        command++;
    if (arguments_parse(command, 2, operands, &arguments) != 0) stop("diff takes two operands");
    int64_t cpu_ns = clock_cpu_ns(), wall_ns = clock_mono_ns(&clock);
    if (command->run(&arguments) != 0) stop("diff failed");
    fflush(stdout);
    return (struct measured){(double)(clock_cpu_ns() - cpu_ns) / 1e9,
                             (double)(clock_mono_ns(&clock) - wall_ns) / 1e9};
}

static int by_wall(const void *a, const void *b)
{
    double x = ((const struct measured *)a)->wall_s, y = ((const struct measured *)b)->wall_s;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    size_t ticks = argc > 1 ? strtoul(argv[1], NULL, 10) : 10080;
    size_t targets = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
    size_t runs = argc > 3 ? strtoul(argv[3], NULL, 10) : 3;
    struct measured found[RUNS_MAX];
    char dir[] = "/tmp/moontide-bench-XXXXXX", remove[sizeof dir + 16];
    struct stat st;
    if (runs < 1 || runs > RUNS_MAX || !mkdtemp(dir) || chdir(dir) < 0) stop("no directory");
    make_project(ticks, targets);
    if (stat(".moontide/recording.db", &st) < 0) stop("nothing was recorded");
    int out = dup(STDOUT_FILENO);
    if (out < 0 || !freopen("report", "w", stdout)) stop("no report");
    for (size_t i = 0; i < runs; i++)
        found[i] = measure();
    qsort(found, runs, sizeof found[0], by_wall);
    dprintf(out,
            "diff of %zu ticks x %zu targets x %d series: %.2f s CPU, %.2f s wall; recording %.1f "
            "MiB\n",
            ticks, targets, METRICS, found[runs / 2].cpu_s, found[runs / 2].wall_s,
            (double)st.st_size / 1048576);
    if (getenv("MOONTIDE_BENCH_KEEP")) return 0;
    snprintf(remove, sizeof remove, "rm -rf %s", dir);
    return system(remove) == 0 ? 0 : 1;
}
