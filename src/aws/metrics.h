/* aws/metrics.h - what a client counts of each operation: calls, and latency in a small histogram
 * whose buckets grow with the value, so that any quantile is good to 4 %. */
#ifndef MOONTIDE_AWS_METRICS_H
#define MOONTIDE_AWS_METRICS_H

#include <stdint.h>

enum {
    HISTOGRAM_STEPS_LOG2 = 4, /* 16 buckets for each power of two */
    HISTOGRAM_POWERS = 36,    /* up to 19 hours of microseconds; more counts as that */
    HISTOGRAM_BUCKETS = (HISTOGRAM_POWERS - HISTOGRAM_STEPS_LOG2 + 1) << HISTOGRAM_STEPS_LOG2,
};

struct histogram {
    uint64_t count;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

/* Zero-initialised it is empty. Negative values count as zero. */
void histogram_add(struct histogram *histogram, int64_t value);
/* The middle of the bucket that holds the quantile (0 to 1); 0 when nothing was added. */
double histogram_quantile(const struct histogram *histogram, double quantile);

struct operation_metrics {
    uint64_t calls, attempts, retries, throttles, failures;
    struct histogram latency_us;
};

#endif
