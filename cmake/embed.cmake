# embed_prelude(OUT): turns src/prelude/*.lua into one C file with a table of
# { name, bytes, length }, read through vm/prelude.h.
function(embed_prelude out)
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/prelude/*.lua)
    set(generated ${CMAKE_BINARY_DIR}/prelude_data.c)
    add_custom_command(
        OUTPUT ${generated}
        COMMAND ${CMAKE_COMMAND} -DOUT=${generated} "-DFILES=${files}" -P ${CMAKE_SOURCE_DIR}/cmake/embed_run.cmake
        DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_run.cmake
        VERBATIM)
    set(${out} ${generated} PARENT_SCOPE)
endfunction()
