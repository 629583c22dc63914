/* tick/replay.h - reads what was recorded (tick/recorder.h): tick by tick, as the policies saw it.
 *
 *     replay_open() -> replay_find() once a metric -> { replay_next(), *found, ... } ->
 * replay_close()
 *
 * Deltas are applied in place: a reader holds one copy of each series, moved on from tick to tick.
 * It may read beside a running daemon, and holds no transaction between two calls.
 *
 * Rule 1: everything that a tick gives is valid until the next replay_next().
 * Rule 2: a tick that was lost (kill -9, a full disk) is not there; those behind it are whole
 * again. Rule 3: what an evaluation remembers besides its memo (the last answers of `missing =
 * "ignore"`) is not recorded: it builds up again while ticks are evaluated in a row. */
#ifndef MOONTIDE_TICK_REPLAY_H
#define MOONTIDE_TICK_REPLAY_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metric;
struct recording_reader;
struct replay;
struct series;

struct replay_options {
    const char *path;            /* <state>/recording.db */
    const char *world, *policy;  /* NULL: any; the ticks of several come in the order of writing */
    int64_t from_ms, to_ms;      /* inclusive; 0: from the beginning, to the end */
    uint64_t from_tick, to_tick; /* the same by number; both kinds may be given */
};

/* One declaration of `metrics` of a target. */
struct replay_use {
    const char *key;
    struct metric *metric;       /* borrowed from the replay: retain it to keep it */
    const struct series *series; /* as it was at this tick: never NULL */
    uint32_t slots;              /* the declaration's window: series_view(series, slots) */
};
struct replay_target {
    const char *id, *json;
    const char *extra_json, *memo_json; /* NULL: none */
    const struct replay_use *uses;
    size_t use_count;
};
/* One tick of one policy. Targets stand in the order of evaluation; one that was not evaluated (its
 * collect failed, its policy had no time left) is not among them. */
struct replay_tick {
    uint64_t number;
    int64_t at_ms;
    const char *world, *policy;
    char sha256[SHA256_HEX_MAX]; /* of the policy's source: replay_source() */
    const struct replay_target *targets;
    size_t target_count;
    const uint64_t *moves; /* while the number stays, what replay_find() found is where it was */
};

/* ERR_NOT_FOUND: nothing was ever recorded here; as recording_reader_open() else. An empty range is
 * no error: the first replay_next() answers 0. */
MUST_CHECK int replay_open(const struct replay_options *options, struct replay **out,
                           struct fault *fault);
void replay_close(struct replay *replay); /* NULL is allowed */

/* 1: the next tick; 0: there is none. ERR_CORRUPT: a record is damaged (the fault says which; the
 * next call goes on with the next whole record of that policy); ERR_IO, ERR_NOMEM. */
MUST_CHECK int replay_next(struct replay *replay, struct replay_tick *out, struct fault *fault);

/* Where the series of this metric (metric_equal) will be found after each replay_next(): *found is
 * that series as it was then, or NULL while the policy does not record it. Valid until
 * replay_close(). Call it once a metric, at any time. policy NULL: the only one, as opened.
 *
 * `slots` asks for a window of at least so many: where the policy recorded a shorter one, what
 * moved out of it since the first tick that was read stays, as it was known last; 0: as recorded.
 * The found series is then longer than the recorded one: look at it by series_view(). From an open
 * range the reader begins at the whole record before it, so there is often more than the range
 * holds. The metric is retained. ERR_NOMEM, ERR_LIMIT (slots); ERR_INVALID: it is not said of which
 * policy, or it was opened for any world and no tick of the policy was read yet. */
MUST_CHECK int replay_find(struct replay *replay, const char *policy, struct metric *metric,
                           uint32_t slots, struct series *const **found);

/* The source with this SHA-256 or beginning of one; as recording_source(). */
MUST_CHECK int replay_source(struct replay *replay, const char *hash, char *sha256_out, char **out,
                             size_t *len, struct fault *fault);
/* For recording_each(): borrowed. */
struct recording_reader *replay_reader(struct replay *replay);

#endif
