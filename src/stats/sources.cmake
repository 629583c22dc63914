set(SOURCES_stats percentile.c summary.c trend.c vector.c)
