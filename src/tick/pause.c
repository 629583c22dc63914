/* tick/pause.c - reading and writing the kill switch.
 *
 * Whatever of the file is not understood pauses everything, with a reason that says what it was. So
 * nothing here skips a field for a default that would let more through: a scope or a direction that
 * is not said means all of them. */
#include "moontide/tick/pause.h"

#include "moontide/base/fs.h"
#include "moontide/base/json.h"
#include "moontide/base/timetext.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void pause_done(struct pause *pause)
{
    free(pause->scope);
    free(pause->by);
    free(pause->reason);
    *pause = (struct pause){0};
}

void pauses_done(struct pauses *pauses)
{
    for (size_t i = 0; i < pauses->count; i++)
        pause_done(&pauses->items[i]);
    free(pauses->items);
    *pauses = (struct pauses){0};
}

static char *copy_of(const char *text)
{
    return strdup(text ? text : "");
}

/* Adds, also beside one of the same scope: a file may hold what it likes. */
static int append(struct pauses *pauses, const struct pause *pause)
{
    struct pause *items = realloc(pauses->items, (pauses->count + 1) * sizeof *items);
    if (!items) return ERR_NOMEM;
    pauses->items = items;
    struct pause *copy = &items[pauses->count];
    *copy = (struct pause){.at_ms = pause->at_ms,
                           .direction = pause->direction,
                           .scope = copy_of(pause->scope),
                           .by = copy_of(pause->by),
                           .reason = copy_of(pause->reason)};
    if (!copy->scope || !copy->by || !copy->reason) {
        pause_done(copy);
        return ERR_NOMEM;
    }
    pauses->count++;
    return OK;
}

int pauses_add(struct pauses *pauses, const struct pause *pause)
{
    struct pauses one = {0};
    const char *scope = pause->scope ? pause->scope : "";
    int code = append(&one, pause);
    for (size_t i = 0; i < pauses->count && code == OK; i++) {
        struct pause *old = &pauses->items[i];
        if (old->direction != pause->direction || strcmp(old->scope, scope) != 0) continue;
        pause_done(old);
        *old = one.items[0];
        free(one.items);
        return OK;
    }
    pauses_done(&one);
    return code == OK ? append(pauses, pause) : code;
}

size_t pauses_remove(struct pauses *pauses, const char *scope, enum direction direction)
{
    size_t kept = 0, count = pauses->count;
    for (size_t i = 0; i < count; i++) {
        struct pause *pause = &pauses->items[i];
        bool goes = (!scope || strcmp(pause->scope, scope) == 0) &&
                    (direction == DIRECTION_NONE || pause->direction == direction);
        if (goes)
            pause_done(pause);
        else
            pauses->items[kept++] = *pause;
    }
    pauses->count = kept;
    return count - kept;
}

const struct pause *pauses_find(const struct pauses *pauses, const char *policy, const char *target,
                                const char *resource, enum direction direction)
{
    const char *const names[] = {"", policy, target, resource};
    for (size_t i = 0; i < pauses->count; i++) {
        const struct pause *pause = &pauses->items[i];
        if (pause->direction != DIRECTION_NONE && pause->direction != direction) continue;
        for (size_t n = 0; n < COUNT_OF(names); n++)
            if (names[n] && strcmp(pause->scope, names[n]) == 0) return pause;
    }
    return NULL;
}

void pause_text(const struct pause *pause, char out[PAUSE_TEXT_MAX])
{
    char since[TIME_TEXT_MAX] = "";
    struct fault cut; /* it ends a text that is too long at a character, and says so */
    if (pause->at_ms) time_format(pause->at_ms, since);
    bool by = pause->by[0], why = pause->reason[0];
    fault_set(&cut, OK, "paused%s%s%s%s%s%s", since[0] ? " since " : "", since, by ? " by " : "",
              pause->by, why ? ": " : "", pause->reason);
    size_t len = strlen(cut.text);
    if (len >= PAUSE_TEXT_MAX) {
        len = PAUSE_TEXT_MAX - 4;
        while (len > 0 && ((unsigned char)cut.text[len] & 0xc0) == 0x80)
            len--;
        memcpy(cut.text + len, "...", 4);
        len += 3;
    }
    memcpy(out, cut.text, len + 1);
}

