/* bind/stubs.h - the list of documentation as files: LuaCATS stubs for lua-language-server, the
 * globals for luacheck, and the reference for people.
 *
 * The kinds of decisions are documented where they are declared (kind{} in Lua), so that the
 * operator's own appear as well. */
#ifndef MOONTIDE_BIND_STUBS_H
#define MOONTIDE_BIND_STUBS_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"

#include <stddef.h>

struct kind;

struct stubs_options {
    struct kind *const *kinds; /* shape: [kind_count]; borrowed */
    size_t kind_count;
};

/* The names of the stub files, without ".lua": "globals", "stats", ...; ends with NULL. */
extern const char *const stubs_files[];
/* Appends one of them: text that begins with ---@meta and parses as Lua. Always the same for the
 * same version and kinds. The buffer's status tells of want of memory. */
void stubs_file(const struct stubs_options *options, const char *name, struct strbuf *out);
/* Appends the stub of one service of the binary (model_builtin_names): the class of its client with
 * all operations. ERR_NOMEM. */
MUST_CHECK int stubs_service(const char *service, struct strbuf *out, struct fault *fault);
/* A Lua table { stds, files } for .luacheckrc: the globals of each kind of file in a project. */
void stubs_luacheck(const struct stubs_options *options, struct strbuf *out);
/* docs/api.md */
void stubs_markdown(const struct stubs_options *options, struct strbuf *out);

/* Loads all kinds of the binary and, of the configuration at host->config (may be NULL), the
 * operator's own: *out is an array for stubs_free_kinds(). A kind that does not load is left out.
 */
struct kinds;
MUST_CHECK int stubs_load_kinds(struct kinds *kinds, const char *policies_dir, struct kind ***out,
                                size_t *count);
void stubs_free_kinds(struct kind **kinds, size_t count);

#endif
