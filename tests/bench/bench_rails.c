/* bench/bench_rails.c - what the rails cost: 10,000 decisions with nothing to change, and 10,000
 * changes through every rule with a history each. CPU time, medians of many rounds.
 *
 * An argument names another count of rounds, for a quick look. */
#include "moontide/base/clock.h"
#include "moontide/tick/rails.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DECISIONS = 10000, ROUNDS = 51, ROUNDS_MAX = 1000 };

static struct rail_history *histories[DECISIONS];
static struct rail_limits limits;
static double spent_ns[ROUNDS_MAX];

static struct rail_case make_case(size_t i, int64_t now_ms, double to)
{
    return (struct rail_case){.now_ms = now_ms,
                              .limits = &limits,
                              .mode = MODE_ACT,
                              .direction = to > 10 ? DIRECTION_OUT : DIRECTION_NONE,
                              .change_count = to != 10,
                              .capacities = {{"count", 10, to}},
                              .histories = {histories[i]},
                              .capacity_count = 1,
                              .min = 1,
                              .max = 100,
                              .policy_targets = DECISIONS};
}

/* One tick of all decisions; how many passed. */
static size_t judge_all(int64_t now_ms, double to)
{
    size_t passed = 0;
    for (size_t i = 0; i < DECISIONS; i++) {
        struct rail_case c = make_case(i, now_ms, to);
        rail_history_wish(histories[i], now_ms, 10, to);
        rails_judge(&c, RAIL_NO_CHANGE, RAIL_CONFLICT);
        rails_judge(&c, RAIL_NOT_FEASIBLE, RAIL_MODE);
        passed += c.effect == RAIL_PASSES;
    }
    return passed;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void run(const char *what, double to, size_t pass, size_t rounds)
{
    int64_t now_ms = 1769860800000;
    for (size_t i = 0; i < rounds; i++, now_ms += 60000) {
        int64_t before = clock_cpu_ns();
        size_t passed = judge_all(now_ms, to);
        spent_ns[i] = (double)(clock_cpu_ns() - before);
        if (passed != pass) {
            fprintf(stderr, "bench_rails: %zu passed, not %zu\n", passed, pass);
            exit(1);
        }
    }
    qsort(spent_ns, rounds, sizeof spent_ns[0], by_value);
    double median = spent_ns[rounds / 2];
    printf("%-42s median %6.3f ms  %6.1f ns a decision\n", what, median / 1e6, median / DECISIONS);
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 1 ? (size_t)atoi(argv[1]) : ROUNDS;
    if (rounds < 1 || rounds > ROUNDS_MAX) return 1;
    rail_limits_default(&limits);
    limits.max_share = 1;
    for (size_t i = 0; i < DECISIONS; i++)
        if (rail_history_new(&histories[i]) < 0) return 1;
    run("10,000 decisions, nothing to change", 10, 0, rounds);
    run("10,000 changes through all rules", 14, DECISIONS, rounds);
    run("10,000 changes, each clipped by the rate", 30, DECISIONS, rounds);
    for (size_t i = 0; i < DECISIONS; i++)
        rail_history_free(histories[i]);
    rail_limits_done(&limits);
    return 0;
}
