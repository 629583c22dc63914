unit_test(sigv4)
