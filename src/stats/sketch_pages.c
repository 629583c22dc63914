/* stats/sketch_pages.c - counters in pages, found by a table of slots around the pages in use. */
#include "sketch_pages.h"

#include <string.h>

enum { PAGES_FIRST = 8, SLOTS_FIRST = 32 };

/* ---- counters of three widths ---- */

void page_read(const struct page *page, unsigned width, uint64_t counts[PAGE_BUCKETS])
{
    const void *from = page + 1;
    for (size_t i = 0; i < PAGE_BUCKETS; i++)
        counts[i] = width == 2   ? ((const uint16_t *)from)[i]
                    : width == 4 ? ((const uint32_t *)from)[i]
                                 : ((const uint64_t *)from)[i];
}

void page_write(struct page *page, unsigned width, const uint64_t counts[PAGE_BUCKETS])
{
    void *to = page + 1;
    for (size_t i = 0; i < PAGE_BUCKETS; i++) {
        if (width == 2)
            ((uint16_t *)to)[i] = (uint16_t)counts[i];
        else if (width == 4)
            ((uint32_t *)to)[i] = (uint32_t)counts[i];
        else
            ((uint64_t *)to)[i] = counts[i];
    }
}

static void note_bytes(struct pages *pages)
{
    pages->bytes = pages->cap * pages_stride(pages->width) + pages->slot_cap * sizeof *pages->slots;
}

static int rewrite(struct pages *pages, const struct sketch_memory *memory, unsigned width)
{
    size_t before = pages->cap * pages_stride(pages->width);
    unsigned char *at = memory->resize(memory->data, NULL, 0, pages->cap * pages_stride(width));
    if (!at) return ERR_NOMEM;
    for (uint32_t i = 0; i < pages->count; i++) {
        uint64_t counts[PAGE_BUCKETS];
        const struct page *from = pages_at(pages, i);
        struct page *to = (struct page *)(void *)(at + i * pages_stride(width));
        *to = *from;
        page_read(from, pages->width, counts);
        page_write(to, width, counts);
    }
    memory->resize(memory->data, pages->at, before, 0);
    pages->at = at;
    return 0;
}

int pages_widen(struct pages *pages, const struct sketch_memory *memory, uint64_t n)
{
    uint64_t total = pages->total + n;
    if (total <= pages->limit) return 0;
    unsigned width = total <= UINT16_MAX ? 2 : total <= UINT32_MAX ? 4 : 8;
    int code = pages->at ? rewrite(pages, memory, width) : 0;
    if (code < 0) return code;
    pages->width = width;
    pages->limit = UINT64_MAX >> (64 - 8 * width);
    note_bytes(pages);
    return 0;
}

/* ---- where pages are ---- */

