/* stats/sketch.c - a sketch as a whole, and single values into it. */
#include "moontide/stats/sketch.h"

#include "sketch_state.h"

#include <math.h>
#include <stdlib.h>

static void *resize_malloc(void *data, void *block, size_t before, size_t after)
{
    (void)data;
    (void)before;
    if (after > 0) return realloc(block, after);
    free(block);
    return NULL;
}

int sketch_new(int scale, uint32_t buckets_max, struct sketch **out)
{
    return sketch_new_in(NULL, scale, buckets_max, out);
}

int sketch_new_in(const struct sketch_memory *memory, int scale, uint32_t buckets_max,
                  struct sketch **out)
{
    static const struct sketch_memory standard = {.resize = resize_malloc};
    if (!memory) memory = &standard;
    if (buckets_max == 0) buckets_max = SKETCH_BUCKETS_DEFAULT;
    if (scale < SKETCH_SCALE_MIN || scale > SKETCH_SCALE_MAX || buckets_max < SKETCH_BUCKETS_MIN ||
        buckets_max > SKETCH_BUCKETS_MAX)
        return ERR_INVALID;
    struct sketch *sketch = memory->resize(memory->data, NULL, 0, sizeof *sketch);
    if (!sketch) return ERR_NOMEM;
    *sketch = (struct sketch){.memory = *memory, .scale_new = scale, .buckets_max = buckets_max};
    sketch_reset(sketch);
    *out = sketch;
    return OK;
}

void sketch_free(struct sketch *sketch)
{
    if (!sketch) return;
    struct sketch_memory memory = sketch->memory;
    for (int side = 0; side < SIDES; side++)
        pages_done(&sketch->sides[side], &memory);
    memory.resize(memory.data, sketch, sizeof *sketch, 0);
}

int sketch_copy(const struct sketch *sketch, struct sketch **out)
{
    struct sketch *copy = NULL;
    int code = sketch_new_in(&sketch->memory, sketch->scale_new, sketch->buckets_max, &copy);
    if (code < 0) return code;
    *copy = *sketch;
    copy->sides[SIDE_NEGATIVE] = (struct pages){0};
    code = pages_copy(&sketch->sides[SIDE_POSITIVE], &sketch->memory, &copy->sides[SIDE_POSITIVE]);
    if (code == OK)
        code =
            pages_copy(&sketch->sides[SIDE_NEGATIVE], &sketch->memory, &copy->sides[SIDE_NEGATIVE]);
    if (code < 0) {
        sketch_free(copy);
        return code;
    }
    *out = copy;
    return OK;
}

void sketch_reset(struct sketch *sketch)
{
    sketch->scale = sketch->scale_new;
    sketch->count = sketch->zeros = 0;
    sketch->min = INFINITY;
    sketch->max = -INFINITY;
    sketch->sum = (struct exact_sum){0};
    for (int side = 0; side < SIDES; side++)
        pages_clear(&sketch->sides[side]);
}

size_t sketch_bytes(const struct sketch *sketch)
{
    return sizeof *sketch + sketch->sides[SIDE_POSITIVE].bytes + sketch->sides[SIDE_NEGATIVE].bytes;
}

/* ---- resolution ---- */

void sketch_halve(struct sketch *sketch)
{
    for (int side = 0; side < SIDES; side++)
        pages_halve(&sketch->sides[side]);
    sketch->scale--;
}

void sketch_keep_cap(struct sketch *sketch)
{
    while (sketch->sides[SIDE_POSITIVE].used > sketch->buckets_max ||
           sketch->sides[SIDE_NEGATIVE].used > sketch->buckets_max)
        sketch_halve(sketch);
}

double sketch_error(const struct sketch *sketch)
{
    /* (base - 1) / (base + 1) with base = 2^(2^-scale), without cancellation */
    static const double HALF_LN2 = 0.34657359027997264;
    return tanh(ldexp(HALF_LN2, -sketch->scale));
}

/* ---- single values ---- */

