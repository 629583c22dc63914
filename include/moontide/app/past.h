/* app/past.h - a project's recording as the commands see it that go back in time: whose ticks
 * there are, which one is meant, and which version of a policy.
 *
 * All of them say on standard error what is wrong, with what there is instead. */
#ifndef MOONTIDE_APP_PAST_H
#define MOONTIDE_APP_PAST_H

#include "moontide/app/options.h"
#include "moontide/app/rerun.h"
#include "moontide/base/clock.h"
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/bind/config.h"
#include "moontide/bind/host.h"
#include "moontide/store/recording.h"

#include <stdbool.h>
#include <stdint.h>

/* Offline: no world, no network. Opened by past_open(), which fills all of it. */
struct past {
    struct config *config;
    struct loop *loop;
    struct clock clock;
    struct host host;
    char *path; /* of the recording */
    struct recording_reader *reader;
};
/* --dir. 0, or 1 after saying what is wrong. */
MUST_CHECK int past_open(const struct arguments *arguments, struct past *out);
void past_close(struct past *project);

/* What is recorded of one policy in one world. */
struct past_policy {
    char *policy, *world;
    uint64_t first_tick, last_tick; /* numbers */
    int64_t first_ms, last_ms;
    char sha256[SHA256_HEX_MAX]; /* of the newest tick */
    uint64_t ticks;              /* from from_ms on */
    uint32_t targets;            /* of the newest tick */
};
void past_policy_done(struct past_policy *policy);
/* policy NULL: the only one that is recorded. world NULL: that of its newest tick. since_ms: how
 * long before the newest tick to count from, 0: all. *from_ms (may be NULL) is the time of that.
 * 0, or 1 after saying what is wrong. */
MUST_CHECK int past_find(struct recording_reader *reader, const char *policy, const char *world,
                         int64_t since_ms, struct past_policy *out, int64_t *from_ms);

/* A tick by what a person writes: its number, a time (the last one that began by then), or a
 * duration before the newest one. ERR_NOT_FOUND: the fault names the nearest; ERR_INVALID. */
struct tick_place {
    uint64_t number;
    int64_t at_ms;
};
MUST_CHECK int tick_find(struct recording_reader *reader, const struct past_policy *policy,
                         const char *where, struct tick_place *out, struct fault *fault);
/* So many of the policy's ticks after that number, or before it when negative; as far as there are
 * any. ERR_NOT_FOUND: there is none. */
MUST_CHECK int tick_step(struct recording_reader *reader, const struct past_policy *policy,
                         uint64_t from, int64_t ticks, struct tick_place *out, struct fault *fault);

/* A policy file. The fault names it. */
MUST_CHECK int version_read(const struct past *project, const char *path, struct version *out,
                            struct fault *fault);
/* How a recorded source with its sha256 is shown ("web@1a2b3c4d"); what it requires is looked for
 * beside the policies that there are now. ERR_NOMEM. */
MUST_CHECK int version_name(const struct past *project, const char *policy,
                            struct version *version);
/* A version by what a person writes: a file, the beginning of the SHA-256 of a recorded source (at
 * least 4 digits), or "live": that of the newest recorded tick, `live` (NULL: not known yet, and
 * 0 is answered with out->source NULL). 0, or 1 after saying what is wrong. */
MUST_CHECK int version_find(const struct past *project, const char *word,
                            const struct past_policy *live, struct version *out);

#endif
