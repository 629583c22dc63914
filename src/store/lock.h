/* store/lock.h - one writer at a time: a lock file beside the database.
 *
 * The lock is an open file description lock (fcntl F_OFD_SETLK): the kernel drops it when its
 * process dies, however it dies, and a second open in the same process is refused too. The file
 * holds the pid of its owner while it is owned and is empty after an orderly end, so a pid in a
 * file that nobody locks means that its owner died. The file is never removed: an unlink would race
 * with the next owner. */
#ifndef MOONTIDE_STORE_LOCK_H
#define MOONTIDE_STORE_LOCK_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>

struct lock {
    int fd; /* -1: not held */
};

#define LOCK_INIT ((struct lock){-1})

/* Takes <path>.lock. *orderly says whether the owner before ended in order (false as well when the
 * file was not there). ERR_LOCKED (names the pid), ERR_DENIED, ERR_NOT_FOUND, ERR_FULL, ERR_IO. */
MUST_CHECK int lock_take(const char *path, struct lock *out, bool *orderly, struct fault *fault);
/* Lets go; `orderly` empties the file first. */
void lock_release(struct lock *lock, bool orderly);

#endif
