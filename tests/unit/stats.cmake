foreach(name access_log anomaly change correlation csv exact_sum histogram holt_winters line percentile season sketch sketch_codec sketch_memory sum summary trend trim vector weighted)
    unit_test(${name})
endforeach()
allocations_can_fail(access_log)
allocations_can_fail(percentile)
allocations_can_fail(sketch_memory)
allocations_can_fail(weighted)
target_include_directories(test_percentile PRIVATE ${CMAKE_SOURCE_DIR}/src) # where the sample looks

# The inner loops by themselves. The AVX-512 ones are compiled once more over an emulation, so that
# their logic is tested on every CPU.
unit_test(kernels)
target_include_directories(test_kernels PRIVATE ${CMAKE_SOURCE_DIR}/src)
find_path(SIMDE_INCLUDE_DIR simde/x86/avx512.h)
if(SIMDE_INCLUDE_DIR AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_sources(test_kernels PRIVATE ${CMAKE_SOURCE_DIR}/src/stats/kernels_avx512.c)
    target_compile_definitions(test_kernels PRIVATE HAVE_SIMDE KERNELS_EMULATED)
    target_include_directories(test_kernels SYSTEM PRIVATE ${SIMDE_INCLUDE_DIR})
    target_compile_options(test_kernels PRIVATE -Wno-psabi) # SIMDe passes wide vectors by value
else()
    message(STATUS "SIMDe is not installed (libsimde-dev): the AVX-512 loops are not tested by emulation")
endif()
