set(SOURCES_vm prelude.c)
