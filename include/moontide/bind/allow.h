/* bind/allow.h - comments that silence a warning on a line:
 *
 *   -- moontide: allow W-unused-metric: kept for the console
 *
 * at the end of the line, or alone on a line before it. Several codes stand side by side. */
#ifndef MOONTIDE_BIND_ALLOW_H
#define MOONTIDE_BIND_ALLOW_H

#include "moontide/base/compiler.h"
#include "moontide/base/faults.h"

#include <stdbool.h>
#include <stddef.h>

struct allows;

/* The comments of a Lua text. ERR_NOMEM. */
MUST_CHECK int allows_read(const char *text, size_t len, struct allows **out);
void allows_free(struct allows *allows); /* NULL is allowed */
/* Whether a warning of this code on this line is silenced. */
bool allows_take(struct allows *allows, int line, const char *id);
/* Warns of codes that do not exist or cannot be silenced, and, when `unused` is true, of those that
 * silenced nothing. */
void allows_report(const struct allows *allows, const char *file, bool unused,
                   struct faults *faults);

#endif
