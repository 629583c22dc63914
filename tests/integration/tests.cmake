# integration_test(name): tests/integration/test_<name>.py against the built program and real servers.
find_package(Python3 COMPONENTS Interpreter)
function(integration_test name)
    if(NOT Python3_FOUND)
        return()
    endif()
    add_test(NAME integration/${name}
        COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_${name}.py)
    set_tests_properties(integration/${name} PROPERTIES
        TIMEOUT 600 SKIP_RETURN_CODE 77 ENVIRONMENT "MOONTIDE_BUILD=${CMAKE_BINARY_DIR}")
endfunction()

integration_test(ministack)
integration_test(daemon)
integration_test(cli)
integration_test(network)
integration_test(idle)
integration_test(notify)
integration_test(sigv4_botocore)
integration_test(repl)
integration_test(store)
integration_test(serialize)
integration_test(moto)
integration_test(credentials)
