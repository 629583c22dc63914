/* app/recall.c - what was entered before. */
#include "moontide/app/recall.h"

#include "moontide/base/err.h"
#include "moontide/base/fs.h"
#include "moontide/base/strbuf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char HEAD[] = "_HiStOrY_V2_\n";
enum { HEAD_LEN = sizeof HEAD - 1, OPEN_TRIES = 10 };

struct recall {
    char *path;
    char *entries[RECALL_ENTRIES]; /* a ring */
    size_t first, count;
    size_t in_file; /* entries of the file, as far as is known */
};

/* ---- in memory ---- */

size_t recall_count(const struct recall *recall)
{
    return recall->count;
}

const char *recall_at(const struct recall *recall, size_t i)
{
    return recall->entries[(recall->first + i) % RECALL_ENTRIES];
}

static void take(struct recall *recall, char *take_text)
{
    if (recall->count == RECALL_ENTRIES) {
        free(recall->entries[recall->first]);
        recall->entries[recall->first] = take_text;
        recall->first = (recall->first + 1) % RECALL_ENTRIES;
        return;
    }
    recall->entries[(recall->first + recall->count++) % RECALL_ENTRIES] = take_text;
}

/* ---- the form of the file ---- */

/* Only what the form needs, and control characters, as "\ooo"; UTF-8 stays readable. */
static void encode(struct strbuf *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '\\')
            strbuf_adds(out, "\\\\");
        else if (c <= ' ' || c == 0x7f)
            strbuf_addf(out, "\\%03o", c);
        else
            strbuf_addc(out, *at);
    }
    strbuf_addc(out, '\n');
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* One escape of vis(3) at text (behind its backslash); the bytes read. 0: it is none. */
static size_t decode_escape(const char *text, size_t len, char *out)
{
    static const char letters[] = "n\nr\rb\bt\tf\fv\va\as ";
    if (len >= 3 && is_octal(text[0]) && is_octal(text[1]) && is_octal(text[2])) {
        *out = (char)((text[0] - '0') * 64 + (text[1] - '0') * 8 + (text[2] - '0'));
        return 3;
    }
    if (len >= 1 && text[0] == '\\') {
        *out = '\\';
        return 1;
    }
    if (len >= 2 && text[0] == '^') {
        *out = text[1] == '?' ? 0x7f : (char)(text[1] & 0x1f);
        return 2;
    }
    if (len >= 3 && text[0] == 'M' && (text[1] == '-' || text[1] == '^')) {
        *out = (char)((text[1] == '-' ? text[2] : text[2] & 0x1f) | 0x80);
        return 3;
    }
    for (size_t i = 0; len >= 1 && letters[i]; i += 2)
        if (letters[i] == text[0]) {
            *out = letters[i + 1];
            return 1;
        }
    return 0;
}

/* In place; returns the length. What is no escape stands for itself. */
static size_t decode(char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '\\') i += decode_escape(text + i + 1, len - i - 1, &c);
        if (c) text[n++] = c;
    }
    text[n] = '\0';
    return n;
}

/* ---- the file ---- */

static void read_lines(struct recall *recall, FILE *stream, bool cut)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    for (bool first = true; (len = getline(&line, &cap, stream)) >= 0; first = false) {
        if (len > 0 && line[len - 1] == '\n') line[--len] = '\0';
        if (first && (cut || strcmp(line, "_HiStOrY_V2_") == 0)) continue;
        size_t size = decode(line, (size_t)len);
        char *text = size ? strndup(line, size) : NULL;
        if (!text) continue;
        take(recall, text);
        recall->in_file++;
    }
    free(line);
}

/* A writer is waited for, unless that is ourselves. */
static void read_file(struct recall *recall, bool lock)
{
    struct stat about;
    FILE *stream = fopen(recall->path, "re");
    if (!stream) return;
    if (fstat(fileno(stream), &about) == 0 && S_ISREG(about.st_mode)) {
        bool cut = about.st_size > RECALL_FILE_MAX &&
                   fseeko(stream, about.st_size - RECALL_FILE_MAX, SEEK_SET) == 0;
        if (lock) flock(fileno(stream), LOCK_SH);
        read_lines(recall, stream, cut);
        if (cut) recall->in_file = 2 * RECALL_ENTRIES; /* it has outgrown what is kept */
    }
    fclose(stream);
}

