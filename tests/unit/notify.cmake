unit_test(matcher)
unit_test(route)
