/* app/rerun.h - one version of a policy, evaluated again on what was recorded.
 *
 * The recorded targets are given, so targets() is not run; metrics(t) is, and what it declares is
 * looked up in the recording: a metric that is not there answers as one that was never asked. Time
 * is the tick's, math.random is seeded as it was in the tick, `collect` is not run: its recorded
 * result is given. The memo of each target goes its own way, from the recorded one on. */
#ifndef MOONTIDE_APP_RERUN_H
#define MOONTIDE_APP_RERUN_H

#include "moontide/base/compiler.h"
#include "moontide/base/faults.h"
#include "moontide/bind/host.h"
#include "moontide/tick/compare.h"
#include "moontide/tick/evaluator.h"
#include "moontide/tick/replay.h"

#include <stdbool.h>
#include <stddef.h>

struct rerun;

/* A source and where it came from. */
struct version {
    char *shown; /* "policies/web.lua", "policies/web.lua@1a2b3c4d": in messages */
    char *path;  /* of the file that it is or was: `require "lib.x"` looks beside it */
    char *source;
    size_t len;
    char sha256[SHA256_HEX_MAX];
};
void version_done(struct version *version);

/* Loads the version; all its faults go into faults. The host is borrowed. */
MUST_CHECK int rerun_new(const struct host *host, const struct version *version, struct rerun **out,
                         struct faults *faults);
/* Before the first tick: where its metrics are looked up. Borrowed. */
void rerun_on(struct rerun *rerun, struct replay *replay);
void rerun_free(struct rerun *rerun); /* NULL is allowed */
const struct policy_info *rerun_info(const struct rerun *rerun);
struct evaluator *rerun_evaluator(const struct rerun *rerun);

/* After each replay_next(), before its targets: those that are new become the version's. The tick
 * is borrowed until the next one. Negative: metrics(t) of one of them failed, and faults has why.
 */
MUST_CHECK int rerun_tick(struct rerun *rerun, const struct replay_tick *tick,
                          struct faults *faults);
/* What an evaluation of the tick's target `index` is given; valid until the next call. */
struct evaluation_input rerun_input(struct rerun *rerun, size_t index);
/* Evaluates it. Two reruns may do so at once, each in a thread of its own, if they share neither
 * host nor kinds: what they share of the recording is only read. */
void rerun_judge(struct rerun *rerun, size_t index);
/* What that was; valid until the next rerun_tick(), or rerun_judge() of the same. */
struct judgement rerun_judgement(const struct rerun *rerun, size_t index);
/* Whose evaluation that was; valid as long. */
const char *rerun_target_id(const struct rerun *rerun, size_t index);
/* Metrics that the version declares and no tick so far had, one for each name in `metrics`. */
void rerun_each_unrecorded(const struct rerun *rerun,
                           void (*each)(void *data, const char *key, const struct metric *metric),
                           void *data);

#endif
