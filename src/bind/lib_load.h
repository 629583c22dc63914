/* bind/lib_load.h - the modules that the code of kinds and receivers may require. */
#ifndef MOONTIDE_SRC_BIND_LIB_LOAD_H
#define MOONTIDE_SRC_BIND_LIB_LOAD_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stddef.h>

struct config;

/* "moontide.x": of the binary; "lib.x": in the configuration's policies. As a vm_loader_fn answers.
 */
MUST_CHECK int lib_load(const struct config *config, const char *name, char **source, size_t *len,
                        char chunkname[FAULT_FILE_MAX], struct fault *fault);

#endif
