/* app/recorded.h - a project's recorded ticks, for the commands that read them. */
#ifndef MOONTIDE_APP_RECORDED_H
#define MOONTIDE_APP_RECORDED_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/json.h"
#include "moontide/bind/config.h"
#include "moontide/store/recording.h"
#include "moontide/tick/replay.h"

/* <state>/recording.db; the caller frees it; NULL: no memory. */
char *recording_path(const struct config *config);
/* The recording beside a running daemon. Says on standard error what is wrong, and in its own words
 * that nothing was ever recorded. */
MUST_CHECK int project_recording(const struct config *config, struct recording_reader **out);

/* Finds one recorded tick of one policy. `which` is a number ("4711") or a time: then the last tick
 * at or before it. policy and world may be NULL for any; with a number, more than one policy may
 * have taken part in the tick: then a name is needed. *tick and *policy_out (malloc'ed) name it.
 * ERR_NOT_FOUND, ERR_INVALID: the fault says what ticks there are. */
MUST_CHECK int recorded_find(struct recording_reader *reader, const char *which, const char *world,
                             const char *policy, uint64_t *tick, char **policy_out,
                             struct fault *fault);

/* A recorded tick as a fixture of policy tests:
 * { "tick", "at", "world", "policy", "sha256", "targets": [ { "target", "id", "extra", "memo",
 *   "series": { key: { "metric", "period", "start", "values": [number|null], "state" } } } ] }.
 * The series have the window that was declared. */
void recorded_json(const struct replay_tick *tick, struct json_writer *w);

#endif
