/* bind/lib_load.c - finds what `require` names in the states of kinds and receivers. */
#include "lib_load.h"

#include "moontide/base/fs.h"
#include "moontide/bind/config.h"
#include "moontide/vm/prelude.h"
#include "moontide/vm/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char OWN[] = "moontide.";

static int load_own(const char *name, char **source, size_t *len, char chunkname[FAULT_FILE_MAX],
                    struct fault *fault)
{
    const struct prelude_file *file = prelude_find(name + sizeof OWN - 1);
    if (!file) return fault_set(fault, ERR_NOT_FOUND, "there is no %s", name);
    snprintf(chunkname, FAULT_FILE_MAX, "@moontide/%s.lua", file->name);
    *source = malloc(file->len + 1);
    if (!*source) return fault_set(fault, ERR_NOMEM, "out of memory");
    memcpy(*source, file->source, file->len);
    (*source)[file->len] = '\0';
    *len = file->len;
    return OK;
}

int lib_load(const struct config *config, const char *name, char **source, size_t *len,
             char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    if (strncmp(name, OWN, sizeof OWN - 1) == 0)
        return load_own(name, source, len, chunkname, fault);
    if (strncmp(name, "lib.", 4) != 0 || !config)
        return fault_set(fault, ERR_NOT_FOUND, "modules here are in lib: require \"lib.x\"");
    char relative[FAULT_FILE_MAX];
    snprintf(relative, sizeof relative, "%.200s.lua", name);
    for (char *at = relative; at < relative + strlen(relative) - 4; at++)
        if (*at == '.') *at = '/';
    char *path = fs_join(config->policies_dir, relative);
    if (!path) return fault_set(fault, ERR_NOMEM, "out of memory");
    int code = fs_read_file(path, VM_SOURCE_MAX, source, len, fault);
    snprintf(chunkname, FAULT_FILE_MAX, "@%s", path);
    free(path);
    return code;
}
