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
};

struct build {
    lua_State *L;
    struct strings *strings;
    int strings_idx; /* of the cache's table */
    int top;         /* the stack's, counted here */
    int room;        /* how far the stack may grow unasked */
    int depth;
    struct build_level levels[BUILD_DEPTH_MAX];
};

/* Pushes one value, the cache's, on L; what is built comes above it. */
void build_init(struct build *b, lua_State *L);

/* A table, as the next value; an empty list is marked as json.array does. */
void build_begin(struct build *b, bool list);
void build_end(struct build *b);
/* The name of the next value, in a table that is no list. build_key_from(): the string at index n
 * of the table at keys_idx, which it puts there when that is nil. */
void build_key(struct build *b, const char *text, size_t len);
void build_key_from(struct build *b, int keys_idx, lua_Integer n, const char *text);

void build_null(struct build *b); /* json.null */
void build_boolean(struct build *b, bool value);
void build_integer(struct build *b, int64_t value);
void build_number(struct build *b, double value);
void build_string(struct build *b, const char *text, size_t len);

#endif
