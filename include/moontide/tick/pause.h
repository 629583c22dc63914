/* tick/pause.h - the kill switch: a file in the state directory that anybody can write.
 *
 * <state>/PAUSED holds one pause a line, as JSON:
 *
 *   {"at":1764300000000,"scope":"performance","direction":"in","by":"ops","reason":"migration"}
 *
 * scope is a policy's name, a target ("environment=prod"), a resource ("service/c/s"), or "" for
 * everything; direction "in", "out" or "" for both. The file is the one truth: it holds over a
 * restart, and works while the daemon does not answer. Rule 1: it fails safe: an empty file (`touch
 * PAUSED`), a line that cannot be read, and a file that cannot be opened pause everything. Rule 2:
 * only its absence (or lines that were all resumed) lets decisions through. */
#ifndef MOONTIDE_TICK_PAUSE_H
#define MOONTIDE_TICK_PAUSE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/tick/actor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAUSE_FILE "PAUSED" /* in the state directory */

enum { PAUSE_BYTES_MAX = 256 * 1024, PAUSE_TEXT_MAX = 256, PAUSES_MAX = 1000 };

struct pause {
    int64_t at_ms; /* 0: not said */
    char *scope, *by, *reason;
    enum direction direction; /* NONE: both */
};

struct pauses {
    struct pause
        *items; /* shape: [count]; scope "" and an explaining reason for what is unreadable */
    size_t count;
};
void pauses_done(struct pauses *pauses);

/* Blocking, so it runs on a worker thread or in a command. A missing file is no pause. ERR_NOMEM
 * only: everything else that goes wrong is a pause of everything that says so. */
MUST_CHECK int pauses_read(const char *path, struct pauses *out);
/* Replaces the file (temporary, fsync, rename, fsync of the directory); removes it when there is no
 * pause. Blocking. */
MUST_CHECK int pauses_write(const char *path, const struct pauses *pauses, struct fault *fault);
/* Copies the texts. One of the same scope and direction is replaced. */
MUST_CHECK int pauses_add(struct pauses *pauses, const struct pause *pause);
/* Removes those of the scope and direction (NONE: both and either); scope NULL: all. Answers how
 * many. */
size_t pauses_remove(struct pauses *pauses, const char *scope, enum direction direction);

/* The first pause that holds a change of this direction, or NULL. A change without direction is
 * held by a pause of both directions only. resource may be NULL. */
const struct pause *pauses_find(const struct pauses *pauses, const char *policy, const char *target,
                                const char *resource, enum direction direction);
/* "paused since 2026-01-31T12:00:00Z by ops: migration" */
void pause_text(const struct pause *pause, char out[PAUSE_TEXT_MAX]);

#endif
