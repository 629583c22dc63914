/* bind/stats_sketch.h - the userdata of a sketch, for its own files and for others who take one.
 *
 * The type check compares a mark at the begin of the userdata, as bind/series.c does. */
#ifndef MOONTIDE_BIND_STATS_SKETCH_H
#define MOONTIDE_BIND_STATS_SKETCH_H

#include "moontide/stats/sketch.h"
#include "moontide/vm/docs.h"

#include <lua.h>

extern const char sketch_mark;

struct sketch_box {
    const void *mark; /* &sketch_mark */
    struct sketch *sketch;
};

/* The sketch at idx, or NULL when it is anything else. Good while the userdata is. */
static inline struct sketch *sketch_test(lua_State *L, int idx)
{
    const struct sketch_box *box = lua_touserdata(L, idx);
    if (!box || lua_rawlen(L, idx) != sizeof *box || box->mark != &sketch_mark) return NULL;
    return box->sketch;
}

/* Throws that no sketch is at idx. */
COLD struct sketch *sketch_refused(lua_State *L, int idx);

static inline struct sketch *sketch_check(lua_State *L, int idx)
{
    struct sketch *sketch = sketch_test(L, idx);
    return sketch ? sketch : sketch_refused(L, idx);
}

/* Adds the methods that only ask to the table of methods on top, which is popped, and what they are
 * for the language to the metatable below it. */
void sketch_add_questions(lua_State *L);

extern const struct vm_function sketch_methods[]; /* those of stats_sketch.c */

#endif
