/* stats/sketch_merge.c - one sketch's counts into another. */
#include "moontide/stats/sketch.h"

#include "sketch_state.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

static uint32_t span_of_both(const struct sketch *a, const struct sketch *b, int side, int scale)
{
    const struct pages *x = &a->sides[side], *y = &b->sides[side];
    if (y->count == 0) return 0;
    int halvings = b->scale - scale;
    return pages_span(x, y->low >> halvings, y->high >> halvings, a->scale - scale);
}

/* The finest scale at which both can be counted in one table of pages. */
static int common_scale(const struct sketch *a, const struct sketch *b)
{
    int scale = a->scale < b->scale ? a->scale : b->scale;
    while (span_of_both(a, b, SIDE_POSITIVE, scale) > PAGE_SPAN_MAX ||
           span_of_both(a, b, SIDE_NEGATIVE, scale) > PAGE_SPAN_MAX)
        scale--;
    return scale;
}

static int reserve_for(struct pages *into, const struct sketch_memory *memory,
                       const struct pages *from)
{
    uint32_t more = 0;
    if (from->count == 0) return OK;
    int code = pages_widen(into, memory, from->total);
    if (code < 0) return code;
    size_t stride = pages_stride(from->width);
    const unsigned char *at = from->at, *end = at + from->count * stride;
    for (; at != end; at += stride)
        more += !pages_has(into, ((const struct page *)(const void *)at)->number);
    if (more == 0) return OK;
    return pages_reserve(into, memory, more, from->low, from->high, 0);
}

ALWAYS_INLINE void add_counts(struct page *to, unsigned to_width, const struct page *from,
                              unsigned width)
{
    void *into = to + 1;
    const void *what = from + 1;
    if (to_width == 4 && width == 2) {
        for (size_t i = 0; i < PAGE_BUCKETS; i++)
            ((uint32_t *)into)[i] += ((const uint16_t *)what)[i];
    } else if (to_width == 4 && width == 4) {
        for (size_t i = 0; i < PAGE_BUCKETS; i++)
            ((uint32_t *)into)[i] += ((const uint32_t *)what)[i];
    } else {
        uint64_t sums[PAGE_BUCKETS], counts[PAGE_BUCKETS];
        page_read(to, to_width, sums);
        page_read(from, width, counts);
        for (size_t i = 0; i < PAGE_BUCKETS; i++)
            sums[i] += counts[i];
        page_write(to, to_width, sums);
    }
}

/* With constant widths all of a page is a few vectors. Pages are mostly there already. */
ALWAYS_INLINE void add_pages_of(struct pages *into, unsigned to_width, const struct pages *from,
                                unsigned width)
{
    size_t stride = pages_stride(width);
    const unsigned char *at = from->at, *end = at + from->count * stride;
    for (; at != end; at += stride) {
        const struct page *page = (const struct page *)(const void *)at;
        struct page *to = pages_find(into, page->number);
        if (!to) to = pages_make(into, page->number);
        add_counts(to, to_width, page, width);
        to->total += page->total;
        uint32_t fresh = page->used & ~to->used;
        if (fresh == 0) continue;
        into->used += (uint32_t)__builtin_popcount(fresh);
        to->used |= fresh;
    }
    into->total += from->total;
}

/* The widths that two sketches mostly have are constants. */
static void add_pages(struct pages *into, const struct pages *from)
{
    if (from->count == 0) return;
    if (into->width == 4 && from->width == 2)
        add_pages_of(into, 4, from, 2);
    else if (into->width == 4 && from->width == 4)
        add_pages_of(into, 4, from, 4);
    else
        add_pages_of(into, into->width, from, from->width);
}

/* Both at one scale at which their pages fit together. */
static int merge_equal(struct sketch *into, const struct sketch *from)
{
    for (int side = 0; side < SIDES; side++) {
        int code = reserve_for(&into->sides[side], &into->memory, &from->sides[side]);
        if (code < 0) return code;
    }
    for (int side = 0; side < SIDES; side++)
        add_pages(&into->sides[side], &from->sides[side]);
    into->count += from->count;
    into->zeros += from->zeros;
    if (from->min < into->min) into->min = from->min;
    if (from->max > into->max) into->max = from->max;
    exact_sum_merge(&into->sum, &from->sum);
    if (from->buckets_max < into->buckets_max) into->buckets_max = from->buckets_max;
    sketch_keep_cap(into);
    return OK;
}

/* A copy at a coarser scale. */
static int coarser(const struct sketch *sketch, int scale, struct sketch **out)
{
    int code = sketch_copy(sketch, out);
    if (code < 0) return code;
    while ((*out)->scale > scale)
        sketch_halve(*out);
    return OK;
}

/* On copies, so that a failure leaves both as they were. */
static int merge_mixed(struct sketch *into, const struct sketch *from, int scale)
{
    struct sketch *whole = NULL, *part = NULL;
    int code = coarser(into, scale, &whole);
    if (code == OK) code = coarser(from, scale, &part);
    if (code == OK) code = merge_equal(whole, part);
    if (code == OK) {
        struct sketch old = *into;
        *into = *whole;
        *whole = old;
    }
    sketch_free(whole);
    sketch_free(part);
    return code;
}

int sketch_merge(struct sketch *into, const struct sketch *from)
{
    if (from->count > UINT64_MAX - into->count) return ERR_LIMIT;
    int scale = common_scale(into, from);
    if (into == from || scale != into->scale || scale != from->scale)
        return merge_mixed(into, from, scale);
    return merge_equal(into, from);
}
