/* stats/select_plan.h - which values of an array are worth keeping to answer a few ranks, guessed
 * from a sample and checked by counting.
 *
 * A plan cuts the line by edges into intervals. One pass over the values counts each interval and
 * collects those that should hold the wanted ranks. The counts then tell where each rank is: in an
 * interval that was collected, in one of a single value (which needs no collecting), or elsewhere:
 * the guess missed. */
#ifndef MOONTIDE_STATS_SELECT_PLAN_H
#define MOONTIDE_STATS_SELECT_PLAN_H

#include "kernels.h"

enum { WANTED_MAX = 16, RANGES_MAX = 4 };

/* Ranks among sorted values, from 0, ascending; and what was found there. */
struct wanted {
    unsigned count;
    size_t at[WANTED_MAX];
    double value[WANTED_MAX];
};

/* Ranges of ranks in a sorted sample, apart from each other, that hold what is wanted: low to high,
 * both included. A low below 0 is open to -infinity, a high beyond the last to infinity. */
struct ranges {
    unsigned count;
    ptrdiff_t low[RANGES_MAX], high[RANGES_MAX];
};

struct plan {
    struct edges edges;
    bool collects[EDGES_MAX]; /* the interval from this edge on */
    bool single[EDGES_MAX];   /* it holds no value but its edge */
    size_t collected;
    bool overflowed; /* there was no room for all of them */
};

/* How many of n values to sample. */
size_t sample_size(size_t n);
/* Copies up to size values spread over values[n], NaN left out, to sample; returns how many. */
size_t sample_take(const double *values, size_t n, double *sample, size_t size);

/* The wanted ranks of n values, in a sample of that size. */
void plan_ranges(const struct wanted *wanted, size_t n, size_t size, struct ranges *ranges);
/* Whether ranges i - 1 and i are so near that what lies between is cheaper to collect at first than
 * to tell apart, which is cheaper in a plan with keys. */
bool plan_joins(const struct ranges *ranges, unsigned i, size_t size, bool keyed);

void plan_init(struct plan *plan);
/* Collect the values from low to high, both included; ranges are added in ascending order and may
 * touch. A high of NaN is open. */
void plan_add(struct plan *plan, double low, double high);
/* After the last range: its edges are ends of keys of this scale, from keys_widen(). */
void plan_key(struct plan *plan, struct key_scale scale);
/* The plan that cannot miss: only the intervals of `counted` that hold wanted ranks of its n
 * values; both ends of each apart, as values that are there many times often are ends. Returns how
 * many values it collects at most. */
size_t plan_exact(struct plan *plan, const struct plan *counted, size_t n,
                  const struct wanted *wanted);

/* One pass over values[n]; room: how many values out has room for, besides KERNEL_SLACK. */
void plan_run(struct plan *plan, const double *values, size_t n, double *out, size_t room);

/* Where each wanted rank of n values is: a single value is set in wanted; rest gets the ranks among
 * the collected values, and in from[] their place in wanted. False when the plan missed one. */
bool plan_settle(const struct plan *plan, size_t n, struct wanted *wanted, struct wanted *rest,
                 unsigned from[WANTED_MAX]);

#endif
