unit_test(vm)
unit_test(budget)
unit_test(task)
