/* base/fs.c - small blocking file work for start-up and reload. */
#include "moontide/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct fault *fault, const char *path)
{
    int saved = errno;
    return fault_set(fault, err_from_errno(saved), "%s: %s", path, strerror(saved));
}

static int read_all(int fd, char *out, size_t size, size_t *len)
{
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, out + n, size - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        n += (size_t)got;
    }
    *len = n;
    return 0;
}

int fs_read_file(const char *path, size_t limit_bytes, char **out, size_t *len, struct fault *fault)
{
    int code = OK;
    char *data = NULL;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (fd < 0 || fstat(fd, &st) < 0) {
        code = fail(fault, path);
        goto leave;
    }
    if (!S_ISREG(st.st_mode)) {
        code = fault_set(fault, ERR_INVALID, "%s: not a regular file", path);
        goto leave;
    }
    if ((unsigned long long)st.st_size > limit_bytes) {
        code = fault_set(fault, ERR_LIMIT, "%s: %lld bytes, the limit is %zu", path,
                         (long long)st.st_size, limit_bytes);
        goto leave;
    }
    size_t size = (size_t)st.st_size;
    data = malloc(size + 1);
    if (!data) {
        code = fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
        goto leave;
    }
    if (read_all(fd, data, size, len) < 0) {
        code = fail(fault, path);
        goto leave;
    }
    data[*len] = '\0';
    *out = data;
    data = NULL;
leave:
    free(data);
    if (fd >= 0) close(fd);
    return code;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        bytes += put;
        len -= (size_t)put;
    }
    return 0;
}

enum { TEMPORARY_TRIES = 100, TEMPORARY_BYTES = 48 /* of what is added to the path */ };

/* A name that nobody uses: another process has another id and another write another number, and
 * what a process of that id left behind when it died is in the way of O_EXCL once. */
static int open_temporary(char *name, size_t size, const char *path, unsigned mode)
{
    static atomic_uint serial;
    int fd = -1;
    for (int i = 0; i < TEMPORARY_TRIES && fd < 0; i++) {
        snprintf(name, size, "%s.%ld-%u.tmp", path, (long)getpid(),
                 atomic_fetch_add(&serial, 1) + 1);
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd < 0 && errno != EEXIST) break;
    }
    return fd;
}

int fs_write_file(const char *path, const void *bytes, size_t len, unsigned mode,
                  struct fault *fault)
{
    int code = OK, fd = -1;
    size_t n = strlen(path) + TEMPORARY_BYTES;
    char *tmp = malloc(n);
    if (!tmp) return fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
    fd = open_temporary(tmp, n, path, mode);
    /* fchmod: the umask has no say. */
    if (fd < 0 || fchmod(fd, mode) < 0 || write_all(fd, bytes, len) < 0 || fsync(fd) < 0) {
        code = fail(fault, tmp);
        goto leave;
    }
    if (rename(tmp, path) < 0) code = fail(fault, path);
leave:
    if (fd >= 0) close(fd);
    if (code < 0 && fd >= 0) unlink(tmp);
    free(tmp);
    return code;
}

char *fs_join(const char *dir, const char *name)
{
    if (name[0] == '/') return strdup(name);
    size_t n = strlen(dir), size = n + strlen(name) + 2;
    char *out = malloc(size);
    if (out) snprintf(out, size, "%s%s%s", dir, n == 0 || dir[n - 1] == '/' ? "" : "/", name);
    return out;
}

int fs_make_dir(const char *dir, struct fault *fault)
{
    struct stat st;
    if (mkdir(dir, 0700) == 0) return OK;
    if (errno != EEXIST) return fail(fault, dir);
    if (stat(dir, &st) < 0) return fail(fault, dir);
    return S_ISDIR(st.st_mode) ? OK : fault_set(fault, ERR_EXISTS, "%s: not a directory", dir);
}
