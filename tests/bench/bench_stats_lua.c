/* bench/bench_stats_lua.c - percentiles of a million floats from Lua: out of a table, out of a
 * vector, and by sorting the table with table.sort in the same state.
 *
 *   bench_stats_lua [ROUNDS]
 *
 * CPU time, medians of rounds that take turns, the collector's share included. */
#include "moontide/bind/host.h"
#include "moontide/vm/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 21, ROUNDS_MAX = 1000, SORT_EVERY = 4 };

static const char setup[] =
    "values, wanted = {}, { 50, 90, 99, 99.9 }\n"
    "local random, exp, sqrt, log, cos = math.random, math.exp, math.sqrt, math.log, math.cos\n"
    "for i = 1, 1000000 do\n" /* lognormal, by Box and Muller */
    "  values[i] = exp(sqrt(-2 * log(1 - random())) * cos(6.283185307179586 * random()))\n"
    "end\n"
    "vector = stats.vector(values)\n"
    "function copy() copied = table.move(values, 1, #values, 1, {}) end\n";

/* What is measured, and what is done before it without being measured. */
static struct work {
    const char *name, *source, *before;
    int every; /* rounds */
    double times_ms[ROUNDS_MAX];
    int count;
} works[] = {
    {.name = "percentiles of a table", .source = "stats.percentiles(values, wanted)", .every = 1},
    {.name = "percentiles of a vector", .source = "stats.percentiles(vector, wanted)", .every = 1},
    {.name = "a vector of a table", .source = "stats.vector(values)", .every = 1},
    {.name = "mean of a table", .source = "stats.mean(values)", .every = 1},
    {.name = "summary of a vector", .source = "stats.summary(vector)", .every = 1},
    {.name = "table.sort", .source = "table.sort(copied)", .before = "copy()", .every = SORT_EVERY},
};

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Runs a chunk and answers what it took. */
static double run(struct vm *vm, const char *source)
{
    struct fault fault;
    double begin = cpu_ms();
    if (vm_load(vm, source, strlen(source), "=bench", &fault) != OK ||
        vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL) != OK) {
        fprintf(stderr, "bench_stats_lua: %s\n", fault.text);
        exit(1);
    }
    return cpu_ms() - begin;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
    if (rounds < 1 || rounds > ROUNDS_MAX) return 1;
    struct vm *vm = NULL;
    if (vm_new(&(struct vm_options){.sandboxed = false}, &vm) != OK) return 1;
    vm_module(vm_lua(vm), "stats", open_stats);
    run(vm, setup);
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < COUNT_OF(works); i++) {
            struct work *work = &works[i];
            if (round % work->every != 0) continue;
            if (work->before) run(vm, work->before);
            work->times_ms[work->count++] = run(vm, work->source);
        }
    for (size_t i = 0; i < COUNT_OF(works); i++) {
        struct work *work = &works[i];
        qsort(work->times_ms, (size_t)work->count, sizeof *work->times_ms, by_value);
        printf("%-24s %8.2f ms (least %.2f)\n", work->name, work->times_ms[work->count / 2],
               work->times_ms[0]);
    }
    vm_free(vm);
    return 0;
}
