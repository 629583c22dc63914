set(SOURCES_base clock.c err.c faults.c fs.c hash.c json_reader.c json_writer.c log.c nearest.c strbuf.c timetext.c)
