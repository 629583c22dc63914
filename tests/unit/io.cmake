unit_test(loop)
unit_test(backoff)
unit_test(watch)
unit_test(http)
target_sources(test_http PRIVATE support/fault_server.c)
target_include_directories(test_http PRIVATE ${CMAKE_SOURCE_DIR}/src/io)
target_link_libraries(test_http PRIVATE ssl) # the server's end of TLS
