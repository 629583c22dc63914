/* vm/build.h - Lua tables from a stream of values: no tree between, every table made once, at its
 * exact size.
 *
 * The values of an open table wait on the Lua stack; when it ends, the table is made with the room
 * that they take, and filled. A table with very many is begun early and grows.
 *
 * Short texts come again and again (names of fields, "ACTIVE"): each state keeps the strings that
 * it saw twice in a small cache of fixed size, where they are found without Lua's hashing of each
 * byte.
 *
 * All functions may throw (memory, depth). A build owns nothing: who is thrown out of one just
 * forgets it. */
#ifndef MOONTIDE_VM_BUILD_H
#define MOONTIDE_VM_BUILD_H

#include "moontide/vm/vm.h"

enum { BUILD_DEPTH_MAX = 144 /* tables within tables: a document of 128 in an answer */ };

struct strings; /* the cache of a state */

struct build_level {
    int base;         /* where the table is, or will be; its values are above */
    lua_Integer done; /* list: items that are in the table already */
    bool list, made;
    uint16_t key, owner; /* of the level around it, until this one ends */
};

struct build {
    lua_State *L;
    struct strings *strings;
    int strings_idx; /* of the cache's table */
    int array_type_idx;
    int top;  /* the stack's, counted here */
    int room; /* how far the stack may grow unasked */
    int depth;
    uint16_t key;   /* slot + 1 of the last key of this table, or 0 */
    uint16_t owner; /* the same of the key that this table is the value of, or is in the list of */
    struct build_level levels[BUILD_DEPTH_MAX];
};

/* Pushes two values of its own on L; what is built comes above it. */
void build_init(struct build *b, lua_State *L);

/* Whether what comes next is a key, or the end of the table. */
static inline bool build_in_fields(const struct build *b)
{
    return b->depth > 0 && !b->levels[b->depth - 1].list;
}

/* A table, as the next value; an empty list is marked as json.array does. */
void build_begin(struct build *b, bool list);
void build_end(struct build *b);
/* The name of the next value, in a table that is no list. build_key_from(): the string at index n
 * of the table at keys_idx, which it puts there when that is nil. */
void build_key(struct build *b, const char *text, size_t len);
/* The key that came after the last one when it was seen before, plain text (json_plain()), or NULL.
 * When it is the one, build_take_next_key() stands for build_key(). */
const char *build_next_key(struct build *b, size_t *len);
void build_take_next_key(struct build *b);
void build_key_from(struct build *b, int keys_idx, lua_Integer n, const char *text);

void build_null(struct build *b); /* json.null */
void build_boolean(struct build *b, bool value);
void build_integer(struct build *b, int64_t value);
void build_number(struct build *b, double value);
void build_string(struct build *b, const char *text, size_t len);

#endif
