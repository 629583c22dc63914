/* store/lock.c - the lock file beside the database. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PID_TEXT_MAX = 24 };

static int fail(struct fault *fault, const char *path)
{
    int saved = errno;
    return fault_set(fault, err_from_errno(saved), "%s.lock: %s", path, strerror(saved));
}

static int locked_by(struct fault *fault, const char *path, const char *pid)
{
    if (*pid)
        return fault_set(fault, ERR_LOCKED, "%s: in use by process %s, which holds %s.lock", path,
                         pid, path);
    return fault_set(fault, ERR_LOCKED, "%s: in use by another process, which holds %s.lock", path,
                     path);
}

/* The digits that the file begins with; "" when there are none. */
static int read_pid(int fd, char out[PID_TEXT_MAX])
{
    ssize_t got = pread(fd, out, PID_TEXT_MAX - 1, 0);
    out[got > 0 ? got : 0] = '\0';
    if (got < 0) return -1;
    out[strspn(out, "0123456789")] = '\0';
    return 0;
}

static int write_pid(int fd)
{
    char text[PID_TEXT_MAX];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    ssize_t put = pwrite(fd, text, (size_t)len, 0);
    if (put >= 0 && put < len) errno = ENOSPC;
    return put == len ? ftruncate(fd, len) : -1;
}

int lock_take(const char *path, struct lock *out, bool *orderly, struct fault *fault)
{
    int code = OK;
    char *name = NULL, pid[PID_TEXT_MAX] = "";
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = -1;

    size_t size = strlen(path) + sizeof ".lock";
    name = malloc(size);
    if (!name) return fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
    snprintf(name, size, "%s.lock", path);

    bool existed = access(name, F_OK) == 0;
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        code = fail(fault, path);
        goto leave;
    }
    bool busy = fcntl(fd, F_OFD_SETLK, &range) < 0;
    if (busy && errno != EAGAIN && errno != EACCES) {
        code = fail(fault, path);
        goto leave;
    }
    if (read_pid(fd, pid) < 0) {
        code = fail(fault, path);
        goto leave;
    }
    if (busy) {
        code = locked_by(fault, path, pid);
        goto leave;
    }
    if (write_pid(fd) < 0) {
        code = fail(fault, path);
        goto leave;
    }
    *orderly = existed && !*pid;
    out->fd = fd;
    fd = -1;
leave:
    if (fd >= 0) close(fd);
    free(name);
    return code;
}

void lock_release(struct lock *lock, bool orderly)
{
    if (lock->fd < 0) return;
    /* A file that stays as it was only makes the next open check more than it needs to. */
    if (orderly && ftruncate(lock->fd, 0) < 0) errno = 0;
    close(lock->fd);
    lock->fd = -1;
}
