/* bind/help.h - help(x) of scripts, the REPL and the console: what a function, module, method,
 * operation of a client, or any value is; from the one list of documentation (bind/docs.h). */
#ifndef MOONTIDE_BIND_HELP_H
#define MOONTIDE_BIND_HELP_H

#include "moontide/base/strbuf.h"

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* How wide its lines are, and whether in colour; read at each call. */
struct help_screen {
    int width; /* 0: 80 */
    bool color;
};

/* Replaces the function on top, which is called with a text to show, by help(x). The screen is
 * borrowed by the state. Throws for memory. */
void help_push(lua_State *L, const struct help_screen *screen);

/* "?x" is short for help(x), "?stats.percentile" for the help of that name, "?" for help(). Writes
 * the Lua text that stands for it; false: the line is none of these. */
bool help_shorthand(const char *line, size_t len, struct strbuf *out);

#endif