/* Makes the page of a bucket that has none; where the pages would lie too far apart, at a coarser
 * scale. *index follows. */
static COLD int make_page(struct sketch *sketch, struct pages *side, int32_t *index,
                          struct page **out)
{
    int32_t number = page_number(*index);
    int halvings = 0;
    while (pages_span(side, number >> halvings, number >> halvings, halvings) > PAGE_SPAN_MAX)
        halvings++;
    number >>= halvings;
    int code = pages_reserve(side, &sketch->memory, 1, number, number, halvings);
    if (code < 0) return code;
    for (int i = 0; i < halvings; i++)
        sketch_halve(sketch);
    *index >>= halvings;
    *out = pages_make(side, number);
    return OK;
}

bool sketch_add_known(struct sketch *sketch, double value)
{
    uint64_t bits = sketch_bits(value), magnitude = bits & ~SKETCH_SIGN;
    if (sketch->scale > SKETCH_TABLE_SCALE || sketch->count == UINT64_MAX ||
        magnitude - SKETCH_NORMAL >= SKETCH_INFINITE - SKETCH_NORMAL)
        return false;
    struct pages *side = &sketch->sides[bits >> 63];
    int32_t index = sketch_key_index(sketch_key(magnitude), sketch->scale);
    struct page *page = pages_find(side, page_number(index));
    if (!page || side->total == side->limit || !pages_count_known(side, page, index)) return false;
    sketch->count++;
    if (value < sketch->min) sketch->min = value;
    if (value > sketch->max) sketch->max = value;
    exact_sum_add_normal(&sketch->sum, value);
    return true;
}

int sketch_add(struct sketch *sketch, double value, uint64_t n)
{
    uint64_t bits = sketch_bits(value), magnitude = bits & ~SKETCH_SIGN;
    if (magnitude >= SKETCH_INFINITE) return ERR_INVALID;
    if (n > UINT64_MAX - sketch->count) return ERR_LIMIT;
    if (n == 0) return OK;
    if (magnitude == 0) {
        value = 0;
        sketch->zeros += n;
    } else {
        struct pages *side = &sketch->sides[bits >> 63];
        if (n > side->limit - side->total) {
            int code = pages_widen(side, &sketch->memory, n);
            if (code < 0) return code;
        }
        int32_t index = sketch_index(magnitude, sketch->scale);
        struct page *page = pages_find(side, page_number(index));
        if (!page) {
            int code = make_page(sketch, side, &index, &page);
            if (code < 0) return code;
        }
        pages_count(side, page, index, n);
        if (side->used > sketch->buckets_max) sketch_keep_cap(sketch);
    }
    sketch->count += n;
    if (value < sketch->min) sketch->min = value;
    if (value > sketch->max) sketch->max = value;
    if (n == 1 && magnitude >= SKETCH_NORMAL)
        exact_sum_add_normal(&sketch->sum, value);
    else
        exact_sum_add(&sketch->sum, value, n);
    return OK;
}

/* ---- facts ---- */

uint64_t sketch_count(const struct sketch *sketch)
{
    return sketch->count;
}

uint64_t sketch_zeros(const struct sketch *sketch)
{
    return sketch->zeros;
}

double sketch_sum(const struct sketch *sketch)
{
    return exact_sum_value(&sketch->sum);
}

double sketch_min(const struct sketch *sketch)
{
    return sketch->count ? sketch->min : NAN;
}

double sketch_max(const struct sketch *sketch)
{
    return sketch->count ? sketch->max : NAN;
}

double sketch_mean(const struct sketch *sketch)
{
    if (sketch->count == 0) return NAN;
    /* Rounded twice, it could come to lie an ulp outside. */
    return fmin(fmax(exact_sum_mean(&sketch->sum, sketch->count), sketch->min), sketch->max);
}

int sketch_scale(const struct sketch *sketch)
{
    return sketch->scale;
}

uint32_t sketch_buckets_max(const struct sketch *sketch)
{
    return sketch->buckets_max;
}
