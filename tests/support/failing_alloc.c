/* support/failing_alloc.c - lets one allocation of the code under test fail. */
#include "support/failing_alloc.h"

#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);

static int countdown;
static bool failed;

void alloc_fail_at(int nth)
{
    countdown = nth;
    failed = false;
}

bool alloc_has_failed(void)
{
    return failed;
}

static bool now(void)
{
    if (countdown == 0 || --countdown > 0) return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return now() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

char *__wrap_strndup(const char *text, size_t max)
{
    size_t len = strnlen(text, max);
    char *copy = __wrap_malloc(len + 1);
    if (!copy) return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}
