/* stats/select_plan.c - the sample, its ranges, and the pass that they lead to. */
#include "select_plan.h"

#include "select_keys.h"

#include <math.h>
#include <stdint.h>

/* Beyond, fetching them from memory costs more than they save. */
enum { SAMPLE_MAX = 8192 };

/* Standard deviations between a rank and the ends of its range: each end misses one input in 1,000,
 * which costs another pass. */
static const double DEVIATIONS = 3;
/* Ranges nearer than this share of all are one: from the start, in a plan with keys, and in one
 * that compares doubles. */
static const double GAP_LEAST = 1.0 / 256, GAP_KEYED = 1.0 / 64, GAP = 1.0 / 8;

size_t sample_size(size_t n)
{
    double size = pow((double)n, 2.0 / 3) * 1.2;
    return size < SAMPLE_MAX ? (size_t)size : SAMPLE_MAX;
}

/* One value of each of `size` equal stretches, at a place in it that looks random: multiples of the
 * golden ratio. */
size_t sample_take(const double *values, size_t n, double *sample, size_t size)
{
    const uint64_t stretch = ((uint64_t)n << 16) / size;
    size_t taken = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t jitter = ((uint32_t)i * 0x9E3779B9u) >> 16;
        double x = values[(i * stretch + (stretch * jitter >> 16)) >> 16];
        sample[taken] = x;
        taken += !isnan(x);
    }
    return taken;
}

static void join_nearest(struct ranges *all)
{
    unsigned nearest = 1;
    for (unsigned i = 2; i < all->count; i++)
        if (all->low[i] - all->high[i - 1] < all->low[nearest] - all->high[nearest - 1])
            nearest = i;
    all->high[nearest - 1] = all->high[nearest];
    all->count--;
    for (unsigned i = nearest; i < all->count; i++) {
        all->low[i] = all->low[i + 1];
        all->high[i] = all->high[i + 1];
    }
}

void plan_ranges(const struct wanted *wanted, size_t n, size_t size, struct ranges *ranges)
{
    double s = (double)size, scale = s / (double)n, gap = s * GAP_LEAST;
    ranges->count = 0;
    for (unsigned i = 0; i < wanted->count; i++) {
        double at = ((double)wanted->at[i] + 0.5) * scale;
        double spread = DEVIATIONS * sqrt(at * fmax(1 - at / s, 0)) + 1;
        double low = floor(at - spread), high = ceil(at + spread);
        if (high > s * (1 - GAP_LEAST)) high = s;
        unsigned last = ranges->count - 1;
        if (ranges->count > 0 && low - (double)ranges->high[last] < gap) {
            if (high > (double)ranges->high[last]) ranges->high[last] = (ptrdiff_t)high;
            continue;
        }
        if (ranges->count == RANGES_MAX) join_nearest(ranges);
        ranges->low[ranges->count] = (ptrdiff_t)low;
        ranges->high[ranges->count++] = (ptrdiff_t)high;
    }
}

bool plan_joins(const struct ranges *ranges, unsigned i, size_t size, bool keyed)
{
    double gap = (double)(ranges->low[i] - ranges->high[i - 1]);
    return gap < (double)size * (keyed ? GAP_KEYED : GAP);
}

void plan_init(struct plan *plan)
{
    plan->edges.count = 0;
    plan->edges.nans = 0;
    plan->edges.all_flip = true;
    plan->edges.keyed = false;
    plan->collected = 0;
    plan->overflowed = false;
}

static void cut(struct plan *plan, double at, bool collects, bool single)
{
    struct edges *edges = &plan->edges;
    unsigned i = edges->count++;
    bool before = i > 0 && plan->collects[i - 1];
    edges->at[i] = at;
    edges->reached[i] = 0;
    edges->flips[i] = collects != before;
    edges->all_flip &= edges->flips[i];
    plan->collects[i] = collects;
    plan->single[i] = single;
}

static void cut_again(struct plan *plan)
{
    struct edges *edges = &plan->edges;
    edges->count--;
    edges->all_flip = true;
    for (unsigned i = 0; i < edges->count; i++)
        edges->all_flip &= edges->flips[i];
}

