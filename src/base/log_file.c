/* base/log_file.c - appends lines, and renames when the file is full. */
#include "moontide/base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUFFIX_MAX = 16 };

struct log_file {
    struct log_writer writer;
    char *path, *from, *to; /* from and to: room for a path with a number */
    size_t name_size;
    int64_t max_bytes, size, rotate_at;
    int keep, fd;
};

/* Answers errno, or 0. The old file stays open when the new one cannot be. */
static int open_path(struct log_file *f)
{
    struct stat st;
    int fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
    if (fd < 0) return errno;
    if (f->fd >= 0) close(f->fd);
    f->fd = fd;
    f->size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
    f->rotate_at = f->max_bytes;
    return 0;
}

static void numbered(struct log_file *f, char *out, int number)
{
    if (number == 0)
        snprintf(out, f->name_size, "%s", f->path);
    else
        snprintf(out, f->name_size, "%s.%d", f->path, number);
}

/* A file in the row that is missing is no error; one that cannot be moved ends the rotation before
 * anything newer is renamed over it. Answers errno, or 0. */
static int shift(struct log_file *f)
{
    if (f->keep == 0) return unlink(f->path) == 0 || errno == ENOENT ? 0 : errno;
    for (int i = f->keep - 1; i >= 0; i--) {
        numbered(f, f->from, i);
        numbered(f, f->to, i + 1);
        if (rename(f->from, f->to) < 0 && errno != ENOENT) return errno;
    }
    return 0;
}

static void rotate(struct log_file *f)
{
    int error = shift(f);
    if (error == 0) error = open_path(f);
    if (error == 0) return;
    f->rotate_at = f->size + f->max_bytes; /* tried again after as much again */
    log_event(LOG_ERROR, "log.rotate_failed", LOG_S("file", f->path),
              LOG_S("error", strerror(error)));
}

static void file_write(struct log_writer *w, enum log_level level, const char *line, size_t len,
                       int64_t at_ms)
{
    struct log_file *f = (struct log_file *)w;
    ssize_t wanted = (ssize_t)len + 1, n;
    (void)level;
    (void)at_ms;
    if (f->max_bytes > 0 && f->size > 0 && f->size + wanted > f->rotate_at) rotate(f);
    do
        n = write(f->fd, line, len + 1);
    while (n < 0 && errno == EINTR);
    if (n == wanted) {
        f->size += wanted;
        log_writer_works(w);
        return;
    }
    int error = n < 0 ? errno : ENOSPC;
    if (n > 0 && ftruncate(f->fd, f->size) < 0) f->size += n;
    log_writer_failed(w, strerror(error));
}

static void file_reopen(struct log_writer *w)
{
    struct log_file *f = (struct log_file *)w;
    int error = open_path(f);
    if (error != 0)
        log_event(LOG_ERROR, "log.reopen_failed", LOG_S("file", f->path),
                  LOG_S("error", strerror(error)));
}

static void file_close(struct log_writer *w)
{
    struct log_file *f = (struct log_file *)w;
    if (f->fd >= 0) close(f->fd);
    free(f->path);
    free(f->from);
    free(f->to);
    free(f);
}

static const struct log_writer_vtable file_vtable = {
    .name = "file", .write = file_write, .reopen = file_reopen, .close = file_close};

int log_file_open(const struct log_file_options *options, struct log_writer **out,
                  struct fault *fault)
{
    struct log_file *f = calloc(1, sizeof *f);
    if (!f) return fault_set(fault, ERR_NOMEM, "out of memory");
    f->writer = (struct log_writer){.vtable = &file_vtable, .level = options->level};
    f->fd = -1;
    f->max_bytes = options->max_bytes;
    f->keep = options->keep;
    f->name_size = strlen(options->path) + SUFFIX_MAX;
    f->path = strdup(options->path);
    f->from = malloc(f->name_size);
    f->to = malloc(f->name_size);
    if (!f->path || !f->from || !f->to) {
        file_close(&f->writer);
        return fault_set(fault, ERR_NOMEM, "out of memory");
    }
    int error = open_path(f);
    if (error != 0) {
        file_close(&f->writer);
        return fault_set(fault, error == EACCES ? ERR_DENIED : ERR_IO, "log file %s: %s",
                         options->path, strerror(error));
    }
    *out = &f->writer;
    return OK;
}
