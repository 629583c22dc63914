/* vm/prelude.h - the Lua that ships inside the binary (every .lua file of src/prelude), as a table
 * of bytes. */
#ifndef MOONTIDE_VM_PRELUDE_H
#define MOONTIDE_VM_PRELUDE_H

#include <stddef.h>

struct prelude_file {
    const char *name; /* "require" for src/prelude/require.lua */
    const char *source;
    size_t len;
};

extern const struct prelude_file prelude_files[]; /* ends with a NULL name */
const struct prelude_file *prelude_find(const char *name);

#endif
