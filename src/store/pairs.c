/* store/pairs.c - the pairs of texts that a batch's entries name again and again, each kept once.
 */
#include "pairs.h"

#include "moontide/base/err.h"
#include "moontide/base/hash.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_PAIRS = 16 };

static uint64_t hash_of(const char *first, const char *second)
{
    uint64_t hash = first ? hash64(first, strlen(first), 1) : 2;
    return second ? hash64(second, strlen(second), hash) : hash;
}

static bool same_text(const char *texts, size_t offset, const char *text)
{
    if (offset == PAIRS_NO_TEXT || !text) return offset == PAIRS_NO_TEXT && !text;
    return strcmp(texts + offset, text) == 0;
}

static bool same(const struct pair *pair, const char *texts, const char *first, const char *second)
{
    return same_text(texts, pair->first, first) && same_text(texts, pair->second, second);
}

static void put(struct pairs *pairs, uint64_t hash, size_t index)
{
    size_t at = hash & (pairs->slot_count - 1);
    while (pairs->slots[at])
        at = (at + 1) & (pairs->slot_count - 1);
    pairs->slots[at] = (uint32_t)index + 1;
}

/* Room for one more; no more than half of the slots are taken. */
static int reserve(struct pairs *pairs)
{
    if (pairs->count < pairs->cap) return OK;
    size_t cap = pairs->cap ? pairs->cap * 2 : FIRST_PAIRS;
    struct pair *items = realloc(pairs->items, cap * sizeof *items);
    if (!items) return ERR_NOMEM;
    pairs->items = items;
    uint32_t *slots = calloc(2 * cap, sizeof *slots);
    if (!slots) return ERR_NOMEM;
    free(pairs->slots);
    pairs->slots = slots;
    pairs->slot_count = 2 * cap;
    pairs->cap = cap;
    for (size_t i = 0; i < pairs->count; i++)
        put(pairs, pairs->items[i].hash, i);
    return OK;
}

static size_t add_text(struct strbuf *texts, const char *text)
{
    if (!text) return PAIRS_NO_TEXT;
    size_t at = texts->len;
    strbuf_add(texts, text, strlen(text) + 1);
    return at;
}

int pairs_add(struct pairs *pairs, struct strbuf *texts, const char *first, const char *second,
              uint32_t *out)
{
    const char *kept = strbuf_cstr(texts);
    *out = pairs->last;
    if (pairs->count > 0 && same(&pairs->items[pairs->last], kept, first, second)) return OK;
    int code = reserve(pairs);
    if (code < 0) return code;
    uint64_t hash = hash_of(first, second);
    for (size_t at = hash & (pairs->slot_count - 1); pairs->slots[at];
         at = (at + 1) & (pairs->slot_count - 1)) {
        const struct pair *pair = &pairs->items[pairs->slots[at] - 1];
        if (pair->hash != hash || !same(pair, kept, first, second)) continue;
        *out = pairs->last = pairs->slots[at] - 1;
        return OK;
    }
    size_t a = add_text(texts, first), b = add_text(texts, second);
    if (strbuf_status(texts) < 0) return OK; /* the caller sees it: nothing of this is kept */
    pairs->items[pairs->count] = (struct pair){.first = a, .second = b, .hash = hash};
    put(pairs, hash, pairs->count);
    *out = pairs->last = (uint32_t)pairs->count++;
    return OK;
}

void pairs_done(struct pairs *pairs)
{
    free(pairs->items);
    free(pairs->slots);
    *pairs = (struct pairs){0};
}
