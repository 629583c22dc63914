/* stats/vector.h - doubles in C memory that grow: what large inputs are read into.
 *
 * Rule 1: the values are at `at`, and move when the vector grows. */
#ifndef MOONTIDE_STATS_VECTOR_H
#define MOONTIDE_STATS_VECTOR_H

#include "moontide/base/compiler.h"

#include <stddef.h>

/* 2^30 doubles, 8 GiB: more is refused rather than swapped. */
#define VECTOR_COUNT_MAX ((size_t)1 << 30)

struct vector {
    double *at; /* shape: [count], of which cap fit */
    size_t count, cap;
};

void vector_init(struct vector *vector);
void vector_done(struct vector *vector);

/* Room for at least `more` values after the last. ERR_NOMEM; ERR_LIMIT: VECTOR_COUNT_MAX. */
MUST_CHECK int vector_reserve(struct vector *vector, size_t more);
/* Copies values[count] to the end. Errors as above; then the vector is as it was. */
MUST_CHECK int vector_append(struct vector *vector, const double *values, size_t count);

#endif