static int32_t at_least(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t at_most(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

uint32_t pages_span(const struct pages *pages, int32_t low, int32_t high, int halvings)
{
    if (pages->count > 0) {
        low = at_most(low, pages->low >> halvings);
        high = at_least(high, pages->high >> halvings);
    }
    return (uint32_t)high - (uint32_t)low + 1;
}

static int reserve_pages(struct pages *pages, const struct sketch_memory *memory, uint32_t more)
{
    uint32_t needed = pages->count + more;
    if (needed <= pages->cap) return 0;
    uint32_t cap = pages->cap + pages->cap / 2;
    if (cap < needed) cap = needed;
    if (cap < PAGES_FIRST) cap = PAGES_FIRST;
    size_t stride = pages_stride(pages->width);
    void *at = memory->resize(memory->data, pages->at, pages->cap * stride, cap * stride);
    if (!at) return ERR_NOMEM;
    pages->at = at;
    pages->cap = cap;
    return 0;
}

static int reserve_slots(struct pages *pages, const struct sketch_memory *memory, uint32_t span)
{
    if (span <= pages->slot_cap) return 0;
    uint32_t cap = span + span / 2;
    if (cap < SLOTS_FIRST) cap = SLOTS_FIRST;
    uint32_t *slots = memory->resize(memory->data, pages->slots, pages->slot_cap * sizeof *slots,
                                     cap * sizeof *slots);
    if (!slots) return ERR_NOMEM;
    memset(slots + pages->slot_cap, 0, (cap - pages->slot_cap) * sizeof *slots);
    pages->slots = slots;
    pages->slot_cap = cap;
    return 0;
}

int pages_reserve(struct pages *pages, const struct sketch_memory *memory, uint32_t more,
                  int32_t low, int32_t high, int halvings)
{
    int code = reserve_pages(pages, memory, more);
    if (code == 0) code = reserve_slots(pages, memory, pages_span(pages, low, high, halvings));
    note_bytes(pages);
    return code;
}

/* Moves the table of slots so that all pages and this number lie within, in the middle. */
static void move_slots(struct pages *pages, int32_t number)
{
    if (pages->count == 0) {
        pages->first = number - (int32_t)(pages->slot_cap / 2);
        pages->low = pages->high = number;
        return;
    }
    int32_t low = at_most(pages->low, number);
    uint32_t span = pages_span(pages, number, number, 0);
    int32_t first = low - (int32_t)((pages->slot_cap - span) / 2);
    uint32_t kept = (uint32_t)(pages->high - pages->low) + 1;
    uint32_t from = (uint32_t)(pages->low - pages->first), to = (uint32_t)(pages->low - first);
    memmove(pages->slots + to, pages->slots + from, kept * sizeof *pages->slots);
    memset(pages->slots, 0, to * sizeof *pages->slots);
    memset(pages->slots + to + kept, 0, (pages->slot_cap - to - kept) * sizeof *pages->slots);
    pages->first = first;
}

struct page *pages_make(struct pages *pages, int32_t number)
{
    struct page *page = pages_find(pages, number);
    if (page) return page;
    if (pages->count == 0 || (uint32_t)number - (uint32_t)pages->first >= pages->slot_cap)
        move_slots(pages, number);
    pages->low = at_most(pages->low, number);
    pages->high = at_least(pages->high, number);
    page = pages_at(pages, pages->count++);
    memset(page, 0, pages_stride(pages->width));
    page->number = number;
    pages->slots[number - pages->first] = pages->count;
    return page;
}

/* ---- halving ---- */

/* Folds a page into the half of `into` (which may be itself) that it becomes. */
static void fold(struct pages *pages, struct page *into, const struct page *page)
{
    uint64_t counts[PAGE_BUCKETS], folded[PAGE_BUCKETS] = {0};
    uint32_t offset = (uint32_t)page->number % 2 * (PAGE_BUCKETS / 2);
    page_read(page, pages->width, counts);
    pages->used -= (uint32_t)__builtin_popcount(page->used);
    if (into == page) {
        into->number >>= 1;
        into->used = 0;
    } else {
        into->total += page->total;
        page_read(into, pages->width, folded);
    }
    for (uint32_t i = 0; i < PAGE_BUCKETS; i++) {
        uint32_t bit = 1u << (offset + i / 2);
        if (counts[i] == 0) continue;
        if (!(into->used & bit)) pages->used++;
        folded[offset + i / 2] += counts[i];
        into->used |= bit;
    }
    page_write(into, pages->width, folded);
}

/* Closes the gaps of pages without a count. */
static void compact(struct pages *pages)
{
    uint32_t kept = 0;
    memset(pages->slots, 0, pages->slot_cap * sizeof *pages->slots);
    for (uint32_t i = 0; i < pages->count; i++) {
        const struct page *page = pages_at(pages, i);
        int32_t number = page->number;
        if (page->total == 0) continue;
        pages->low = kept ? at_most(pages->low, number) : number;
        pages->high = kept ? at_least(pages->high, number) : number;
        if (kept != i) memcpy(pages_at(pages, kept), page, pages_stride(pages->width));
        kept++;
        pages->slots[number - pages->first] = kept;
    }
    pages->count = kept;
}

void pages_halve(struct pages *pages)
{
    int32_t first = pages->first >> 1;
    if (pages->count == 0) return;
    for (uint32_t i = 0; i < pages->slot_cap; i++) {
        uint32_t slot = pages->slots[i];
        if (slot == 0) continue;
        struct page *page = pages_at(pages, slot - 1);
        uint32_t *to = pages->slots + ((page->number >> 1) - first); /* never beyond i */
        pages->slots[i] = 0;
        if (*to == 0) {
            *to = slot;
            fold(pages, page, page);
            continue;
        }
        fold(pages, pages_at(pages, *to - 1), page);
        page->total = 0;
    }
    pages->first = first;
    compact(pages);
}

/* ---- whole ---- */

int pages_copy(const struct pages *pages, const struct sketch_memory *memory, struct pages *out)
{
    *out = (struct pages){0};
    if (pages->count == 0) return 0;
    int code = pages_widen(out, memory, pages->total);
    if (code == 0) code = pages_reserve(out, memory, pages->count, pages->low, pages->high, 0);
    if (code < 0) {
        pages_done(out, memory);
        return code;
    }
    for (uint32_t i = 0; i < pages->count; i++) {
        uint64_t counts[PAGE_BUCKETS];
        const struct page *from = pages_at(pages, i);
        struct page *to = pages_make(out, from->number);
        page_read(from, pages->width, counts);
        *to = *from;
        page_write(to, out->width, counts);
    }
    out->total = pages->total;
    out->used = pages->used;
    return 0;
}

void pages_clear(struct pages *pages)
{
    if (pages->slots) memset(pages->slots, 0, pages->slot_cap * sizeof *pages->slots);
    pages->count = 0;
    pages->total = 0;
    pages->used = 0;
}

void pages_done(struct pages *pages, const struct sketch_memory *memory)
{
    if (pages->at)
        memory->resize(memory->data, pages->at, pages->cap * pages_stride(pages->width), 0);
    if (pages->slots)
        memory->resize(memory->data, pages->slots, pages->slot_cap * sizeof *pages->slots, 0);
    *pages = (struct pages){0};
}
