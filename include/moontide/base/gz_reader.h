/* base/gz_reader.h - a file, plain or gzip, in blocks: memory stays the same however large it is.
 *
 * Gzip is known by its first two bytes, never by a name. Several members in a row are read as one
 * (RFC 1952, 2.2), and zeros after the last are padding, as gzip has it.
 *
 * Rule 1: what was read before an error is good: a file that ends early, or whose checksum is
 * wrong, gives all blocks before that place, then the error, which says the place. */
#ifndef MOONTIDE_BASE_GZ_READER_H
#define MOONTIDE_BASE_GZ_READER_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { GZ_BLOCK_BYTES = 256 * 1024 };

struct gz_reader;

/* On success the caller owns *out; release with gz_close(). Only regular files: ERR_INVALID for
 * others. ERR_NOT_FOUND, ERR_DENIED, ERR_IO, ERR_NOMEM. fault may be NULL. */
MUST_CHECK int gz_open(const char *path, struct gz_reader **out, struct fault *fault);
void gz_close(struct gz_reader *reader); /* NULL is allowed */

/* 1: the next *len bytes, 1 to GZ_BLOCK_BYTES, at *bytes until the next call; 0: the end.
 * ERR_CORRUPT: the gzip ends early or is damaged. ERR_IO. An error stays. */
MUST_CHECK int gz_next(struct gz_reader *reader, const char **bytes, size_t *len,
                       struct fault *fault);

/* Of the file as it lies on the disk: what was taken from it, and its size when it was opened. */
uint64_t gz_done_bytes(const struct gz_reader *reader);
uint64_t gz_total_bytes(const struct gz_reader *reader);

#endif
