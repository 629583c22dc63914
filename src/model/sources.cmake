set(SOURCES_model
    evaluation.c
    metric.c
    notation.c
    series.c
    threshold.c)
