/* stats/pairs.c - the slopes of all pairs by rank, without making the pairs.
 *
 * With the points in the order of time, a pair's slope is at most s exactly when value - s * time
 * does not grow from its first to its second point. So the pairs of at most slope s are the
 * inversions of that sequence, which a merge sort counts. A bracket (low, high] around the wanted
 * rank, begun from a sample of pairs, is narrowed by counting until few pairs are inside; the same
 * merge then lists them. Pairs at one time, which have no slope, are no inversions, since their
 * values ascend; but those that agree in value too always are, and are taken off. */
#include "pairs.h"

#include "moontide/base/err.h"
#include "moontide/stats/percentile.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 4096, DRAWS_MAX = 1 << 20, ROUNDS_MAX = 256, FEW = 8 };

struct point {
    double key; /* value - s * time */
    uint32_t at;
};

struct search {
    const struct points *points;
    struct point *line, *scratch; /* shape: [points->count] */
    uint64_t pairs, twins;        /* twins agree in time and value */
    double sample[SAMPLE];        /* slopes, ascending */
    size_t sample_count;
    double steepest; /* no slope is larger in absolute value */
    double *inside;  /* shape: [inside_cap]; where merge lists slopes; NULL: it only counts */
    size_t inside_count, inside_cap;
};

static int compare_doubles(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static uint64_t pairs_of(size_t n)
{
    return (uint64_t)n * (n - 1) / 2;
}

uint64_t pairs_order(struct points *points)
{
    uint64_t pairs = points->count > 1 ? pairs_of(points->count) : 0;
    for (size_t i = 0, end; i < points->count; i = end) {
        for (end = i + 1; end < points->count && points->times[end] == points->times[i];)
            end++;
        if (end - i == 1) continue;
        qsort(points->values + i, end - i, sizeof *points->values, compare_doubles);
        pairs -= pairs_of(end - i);
    }
    return pairs;
}

/* ---- counting ---- */

static void list(struct search *search, const struct point *left, size_t count, uint32_t second)
{
    const struct points *points = search->points;
    for (size_t i = 0; i < count && search->inside_count < search->inside_cap; i++) {
        double time = points->times[second] - points->times[left[i].at];
        if (time > 0)
            search->inside[search->inside_count++] =
                (points->values[second] - points->values[left[i].at]) / time;
    }
}

/* Sorts line[count] by key; answers how many inversions it had, equal keys being some. */
static uint64_t merge(struct search *search, struct point *line, size_t count)
{
    if (count < 2) return 0;
    struct point *scratch = search->scratch;
    size_t half = count / 2, i = 0, j = half, k = 0;
    uint64_t found = merge(search, line, half) + merge(search, line + half, count - half);
    while (i < half && j < count) {
        if (line[i].key < line[j].key) {
            scratch[k++] = line[i++];
            continue;
        }
        found += half - i;
        if (search->inside) list(search, line + i, half - i, line[j].at);
        scratch[k++] = line[j++];
    }
    memcpy(scratch + k, line + i, (half - i) * sizeof *line);
    memcpy(line, scratch, (k + half - i) * sizeof *line);
    return found;
}

/* Pairs whose slope is at most this. Leaves the line in the order of its keys. */
static uint64_t count_to(struct search *search, double slope)
{
    const struct points *points = search->points;
    for (size_t i = 0; i < points->count; i++)
        search->line[i] = (struct point){points->values[i] - slope * points->times[i], (uint32_t)i};
    uint64_t found = merge(search, search->line, points->count);
    return found > search->twins ? found - search->twins : 0;
}

/* ---- the beginning ---- */

static uint64_t draw(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void draw_sample(struct search *search)
{
    const struct points *points = search->points;
    uint64_t state = 1;
    for (int i = 0; i < DRAWS_MAX && search->sample_count < SAMPLE; i++) {
        size_t a = (size_t)(draw(&state) % points->count),
               b = (size_t)(draw(&state) % points->count);
        double time = points->times[b] - points->times[a];
        if (time != 0)
            search->sample[search->sample_count++] = (points->values[b] - points->values[a]) / time;
    }
    qsort(search->sample, search->sample_count, sizeof *search->sample, compare_doubles);
}

static void measure(struct search *search)
{
    const struct points *points = search->points;
    double low = points->values[0], high = low, shortest = DBL_MAX;
    size_t run = 0; /* twins of the point before */
    for (size_t i = 1; i < points->count; i++) {
        low = fmin(low, points->values[i]);
        high = fmax(high, points->values[i]);
        double time = points->times[i] - points->times[i - 1];
        run = time == 0 && points->values[i] == points->values[i - 1] ? run + 1 : 0;
        search->twins += run;
        if (time > 0) shortest = fmin(shortest, time);
    }
    search->steepest = fmin((high - low) / shortest * 1.0001 + DBL_MIN, DBL_MAX / 4);
}

/* ---- narrowing ---- */

/* (low, high] holds the pairs of ranks from .. to - 1. */
struct bracket {
    double low, high;
    uint64_t from, to;
};

/* Cuts the bracket at a slope; what holds the rank stays. */
static void cut(struct search *search, struct bracket *bracket, double at, uint64_t rank)
{
    if (at == 0) at = 0; /* -0 is 0: cut_in_half() looks at bits */
    if (!(at > bracket->low && at < bracket->high)) return;
    uint64_t found = count_to(search, at);
    if (found > rank) {
        bracket->high = at;
        bracket->to = found;
    } else {
        bracket->low = at;
        bracket->from = found;
    }
}

/* At a slope of the sample and just below, so that one which many pairs share ends the search. */
static void cut_at_sample(struct search *search, struct bracket *bracket, size_t i, uint64_t rank)
{
    cut(search, bracket, search->sample[i], rank);
    cut(search, bracket, nextafter(search->sample[i], -INFINITY), rank);
}

/* Three standard errors of the sample's rank to both sides. */
static struct bracket begin(struct search *search, uint64_t rank)
{
    struct bracket bracket = {-search->steepest, search->steepest, 0, search->pairs};
    double n = (double)search->sample_count, share = (double)rank / (double)search->pairs,
           margin = 3 * sqrt(share * (1 - share) * n) + 2;
    if (share * n - margin >= 0)
        cut_at_sample(search, &bracket, (size_t)(share * n - margin), rank);
    if (share * n + margin < n) cut_at_sample(search, &bracket, (size_t)(share * n + margin), rank);
    return bracket;
}

/* The middle of the bracket's part of the sample; else of the doubles inside, by their bits: no
 * distribution can hold that up. */
static void cut_in_half(struct search *search, struct bracket *bracket, uint64_t rank)
{
    size_t from = 0, to = search->sample_count;
    while (from < to && search->sample[from] <= bracket->low)
        from++;
    while (to > from && search->sample[to - 1] >= bracket->high)
        to--;
    if (from < to) {
        cut_at_sample(search, bracket, (from + to) / 2, rank);
        return;
    }
    if (bracket->low < 0 && bracket->high > 0) {
        cut(search, bracket, 0, rank);
        cut(search, bracket, nextafter(0, -1), rank);
        return;
    }
    uint64_t low, high;
    double middle;
    memcpy(&low, &bracket->low, sizeof low);
    memcpy(&high, &bracket->high, sizeof high);
    if (bracket->high <= 0) /* of one sign; a high of +0 is -0 among the negative */
        high |= (uint64_t)1 << 63;
    uint64_t bits = low / 2 + high / 2 + (low & high & 1);
    memcpy(&middle, &bits, sizeof middle);
    cut(search, bracket, middle, rank);
}

/* Where the rank lies if slopes are spread evenly, a little to each side in turn, so that both ends
 * come near. */
static double guess(const struct bracket *bracket, uint64_t rank, int round)
{
    double share = ((double)(rank - bracket->from) + 0.5) / (double)(bracket->to - bracket->from);
    share += (round % 2 ? 0.1 : -0.1) * fmin(share, 1 - share);
    return bracket->low + share * (bracket->high - bracket->low);
}

/* The slope of a rank among the few of a bracket: the points in the order of the low end, sorted
 * again for the high one, have just the pairs between as inversions. */
static int pick(struct search *search, const struct bracket *bracket, uint64_t rank, double *out)
{
    const struct points *points = search->points;
    size_t cap = (size_t)(bracket->to - bracket->from) + 1;
    double *inside = malloc(cap * sizeof *inside);
    if (!inside) return ERR_NOMEM;
    (void)count_to(search, bracket->low);
    for (size_t i = 0; i < points->count; i++) {
        uint32_t at = search->line[i].at;
        search->line[i].key = points->values[at] - bracket->high * points->times[at];
    }
    search->inside = inside;
    search->inside_cap = cap;
    search->inside_count = 0;
    (void)merge(search, search->line, points->count);
    search->inside = NULL;
    *out = bracket->high;
    if (search->inside_count > 0) {
        double last = fmax(1, (double)search->inside_count - 1),
               p = fmin(100, 100 * (double)(rank - bracket->from) / last);
        percentile_select(inside, search->inside_count, PERCENTILE_NEAREST, &p, 1, out);
    }
    free(inside);
    return OK;
}

static int find(struct search *search, uint64_t rank, double *out)
{
    struct bracket bracket = begin(search, rank);
    uint64_t few = FEW * (uint64_t)search->points->count;
    for (int round = 0; bracket.to - bracket.from > few; round++) {
        if (nextafter(bracket.low, INFINITY) >= bracket.high || round == ROUNDS_MAX) {
            *out = bracket.high;
            return OK;
        }
        if (round % 3 == 2)
            cut_in_half(search, &bracket, rank);
        else
            cut(search, &bracket, guess(&bracket, rank, round), rank);
    }
    return pick(search, &bracket, rank, out);
}

int pairs_select(const struct points *points, uint64_t pairs, const uint64_t *ranks, size_t count,
                 double *out)
{
    struct search *search = calloc(1, sizeof *search);
    struct point *both = malloc(2 * points->count * sizeof *both);
    int code = search && both ? OK : ERR_NOMEM;
    if (code == OK) {
        search->points = points;
        search->pairs = pairs;
        search->line = both;
        search->scratch = both + points->count;
        measure(search);
        draw_sample(search);
    }
    for (size_t i = 0; i < count && code == OK; i++)
        code = find(search, ranks[i], &out[i]);
    free(both);
    free(search);
    return code;
}
