# Lets single allocations of core fail in a test: see support/failing_alloc.h.
function(failing_alloc name)
    target_sources(test_${name} PRIVATE support/failing_alloc.c)
    foreach(symbol malloc calloc realloc strdup strndup)
        target_link_options(test_${name} PRIVATE -Wl,--wrap=${symbol})
    endforeach()
endfunction()

# The HTTP server that misbehaves on request: see support/fault_server.h.
function(fault_server name)
    target_sources(test_${name} PRIVATE support/fault_server.c)
    target_link_libraries(test_${name} PRIVATE ssl)
endfunction()

unit_test(loop)
unit_test(backoff)
unit_test(process)
unit_test(watch)
unit_test(http)
fault_server(http)
target_include_directories(test_http PRIVATE ${CMAKE_SOURCE_DIR}/src/io)
unit_test(io_memory)
fault_server(io_memory)
failing_alloc(io_memory)

# Of stats, which comes before failing_alloc().
unit_test(trend_memory)
failing_alloc(trend_memory)
