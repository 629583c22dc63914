/* bind/source.h - what the text of a Lua file tells and Lua itself does not.
 *
 * A table constructor with `when = nil` and one without `when` make the same table, and an error
 * object knows the line of a call but not that of a field in it. Both stand in the source, so the
 * calls that take a table constructor are listed once when a file is loaded. It is a scan of
 * tokens, no parser: where the text does not tell for sure, the answer is SOURCE_OPAQUE. */
#ifndef MOONTIDE_BIND_SOURCE_H
#define MOONTIDE_BIND_SOURCE_H

#include "moontide/base/compiler.h"

#include <stddef.h>

struct source;

/* chunk: Lua's name of the chunk ("@policies/a.lua"). Both are copied. ERR_NOMEM. Text that is no
 * Lua gives an empty or partial list, never an error. */
MUST_CHECK int source_new(const char *chunk, const char *text, size_t len, struct source **out);
void source_free(struct source *source); /* NULL is allowed */
const char *source_chunk(const struct source *source);
const char *source_text(const struct source *source);

/* SOURCE_OPAQUE: no such call is on that line, its argument is no constructor, or several calls on
 * the line differ. */
enum source_field { SOURCE_OPAQUE, SOURCE_ABSENT, SOURCE_PRESENT };

/* Whether the call of `function` (the last name: "issue", "ecs_autoscaling") that begins on `line`
 * gives `field` in its constructor; where goes to *at_line and *at_column, which may be NULL. The
 * constructor of `limits = {` goes by the name "limits", that of `return {` by "return". Line 0 is
 * any line. */
enum source_field source_field(const struct source *source, const char *function, int line,
                               const char *field, int *at_line, int *at_column);

/* The column of the one call of `function` that begins on `line`; 0: there is none, or several. */
int source_call(const struct source *source, const char *function, int line);

/* Calls each(data, name, line, column) for assignments inside a function called `evaluate` to names
 * that are declared `local` at the file's own level: what they keep is lost at a reload, and is not
 * part of a replay. Names that are shadowed are left out. */
MUST_CHECK int source_assigned_locals(const char *text, size_t len,
                                      void (*each)(void *data, const char *name, int line,
                                                   int column),
                                      void *data);

/* The lines of the one table `NAME = {` and of the nameless tables that it lists, at any depth, in
 * the order of the text: shape lines[max]. Answers how many; 0 when the text does not tell: there
 * is none or several, or more than max. */
size_t source_items(const struct source *source, const char *name, int *lines, size_t max);

#endif
