set(SOURCES_stats
    access_groups.c
    access_key.c
    access_log.c
    access_path.c
    access_scan.c
    anomaly.c
    anomaly_expect.c
    anomaly_memory.c
    anomaly_tail.c
    autocorrelation.c
    broken_lines.c
    change.c
    correlation.c
    cpu.c
    crossing.c
    csv.c
    distribution.c
    ewma.c
    exact_sum.c
    exact_sum_block.c
    filter.c
    grid.c
    histogram.c
    holt_winters.c
    kernels_portable.c
    line.c
    minimize.c
    pairs.c
    percentile.c
    points.c
    quickselect.c
    rank.c
    rate.c
    season.c
    select.c
    select_bins.c
    select_keys.c
    select_plan.c
    select_split.c
    sketch.c
    sketch_bits.c
    sketch_bulk.c
    sketch_codec.c
    sketch_index.c
    sketch_merge.c
    sketch_pages.c
    sketch_quantile.c
    sketch_walk.c
    sum.c
    summary.c
    theil_sen.c
    trend.c
    trim.c
    value_reader.c
    vector.c
    weighted.c
)
# The same inner loops for wider vectors; cpu.c chooses at run time.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND SOURCES_stats access_avx2.c kernels_avx2.c kernels_avx512.c)
    set_source_files_properties(src/stats/access_avx2.c PROPERTIES
        COMPILE_OPTIONS "-mavx2;-mbmi;-mbmi2;-mpopcnt")
    set_source_files_properties(src/stats/kernels_avx2.c PROPERTIES
        COMPILE_OPTIONS "-mavx2;-mpopcnt")
    set_source_files_properties(src/stats/kernels_avx512.c PROPERTIES
        COMPILE_OPTIONS "-mavx512f;-mavx512dq;-mavx512vl;-mpopcnt;-ffp-contract=off")
endif()
