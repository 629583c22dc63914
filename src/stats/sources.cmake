set(SOURCES_stats exact_sum.c percentile.c sketch.c sketch_bits.c sketch_bulk.c sketch_codec.c sketch_index.c sketch_merge.c sketch_pages.c sketch_quantile.c
    sketch_walk.c summary.c trend.c vector.c)
