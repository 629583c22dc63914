set(SOURCES_base civil.c clock.c cron.c err.c faults.c fs.c gz_reader.c hash.c json_reader.c json_writer.c line_reader.c log.c nearest.c number.c strbuf.c timetext.c window.c zone.c zone_rule.c)
