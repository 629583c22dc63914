set(SOURCES_model
    metric.c
    series.c)