void plan_add(struct plan *plan, double low, double high)
{
    const struct edges *edges = &plan->edges;
    bool touches = edges->count > 0 && edges->at[edges->count - 1] > low;
    if (touches) {
        double end = edges->at[edges->count - 1];
        if (high < end) return;
        cut_again(plan);
        if (!plan->collects[edges->count - 1]) cut(plan, end, true, false);
    } else if (low == high) {
        cut(plan, low, false, true);
    } else {
        cut(plan, low, true, false);
    }
    if (!isnan(high)) cut(plan, nextafter(high, INFINITY), false, false);
}

void plan_key(struct plan *plan, struct key_scale scale)
{
    if (!plan->edges.all_flip) return;
    if (!plan->collects[plan->edges.count - 1]) plan_add(plan, keys_top(scale), NAN);
    plan->edges.keyed = true;
    plan->edges.scale = scale;
}

/* Where interval i begins and how many of n values are below it; i may be one past the last, and -1
 * for what is below the first edge. */
static size_t below(const struct plan *plan, size_t n, int i)
{
    if (i < 0) return 0;
    return i < (int)plan->edges.count ? n - plan->edges.reached[i] : n;
}

static int interval_of(const struct plan *plan, size_t n, size_t rank)
{
    int i = (int)plan->edges.count - 1;
    while (i >= 0 && below(plan, n, i) > rank)
        i--;
    return i;
}

/* The values from low up to, but without, end (NaN: to the last). */
static void add_exact(struct plan *plan, double low, double end)
{
    unsigned last = plan->edges.count - 1;
    if (plan->edges.count > 0 && plan->edges.at[last] == low) cut_again(plan);
    double high = isnan(end) ? INFINITY : nextafter(end, -INFINITY);
    cut(plan, low, false, true);
    if (low < high) {
        cut(plan, nextafter(low, INFINITY), true, false);
        cut(plan, high, false, true);
    }
    if (!isnan(end)) cut(plan, end, false, false);
}

size_t plan_exact(struct plan *plan, const struct plan *counted, size_t n,
                  const struct wanted *wanted)
{
    size_t collected = 0;
    int last = -2;
    plan_init(plan);
    for (unsigned w = 0; w < wanted->count; w++) {
        int i = interval_of(counted, n, wanted->at[w]);
        if (i == last) continue;
        last = i;
        add_exact(plan, i < 0 ? -INFINITY : counted->edges.at[i],
                  i + 1 < (int)counted->edges.count ? counted->edges.at[i + 1] : NAN);
        collected += below(counted, n, i + 1) - below(counted, n, i);
    }
    return collected;
}

void plan_run(struct plan *plan, const double *values, size_t n, double *out, size_t room)
{
    double discarded[KERNEL_BLOCK + KERNEL_SLACK];
    const struct kernels *kernels = kernels_now();
    for (size_t i = 0; i < n; i += KERNEL_BLOCK) {
        size_t count = n - i < KERNEL_BLOCK ? n - i : KERNEL_BLOCK;
        plan->overflowed = plan->overflowed || room - plan->collected < count;
        double *to = plan->overflowed ? discarded : out + plan->collected;
        size_t more = kernels->squeeze(values + i, count, &plan->edges, to);
        if (!plan->overflowed) plan->collected += more;
    }
}

bool plan_settle(const struct plan *plan, size_t n, struct wanted *wanted, struct wanted *rest,
                 unsigned from[WANTED_MAX])
{
    rest->count = 0;
    for (unsigned w = 0; w < wanted->count; w++) {
        int i = interval_of(plan, n, wanted->at[w]);
        if (i >= 0 && plan->single[i]) {
            wanted->value[w] = plan->edges.at[i];
            continue;
        }
        if (i < 0 || !plan->collects[i] || plan->overflowed) return false;
        size_t rank = wanted->at[w] - below(plan, n, i);
        for (int before = 0; before < i; before++)
            if (plan->collects[before]) rank += below(plan, n, before + 1) - below(plan, n, before);
        from[rest->count] = w;
        rest->at[rest->count++] = rank;
    }
    return true;
}
