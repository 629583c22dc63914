unit_test(metric)
unit_test(series)
