/* app/pauses.h - the project's kill switch as the commands show it. */
#ifndef MOONTIDE_APP_PAUSES_H
#define MOONTIDE_APP_PAUSES_H

#include "moontide/base/compiler.h"
#include "moontide/base/json.h"
#include "moontide/bind/config.h"
#include "moontide/tick/pause.h"

#include <stdbool.h>
#include <stdio.h>

/* Reads <state>/PAUSED; ERR_NOMEM only. */
MUST_CHECK int project_pauses(const struct config *config, struct pauses *out);
/* One line each; nothing when there is none. */
void pauses_print(const struct pauses *pauses, FILE *out, bool color);
/* [{"scope", "direction", "by", "reason", "at"}], at as text or null. */
void pauses_json(const struct pauses *pauses, struct json_writer *w);

/* Ends the freeze that a failed verification laid on a resource, where no daemon answers, and
 * journals who ended it; *count: how many there were. ERR_LOCKED: one is frozen, and a process that
 * does not answer holds the database. Otherwise errors as store_open() and store_commit(). */
MUST_CHECK int pauses_unfreeze(const char *state_dir, const char *resource, const char *by,
                               size_t *count, struct fault *fault);

#endif
