set(SOURCES_model)
