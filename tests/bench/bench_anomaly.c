/* bench/bench_anomaly.c - what the anomaly detector takes a datapoint: CPU time, median over the
 * days of a series of 5 minutes that has a daily season, noise and bursts; the same while each
 * datapoint is farther than ever from all before it, so that full memories take a new shape each
 * time; and its memory.
 *
 * An argument names another count of days, for a quick look. */
#include "moontide/base/clock.h"
#include "moontide/stats/anomaly.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAYS = 2000, DAY = 288, PERIOD_S = 300, WARM_DAYS = 2, GROWING_DAYS = 5 };
/* Of each datapoint of a series that grows for ever. */
static const double GROWTH = 1.2;

static void stop(const char *what)
{
    fprintf(stderr, "bench_anomaly: %s\n", what);
    exit(1);
}

/* Uniform in 0..1: the upper bits of Knuth's generator, the same on each run. */
static double uniform(void)
{
    static uint64_t state = 20240229;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / (double)(1ull << 53);
}

static void make_day(double *values)
{
    for (int i = 0; i < DAY; i++) {
        double noise = uniform() + uniform() + uniform() - 1.5,
               burst = uniform() < 0.01 ? 50 / (uniform() + 0.05) : 0;
        values[i] = 100 + 60 * sin(2 * M_PI * i / DAY) + 5 * noise + burst;
    }
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* ns a datapoint of a day that follows some of the same growth; the days before are a warm-up. */
static double growing_day(struct anomaly_detector *detector)
{
    double value = 1, time_s = 1767225600;
    int64_t before = 0;
    anomaly_reset(detector);
    for (int i = 0; i < GROWING_DAYS * DAY; i++, value *= GROWTH, time_s += PERIOD_S) {
        struct anomaly out;
        if (i == (GROWING_DAYS - 1) * DAY) before = clock_cpu_ns();
        if (anomaly_update(detector, time_s, value, &out) < 0) stop("refused");
    }
    return (double)(clock_cpu_ns() - before) / DAY;
}

static double growing(struct anomaly_detector *detector, double *ns, int rounds)
{
    for (int i = 0; i < rounds; i++)
        ns[i] = growing_day(detector);
    qsort(ns, (size_t)rounds, sizeof *ns, by_value);
    return ns[rounds / 2];
}

int main(int argc, char **argv)
{
    int days = argc > 1 ? atoi(argv[1]) : DAYS;
    if (days <= WARM_DAYS) stop("too few days");
    double *ns = calloc((size_t)days, sizeof *ns), values[DAY], time_s = 1767225600, sum = 0;
    struct anomaly_detector *detector;
    if (!ns || anomaly_new(&(struct anomaly_options){.period_s = PERIOD_S}, &detector) < 0)
        stop("out of memory");
    for (int day = 0; day < days; day++) {
        make_day(values);
        int64_t before = clock_cpu_ns();
        for (int i = 0; i < DAY; i++, time_s += PERIOD_S) {
            struct anomaly out;
            if (anomaly_update(detector, time_s, values[i], &out) < 0) stop("refused");
            if (day >= WARM_DAYS) sum += out.score;
        }
        ns[day] = (double)(clock_cpu_ns() - before) / DAY;
    }
    int counted = days - WARM_DAYS;
    qsort(ns + WARM_DAYS, (size_t)counted, sizeof *ns, by_value);
    printf("anomaly update, a datapoint                median %9.1f ns  (to reach: 1000)\n",
           ns[WARM_DAYS + counted / 2]);
    printf("- new shapes all the time                  median %9.1f ns\n",
           growing(detector, ns, counted < 100 ? counted : 100));
    printf("anomaly detector                           %16zu bytes\n", anomaly_size());
    printf("mean score %.3f\n", sum / counted / DAY);
    anomaly_free(detector);
    free(ns);
    return 0;
}
