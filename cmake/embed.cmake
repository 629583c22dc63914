# embed_prelude(OUT): turns the Lua that ships inside the binary into one C file with a table of { name, bytes,
# length }, read through vm/prelude.h: src/prelude/*.lua by their base names, and what `moontide init` writes.
function(embed_prelude out)
    file(GLOB prelude CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/prelude/*.lua)
    set(files
        policy_performance=${CMAKE_SOURCE_DIR}/policies/performance.lua
        policy_lib_performance=${CMAKE_SOURCE_DIR}/policies/lib/performance.lua)
    set(depends ${prelude} ${CMAKE_SOURCE_DIR}/policies/performance.lua ${CMAKE_SOURCE_DIR}/policies/lib/performance.lua)
    foreach(file ${prelude})
        get_filename_component(name ${file} NAME_WE)
        list(APPEND files ${name}=${file})
    endforeach()
    set(generated ${CMAKE_BINARY_DIR}/prelude_data.c)
    add_custom_command(
        OUTPUT ${generated}
        COMMAND ${CMAKE_COMMAND} -DOUT=${generated} "-DFILES=${files}" -P ${CMAKE_SOURCE_DIR}/cmake/embed_run.cmake
        DEPENDS ${depends} ${CMAKE_SOURCE_DIR}/cmake/embed_run.cmake
        VERBATIM)
    set(${out} ${generated} PARENT_SCOPE)
endfunction()
