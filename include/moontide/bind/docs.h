/* bind/docs.h - the one list of what Lua code can reach, and finding an entry in it. */
#ifndef MOONTIDE_BIND_DOCS_H
#define MOONTIDE_BIND_DOCS_H

#include "moontide/vm/docs.h"

#include <stdbool.h>
#include <stddef.h>

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

/* ---- signatures ---- */

enum { SIGNATURE_PARTS_MAX = 8 };

/* Borrowed from the signature's text. */
struct signature_part {
    const char *name; /* of a parameter; "..." also of a result; NULL for other results */
    size_t name_len;
    bool optional; /* "name?: type" */
    const char *type;
    size_t type_len;
};

struct signature {
    struct signature_part params[SIGNATURE_PARTS_MAX], results[SIGNATURE_PARTS_MAX];
    size_t param_count, result_count;
};

/* Reads the signature at *text and moves on to the next overload, or to the end. false: it is none.
 */
bool signature_read(const char **text, struct signature *out);
/* The first name in a type that is neither LuaCATS's own nor a class or alias of the list; NULL:
 * all are known. */
const char *docs_unknown_type(const char *type, size_t len, size_t *name_len);

#endif
