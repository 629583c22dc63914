set(SOURCES_store
    batch.c
    database.c
    lock.c
    prune.c
    read.c
    store.c)
