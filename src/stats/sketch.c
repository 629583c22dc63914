/* stats/sketch.c - an exponential histogram of fixed scale, for positive values and zero. */
#include "moontide/stats/sketch.h"

#include "moontide/base/err.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOW = -2000, HIGH = 2000 }; /* bucket indexes kept */

struct sketch {
    int scale, low, high; /* buckets [low, high) */
    uint64_t count, zeros;
    uint64_t *at;
};

int sketch_new(int scale, uint32_t buckets_max, struct sketch **out)
{
    (void)buckets_max;
    *out = calloc(1, sizeof **out);
    if (*out) (*out)->scale = scale;
    return *out ? OK : ERR_NOMEM;
}

void sketch_free(struct sketch *sketch)
{
    if (sketch) free(sketch->at);
    free(sketch);
}

static int make_room(struct sketch *sketch, int index)
{
    int low = sketch->at && sketch->low < index ? sketch->low : index - 16;
    int high = sketch->at && sketch->high > index ? sketch->high : index + 16;
    if (sketch->at && low == sketch->low && high == sketch->high) return OK;
    uint64_t *at = calloc((size_t)(high - low), sizeof *at);
    if (!at) return ERR_NOMEM;
    if (sketch->at)
        memcpy(at + (sketch->low - low), sketch->at,
               (size_t)(sketch->high - sketch->low) * sizeof *at);
    free(sketch->at);
    sketch->at = at;
    sketch->low = low;
    sketch->high = high;
    return OK;
}

static int add_to(struct sketch *sketch, int index, uint64_t n)
{
    if (!sketch->at || index < sketch->low || index >= sketch->high) {
        int code = make_room(sketch, index);
        if (code < 0) return code;
    }
    sketch->at[index - sketch->low] += n;
    sketch->count += n;
    return OK;
}

int sketch_add(struct sketch *sketch, double value, uint64_t n)
{
    if (isnan(value)) return ERR_INVALID;
    if (value <= 0) {
        sketch->zeros += n;
        sketch->count += n;
        return OK;
    }
    double index = ceil(log2(value) * (1 << sketch->scale)) - 1;
    return add_to(sketch, (int)fmin(fmax(index, LOW), HIGH), n);
}

int sketch_add_all(struct sketch *sketch, const double *values, size_t count, size_t *at)
{
    (void)at;
    int code = OK;
    for (size_t i = 0; i < count && code == OK; i++)
        code = sketch_add(sketch, values[i], 1);
    return code;
}

double sketch_quantile(const struct sketch *sketch, double q)
{
    if (sketch->count == 0 || !(q >= 0 && q <= 1)) return NAN;
    double rank = q * (double)(sketch->count - 1);
    uint64_t seen = sketch->zeros;
    if ((double)seen > rank) return 0;
    for (int i = sketch->low; i < sketch->high; i++) {
        seen += sketch->at[i - sketch->low];
        if ((double)seen <= rank) continue;
        double low = exp2((double)i / (1 << sketch->scale));
        double high = exp2((double)(i + 1) / (1 << sketch->scale));
        return 2 * low * high / (low + high);
    }
    return NAN;
}

int sketch_merge(struct sketch *into, const struct sketch *from)
{
    int code = OK;
    for (int i = from->low; i < from->high && code == OK; i++)
        if (from->at[i - from->low]) code = add_to(into, i, from->at[i - from->low]);
    into->zeros += from->zeros;
    into->count += from->zeros;
    return code;
}

uint64_t sketch_count(const struct sketch *sketch)
{
    return sketch->count;
}

double sketch_error(const struct sketch *sketch)
{
    double base = exp2(1.0 / (1 << sketch->scale));
    return (base - 1) / (base + 1);
}
