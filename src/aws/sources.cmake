set(SOURCES_aws)
