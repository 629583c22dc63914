/* bind/docs.h - the one list of what Lua code can reach, and finding an entry in it. */
#ifndef MOONTIDE_BIND_DOCS_H
#define MOONTIDE_BIND_DOCS_H

#include "moontide/vm/docs.h"

#include <stdbool.h>

/* Every module, class and alias; ends with NULL. Parts of one stand next to each other. */
extern const struct vm_docs *const docs_modules[];

/* A module or class (function and field NULL), a function or method of it, or a field. */
struct docs_entry {
    const struct vm_docs *module;
    const struct vm_function *function;
    const struct vm_field *field;
};

/* Finds by dotted name: "stats", "stats.percentile", "metric:above" (or "metric.above"), "issue",
 * "issue.fields.severity". Functions come before fields, modules before classes. where: the states
 * to look in (0: all). false: there is none. */
bool docs_find(const char *name, unsigned where, struct docs_entry *out);
/* Finds what documents the function or the module table at idx: C functions by their address,
 * others by looking where the list says that they are. Runs no Lua code; false: there is none. */
bool docs_of_value(lua_State *L, int idx, struct docs_entry *out);

#endif
