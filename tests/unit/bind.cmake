unit_test(source)
unit_test(statistic)
unit_test(pretty)
unit_test(config)
