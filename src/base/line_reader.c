/* base/line_reader.c - newlines in blocks, by memchr: the C library's is a vector loop that is
 * chosen for the processor when the program starts. */
#include "moontide/base/line_reader.h"

#include "moontide/base/strbuf.h"

#include <stdlib.h>
#include <string.h>

struct line_reader {
    struct gz_reader *file;
    const char *at; /* what is left of the block */
    size_t left;
    uint64_t number, text_bytes;
    struct strbuf crossing; /* the beginning of a line that ends in a later block */
    size_t crossing_len;    /* its whole length, also when it became too long to keep */
};

int line_reader_open(const char *path, struct line_reader **out, struct fault *fault)
{
    struct line_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
    strbuf_init(&reader->crossing, LINE_BYTES_MAX + 2);
    int code = gz_open(path, &reader->file, fault);
    if (code < 0) {
        line_reader_close(reader);
        return code;
    }
    *out = reader;
    return OK;
}

void line_reader_close(struct line_reader *reader)
{
    if (!reader) return;
    gz_close(reader->file);
    strbuf_done(&reader->crossing);
    free(reader);
}

static int give(struct line_reader *reader, const char *at, size_t whole, const char **line,
                size_t *len)
{
    reader->number++;
    *line = at;
    if (whole > LINE_BYTES_MAX) {
        *len = LINE_HEAD_BYTES;
        return LINE_TOO_LONG;
    }
    *len = whole > 0 && at[whole - 1] == '\r' ? whole - 1 : whole;
    return LINE_WHOLE;
}

/* Adds to the line that crosses blocks; beyond the longest only its length is kept. */
static int cross(struct line_reader *reader, size_t n, struct fault *fault)
{
    size_t room = LINE_BYTES_MAX + 1 - reader->crossing.len;
    strbuf_add(&reader->crossing, reader->at, n < room ? n : room);
    reader->crossing_len += n;
    reader->at += n;
    reader->left -= n;
    return strbuf_status(&reader->crossing) < 0
               ? fault_set(fault, ERR_NOMEM, "line %llu: out of memory",
                           (unsigned long long)reader->number + 1)
               : OK;
}

static int give_crossing(struct line_reader *reader, const char **line, size_t *len)
{
    size_t whole = reader->crossing_len;
    reader->crossing_len = 0;
    int found = give(reader, strbuf_cstr(&reader->crossing), whole, line, len);
    reader->crossing.len = 0; /* the bytes stay until the next line crosses */
    return found;
}

/* No newline is left in the block: reads on until one comes. */
static int next_crossing(struct line_reader *reader, const char **line, size_t *len,
                         struct fault *fault)
{
    for (;;) {
        int code = cross(reader, reader->left, fault);
        if (code < 0) return code;
        code = gz_next(reader->file, &reader->at, &reader->left, fault);
        if (code < 0) return code;
        if (code == 0) {
            reader->left = 0;
            return reader->crossing_len ? give_crossing(reader, line, len) : LINE_END;
        }
        reader->text_bytes += reader->left;
        const char *end = memchr(reader->at, '\n', reader->left);
        if (!end) continue;
        if (reader->crossing_len == 0) return line_next(reader, line, len, fault);
        code = cross(reader, (size_t)(end - reader->at), fault);
        if (code < 0) return code;
        reader->at++;
        reader->left--;
        return give_crossing(reader, line, len);
    }
}

int line_next(struct line_reader *reader, const char **line, size_t *len, struct fault *fault)
{
    const char *at = reader->at;
    const char *end = reader->left ? memchr(at, '\n', reader->left) : NULL;
    if (!end) return next_crossing(reader, line, len, fault);
    size_t whole = (size_t)(end - at);
    reader->at = end + 1;
    reader->left -= whole + 1;
    return give(reader, at, whole, line, len);
}

uint64_t line_reader_number(const struct line_reader *reader)
{
    return reader->number;
}

uint64_t line_reader_text_bytes(const struct line_reader *reader)
{
    return reader->text_bytes;
}

const struct gz_reader *line_reader_file(const struct line_reader *reader)
{
    return reader->file;
}
