/* fuzz/target.h - what every fuzz target has: its entry, a statement that must hold, and a copy of
 * the input of exactly its size, so that reading one byte too far is seen. */
#ifndef MOONTIDE_FUZZ_TARGET_H
#define MOONTIDE_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static inline void fuzz_require(int holds)
{
    if (!holds) abort();
}

static inline char *fuzz_copy(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1);
    fuzz_require(copy != NULL);
    if (len) memcpy(copy, bytes, len);
    return copy;
}

/* The same with a zero behind it: for what takes C strings. A zero inside ends it early. */
static inline char *fuzz_text(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);
    fuzz_require(text != NULL);
    if (len) memcpy(text, bytes, len);
    text[len] = '\0';
    return text;
}

/* Cuts the next line off what is left; NULL when nothing is left. The caller frees it. */
static inline char *fuzz_line(const uint8_t **bytes, size_t *len)
{
    if (*len == 0) return NULL;
    const uint8_t *end = memchr(*bytes, '\n', *len);
    size_t n = end ? (size_t)(end - *bytes) : *len;
    char *line = fuzz_text(*bytes, n);
    *bytes += n + (end != NULL);
    *len -= n + (end != NULL);
    return line;
}

#endif
