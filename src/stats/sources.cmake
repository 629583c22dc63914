set(SOURCES_stats anomaly.c anomaly_expect.c anomaly_tail.c percentile.c summary.c trend.c vector.c)
