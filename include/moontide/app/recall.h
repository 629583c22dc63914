/* app/recall.h - what was entered before, in a file that several sessions share.
 *
 * The file is one of libedit's (a head line, then an entry a line in the form of vis(3)), so that
 * those of other programs with libedit can be read, and an entry of several lines is one line. It
 * is only ever appended to, an entry with one write under flock(2); when it has grown to twice what
 * is kept it is written anew and renamed over. So two sessions at once lose nothing of each
 * other's, and what a crash cut short is at most its own last entry. */
#ifndef MOONTIDE_APP_RECALL_H
#define MOONTIDE_APP_RECALL_H

#include "moontide/base/compiler.h"

#include <stddef.h>

enum {
    RECALL_ENTRIES = 5000,            /* that are kept */
    RECALL_ENTRY_MAX = 64 * 1024,     /* bytes; a longer one is kept for the session only */
    RECALL_FILE_MAX = 8 * 1024 * 1024 /* what is read of a file: its end */
};

struct recall;

/* Reads the newest entries; a file that is not there, or cannot be read, has none. path: NULL, when
 * nothing outlives the session. ERR_NOMEM. */
MUST_CHECK int recall_open(const char *path, struct recall **out);
void recall_close(struct recall *recall); /* NULL is allowed */

size_t recall_count(const struct recall *recall);
/* 0 is the oldest. Borrowed until recall_add(). */
const char *recall_at(const struct recall *recall, size_t i);

/* The newest entry from now on, unless it is the newest already. OK, ERR_NOMEM; or why it could not
 * be written to the file: then it is kept for the session. */
int recall_add(struct recall *recall, const char *text);

#endif
