unit_test(vm)
