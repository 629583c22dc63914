/* stats/sketch_pages.c - counters in pages, found by a table of slots around the pages in use. */
#include "sketch_pages.h"

#include <string.h>

enum { PAGES_FIRST = 8, SLOTS_FIRST = 32 };

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
    struct page *at =
        memory->resize(memory->data, pages->at, pages->cap * sizeof *at, cap * sizeof *at);
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
    if (code < 0) return code;
    return reserve_slots(pages, memory, pages_span(pages, low, high, halvings));
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
    page = pages->at + pages->count++;
    *page = (struct page){.number = number};
    pages->slots[number - pages->first] = pages->count;
    return page;
}

/* ---- halving ---- */

/* Folds a page into the half of `into` (which may be itself) that it becomes. */
static void fold(struct pages *pages, struct page *into, const struct page *page)
{
    struct page folded = *page;
    uint32_t offset = (uint32_t)page->number % 2 * (PAGE_BUCKETS / 2);
    pages->used -= (uint32_t)__builtin_popcount(into->used);
    if (into == page)
        *into = (struct page){.number = page->number >> 1};
    else
        pages->used -= (uint32_t)__builtin_popcount(page->used);
    into->total += folded.total;
    for (uint32_t i = 0; i < PAGE_BUCKETS; i++) {
        if (folded.counts[i] == 0) continue;
        into->counts[offset + i / 2] += folded.counts[i];
        into->used |= 1u << (offset + i / 2);
    }
    pages->used += (uint32_t)__builtin_popcount(into->used);
}

/* Closes the gaps of pages without a count. */
static void compact(struct pages *pages)
{
    uint32_t kept = 0;
    memset(pages->slots, 0, pages->slot_cap * sizeof *pages->slots);
    for (uint32_t i = 0; i < pages->count; i++) {
        int32_t number = pages->at[i].number;
        if (pages->at[i].total == 0) continue;
        pages->low = kept ? at_most(pages->low, number) : number;
        pages->high = kept ? at_least(pages->high, number) : number;
        pages->at[kept++] = pages->at[i];
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
        struct page *page = pages->at + slot - 1;
        uint32_t *to = pages->slots + ((page->number >> 1) - first); /* never beyond i */
        pages->slots[i] = 0;
        if (*to == 0) {
            *to = slot;
            fold(pages, page, page);
            continue;
        }
        fold(pages, pages->at + *to - 1, page);
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
    int code = pages_reserve(out, memory, pages->count, pages->low, pages->high, 0);
    if (code < 0) {
        pages_done(out, memory);
        return code;
    }
    for (uint32_t i = 0; i < pages->count; i++) {
        struct page *page = pages_make(out, pages->at[i].number);
        *page = pages->at[i];
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
    if (pages->at) memory->resize(memory->data, pages->at, pages->cap * sizeof *pages->at, 0);
    if (pages->slots)
        memory->resize(memory->data, pages->slots, pages->slot_cap * sizeof *pages->slots, 0);
    *pages = (struct pages){0};
}

size_t pages_bytes(const struct pages *pages)
{
    return pages->cap * sizeof *pages->at + pages->slot_cap * sizeof *pages->slots;
}
