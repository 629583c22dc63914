/* stats/vector.c - a row of doubles that doubles its room. */
#include "moontide/stats/vector.h"

#include "moontide/base/err.h"

#include <stdlib.h>
#include <string.h>

enum { CAP_MIN = 16 };

void vector_init(struct vector *vector)
{
    *vector = (struct vector){0};
}

void vector_done(struct vector *vector)
{
    free(vector->at);
    vector_init(vector);
}

int vector_reserve(struct vector *vector, size_t more)
{
    if (more <= vector->cap - vector->count) return OK;
    if (more > VECTOR_COUNT_MAX - vector->count) return ERR_LIMIT;
    size_t cap = vector->cap ? vector->cap : CAP_MIN;
    while (cap < vector->count + more)
        cap *= 2;
    double *at = realloc(vector->at, cap * sizeof *at);
    if (!at) return ERR_NOMEM;
    vector->at = at;
    vector->cap = cap;
    return OK;
}

int vector_append(struct vector *vector, const double *values, size_t count)
{
    if (count == 0) return OK;
    int rc = vector_reserve(vector, count);
    if (rc < 0) return rc;
    memcpy(vector->at + vector->count, values, count * sizeof *values);
    vector->count += count;
    return OK;
}
