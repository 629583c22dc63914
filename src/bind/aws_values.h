/* bind/aws_values.h - Lua values as the aws layer sees them: parameters read off the stack, results
 * built on it. */
#ifndef MOONTIDE_SRC_BIND_AWS_VALUES_H
#define MOONTIDE_SRC_BIND_AWS_VALUES_H

#include "moontide/aws/model.h"
#include "moontide/aws/value.h"
#include "moontide/vm/build.h"

enum { READER_DEPTH_MAX = 192 };

struct reader_key {
    const char *text; /* NULL: a key that is no string */
    size_t len;
    int idx; /* of the key on the stack */
};

struct reader_frame {
    int table, top;   /* stack: the table whose keys are walked; where its keys end */
    size_t first, at; /* of `keys` */
};

/* Raw access only: no metamethod runs. What is read is the value on top of the stack. */
struct lua_reader {
    struct value_reader reader; /* first */
    lua_State *L;
    int names_idx;  /* a table that keeps, by address, the strings that members were asked by */
    int marked_idx; /* the metatable of json.array */
    int depth;
    struct reader_key *keys; /* of all open frames, the innermost last */
    size_t key_count, key_cap;
    struct reader_frame frames[READER_DEPTH_MAX];
    int frame_count;
    bool failed; /* memory ended, or it is too deep: what was read is not all */
};

/* Stands on the value at idx; pushes what it needs for itself. Throws. names_idx: such a table; the
 * caller keeps it. Between this and lua_reader_done() nothing may throw. */
void lua_reader_init(struct lua_reader *r, lua_State *L, int idx, int names_idx);
/* Leaves the stack as it was before; throws when it failed. */
void lua_reader_done(struct lua_reader *r);

struct lua_writer {
    struct value_writer writer; /* first */
    struct build build;
    int keys_idx; /* a table that keeps the strings of members, at their index + 1 */
};

/* Pushes what it needs; the result comes on top of it. Throws, as all that the writer does. */
void lua_writer_init(struct lua_writer *w, lua_State *L, int keys_idx);

#endif
