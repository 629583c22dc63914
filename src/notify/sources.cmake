set(SOURCES_notify
    labels.c
    matcher.c
    outbox.c
    outbox_send.c
    route.c
    settings.c
)
