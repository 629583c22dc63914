unit_test(why)
target_sources(test_why PRIVATE support/store_files.c)
allocations_can_fail(why)
