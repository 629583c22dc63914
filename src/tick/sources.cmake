set(SOURCES_tick)