/* Opens and locks; what was renamed away in between is opened again. Negative: a code. */
static int open_locked(const char *path)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        struct stat ours, theirs;
        int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0) return err_from_errno(errno);
        if (flock(fd, LOCK_EX) == 0 && fstat(fd, &ours) == 0 && stat(path, &theirs) == 0 &&
            ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev)
            return fd;
        close(fd);
    }
    return ERR_BUSY;
}

static int read_new(const char *path, bool lock, struct recall **out)
{
    struct recall *recall = calloc(1, sizeof *recall);
    if (!recall) return ERR_NOMEM;
    recall->path = path ? strdup(path) : NULL;
    if (path && !recall->path) {
        free(recall);
        return ERR_NOMEM;
    }
    if (path) read_file(recall, lock);
    *out = recall;
    return OK;
}

/* The newest entries of the file, as others may have written since, take its place. */
static int rewrite(const char *path)
{
    struct recall *now = NULL;
    struct strbuf text;
    struct fault fault;
    int code = read_new(path, false, &now);
    if (code < 0) return code;
    strbuf_init(&text, RECALL_FILE_MAX / 2); /* else it would be written anew each time */
    strbuf_adds(&text, HEAD);
    size_t skip = 0, bytes = 0;
    for (size_t i = now->count; i-- > 0 && skip == 0;) {
        bytes += 4 * strlen(recall_at(now, i)) + 1;
        if (bytes > RECALL_FILE_MAX / 2 - sizeof HEAD) skip = i + 1;
    }
    for (size_t i = skip; i < now->count; i++)
        encode(&text, recall_at(now, i));
    code = strbuf_status(&text);
    if (code >= 0) code = fs_write_file(path, text.data, text.len, 0600, &fault);
    strbuf_done(&text);
    recall_close(now);
    return code;
}

/* What goes before the entry: the head of a new file, the end of a line that a crash cut short. */
static void begin(int fd, struct strbuf *line)
{
    struct stat about;
    char last = '\n';
    if (fstat(fd, &about) < 0) return;
    if (about.st_size == 0) strbuf_adds(line, HEAD);
    if (about.st_size > 0 && pread(fd, &last, 1, about.st_size - 1) == 1 && last != '\n')
        strbuf_addc(line, '\n');
}

static int append(struct recall *recall, const char *text)
{
    struct strbuf line;
    int fd = open_locked(recall->path), code = OK;
    if (fd < 0) return fd;
    strbuf_init(&line, HEAD_LEN + 1 + 4 * RECALL_ENTRY_MAX + 1);
    begin(fd, &line);
    encode(&line, text);
    code = strbuf_status(&line);
    if (code >= 0 && write(fd, line.data, line.len) != (ssize_t)line.len)
        code = err_from_errno(errno);
    if (code >= 0 && ++recall->in_file >= 2 * RECALL_ENTRIES) {
        code = rewrite(recall->path);
        recall->in_file = RECALL_ENTRIES;
    }
    strbuf_done(&line);
    close(fd); /* and unlocks */
    return code < 0 ? code : OK;
}

/* ---- start and end ---- */

int recall_open(const char *path, struct recall **out)
{
    return read_new(path, true, out);
}

void recall_close(struct recall *recall)
{
    if (!recall) return;
    for (size_t i = 0; i < recall->count; i++)
        free(recall->entries[(recall->first + i) % RECALL_ENTRIES]);
    free(recall->path);
    free(recall);
}

int recall_add(struct recall *recall, const char *text)
{
    if (recall->count > 0 && strcmp(recall_at(recall, recall->count - 1), text) == 0) return OK;
    char *copy = strdup(text);
    if (!copy) return ERR_NOMEM;
    take(recall, copy);
    if (!recall->path || strlen(text) > RECALL_ENTRY_MAX) return OK;
    return append(recall, text);
}
