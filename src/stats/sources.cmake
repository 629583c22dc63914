set(SOURCES_stats autocorrelation.c change.c crossing.c distribution.c ewma.c filter.c grid.c holt_winters.c line.c
    minimize.c pairs.c percentile.c points.c
    rate.c season.c summary.c theil_sen.c trend.c vector.c)
