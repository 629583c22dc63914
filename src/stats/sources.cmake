set(SOURCES_stats access_groups.c access_log.c access_path.c access_scan.c broken_lines.c csv.c percentile.c sketch.c summary.c trend.c value_reader.c vector.c)
