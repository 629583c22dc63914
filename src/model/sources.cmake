set(SOURCES_model
    evaluation.c
    metric.c
    series.c
    threshold.c)
