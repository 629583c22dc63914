set(SOURCES_io)
