unit_test(alert)
target_sources(test_alert PRIVATE support/store_files.c)
unit_test(answers)
