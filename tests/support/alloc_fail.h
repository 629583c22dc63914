/* support/alloc_fail.h - makes the n-th allocation fail, so that a test can fail each in turn.
 *
 * For test executables that are linked by allocations_can_fail() (tests/CMakeLists.txt). Only calls
 * compiled into the test and the core library count; those inside shared libraries do not.
 *
 *   for (unsigned n = 1; n < 1000; n++) {
 *       alloc_fail_at(n);
 *       int code = thing_new(&thing);
 *       if (!alloc_fail_done()) break;      // fewer than n allocations: all were tried
 *       assert_int_equal(code, ERR_NOMEM);
 *   } */
#ifndef MOONTIDE_TESTS_ALLOC_FAIL_H
#define MOONTIDE_TESTS_ALLOC_FAIL_H

#include <stdbool.h>

/* The n-th allocation from now (the first is 1) returns NULL, once. */
void alloc_fail_at(unsigned n);
/* Allocations succeed again. Returns whether one was made to fail. */
bool alloc_fail_done(void);

#endif
