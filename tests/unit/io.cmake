unit_test(loop)
