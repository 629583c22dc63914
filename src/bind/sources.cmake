set(SOURCES_bind
    cloudwatch_fetch.c
    statistic.c
)
