/* base/line_reader.h - the lines of a file, plain or gzip, one after the other.
 *
 * A line is lent where it lies in the block that was read; only the one that crosses from one block
 * into the next is copied. It has neither its newline nor a carriage return before that. The last
 * one may lack its newline.
 *
 * Rule 1: what lies before an early end of a gzip is good, but the line that it cuts is not given:
 * half of a number would be another number. */
#ifndef MOONTIDE_BASE_LINE_READER_H
#define MOONTIDE_BASE_LINE_READER_H

#include "moontide/base/gz_reader.h"

enum {
    LINE_BYTES_MAX = 1024 * 1024,
    LINE_HEAD_BYTES = 256, /* what is given of a line that is longer */
};

enum line_found {
    LINE_END,
    LINE_WHOLE,
    LINE_TOO_LONG, /* more than LINE_BYTES_MAX: only its first LINE_HEAD_BYTES are lent */
};

struct line_reader;

/* Errors as gz_open(). Release with line_reader_close(). */
MUST_CHECK int line_reader_open(const char *path, struct line_reader **out, struct fault *fault);
void line_reader_close(struct line_reader *reader); /* NULL is allowed */

/* An enum line_found, or an error of gz_next(). *line is good until the next call. */
MUST_CHECK int line_next(struct line_reader *reader, const char **line, size_t *len,
                         struct fault *fault);

uint64_t line_reader_number(const struct line_reader *reader); /* of the last line, from 1 */
/* Bytes of text in all blocks that were read so far, for who reads in slices. */
uint64_t line_reader_text_bytes(const struct line_reader *reader);
const struct gz_reader *line_reader_file(const struct line_reader *reader);

#endif
