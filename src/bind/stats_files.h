/* bind/stats_files.h - what the functions of `stats` that read files share: only scripts and the
 * REPL have them, no policy. */
#ifndef MOONTIDE_BIND_STATS_FILES_H
#define MOONTIDE_BIND_STATS_FILES_H

#include "moontide/stats/broken_lines.h"

#include <lua.h>

/* Sets `broken` (how many) and `first_broken` ({ { line =, text =, why = [, file =] }, ... }) of
 * the table on top. paths: those of broken_line.file, or NULL. */
void set_broken_lines(lua_State *L, const struct broken_lines *lines, const char *const *paths);
void set_count(lua_State *L, const char *key, uint64_t count);

#endif
