/* stats/select.c - the values at a few ranks, by sampling and one pass over the values.
 *
 *   sample --> ranges that should hold the ranks --> one pass: count all, collect the ranges
 *     --> narrow what was collected in the same way, until it is small enough for bins
 * (select_bins.h)
 *
 * The idea is that of R. W. Floyd and R. L. Rivest, "Expected time bounds for selection",
 * Communications of the ACM 18 (1975), for several ranks at once and with a pass that compresses
 * instead of swapping. The counts verify each guess. Over the input, one that missed is repeated by
 * a plan made of the counts, which cannot miss; over what was collected, splitting in place takes
 * its place, as where it shrank too little. So no input makes it slow. */
#include "select.h"

#include "moontide/base/err.h"
#include "select_bins.h"
#include "select_keys.h"
#include "select_plan.h"
#include "select_split.h"

#include <math.h>
#include <stdlib.h>

enum {
    STACK_ROOM = 8192, /* 64 KiB: enough for inputs of some ten thousand values */
    SAMPLE_USEFUL = 16 /* with fewer numbers in the sample, all of them are collected */
};

/* Where narrow() works: values, and as much room again; both with KERNEL_SLACK after the end. */
struct desk {
    double *values, *other;
    size_t room; /* of other */
    double *sample;
};

static void narrow(struct desk desk, size_t n, struct wanted *wanted);

/* The values at the ends of ranges in sample[size], which is lost: low and high of each. */
static void range_values(double *sample, size_t size, const struct ranges *ranges,
                         double values[][2])
{
    struct wanted ends = {.count = 0};
    for (unsigned i = 0; i < ranges->count; i++) {
        if (ranges->low[i] >= 0) ends.at[ends.count++] = (size_t)ranges->low[i];
        if (ranges->high[i] < (ptrdiff_t)size) ends.at[ends.count++] = (size_t)ranges->high[i];
    }
    double *other = sample + size + KERNEL_SLACK, *next = other + size + KERNEL_SLACK;
    narrow((struct desk){sample, other, size, next}, size, &ends);
    const double *end = ends.value;
    for (unsigned i = 0; i < ranges->count; i++) {
        values[i][0] = ranges->low[i] >= 0 ? *end++ : -INFINITY;
        values[i][1] = ranges->high[i] < (ptrdiff_t)size ? *end++ : NAN;
    }
}

/* The share of sorted values that ranges first to last take, with what lies between them. */
static double share_of(const struct ranges *ranges, unsigned first, unsigned last, size_t size)
{
    double low = fmax((double)ranges->low[first], 0);
    return (fmin((double)ranges->high[last] + 1, (double)size) - low) / (double)size;
}

static double least_of(const double *sample, size_t size)
{
    double least = INFINITY;
    for (size_t i = 0; i < size; i++)
        least = sample[i] < least ? sample[i] : least;
    return least;
}

/* A plan for the wanted ranks of about n values of which sample[size] are a sample. Returns the
 * share of the values that it should collect. */
static double plan_by_sample(struct plan *plan, double *sample, size_t size, size_t n,
                             const struct wanted *wanted)
{
    struct ranges ranges;
    struct key_scale scale;
    double values[RANGES_MAX][2], share = 0;
    plan_ranges(wanted, n, size, &ranges);
    double least = ranges.count == 1 ? least_of(sample, size) : -INFINITY;
    range_values(sample, size, &ranges, values);
    bool keyed = keys_widen(values, ranges.count, least, &scale);
    plan_init(plan);
    for (unsigned i = 0, first = 0; i < ranges.count; i++) {
        if (i + 1 < ranges.count && plan_joins(&ranges, i + 1, size, keyed)) continue;
        plan_add(plan, values[first][0], values[i][1]);
        share += share_of(&ranges, first, i, size);
        first = i + 1;
    }
    if (keyed) plan_key(plan, scale);
    return share;
}

/* Answers wanted from what was collected of n values into desk.values, of which it wants the rest.
 */
static void narrow_rest(struct desk desk, size_t collected, size_t n, struct wanted *wanted,
                        struct wanted *rest, const unsigned from[WANTED_MAX])
{
    if (rest->count == 0) return;
    if (collected < n - n / 4)
        narrow(desk, collected, rest);
    else
        select_split(desk.values, collected, desk.other, rest);
    for (unsigned i = 0; i < rest->count; i++)
        wanted->value[from[i]] = rest->value[i];
}

/* Answers wanted for desk.values[n], which are lost. */
static void narrow(struct desk desk, size_t n, struct wanted *wanted)
{
    if (n <= BINNED_MAX) {
        if (!select_bins(desk.values, n, desk.other, desk.values, wanted))
            select_split(desk.values, n, desk.other, wanted);
        return;
    }
    struct plan plan;
    struct wanted rest;
    unsigned from[WANTED_MAX];
    size_t size = sample_take(desk.values, n, desk.sample, sample_size(n));
    plan_by_sample(&plan, desk.sample, size, n, wanted);
    plan_run(&plan, desk.values, n, desk.other, desk.room);
    if (!plan_settle(&plan, n, wanted, &rest, from)) {
        select_split(desk.values, n, desk.other, wanted);
        return;
    }
    struct desk swapped = {desk.other, desk.values, n, desk.sample};
    narrow_rest(swapped, plan.collected, n, wanted, &rest, from);
}

