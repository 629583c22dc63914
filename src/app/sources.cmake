set(SOURCES_app)
