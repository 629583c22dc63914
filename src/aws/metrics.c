/* aws/metrics.c - a histogram with logarithmic buckets: sixteen linear steps in each power of two.
 */
#include "metrics.h"

enum { STEPS = 1 << HISTOGRAM_STEPS_LOG2 };

/* Below STEPS each value has its own bucket; above, the top five bits choose it. */
static uint32_t bucket_of(uint64_t value)
{
    if (value < STEPS) return (uint32_t)value;
    uint32_t power = 63 - (uint32_t)__builtin_clzll(value);
    if (power >= HISTOGRAM_POWERS) return HISTOGRAM_BUCKETS - 1;
    uint32_t step = (uint32_t)(value >> (power - HISTOGRAM_STEPS_LOG2)) & (STEPS - 1);
    return ((power - HISTOGRAM_STEPS_LOG2 + 1) << HISTOGRAM_STEPS_LOG2) + step;
}

static double middle_of(uint32_t bucket)
{
    if (bucket < STEPS) return bucket;
    uint32_t shift = (bucket >> HISTOGRAM_STEPS_LOG2) - 1;
    double width = (double)(1ull << shift);
    return ((double)(STEPS + (bucket & (STEPS - 1))) + 0.5) * width;
}

void histogram_add(struct histogram *histogram, int64_t value)
{
    uint32_t *bucket = &histogram->buckets[bucket_of(value > 0 ? (uint64_t)value : 0)];
    if (*bucket < UINT32_MAX) ++*bucket;
    histogram->count++;
}

double histogram_quantile(const struct histogram *histogram, double quantile)
{
    uint64_t seen = 0;
    double rank = quantile * (double)histogram->count;
    uint32_t last = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram->buckets[i] == 0) continue;
        last = i;
        seen += histogram->buckets[i];
        if ((double)seen >= rank) break;
    }
    return middle_of(last);
}
