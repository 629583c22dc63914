/* stats/vector.c - growth by doubling. */
#include "moontide/stats/vector.h"

#include "moontide/base/err.h"

#include <stdlib.h>
#include <string.h>

enum { CAP_MIN = 16 };

static void *resize_malloced(void *data, void *block, size_t before_bytes, size_t after_bytes)
{
    (void)data;
    (void)before_bytes;
    if (after_bytes > 0) return realloc(block, after_bytes);
    free(block);
    return NULL;
}

void vector_init(struct vector *vector)
{
    vector_init_with(vector, resize_malloced, NULL);
}

void vector_init_with(struct vector *vector, vector_resize_fn *resize, void *data)
{
    *vector = (struct vector){.resize = resize, .data = data};
}

void vector_done(struct vector *vector)
{
    if (vector->at && !vector->fixed)
        vector->resize(vector->data, vector->at, vector->cap * sizeof *vector->at, 0);
    vector_init_with(vector, vector->resize, vector->data);
}

static bool set_cap(struct vector *vector, size_t cap)
{
    double *at =
        vector->resize(vector->data, vector->at, vector->cap * sizeof *at, cap * sizeof *at);
    if (!at) return false;
    vector->at = at;
    vector->cap = cap;
    return true;
}

int vector_reserve(struct vector *vector, size_t more)
{
    if (vector->fixed) return ERR_UNSUPPORTED;
    if (more <= vector->cap - vector->count) return OK;
    if (more > VECTOR_COUNT_MAX - vector->count) return ERR_LIMIT;
    size_t least = vector->count + more, cap = vector->cap ? 2 * vector->cap : CAP_MIN;
    if (cap <= least) return set_cap(vector, least) ? OK : ERR_NOMEM;
    /* Near a cap of memory a little more may fit where the double does not. */
    return set_cap(vector, cap) || set_cap(vector, least + least / 16) ? OK : ERR_NOMEM;
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
