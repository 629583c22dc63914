/* stats/sketch_walk.c - the buckets of one sign in order, page by page. */
#include "sketch_pages.h"

static uint64_t count_in(const struct pages *pages, const struct page *page, uint32_t bucket)
{
    const void *counts = page + 1;
    switch (pages->width) {
    case 2: return ((const uint16_t *)counts)[bucket];
    case 4: return ((const uint32_t *)counts)[bucket];
    default: return ((const uint64_t *)counts)[bucket];
    }
}

bool pages_next_up(const struct pages *pages, int64_t index, int32_t *out, uint64_t *count)
{
    if (pages->count == 0) return false;
    int64_t lowest = (int64_t)pages->low * PAGE_BUCKETS;
    if (index < lowest) index = lowest;
    for (int64_t number = index >> PAGE_BITS; number <= pages->high; number++) {
        const struct page *page = pages_find(pages, (int32_t)number);
        uint32_t from = number == index >> PAGE_BITS ? (uint32_t)index % PAGE_BUCKETS : 0;
        uint32_t used = page ? page->used >> from << from : 0;
        if (used == 0) continue;
        uint32_t bucket = (uint32_t)__builtin_ctz(used);
        *out = (int32_t)(number * PAGE_BUCKETS + bucket);
        *count = count_in(pages, page, bucket);
        return true;
    }
    return false;
}

bool pages_next_down(const struct pages *pages, int64_t index, int32_t *out, uint64_t *count)
{
    if (pages->count == 0) return false;
    int64_t highest = (int64_t)pages->high * PAGE_BUCKETS + PAGE_BUCKETS - 1;
    if (index > highest) index = highest;
    for (int64_t number = index >> PAGE_BITS; number >= pages->low; number--) {
        const struct page *page = pages_find(pages, (int32_t)number);
        uint32_t to =
            number == index >> PAGE_BITS ? (uint32_t)index % PAGE_BUCKETS : PAGE_BUCKETS - 1;
        uint32_t used = page ? page->used & ((2u << to) - 1) : 0;
        if (used == 0) continue;
        uint32_t bucket = 31 - (uint32_t)__builtin_clz(used);
        *out = (int32_t)(number * PAGE_BUCKETS + bucket);
        *count = count_in(pages, page, bucket);
        return true;
    }
    return false;
}

static int32_t rank_from_below(const struct pages *pages, uint64_t rank)
{
    const uint32_t *slot = pages->slots + (pages->low - pages->first);
    for (;; slot++) {
        if (*slot == 0) continue;
        const struct page *page = pages_at(pages, *slot - 1);
        if (rank >= page->total) {
            rank -= page->total;
            continue;
        }
        uint32_t bucket = 0;
        for (uint64_t n; rank >= (n = count_in(pages, page, bucket)); bucket++)
            rank -= n;
        return page->number * PAGE_BUCKETS + (int32_t)bucket;
    }
}

static int32_t rank_from_above(const struct pages *pages, uint64_t rank)
{
    const uint32_t *slot = pages->slots + (pages->high - pages->first);
    for (;; slot--) {
        if (*slot == 0) continue;
        const struct page *page = pages_at(pages, *slot - 1);
        if (rank >= page->total) {
            rank -= page->total;
            continue;
        }
        uint32_t bucket = PAGE_BUCKETS - 1;
        for (uint64_t n; rank >= (n = count_in(pages, page, bucket)); bucket--)
            rank -= n;
        return page->number * PAGE_BUCKETS + (int32_t)bucket;
    }
}

int32_t pages_at_rank(const struct pages *pages, uint64_t rank)
{
    if (rank < pages->total / 2) return rank_from_below(pages, rank);
    return rank_from_above(pages, pages->total - 1 - rank);
}

uint64_t pages_below(const struct pages *pages, int32_t index, uint64_t *in_it)
{
    *in_it = 0;
    uint64_t below = 0;
    if (pages->count == 0) return 0;
    int32_t own = page_number(index);
    for (int32_t number = pages->low; number < own && number <= pages->high; number++) {
        const struct page *page = pages_find(pages, number);
        if (page) below += page->total;
    }
    const struct page *page = pages_find(pages, own);
    if (!page) return below;
    uint32_t bucket = (uint32_t)index % PAGE_BUCKETS;
    for (uint32_t i = 0; i < bucket; i++)
        below += count_in(pages, page, i);
    *in_it = count_in(pages, page, bucket);
    return below;
}
