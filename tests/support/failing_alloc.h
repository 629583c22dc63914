/* support/failing_alloc.h - lets one allocation of the code under test fail.
 *
 * The test is linked with --wrap for malloc, calloc, realloc, strdup and strndup (see
 * failing_alloc() in unit/io.cmake), so that calls from core and from the test come here; those
 * inside shared libraries do not. */
#ifndef MOONTIDE_TESTS_FAILING_ALLOC_H
#define MOONTIDE_TESTS_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* The nth allocation from now (counted from 1) fails, once; 0: none does. */
void alloc_fail_at(int nth);
/* Whether it has come to that since alloc_fail_at(). */
bool alloc_has_failed(void);

/* For libraries that take an allocator. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);

#endif
