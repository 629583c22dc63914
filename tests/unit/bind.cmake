unit_test(source)
unit_test(statistic)
