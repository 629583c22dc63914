set(SOURCES_store
    batch.c
    database.c
    lock.c
    read.c
    store.c)
