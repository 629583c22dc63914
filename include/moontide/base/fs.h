/* base/fs.h - small blocking file work for start-up and reload: read a whole file within a limit,
 * join paths, write a file so that it is either the old or the new one. */
#ifndef MOONTIDE_BASE_FS_H
#define MOONTIDE_BASE_FS_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stddef.h>

/* Reads a regular file of at most limit_bytes. On success the caller frees *out (NUL-terminated).
 * ERR_NOT_FOUND, ERR_DENIED, ERR_LIMIT (larger: says both sizes), ERR_INVALID (not a regular file).
 */
MUST_CHECK int fs_read_file(const char *path, size_t limit_bytes, char **out, size_t *len,
                            struct fault *fault);
/* Writes a temporary file of its own beside it (path.PID-N.tmp), fsyncs, renames over path; the
 * file has exactly this mode. Any number may write one path at once: the last rename stands, whole.
 * On failure nothing is left behind. */
MUST_CHECK int fs_write_file(const char *path, const void *bytes, size_t len, unsigned mode,
                             struct fault *fault);
/* "a/b"; the caller frees it; NULL when out of memory. An absolute `name` is returned as it is, and
 * so is one in dir "". */
char *fs_join(const char *dir, const char *name);
/* Makes dir with mode 0700 unless it is there. ERR_EXISTS: something else is. */
MUST_CHECK int fs_make_dir(const char *dir, struct fault *fault);

#endif