/* ---- reading ---- */

enum field { FIELD_AT, FIELD_SCOPE, FIELD_DIRECTION, FIELD_BY, FIELD_REASON, FIELD_OTHER };

static enum field field_of(const struct json_reader *r)
{
    static const char *const names[] = {"at", "scope", "direction", "by", "reason"};
    for (int i = 0; i < (int)COUNT_OF(names); i++)
        if (r->len == strlen(names[i]) && memcmp(r->text, names[i], r->len) == 0)
            return (enum field)i;
    return FIELD_OTHER;
}

/* A text without a zero byte, which a C string could not hold. */
static int read_text(struct json_reader *r, char **out)
{
    if (json_next(r) != JSON_STRING || memchr(r->text, '\0', r->len)) return ERR_PARSE;
    *out = strndup(r->text, r->len);
    return *out ? OK : ERR_NOMEM;
}

static int read_direction(struct json_reader *r, enum direction *out)
{
    if (json_next(r) != JSON_STRING) return ERR_PARSE;
    if (r->len == 0) return OK;
    for (int i = DIRECTION_IN; i <= DIRECTION_OUT; i++) {
        const char *name = direction_names[i];
        if (r->len != strlen(name) || memcmp(r->text, name, r->len) != 0) continue;
        *out = (enum direction)i;
        return OK;
    }
    return ERR_PARSE;
}

/* A time that no calendar has is not said; when it was is not what the pause hangs on. */
static int read_time(struct json_reader *r, int64_t *out)
{
    static const int64_t year_10000_ms = 253402300800000;
    int token = json_next(r);
    if (token != JSON_INT && token != JSON_NUMBER) return ERR_PARSE;
    if (token == JSON_INT && r->integer > 0 && r->integer < year_10000_ms) *out = r->integer;
    return OK;
}

static int read_field(struct json_reader *r, enum field field, struct pause *pause)
{
    switch (field) {
    case FIELD_AT: return read_time(r, &pause->at_ms);
    case FIELD_SCOPE: return read_text(r, &pause->scope);
    case FIELD_BY: return read_text(r, &pause->by);
    case FIELD_REASON: return read_text(r, &pause->reason);
    case FIELD_DIRECTION: return read_direction(r, &pause->direction);
    case FIELD_OTHER: return json_skip(r) < 0 ? ERR_PARSE : OK;
    }
    return ERR_PARSE;
}

/* A field that stands there twice says two things: that is not read either. */
static int read_members(struct json_reader *r, struct pause *pause)
{
    unsigned seen = 0;
    int token = json_next(r);
    if (token != JSON_OBJECT) return ERR_PARSE;
    while ((token = json_next(r)) == JSON_KEY) {
        enum field field = field_of(r);
        if (field != FIELD_OTHER && seen & 1u << field) return ERR_PARSE;
        seen |= 1u << field;
        int code = read_field(r, field, pause);
        if (code < 0) return code;
    }
    return token == JSON_OBJECT_END && json_next(r) == JSON_END ? OK : ERR_PARSE;
}

static int add_everything(struct pauses *out, const char *reason)
{
    return append(out, &(struct pause){.reason = (char *)reason});
}

static int read_line(struct pauses *out, const char *line, size_t len, size_t number)
{
    char unreadable[64];
    struct json_reader r;
    struct pause pause = {0};
    json_reader_init(&r, line, len, PAUSE_BYTES_MAX);
    int code = read_members(&r, &pause);
    json_reader_done(&r);
    if (code == OK) {
        code = append(out, &pause);
    } else if (code != ERR_NOMEM) {
        snprintf(unreadable, sizeof unreadable, "line %zu of the file PAUSED cannot be read",
                 number);
        code = add_everything(out, unreadable);
    }
    pause_done(&pause);
    return code;
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!memchr(" \t\r", line[i], 3)) return false;
    return true;
}

