/* stats/select_plan.c - the sample, its ranges, and the pass that they lead to. */
#include "select_plan.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    SAMPLE_MIN = 48,
    SAMPLE_MAX = 8192,   /* beyond, fetching them from memory costs more than they save */
    SAMPLE_SORTED = 4096 /* up to this many values the sample is one that is sorted at once */
};

/* Standard deviations between a rank and the ends of its range: each end misses one input in 1,000,
 * which costs another pass. */
static const double DEVIATIONS = 3;
/* Ranges nearer than this share of all are one in the coarse plan, and in the fine one. */
static const double GAP_COARSE = 1.0 / 8, GAP_FINE = 1.0 / 256;

size_t sample_size(size_t n)
{
    if (n <= SAMPLE_SORTED) return n < 16 * SAMPLE_MIN ? SAMPLE_MIN : SORT_MAX;
    double size = pow((double)n, 2.0 / 3) * 0.6;
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
    double s = (double)size, scale = s / (double)n, gap = s * GAP_FINE;
    ranges->count = 0;
    for (unsigned i = 0; i < wanted->count; i++) {
        double at = ((double)wanted->at[i] + 0.5) * scale;
        double spread = DEVIATIONS * sqrt(at * fmax(1 - at / s, 0)) + 1;
        double low = floor(at - spread), high = ceil(at + spread);
        if (high > s * (1 - GAP_FINE)) high = s;
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

bool plan_joins(const struct ranges *ranges, unsigned i, size_t size)
{
    return (double)(ranges->low[i] - ranges->high[i - 1]) < (double)size * GAP_COARSE;
}

void plan_init(struct plan *plan)
{
    plan->edges.count = 0;
    plan->edges.nans = 0;
    plan->edges.all_flip = plan->edges.words = true;
    plan->collected = 0;
    plan->overflowed = false;
}

/* What edges->words asks of an edge. */
static const uint64_t LOWER_HALF = 0xffffffff;

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static bool is_word(double edge)
{
    return edge > 0 && (bits_of(edge) & LOWER_HALF) == 0;
}

/* No range becomes wider by more than this share of it, or, where it is open above, of the gap
 * below it. */
static const double WIDER = 1.0 / 16;

void plan_widen(double values[][2], unsigned count, double least)
{
    double wider[RANGES_MAX][2];
    for (unsigned i = 0; i < count; i++) {
        double low = values[i][0], high = values[i][1];
        if (!(low > 0)) return;
        wider[i][0] = of_bits(bits_of(low) & ~LOWER_HALF);
        wider[i][1] = isnan(high) ? high : of_bits(bits_of(high) | LOWER_HALF);
        double width = high - low, more = low - wider[i][0];
        if (isnan(high))
            width = low - (i > 0 ? values[i - 1][1] : least);
        else
            more += wider[i][1] - high;
        if (!(more <= width * WIDER)) return;
    }
    memcpy(values, wider, count * sizeof wider[0]);
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
    edges->words &= is_word(at);
    plan->collects[i] = collects;
    plan->single[i] = single;
}

static void cut_again(struct plan *plan)
{
    struct edges *edges = &plan->edges;
    edges->count--;
    edges->all_flip = edges->words = true;
    for (unsigned i = 0; i < edges->count; i++) {
        edges->all_flip &= edges->flips[i];
        edges->words &= is_word(edges->at[i]);
    }
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

/* Of count values, in the first cache, to out. */
static void collect(struct plan *plan, const double *values, size_t count, double *out, size_t room)
{
    double discarded[KERNEL_BLOCK + KERNEL_SLACK];
    plan->overflowed = plan->overflowed || room - plan->collected < count;
    double *to = plan->overflowed ? discarded : out + plan->collected;
    size_t more = kernels_now()->squeeze(values, count, &plan->edges, to);
    if (!plan->overflowed) plan->collected += more;
}

void passes_run(struct passes *passes, const double *values, size_t n, double *out, size_t room)
{
    double some[KERNEL_BLOCK + KERNEL_SLACK];
    for (size_t i = 0; i < n; i += KERNEL_BLOCK) {
        size_t count = n - i < KERNEL_BLOCK ? n - i : KERNEL_BLOCK;
        if (passes->single) {
            collect(&passes->coarse, values + i, count, out, room);
            continue;
        }
        size_t kept = kernels_now()->squeeze(values + i, count, &passes->coarse.edges, some);
        passes->coarse.collected += kept;
        collect(&passes->fine, some, kept, out, room);
    }
}

size_t passes_collected(const struct passes *passes)
{
    return passes->single ? passes->coarse.collected : passes->fine.collected;
}

static bool settle(const struct plan *plan, size_t n, struct wanted *wanted, struct wanted *rest,
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

bool passes_settle(const struct passes *passes, size_t n, struct wanted *wanted,
                   struct wanted *rest, unsigned from[WANTED_MAX])
{
    if (passes->single) return settle(&passes->coarse, n, wanted, rest, from);
    struct wanted kept = {0};
    unsigned from_kept[WANTED_MAX] = {0}, from_wanted[WANTED_MAX] = {0};
    if (!settle(&passes->coarse, n, wanted, &kept, from_wanted)) return false;
    if (!settle(&passes->fine, passes->coarse.collected, &kept, rest, from_kept)) return false;
    for (unsigned i = 0; i < kept.count; i++)
        wanted->value[from_wanted[i]] = kept.value[i];
    for (unsigned i = 0; i < rest->count; i++)
        from[i] = from_wanted[from_kept[i]];
    return true;
}
