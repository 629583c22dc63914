/* bind/pretty.h - a Lua value as text for a person: short where it fits a line, bounded always.
 *
 * Tables show the list part first, then the keys in order; cycles, depth, items and strings are
 * bounded and say so. A metatable's __tostring is honoured (so an error object is one line), and
 * what it throws is caught; nothing else of Lua runs, and access is raw. */
#ifndef MOONTIDE_BIND_PRETTY_H
#define MOONTIDE_BIND_PRETTY_H

#include "moontide/base/strbuf.h"

#include <lua.h>
#include <stdbool.h>

enum {
    PRETTY_DEPTH = 4,
    PRETTY_ITEMS = 50,
    PRETTY_TOTAL = 1000,
    PRETTY_STRING_BYTES = 200,
    PRETTY_KEYS_MAX = 10000
};

struct pretty_options {
    int width;  /* columns; 0: 80 */
    bool color; /* ANSI */
};

/* Appends the value at idx; no newline at the end. May throw for memory, so call it protected. */
void pretty_value(lua_State *L, int idx, const struct pretty_options *options, struct strbuf *out);

#endif
