/* vm/prelude.c - finds a Lua file that ships inside the binary. */
#include "moontide/vm/prelude.h"

#include <string.h>

const struct prelude_file *prelude_find(const char *name)
{
    for (const struct prelude_file *file = prelude_files; file->name; file++)
        if (strcmp(file->name, name) == 0) return file;
    return NULL;
}
