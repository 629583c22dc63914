/* base/pair_table.h - a hash table of what is kept by two texts: (policy, target), mostly.
 *
 * Open addressing over pointers; an object begins with a struct keyed. The table owns nothing. */
#ifndef MOONTIDE_BASE_PAIR_TABLE_H
#define MOONTIDE_BASE_PAIR_TABLE_H

#include "moontide/base/compiler.h"

#include <stddef.h>
#include <stdint.h>

struct keyed {
    uint64_t hash; /* keyed_hash(first, second) */
    const char *first, *second;
};

/* Plain data; zero-initialised it is empty. Walk slots[0..cap) and skip the NULLs. */
struct table {
    struct keyed **slots;
    size_t count, cap; /* cap is a power of two, or 0 */
};

uint64_t keyed_hash(const char *first, const char *second);
struct keyed *table_find(const struct table *table, const char *first, const char *second);
/* Room for one more, so that the insert cannot fail. ERR_NOMEM. */
MUST_CHECK int table_reserve(struct table *table);
void table_insert(struct table *table, struct keyed *item); /* not there yet; room was reserved */
void table_remove(struct table *table, const struct keyed *item);
/* The object moved in memory (realloc): `old` is its former address, not looked into. */
void table_replace(struct table *table, const void *old, struct keyed *item);
void table_done(struct table *table);

#endif
