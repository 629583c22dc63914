/* stats/sketch_pages.h - the counters of one sign: pages of neighbouring buckets, made when first
 * needed, so that a few values far apart cost a few pages. Counters have 16, 32 or 64 bits, all of
 * one sign alike, as its whole total needs: then no halving can make one overflow, and sketches of
 * few values, of which thousands may be merged, are small.
 *
 * Rule 1: a bucket's page may exist without a count in it; only buckets with a count are in use.
 * Rule 2: sums of counts cannot overflow: the sketch bounds its whole count first. */
#ifndef MOONTIDE_STATS_SKETCH_PAGES_H
#define MOONTIDE_STATS_SKETCH_PAGES_H

#include "moontide/stats/sketch.h"

#include <stdbool.h>

enum {
    PAGE_BITS = 4,
    PAGE_BUCKETS = 1 << PAGE_BITS,
    /* Pages from the lowest to the highest. Reached only at scale 9 and finer. */
    PAGE_SPAN_MAX = 1 << 16,
};

struct page {
    uint64_t total;
    int32_t number; /* of its first bucket, >> PAGE_BITS */
    uint32_t used;  /* a bit for each bucket with a count */
    /* and PAGE_BUCKETS counters of the pages' width */
};

struct pages {
    unsigned char *at; /* shape: [count], of which cap fit, each of pages_stride() bytes */
    uint32_t count, cap;
    unsigned width;  /* bytes of a counter: 2, 4 or 8; 0: no page was ever made */
    uint64_t limit;  /* the greatest total that no counter of this width can fail to hold */
    uint32_t *slots; /* shape: [slot_cap]; 1 + the place in `at` of page first + i, or 0 */
    uint32_t slot_cap;
    int32_t first;
    int32_t low, high; /* the numbers of the pages at both ends, when there are any */
    uint64_t total;
    uint32_t used; /* buckets with a count */
    size_t bytes;  /* of memory */
};

static inline int32_t page_number(int32_t index)
{
    return index >> PAGE_BITS;
}

static inline size_t pages_stride(unsigned width)
{
    return sizeof(struct page) + (size_t)width * PAGE_BUCKETS;
}

static inline struct page *pages_at(const struct pages *pages, uint32_t i)
{
    return (struct page *)(void *)(pages->at + i * pages_stride(pages->width));
}

static inline bool pages_has(const struct pages *pages, int32_t number)
{
    uint32_t slot = (uint32_t)number - (uint32_t)pages->first;
    return slot < pages->slot_cap && pages->slots[slot] != 0;
}

static inline struct page *pages_find(const struct pages *pages, int32_t number)
{
    uint32_t slot = (uint32_t)number - (uint32_t)pages->first;
    if (slot >= pages->slot_cap || pages->slots[slot] == 0) return NULL;
    return pages_at(pages, pages->slots[slot] - 1);
}

/* Counts one more in a bucket that has a count, with room for it. False: it has none. */
static inline bool pages_count_known(struct pages *pages, struct page *page, int32_t index)
{
    uint32_t bucket = (uint32_t)index % PAGE_BUCKETS;
    void *counts = page + 1;
    uint16_t *two = (uint16_t *)counts + bucket;
    uint32_t *four = (uint32_t *)counts + bucket;
    uint64_t *eight = (uint64_t *)counts + bucket;
    switch (pages->width) {
    case 2:
        if (*two == 0) return false;
        (*two)++;
        break;
    case 4:
        if (*four == 0) return false;
        (*four)++;
        break;
    default:
        if (*eight == 0) return false;
        (*eight)++;
    }
    page->total++;
    pages->total++;
    return true;
}

/* Counts in a page that is there, with room for n more. */
static inline void pages_count(struct pages *pages, struct page *page, int32_t index, uint64_t n)
{
    uint32_t bucket = (uint32_t)index % PAGE_BUCKETS;
    void *counts = page + 1;
    switch (pages->width) {
    case 2: ((uint16_t *)counts)[bucket] = (uint16_t)(((uint16_t *)counts)[bucket] + n); break;
    case 4: ((uint32_t *)counts)[bucket] += (uint32_t)n; break;
    default: ((uint64_t *)counts)[bucket] += n;
    }
    page->total += n;
    pages->total += n;
    if (page->used >> bucket & 1) return;
    page->used |= 1u << bucket;
    pages->used++;
}

void page_read(const struct page *page, unsigned width, uint64_t counts[PAGE_BUCKETS]);
void page_write(struct page *page, unsigned width, const uint64_t counts[PAGE_BUCKETS]);

/* Makes the counters wide enough for n more values. ERR_NOMEM: nothing changed. */
MUST_CHECK int pages_widen(struct pages *pages, const struct sketch_memory *memory, uint64_t n);
/* How many pages lie from the lowest to the highest, with those from low to high; each halved
 * `halvings` times. */
uint32_t pages_span(const struct pages *pages, int32_t low, int32_t high, int halvings);
/* Makes room so that pages_make() cannot fail for `more` pages whose numbers, after `halvings`
 * calls of pages_halve(), are between low and high. ERR_NOMEM: nothing changed. */
MUST_CHECK int pages_reserve(struct pages *pages, const struct sketch_memory *memory, uint32_t more,
                             int32_t low, int32_t high, int halvings);
/* The page of that number, made if need be; room was reserved. */
struct page *pages_make(struct pages *pages, int32_t number);
/* Brings all to the next coarser scale. */
void pages_halve(struct pages *pages);

MUST_CHECK int pages_copy(const struct pages *pages, const struct sketch_memory *memory,
                          struct pages *out);
void pages_clear(struct pages *pages); /* keeps the memory */
void pages_done(struct pages *pages, const struct sketch_memory *memory);

/* Of the buckets with a count: the next one from index on (itself included) upwards or downwards.
 * False: there is none. */
bool pages_next_up(const struct pages *pages, int64_t index, int32_t *out, uint64_t *count);
bool pages_next_down(const struct pages *pages, int64_t index, int32_t *out, uint64_t *count);
/* The bucket of the value number `rank` < total, from 0, the smallest first. */
int32_t pages_at_rank(const struct pages *pages, uint64_t rank);
/* How many values are in buckets below index, and in it. */
uint64_t pages_below(const struct pages *pages, int32_t index, uint64_t *in_it);

#endif
