set(SOURCES_io loop.c)
