/* store/recording_file.h - the file of a recording, as its thread writes it.
 *
 *   recording.c         the queue, the thread, failures
 *   recording_file.c    opening, the schema, one row
 *   recording_prune.c   segments that are too old or too many
 *   recording_read.c    rows for readers
 *   recording_source.c  policies' sources, and bodies as they lie in the file */
#ifndef MOONTIDE_STORE_RECORDING_FILE_H
#define MOONTIDE_STORE_RECORDING_FILE_H

#include "database.h"
#include "moontide/store/recording.h"

#include <zlib.h>

enum file_statement {
    FILE_SOURCE_ID,
    FILE_SOURCE_ADD,
    FILE_SEGMENT_ADD,
    FILE_SEGMENT_GROW,
    FILE_RECORD_ADD,
    FILE_STATEMENTS
};

/* The segment that rows of a policy go to now. */
struct open_segment {
    char *world, *policy;
    int64_t id;
    uint32_t next_place;
};

struct recording_file {
    struct database *database;
    sqlite3_stmt *statements[FILE_STATEMENTS];
    struct open_segment *open;
    size_t open_count, open_cap;
    z_stream deflate;
    bool deflates;         /* it was begun */
    uint64_t first_tick;   /* numbers below it were there before */
    int64_t written_to;    /* the segment of the last row */
    int64_t pruned_ns;     /* when segments were looked at for their age last; 0: never */
    unsigned char *packed; /* scratch, shape: [packed_cap] */
    size_t packed_cap;
};

/* A writer makes the file when missing, a reader takes it as it is. Errors as
 * recording_reader_open(). */
MUST_CHECK int recording_file_open(const char *path, enum database_kind kind,
                                   struct recording_file *out, struct fault *fault);
void recording_file_close(struct recording_file *file); /* also one that is all zeros */
/* Moves it, with what lies beside it, to <path>.damaged-<time>: *to says where. */
MUST_CHECK int recording_file_move(const char *path, char *to, size_t size, struct fault *fault);
/* One transaction. *stored: bytes of the body as it lies in the file. ERR_NOT_FOUND: a delta
 * without a segment. */
MUST_CHECK int recording_file_write(struct recording_file *file, const struct recording_row *row,
                                    const void *body, size_t len, size_t *stored,
                                    struct fault *fault);
/* The one statement, made at its first use. */
MUST_CHECK int recording_statement(struct recording_file *file, enum file_statement which,
                                   const char *sql, sqlite3_stmt **out, struct fault *fault);

/* recording_prune.c: one small step. PRUNE_MORE: there is more to do; PRUNE_NOTHING_ELSE: only the
 * segment that was written last is left, and the file is still too large. world is the one that is
 * recorded, and its time is at_ms. */
enum { PRUNE_MORE = 1, PRUNE_NOTHING_ELSE = 2 };
MUST_CHECK int recording_prune(struct recording_file *file, const struct recording_options *options,
                               const char *world, int64_t at_ms, struct fault *fault);
MUST_CHECK int recording_file_bytes(struct recording_file *file, int64_t *out, struct fault *fault);

/* recording_source.c: *id of the source with this hash, made when there is none. */
MUST_CHECK int recording_source_id(struct recording_file *file, const struct recording_row *row,
                                   int64_t *id, struct fault *fault);
/* Compresses into file->packed when that makes it smaller: *bytes, *packed_len are what to store,
 * *raw_len 0 when it is stored as it was. */
MUST_CHECK int recording_pack(struct recording_file *file, const void *body, size_t len,
                              const void **bytes, size_t *packed_len, size_t *raw_len);
/* *out (shape: [*cap], grown as needed) gets the raw_len bytes. ERR_CORRUPT. */
MUST_CHECK int recording_unpack(const void *bytes, size_t len, size_t raw_len, unsigned char **out,
                                size_t *cap);

#endif
