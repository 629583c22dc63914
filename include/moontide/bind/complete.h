/* bind/complete.h - completion of a name at the end of a line of Lua.
 *
 * "http.ge" -> get; "for k in pai" -> pairs; "s:up" -> upper when s is a string. Names are looked
 * up raw, through __index where that is a table: no Lua code runs. */
#ifndef MOONTIDE_BIND_COMPLETE_H
#define MOONTIDE_BIND_COMPLETE_H

#include "moontide/base/strbuf.h"

#include <lua.h>
#include <stddef.h>

enum { COMPLETE_MAX = 500 };

/* Appends the candidates for the last word of line[len], sorted, one a line; *from is where that
 * word begins (after the last '.' or ':'). May throw for memory, so call it protected. */
void complete_names(lua_State *L, const char *line, size_t len, size_t *from, struct strbuf *out);

#endif