static int read_lines(struct pauses *out, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    for (size_t number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        if (!is_blank(at, n)) {
            if (out->count == PAUSES_MAX)
                return add_everything(out, "the file PAUSED has more than 1000 lines");
            int code = read_line(out, at, n, number);
            if (code < 0) return code;
        }
        at += n + 1;
    }
    return out->count == 0 ? add_everything(out, "the file PAUSED is empty") : OK;
}

int pauses_read(const char *path, struct pauses *out)
{
    char *text = NULL;
    size_t len = 0;
    struct stat st;
    struct fault fault;
    *out = (struct pauses){0};
    int code = fs_read_file(path, PAUSE_BYTES_MAX, &text, &len, &fault);
    if (code == ERR_NOT_FOUND && lstat(path, &st) < 0) return OK; /* a link to nowhere is there */
    if (code == ERR_NOMEM) return code;
    code = code < 0 ? add_everything(out, fault.text) : read_lines(out, text, len);
    free(text);
    if (code < 0) pauses_done(out);
    return code;
}

/* ---- writing ---- */

static void write_pause(struct strbuf *text, const struct pause *pause)
{
    struct json_writer w;
    json_writer_init(&w, text);
    json_object(&w);
    json_key(&w, "at");
    json_int(&w, pause->at_ms);
    json_key(&w, "by");
    json_string(&w, pause->by);
    json_key(&w, "direction");
    json_string(&w, pause->direction == DIRECTION_NONE ? "" : direction_names[pause->direction]);
    json_key(&w, "reason");
    json_string(&w, pause->reason);
    json_key(&w, "scope");
    json_string(&w, pause->scope);
    json_object_end(&w);
    strbuf_addc(text, '\n');
}

static int failed(struct fault *fault, const char *path)
{
    int saved = errno;
    return fault_set(fault, err_from_errno(saved), "%s: %s", path, strerror(saved));
}

/* Until the directory is on disk, a power cut may bring back the old file. */
static int sync_directory(const char *path, struct fault *fault)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!dir) return fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
    int code = OK, fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) code = failed(fault, dir);
    if (fd >= 0) close(fd);
    free(dir);
    return code;
}

/* The temporary file has a name of its own, so that two who write at once cannot mix. */
static int replace(const char *path, const struct strbuf *text, struct fault *fault)
{
    int code = OK;
    size_t size = strlen(path) + 8;
    char *tmp = malloc(size);
    if (!tmp) return fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
    snprintf(tmp, size, "%s.XXXXXX", path);
    int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0) {
        code = failed(fault, path);
        free(tmp);
        return code;
    }
    ssize_t put = write(fd, text->data, text->len);
    if (put >= 0 && (size_t)put < text->len) errno = ENOSPC;
    if (put != (ssize_t)text->len || fsync(fd) < 0 || rename(tmp, path) < 0) {
        code = failed(fault, path);
        unlink(tmp);
    }
    close(fd);
    free(tmp);
    return code;
}

int pauses_write(const char *path, const struct pauses *pauses, struct fault *fault)
{
    struct strbuf text;
    int code;
    if (pauses->count == 0) {
        if (unlink(path) < 0 && errno != ENOENT) return failed(fault, path);
        return sync_directory(path, fault);
    }
    strbuf_init(&text, PAUSE_BYTES_MAX);
    for (size_t i = 0; i < pauses->count; i++)
        write_pause(&text, &pauses->items[i]);
    code = pauses->count > PAUSES_MAX ? ERR_LIMIT : strbuf_status(&text);
    if (code < 0)
        fault_set(fault, code, "%s: %s: at most %d pauses in %d KiB", path, err_text(code),
                  PAUSES_MAX, PAUSE_BYTES_MAX / 1024);
    else
        code = replace(path, &text, fault);
    strbuf_done(&text);
    return code == OK ? sync_directory(path, fault) : code;
}
