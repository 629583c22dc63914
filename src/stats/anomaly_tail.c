/* stats/anomaly_tail.c - a log-scaled histogram of block maxima, and Hill's estimate beyond it. */
#include "anomaly_tail.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    PER_OCTAVE = 8,
    NOTHING = -100000, /* below floor(8 log2) of the smallest double */
    BLOCKS_MIN = 5,
    BLOCKS_MAX = 2048, /* then all counts are halved: what is old fades */
};

/* A tail is never taken to be lighter than this (Hill's gamma, in natural logs): a maximum 8 %
 * above the others is none, whatever they were. */
static const double GAMMA_MIN = 0.08;
/* Added to a count of maxima as large: the one that was never seen counts for a third. */
static const double PRIOR = 0.3;
/* -log P that anything moves in a series that never did, beyond the count of blocks. */
static const double FIRST_MOVE = 3;

void tail_init(struct tail *tail)
{
    memset(tail, 0, sizeof *tail);
    tail->top = NOTHING;
}

static double bucket_middle(const struct tail *tail, int i)
{
    return tail->top - i + 0.5;
}

/* Makes room above; what falls off below is kept in the lowest bucket. */
static void raise_top(struct tail *tail, int top)
{
    int by =
        tail->top == NOTHING || top - tail->top > TAIL_BUCKETS ? TAIL_BUCKETS : top - tail->top;
    float low = 0;
    for (int i = TAIL_BUCKETS - by; i < TAIL_BUCKETS; i++)
        low += tail->counts[i];
    memmove(tail->counts + by, tail->counts, (size_t)(TAIL_BUCKETS - by) * sizeof *tail->counts);
    memset(tail->counts, 0, (size_t)by * sizeof *tail->counts);
    tail->counts[TAIL_BUCKETS - 1] += low;
    tail->top = top;
}

static void count(struct tail *tail, double magnitude)
{
    tail->blocks++;
    if (!(magnitude > 0)) return;
    int bucket = (int)floor(PER_OCTAVE * log2(magnitude));
    if (bucket > tail->top) raise_top(tail, bucket);
    int i = tail->top - bucket;
    tail->counts[i < TAIL_BUCKETS ? i : TAIL_BUCKETS - 1]++;
    if (tail->blocks < BLOCKS_MAX) return;
    tail->blocks /= 2;
    for (i = 0; i < TAIL_BUCKETS; i++)
        tail->counts[i] /= 2;
}

static void find_exceedances(struct tail *tail, double top_k)
{
    tail->exceedances = tail->exceedance_sum = tail->level = tail->common = 0;
    for (int i = 0; i < TAIL_BUCKETS && tail->exceedances < top_k; i++) {
        double here = tail->counts[i];
        if (here == 0) continue;
        tail->level = bucket_middle(tail, i);
        tail->exceedances += here;
        tail->exceedance_sum += here * tail->level;
    }
    if (tail->exceedances > 0) tail->common = exp2(tail->level / PER_OCTAVE);
}

static double maxima_above(const struct tail *tail, double at)
{
    double above = 0;
    for (int i = 0; i < TAIL_BUCKETS && bucket_middle(tail, i) > at; i++)
        above += tail->counts[i];
    return above;
}

static double surprise(const struct tail *tail, double magnitude)
{
    if (magnitude < tail->common || !(magnitude > 0) || tail->blocks < BLOCKS_MIN) return 0;
    if (tail->exceedances <= 0) return log((tail->blocks + 1) / PRIOR) + FIRST_MOVE;
    double at = PER_OCTAVE * log2(magnitude), k = tail->exceedances;
    double above = maxima_above(tail, at), counted = log((tail->blocks + 1) / (above + PRIOR));
    bool seen_as_large = above > 0.25 && at <= tail->top + 1; /* counts are whole until halved */
    if (seen_as_large) return counted;
    /* The excess over the level is exponential in logs; its mean, known from k of them, makes the
     * predictive distribution a Lomax one. */
    double gamma = (tail->exceedance_sum / k - tail->level) * M_LN2 / PER_OCTAVE,
           excess = (at - tail->level) * M_LN2 / PER_OCTAVE;
    double beyond =
        log((tail->blocks + 1) / (k + PRIOR)) + k * log1p(excess / (k * fmax(gamma, GAMMA_MIN)));
    return fmax(counted, beyond);
}

double tail_see(struct tail *tail, const struct tail_kind *kind, double magnitude)
{
    double answer = surprise(tail, magnitude);
    if (magnitude > tail->block_max) tail->block_max = magnitude;
    if (++tail->in_block >= kind->block) {
        count(tail, tail->block_max);
        find_exceedances(tail, kind->top_k);
        tail->block_max = 0;
        tail->in_block = 0;
    }
    return answer;
}
