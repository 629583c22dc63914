set(SOURCES_bind
    cloudwatch_fetch.c
    lexer.c
    source.c
    source_scope.c
    statistic.c
)
