set(SOURCES_bind)
