set(SOURCES_store)