/* Memory of one call: on the stack while that is enough. */
struct room {
    double *at;
    double stack[STACK_ROOM];
};

static double *room_take(struct room *room, size_t count)
{
    room->at = count <= STACK_ROOM ? room->stack : malloc(count * sizeof *room->at);
    return room->at;
}

static void room_done(struct room *room)
{
    if (room->at != room->stack) free(room->at);
}

/* One pass by the plan into room for `most` values and as many again for narrow(). 1: done, *n is
 * the count of numbers; 0: the plan missed. ERR_NOMEM. */
static int run_and_narrow(struct plan *plan, const double *values, size_t count, size_t most,
                          const struct question *question, struct wanted *wanted, size_t *n,
                          double *sample)
{
    struct room room;
    struct wanted rest;
    unsigned from[WANTED_MAX];
    size_t each = (most + KERNEL_BLOCK < count ? most + KERNEL_BLOCK : count) + KERNEL_SLACK;
    double *out = room_take(&room, 2 * each);
    if (!out) return ERR_NOMEM;
    plan_run(plan, values, count, out, each - KERNEL_SLACK);
    *n = count - plan->edges.nans;
    if (*n > 0) question->ask(question, *n, wanted);
    bool found = *n == 0 || plan_settle(plan, *n, wanted, &rest, from);
    if (found && *n > 0) {
        struct desk desk = {out, out + each, each - KERNEL_SLACK, sample};
        narrow_rest(desk, plan->collected, count, wanted, &rest, from);
    }
    room_done(&room);
    return found;
}

static int select_sampled(const double *values, size_t count, const struct question *question,
                          struct wanted *wanted, size_t *n, double *sample)
{
    struct plan guess, exact;
    size_t wished = sample_size(count), size = sample_take(values, count, sample, wished);
    double share = 1;
    if (size >= SAMPLE_USEFUL) {
        size_t likely = (size_t)((double)count * ((double)size / (double)wished));
        question->ask(question, likely, wanted);
        share = plan_by_sample(&guess, sample, size, likely, wanted);
    } else {
        plan_init(&guess);
        plan_add(&guess, -INFINITY, NAN);
    }
    double most = (double)count * fmin(share * 1.125 + 0.01, 1);
    int rc = run_and_narrow(&guess, values, count, (size_t)most, question, wanted, n, sample);
    if (rc != 0) return rc;
    size_t collected = plan_exact(&exact, &guess, *n, wanted);
    return run_and_narrow(&exact, values, count, collected, question, wanted, n, sample);
}

static size_t copy_numbers(const double *values, size_t count, double *to)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        to[n] = values[i];
        n += !isnan(values[i]);
    }
    return n;
}

static size_t select_few(const double *values, size_t count, const struct question *question,
                         struct wanted *wanted)
{
    double numbers[SORT_MAX];
    size_t n = copy_numbers(values, count, numbers);
    if (n == 0) return 0;
    question->ask(question, n, wanted);
    kernels_now()->few(numbers, n, wanted->at, wanted->count, wanted->value);
    return n;
}

static size_t select_binned(const double *values, size_t count, const struct question *question,
                            struct wanted *wanted)
{
    double numbers[BINNED_MAX + KERNEL_SLACK], spare[BINNED_MAX + KERNEL_SLACK];
    question->ask(question, count, wanted);
    if (select_bins(values, count, spare, numbers, wanted)) return count;
    size_t n = copy_numbers(values, count, numbers);
    if (n == 0) return 0;
    question->ask(question, n, wanted);
    if (!select_bins(numbers, n, spare, numbers, wanted)) select_split(numbers, n, spare, wanted);
    return n;
}

/* For a sample of count values and what narrow() takes for it. */
static size_t sample_room(size_t count)
{
    size_t size = sample_size(count), room = 2 * (size + KERNEL_SLACK);
    return size > BINNED_MAX ? room + sample_room(size) : room;
}

int select_values(const double *values, size_t count, const struct question *question,
                  struct wanted *wanted, size_t *n)
{
    if (count <= SORT_MAX) {
        *n = select_few(values, count, question, wanted);
        return OK;
    }
    if (count <= BINNED_MAX) {
        *n = select_binned(values, count, question, wanted);
        return OK;
    }
    struct room room;
    double *sample = room_take(&room, sample_room(count));
    if (!sample) return ERR_NOMEM;
    int rc = select_sampled(values, count, question, wanted, n, sample);
    room_done(&room);
    return rc < 0 ? rc : OK;
}
