/* tick/record_code.h - the one place that knows how a record of a tick looks as bytes.
 *
 * Writer and reader of one policy's records each hold a `struct record_code`: the snapshot as it
 * was after the last record. The writer compares with it what it is given and writes the
 * difference; the reader applies differences to its own, in place.
 *
 *   record = version, whole, shape length, values length, shape, values, texts
 *
 * Three parts, as like stands beside like: `shape` is which target, which series, which slots
 * (mostly the same small numbers, which zlib makes nearly nothing of), `values` the bytes of
 * datapoints, `texts` those of JSON and names. The shape, target by target in the order of their
 * evaluation; numbers are varints (LEB128), signed ones zigzag:
 *
 *   target  = its number - the one expected (0 in the usual order); FLAGS; what they announce
 *             {json, extra, memo: a text; uses: count, {key, series, slots}}; {use + 1 - the one
 *             expected, series}...; 0. A number one past the last is a new target: its id comes
 *             first.
 *   text    = 0: none, else 1 + bytes in common with the one before at its beginning; at its end;
 *             bytes between
 *   name    = 0: a new one, its length; else 1 + its number
 *   use     = ... series: how many numbers back, 0: a new one, whose metric follows
 *   series  = FLAGS; state and hint; the window {period, slots, start}; slots moved; changed slots:
 *             count, {slots from the one before, the first from the newest; value}
 *   value   = a byte: zero bytes at the beginning and bytes that follow, of its bits XOR those of
 *             the slot before it. 0xff: no datapoint
 *
 * Why binary and not text: a datapoint of CloudWatch is most often an average with all its digits,
 * 17 as text and 6 to 7 bytes so, a count 1 to 3; and reading is a loop without a parser.
 *
 * Names, targets and series are numbered from 0 in each whole record, and on through its deltas. */
#ifndef MOONTIDE_TICK_RECORD_CODE_H
#define MOONTIDE_TICK_RECORD_CODE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metric;
struct record_code;
struct replay_target;
struct series;
struct target;

enum {
    RECORD_VERSION = 1,
    RECORD_SLOTS_MAX = 128 * 1024 * 1024, /* of all series of a policy: 1 GiB */
    RECORD_TEXT_MAX = 16 * 1024 * 1024,
    RECORD_METRIC_DEPTH = 8, /* of expressions within expressions */
};

/* max_slots bounds the memory; 0: RECORD_SLOTS_MAX. */
MUST_CHECK int record_code_new(uint64_t max_slots, struct record_code **out);
void record_code_free(struct record_code *code); /* NULL is allowed */

/* ---- writing ---- */

/* Failures stick until the next begin, and come out of the end; after one, the next record must be
 * a whole one (begin answers ERR_INVALID otherwise). */
MUST_CHECK int record_write_begin(struct record_code *code, bool whole);
void record_write_target(struct record_code *code, const struct target *target,
                         struct series *const *series, const char *extra_json,
                         const char *memo_json);
/* *out is malloc'ed. ERR_NOMEM; ERR_LIMIT: more slots, texts or depth than there may be. */
MUST_CHECK int record_write_end(struct record_code *code, char **out, size_t *len);

/* ---- reading ---- */

/* Applies one record. ERR_CORRUPT (any bytes may come), ERR_VERSION, ERR_NOMEM, ERR_LIMIT; after a
 * failure only a whole record is taken. */
MUST_CHECK int record_read(struct record_code *code, const void *bytes, size_t len);
/* Whether this record is a whole one: false also for what is none. */
bool record_is_whole(const void *bytes, size_t len);

/* The targets of the last record, in its order: shape [*count], valid until the next one. */
const struct replay_target *record_targets(const struct record_code *code, size_t *count);

/* A number that changes whenever what record_find() found is another series, or none. */
const uint64_t *record_moves(const struct record_code *code);
/* See replay_find(). */
MUST_CHECK int record_find(struct record_code *code, struct metric *metric, uint32_t slots,
                           struct series *const **found);

#endif
