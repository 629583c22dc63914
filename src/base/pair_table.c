/* base/pair_table.c - a hash table of what is kept by two texts. Linear probing; removal shifts
 * back, so that there are no tombstones (Knuth, TAOCP 3, 6.4, algorithm R). */
#include "moontide/base/pair_table.h"

#include "moontide/base/err.h"
#include "moontide/base/hash.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 16 };

uint64_t keyed_hash(const char *first, const char *second)
{
    return hash64(second, strlen(second), hash64(first, strlen(first), 0));
}

struct keyed *table_find(const struct table *table, const char *first, const char *second)
{
    if (table->count == 0) return NULL;
    uint64_t hash = keyed_hash(first, second);
    size_t mask = table->cap - 1;
    for (size_t at = hash & mask; table->slots[at]; at = (at + 1) & mask) {
        struct keyed *item = table->slots[at];
        if (item->hash == hash && strcmp(item->second, second) == 0 &&
            strcmp(item->first, first) == 0)
            return item;
    }
    return NULL;
}

static void place(struct keyed **slots, size_t mask, struct keyed *item)
{
    size_t at = item->hash & mask;
    while (slots[at])
        at = (at + 1) & mask;
    slots[at] = item;
}

int table_reserve(struct table *table)
{
    if ((table->count + 1) * 4 <= table->cap * 3) return OK;
    size_t cap = table->cap ? table->cap * 2 : FIRST_SLOTS;
    struct keyed **slots = calloc(cap, sizeof(struct keyed *));
    if (!slots) return ERR_NOMEM;
    for (size_t i = 0; i < table->cap; i++)
        if (table->slots[i]) place(slots, cap - 1, table->slots[i]);
    free(table->slots);
    table->slots = slots;
    table->cap = cap;
    return OK;
}

void table_insert(struct table *table, struct keyed *item)
{
    assert(table->count < table->cap);
    place(table->slots, table->cap - 1, item);
    table->count++;
}

void table_remove(struct table *table, const struct keyed *item)
{
    size_t mask = table->cap - 1, hole = item->hash & mask;
    while (table->slots[hole] != item) {
        assert(table->slots[hole]);
        hole = (hole + 1) & mask;
    }
    table->slots[hole] = NULL;
    table->count--;
    for (size_t at = (hole + 1) & mask; table->slots[at]; at = (at + 1) & mask) {
        size_t home = table->slots[at]->hash & mask;
        bool reachable = ((at - home) & mask) < ((at - hole) & mask); /* without the hole */
        if (reachable) continue;
        table->slots[hole] = table->slots[at];
        table->slots[at] = NULL;
        hole = at;
    }
}

void table_replace(struct table *table, const void *old, struct keyed *item)
{
    size_t mask = table->cap - 1, at = item->hash & mask;
    while ((const void *)table->slots[at] != old) {
        assert(table->slots[at]);
        at = (at + 1) & mask;
    }
    table->slots[at] = item;
}

void table_done(struct table *table)
{
    free(table->slots);
    *table = (struct table){0};
}
