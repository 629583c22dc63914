/* stats/vector.h - doubles in C memory that grow: what large inputs are read into.
 *
 * Rule 1: the values are at `at`, and move when the vector grows.
 * Rule 2: a vector never becomes shorter, so what is within it once stays within. */
#ifndef MOONTIDE_STATS_VECTOR_H
#define MOONTIDE_STATS_VECTOR_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* 2^30 doubles, 8 GiB: more is refused rather than swapped. */
#define VECTOR_COUNT_MAX ((size_t)1 << 30)

/* Where the memory comes from: as lua_Alloc, `after` 0 frees and answers NULL; a refusal answers
 * NULL and leaves the block as it was. */
typedef void *vector_resize_fn(void *data, void *block, size_t before_bytes, size_t after_bytes);

struct vector {
    double *at; /* shape: [count], of which cap fit */
    size_t count, cap;
    vector_resize_fn *resize;
    void *data; /* for resize */
    bool fixed; /* shows another's memory, and cannot grow */
};

void vector_init(struct vector *vector);
/* With memory from somewhere else, which must outlive the vector. */
void vector_init_with(struct vector *vector, vector_resize_fn *resize, void *data);
void vector_done(struct vector *vector);

/* Room for at least `more` values after the last. ERR_NOMEM; ERR_LIMIT: VECTOR_COUNT_MAX;
 * ERR_UNSUPPORTED: it is fixed. */
MUST_CHECK int vector_reserve(struct vector *vector, size_t more);
/* Copies values[count], which are not the vector's own, to the end. Errors as above; then the
 * vector is as it was. */
MUST_CHECK int vector_append(struct vector *vector, const double *values, size_t count);

#endif
