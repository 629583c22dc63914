/* stats/anomaly_tail.h - how rare a magnitude is, from the maxima of blocks of earlier ones.
 *
 * A histogram of 8 buckets an octave over the 14 octaves below the largest maximum; what is smaller
 * counts as its lowest bucket. Blocks make the counts of a slow statistic independent ones. */
#ifndef MOONTIDE_STATS_ANOMALY_TAIL_H
#define MOONTIDE_STATS_ANOMALY_TAIL_H

enum { TAIL_BUCKETS = 112 };

struct tail {
    float counts[TAIL_BUCKETS]; /* from the largest magnitude downwards */
    int top;                    /* the bucket of counts[0], as floor(8 log2) */
    double blocks;              /* how many maxima, those of 0 included */
    double block_max;
    int in_block;
    /* The largest `top_k` maxima, as of the last full block: how many there are, the sum of their
     * log magnitudes and the smallest of them, both in buckets; and that as a magnitude. */
    double exceedances, exceedance_sum, level, common;
};

/* Sizes that differ by what is watched. */
struct tail_kind {
    int block;    /* magnitudes */
    double top_k; /* maxima that the tail is judged by */
};

void tail_init(struct tail *tail);
/* -log of the probability that an ordinary block holds a magnitude of at least this; 0 when it is
 * common, or too little was seen. Then the magnitude itself is counted. */
double tail_see(struct tail *tail, const struct tail_kind *kind, double magnitude);

#endif
