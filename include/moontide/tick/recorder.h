/* tick/recorder.h - records what each evaluation is given: the snapshot of a tick, as deltas.
 *
 * One record is one tick of one policy: of each target its fields, `extra` and memo as they were
 * before the evaluation, and of each series that it declares what changed since the last record of
 * the policy: the window, new and revised slots, the state. A record is `whole` (it builds on
 * nothing) when it is the first of the process, when one was lost, when the deltas since the last
 * whole one weigh RECORDER_DELTAS_PER_WHOLE times as much as it, and after RECORDER_WHOLE_TICKS at
 * the latest: a reader never has to go back further.
 *
 * The recorder keeps a copy of what it recorded last (as much memory as the series of the policies
 * take) and compares on the loop; compressing and writing are off it (store/recording.h). A tick is
 * never delayed: what cannot be taken is lost, said once as `record.failed`, and the next record is
 * a whole one.
 *
 * Rule 1: every function but recorder_new() takes NULL for "nothing is recorded".
 * Rule 2: a series that several targets of one tick share is recorded as the first of them saw it.
 * Rule 3: nothing here is needed for anything but replay: no failure of it is a failure of a tick.
 */
#ifndef MOONTIDE_TICK_RECORDER_H
#define MOONTIDE_TICK_RECORDER_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy_info;
struct record;
struct recorder;
struct recording_options;
struct recording_status;
struct series;
struct target;

enum {
    RECORDER_WHOLE_TICKS = 360,
    RECORDER_DELTAS_PER_WHOLE = 8,
    RECORDER_SEGMENTS = 32, /* a file that is full holds at least so many segments */
};

/* Opens (or begins) the recording; see recording_open() for what is no error. */
MUST_CHECK int recorder_new(const struct recording_options *options, const char *world,
                            struct recorder **out, struct fault *fault);
/* Writes what is queued; says what is still to be said. */
void recorder_free(struct recorder *recorder);

/* The number of a new tick: goes on across restarts (recording_next_tick()). */
uint64_t recorder_next_tick(struct recorder *recorder);

/* A policy's part in a tick begins; at most one record of a policy is under way. NULL: it is not
 * recorded (the file fails, or there is no memory), which is counted and not the caller's concern.
 * The strings are borrowed until the record ends. */
struct record *recorder_begin(struct recorder *recorder, const struct policy_info *info,
                              uint64_t tick, int64_t at_ms);
/* Before the target's evaluation. series: shape [target->use_count], as the evaluation gets them;
 * extra and memo may be NULL. All is copied. */
void record_target(struct record *record, const struct target *target, struct series *const *series,
                   const char *extra_json, const char *memo_json);
/* Hands the record to the writer. */
void record_end(struct record *record);
/* Nothing of it is written: the tick was cut short, and would look as if targets were missing. */
void record_abandon(struct record *record);
/* The policy is gone: so is the copy of what it saw last. Not while its record is under way. */
void recorder_forget(struct recorder *recorder, const char *policy);

void recorder_status(struct recorder *recorder, struct recording_status *out);

#endif
