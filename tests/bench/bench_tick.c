/* tests/bench/bench_tick.c - whole ticks of the shipped policies against a loopback CloudWatch:
 * CPU, latency, memory.
 *
 *   bench_tick DIR TICKS [record]
 *
 * DIR is a project directory; AWS_ENDPOINT_URL names the answerer. The world's clock is moved by
 * one period before each tick, so that each tick has a new datapoint to ask for. Prints one JSON
 * line: { "ticks", "targets", "cpu_us", "loop_us", "p50_us", "p99_us", "rss_kib", "calls",
 * "queries" } - medians a tick: CPU of the process, and of the loop's thread alone. With `record`
 * what the ticks see is recorded, as in the daemon. */
#include "moontide/app/instance.h"
#include "moontide/app/policy_dir.h"
#include "moontide/base/clock.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PERIOD_MS = 300000, WARM_TICKS = 5 };

struct bench {
    struct instance instance;
    struct policy_dir *dir;
    size_t targets, errors;
    uint32_t calls, queries;
    bool failed;
};

static void on_tick(void *data, const struct tick_report *report)
{
    struct bench *b = data;
    b->targets = report->targets;
    b->errors += report->error_count;
    b->calls = report->calls;
    b->queries = report->queries;
    for (size_t i = 0; i < report->error_count && i < 3; i++)
        fprintf(stderr, "bench_tick: %s\n", report->errors[i].message);
}

static void on_target(void *data, const struct target_report *report)
{
    (void)data;
    (void)report;
}

static void on_done(void *data, bool failed)
{
    struct bench *b = data;
    b->failed = b->failed || failed;
    loop_stop(b->instance.loop);
}

static void on_loaded(void *data, const struct scan_result *result)
{
    struct bench *b = data;
    print_faults(&result->faults);
    b->failed = result->code < 0 || result->faults.count > 0;
    loop_stop(b->instance.loop);
}

static void on_stopped(void *data)
{
    loop_stop(data);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int64_t thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int one_tick(struct bench *b, double *cpu_us, double *loop_us, double *wall_us)
{
    struct clock real = {.kind = CLOCK_REAL};
    clock_advance(&b->instance.world->clock, PERIOD_MS);
    int64_t cpu = clock_cpu_ns(), thread = thread_ns(), wall = clock_mono_ns(&real);
    if (engine_tick(b->instance.engine, NULL, on_done, b) < 0) return -1;
    loop_run(b->instance.loop);
    *cpu_us = (double)(clock_cpu_ns() - cpu) / 1e3;
    *loop_us = (double)(thread_ns() - thread) / 1e3;
    *wall_us = (double)(clock_mono_ns(&real) - wall) / 1e3;
    return b->failed ? -1 : 0;
}

static int measure(struct bench *b, size_t ticks)
{
    double *cpu = calloc(ticks, sizeof *cpu), *wall = calloc(ticks, sizeof *wall);
    double *loop = calloc(ticks, sizeof *loop), ignored;
    int status = 1;
    if (!cpu || !wall || !loop) goto leave;
    for (int i = 0; i < WARM_TICKS; i++)
        if (one_tick(b, &ignored, &ignored, &ignored) < 0) goto leave;
    for (size_t i = 0; i < ticks; i++)
        if (one_tick(b, &cpu[i], &loop[i], &wall[i]) < 0) goto leave;
    qsort(cpu, ticks, sizeof *cpu, by_value);
    qsort(loop, ticks, sizeof *loop, by_value);
    qsort(wall, ticks, sizeof *wall, by_value);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"ticks\":%zu,\"targets\":%zu,\"cpu_us\":%.1f,\"loop_us\":%.1f,\"p50_us\":%.1f,\"p99_"
           "us\":%.1f,\"rss_"
           "kib\":%ld,"
           "\"calls\":%u,\"queries\":%u}\n",
           ticks, b->targets, cpu[ticks / 2], loop[ticks / 2], wall[ticks / 2],
           wall[ticks * 99 / 100], usage.ru_maxrss, b->calls, b->queries);
    status = 0;
leave:
    free(cpu);
    free(loop);
    free(wall);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4 || (argc == 4 && strcmp(argv[3], "record") != 0)) {
        fprintf(stderr, "usage: bench_tick DIR TICKS [record]\n");
        return 1;
    }
    struct bench b = {.failed = false};
    size_t ticks = strtoul(argv[2], NULL, 10);
    struct instance_options options = {.dir = argv[1],
                                       .world = "aws",
                                       .speed = 1,
                                       .store = true,
                                       .record = argc == 4,
                                       .unthrottled = true,
                                       .policies = true,
                                       .listener = {&b, on_target, on_tick}};
    if (ticks == 0 || instance_open(&options, &b.instance) < 0) return 1;
    struct clock now = b.instance.world->clock;
    clock_init_manual(&b.instance.world->clock, clock_now_ms(&now) / PERIOD_MS * PERIOD_MS);
    struct policy_dir_options dir = {.host = &b.instance.host,
                                     .engine = b.instance.engine,
                                     .directory = b.instance.config->policies_dir,
                                     .source_bytes = b.instance.config->source_bytes};
    int status = 1;
    if (policy_dir_new(&dir, &b.dir) >= 0 && policy_dir_scan(b.dir, false, on_loaded, &b) >= 0) {
        loop_run(b.instance.loop);
        if (!b.failed) status = measure(&b, ticks);
    }
    engine_stop(b.instance.engine, on_stopped, b.instance.loop);
    loop_run(b.instance.loop);
    policy_dir_free(b.dir);
    instance_close(&b.instance);
    return status;
}
