unit_test(matcher)
unit_test(route)
unit_test(notifier)
target_sources(test_notifier PRIVATE support/engine_house.c support/fake_courier.c support/store_files.c)
