set(SOURCES_base civil.c clock.c cron.c err.c faults.c fs.c hash.c json_reader.c json_writer.c log.c nearest.c strbuf.c terminal.c timetext.c window.c zone.c zone_rule.c)
