set(SOURCES_bind
    cloudwatch_fetch.c
    fields.c
    lexer.c
    source.c
    source_scope.c
    statistic.c
)
