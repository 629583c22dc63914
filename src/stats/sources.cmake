set(SOURCES_stats)
