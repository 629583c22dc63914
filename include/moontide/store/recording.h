/* store/recording.h - what each tick saw, kept in a SQLite file of its own beside the journal.
 *
 * One row is one tick of one policy: a blob that the tick layer encoded (tick/recorder.h), here
 * only bytes. A row is `whole`, or a delta against the row before it of the same (world, policy). A
 * whole row begins a segment; segments go as a whole when they are too old or the file too large,
 * so what is left can always be read.
 *
 * The file may be deleted at any time when nobody runs; nothing else depends on it. WAL,
 * synchronous NORMAL: a killed process loses no row that was written, a lost power supply perhaps
 * the last ones. Rows are written by a thread of the recording's own: nobody waits for it.
 *
 * Rule 1: recording_put() never blocks. What does not fit into the queue is lost, and counted.
 * Rule 2: a delta is written only when nothing was lost between it and the row it builds on:
 * whoever encodes it says which `epoch` it saw, and rows of an older epoch that are not whole are
 *         dropped. So a gap is always followed by a whole row.
 * Rule 3: after a failure nothing is taken for RECORDING_RETRY_MS; then it is tried again.
 * Rule 4: a damaged file is moved aside (<path>.damaged-<time>) and a new one begun. */
#ifndef MOONTIDE_STORE_RECORDING_H
#define MOONTIDE_STORE_RECORDING_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORDING_SCHEMA_VERSION = 1,
    RECORDING_RETRY_MS = 30 * 1000,
    RECORDING_QUEUE_ROWS = 1024,
    RECORDING_QUEUE_BYTES = 64 * 1024 * 1024, /* bodies that wait for the thread */
    RECORDING_BODY_MAX = 512 * 1024 * 1024,
};

/* ---- writing ---- */

struct recording;
struct recording_options {
    const char *path;
    int64_t keep_ms;    /* segments that ended before this long ago go; 0: none by age */
    int64_t max_bytes;  /* of the file: the oldest segments go; 0: none by size */
    size_t queue_bytes; /* 0: RECORDING_QUEUE_BYTES */
    int64_t retry_ms;   /* 0: RECORDING_RETRY_MS */
};

/* Makes the file (mode 0600) when missing, begins the thread. The caller is the only writer of the
 * state directory (store_open() sees to it). A file that cannot be opened is no error: the
 * recording is there, has failed, and tries again later (recording_status() says why). ERR_NOMEM,
 * or no thread. */
MUST_CHECK int recording_open(const struct recording_options *options, struct recording **out,
                              struct fault *fault);
/* Writes what is queued, ends the thread, closes the file. NULL is allowed. `last` (may be NULL)
 * gets what recording_status() would say after that. */
struct recording_status;
void recording_close(struct recording *recording, struct recording_status *last);

/* The number for the next tick: one more than any number in the file, or that ever was. Numbers go
 * on across restarts, and are unique in the file whatever the world. They begin anew at 1 with a
 * new file. Also answers while the recording has failed. */
uint64_t recording_next_tick(struct recording *recording);
/* Goes up whenever a row was lost. False: nothing is taken at present. */
bool recording_ready(struct recording *recording, uint64_t *epoch);

struct recording_row {
    uint64_t tick;
    int64_t at_ms;
    const char *world, *policy;
    const char *sha256; /* hex, of the policy's source */
    const char *source; /* that source, kept once a hash; NULL: not known, or given before */
    size_t source_len;
    uint64_t epoch;
    bool whole;
    uint32_t targets;
};
/* Copies the row, takes the body also when it fails (free()d). ERR_FULL: the queue is;
 * ERR_CLOSED: it has failed and does not try yet; ERR_LIMIT: the body; ERR_NOMEM. All but OK lose
 * the row, and raise the epoch. */
MUST_CHECK int recording_put(struct recording *recording, const struct recording_row *row,
                             void *take_body, size_t len);
/* As if a row had been lost: the encoder could not make it. */
void recording_lose(struct recording *recording);

struct recording_status {
    uint64_t written, lost;        /* rows, since the start */
    uint64_t written_bytes;        /* of bodies as they lie in the file */
    size_t waiting;                /* rows in the queue */
    int64_t file_bytes;            /* without the write-ahead log */
    bool failed;                   /* it does not record at present; fault says why */
    uint64_t failures;             /* times that it began to fail */
    uint64_t damages;              /* damaged files that were moved aside */
    struct fault fault;            /* of the last failure; code OK: there was none */
    char moved_to[FAULT_FILE_MAX]; /* where the last damaged file went; "": none was */
};
void recording_status(struct recording *recording, struct recording_status *out);

/* ---- reading, also beside a writer ---- */

struct recording_reader;
/* ERR_NOT_FOUND: there is no recording yet; ERR_CORRUPT, ERR_VERSION, ERR_DENIED, ERR_IO. */
MUST_CHECK int recording_reader_open(const char *path, struct recording_reader **out,
                                     struct fault *fault);
void recording_reader_close(struct recording_reader *reader); /* NULL is allowed */

/* What is recorded of one row. `body` is NULL where only the list was asked for. */
struct recorded {
    int64_t seq; /* the order of writing */
    uint64_t tick;
    int64_t at_ms;
    const char *world, *policy;
    char sha256[SHA256_HEX_MAX];
    bool whole;
    uint32_t place; /* in its segment: 0 is the whole row, and none is left out after it */
    uint32_t targets;
    size_t stored_bytes; /* in the file */
    const void *body;
    size_t len;
};

struct recording_filter {
    const char *world, *policy;  /* NULL: any */
    int64_t from_ms, to_ms;      /* inclusive; 0: from the beginning, to the end */
    uint64_t from_tick, to_tick; /* the same */
    bool newest;                 /* recording_each(): the latest first, else as written */
    uint32_t limit;              /* 0: all */
};
/* Without bodies. each returns false to stop. */
MUST_CHECK int recording_each(struct recording_reader *reader,
                              const struct recording_filter *filter,
                              bool (*each)(void *data, const struct recorded *row), void *data,
                              struct fault *fault);

/* A walk over the rows with their bodies, from the segments that the first rows of the filter lie
 * in on: rows before the filter's beginning come too, as what follows builds on them. No
 * transaction is held between two calls, so a writer is not in the way of it, nor it in his. */
struct recording_walk;
MUST_CHECK int recording_walk_open(struct recording_reader *reader,
                                   const struct recording_filter *filter,
                                   struct recording_walk **out, struct fault *fault);
void recording_walk_close(struct recording_walk *walk); /* NULL is allowed; before the reader */
/* 1: a row, valid until the next call; 0: the end. ERR_CORRUPT: the row cannot be read (the next
 * call goes on behind it). */
MUST_CHECK int recording_walk_next(struct recording_walk *walk, struct recorded *out,
                                   struct fault *fault);

/* The source with this SHA-256, or with this beginning of it (at least 4 digits); *out is
 * malloc'ed and NUL-terminated. sha256 (may be NULL, else SHA256_HEX_MAX bytes) is the whole hash.
 * ERR_NOT_FOUND; ERR_EXISTS: more than one begins so. */
MUST_CHECK int recording_source(struct recording_reader *reader, const char *hash, char *sha256_out,
                                char **out, size_t *len, struct fault *fault);

#endif
