set(SOURCES_notify
    labels.c
    matcher.c
    route.c
    settings.c
)
