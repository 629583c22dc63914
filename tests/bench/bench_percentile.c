/* bench/bench_percentile.c - p50, p90, p99 and p99.9 of lognormal doubles, at every vector level of
 * this CPU, beside std::nth_element, Highway's VQSort and qsort (numpy: bench_percentile_numpy.py).
 *
 * All take turns in one run; CPU time, medians. What the others destroy is copied for them outside
 * of their time; ours reads the input and leaves it as it is. Every answer is compared.
 *
 * An argument names another count of batches, for a quick look. */
#include "moontide/base/clock.h"
#include "moontide/base/compiler.h"
#include "moontide/stats/cpu.h"
#include "moontide/stats/percentile.h"

#include "bench_percentile_peers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCHES = 31, BATCHES_MAX = 1000, BATCH_VALUES = 1000000, PS = 4 };

static const double ps[PS] = {50, 90, 99, 99.9};
static size_t batches = BATCHES;

struct bench {
    double *values, *copy;
    size_t n, rounds;
    size_t at[PS];
    double out[PS], wanted[PS];
};

static void die(const char *what)
{
    fprintf(stderr, "bench_percentile: %s\n", what);
    exit(1);
}

static double uniform(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return ((double)(*seed >> 11) + 0.5) / 9007199254740992.0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void by_percentile_many(struct bench *b)
{
    if (percentile_many(b->values, b->n, PERCENTILE_LINEAR, ps, PS, b->out) < 0) die("no memory");
}

/* From sorted or partly sorted values, as numpy does it. */
static void answer(struct bench *b)
{
    for (size_t i = 0; i < PS; i++) {
        double h = (double)(b->n - 1) * (ps[i] / 100), t = h - floor(h);
        double low = b->copy[b->at[i]],
               high = b->copy[b->at[i] + 1 < b->n ? b->at[i] + 1 : b->at[i]];
        b->out[i] = t < 0.5 ? low + (high - low) * t : high - (high - low) * (1 - t);
    }
}

static void by_nth_element(struct bench *b)
{
    peer_nth_element(b->copy, b->n, b->at, PS);
    answer(b);
}

static void by_vqsort(struct bench *b)
{
    if (!peer_vqsort(b->copy, b->n)) die("built without VQSort");
    answer(b);
}

static void by_qsort(struct bench *b)
{
    qsort(b->copy, b->n, sizeof *b->copy, by_value);
    answer(b);
}

static const struct way {
    const char *name;
    void (*run)(struct bench *b);
    enum cpu_level level;
    bool destroys;
} ways[] = {
    {"moontide", by_percentile_many, CPU_PORTABLE, false},
    {"moontide", by_percentile_many, CPU_AVX2, false},
    {"moontide", by_percentile_many, CPU_AVX512, false},
    {"nth_element", by_nth_element, CPU_PORTABLE, true},
#ifdef HAVE_VQSORT
    {"VQSort", by_vqsort, CPU_PORTABLE, true},
#endif
    {"qsort", by_qsort, CPU_PORTABLE, true},
};

static double batch_us(struct bench *b, const struct way *way)
{
    int64_t spent = 0;
    cpu_level_set(way->level);
    for (size_t round = 0; round < b->rounds; round++) {
        if (way->destroys) memcpy(b->copy, b->values, b->n * sizeof *b->copy);
        int64_t before = clock_cpu_ns();
        way->run(b);
        spent += clock_cpu_ns() - before;
    }
    if (memcmp(b->out, b->wanted, sizeof b->out) != 0) die("a wrong answer");
    return (double)spent / (double)b->rounds / 1000;
}

static void prepare(struct bench *b, size_t n)
{
    uint64_t seed = 42;
    b->n = n;
    b->rounds = n < BATCH_VALUES ? BATCH_VALUES / n : 1;
    b->values = malloc(n * sizeof *b->values);
    b->copy = malloc(n * sizeof *b->copy);
    if (!b->values || !b->copy) die("no memory");
    for (size_t i = 0; i < n; i++) {
        double radius = sqrt(-2 * log(uniform(&seed)));
        b->copy[i] = b->values[i] = exp(radius * cos(6.283185307179586 * uniform(&seed)));
    }
    for (size_t i = 0; i < PS; i++)
        b->at[i] = (size_t)((double)(n - 1) * (ps[i] / 100));
    by_qsort(b);
    memcpy(b->wanted, b->out, sizeof b->wanted);
}

static void measure(size_t n)
{
    static double us[COUNT_OF(ways)][BATCHES_MAX];
    struct bench b;
    prepare(&b, n);
    for (size_t batch = 0; batch < batches; batch++)
        for (size_t w = 0; w < COUNT_OF(ways); w++)
            if (cpu_has(ways[w].level)) us[w][batch] = batch_us(&b, &ways[w]);
    double best = 0;
    for (size_t w = 0; w < COUNT_OF(ways); w++) {
        if (!cpu_has(ways[w].level)) continue;
        qsort(us[w], batches, sizeof us[w][0], by_value);
        if (!ways[w].destroys) best = us[w][batches / 2];
    }
    printf("%zu values\n", n);
    for (size_t w = 0; w < COUNT_OF(ways); w++) {
        const char *level = ways[w].destroys ? "" : cpu_level_name(ways[w].level);
        if (!cpu_has(ways[w].level)) continue;
        double median = us[w][batches / 2];
        printf("  %-12s %-9s %10.2f us  (quickest %.2f)  %.3f ns a value  x %.1f\n", ways[w].name,
               level, median, us[w][0], median * 1000 / (double)n, median / best);
    }
    free(b.values);
    free(b.copy);
}

int main(int argc, char **argv)
{
    if (argc > 1) batches = strtoul(argv[1], NULL, 10);
    if (batches < 1 || batches > BATCHES_MAX) die("1 to 1000 batches");
    printf("p50, p90, p99 and p99.9; level in use: %s\n", cpu_level_name(cpu_level()));
    measure(1000);
    measure(1000000);
    measure(10000000);
    return 0;
}
