/* notify/outbox.h - notifications on their way: a queue on disk, delivered at least once.
 *
 *   outbox_put (in a store batch) --> queued --courier took it--> sent
 *                                       |  ^
 *                                       |  +-- failed: waits (backoff, Retry-After)
 *                                       +-- permanent failure, or a day old --> dead
 *                                                       `moontide alerts dead --resend` --> queued
 *
 * Rule 1: what was put is on disk before it is sent, and its end is written after; a crash between
 * sends it twice, under one id. Rule 2: each receiver has a queue of its own: one that fails delays
 * no other. Within a queue the order of the puts holds, one at a time, at most rate_per_s. Rule 3:
 * a receiver whose first message has failed for OUTBOX_SICK_MS is sick: sick() is told, and again
 * when it is well. */
#ifndef MOONTIDE_NOTIFY_OUTBOX_H
#define MOONTIDE_NOTIFY_OUTBOX_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/notify/courier.h"
#include "moontide/notify/settings.h"

struct clock;
struct loop;
struct outbox;
struct store;
struct store_batch;

enum {
    OUTBOX_QUEUE_MAX = 10000,          /* of one receiver; the oldest goes to the dead letters */
    OUTBOX_BYTES_MAX = 1024 * 1024,    /* of one notification */
    OUTBOX_DEAD_MS = 24 * 3600 * 1000, /* tried for that long */
    OUTBOX_SICK_MS = 10 * 60 * 1000,   /* two group_intervals */
    OUTBOX_BACKOFF_BASE_MS = 1000,     /* doubling from there, full jitter */
    OUTBOX_BACKOFF_CAP_MS = 15 * 60 * 1000,
    OUTBOX_SEND_MS = 60 * 1000, /* one attempt */
};

struct outbox_options {
    struct loop *loop;
    struct store *store;       /* borrowed */
    const struct clock *clock; /* of ages and of the history; waits are real time */
    const char *world;
    struct courier *courier; /* borrowed */
    uint64_t seed;           /* of the jitter; 0: by time */
    void (*sick)(void *data, const char *receiver, bool sick, const char *why);
    void (*sent)(void *data, const char *receiver, const char *group_key, const char *id,
                 const char *state); /* state: as struct delivery's, for the next put */
    void *data;
};

/* Reads what is queued. The settings are given apart, as a reload changes them. */
MUST_CHECK int outbox_new(const struct outbox_options *options, struct outbox **out,
                          struct fault *fault);
/* Cancels what is under way (it stays queued); done runs on the loop, perhaps before return, when
 * nothing is being written any more. */
void outbox_stop(struct outbox *outbox, void (*done)(void *data), void *data);
void outbox_free(struct outbox *outbox); /* after outbox_stop()'s done; NULL is allowed */
/* Borrowed until the next call. Queues of receivers that are gone become dead letters. */
void outbox_settings(struct outbox *outbox, const struct notify_settings *settings);
/* Now and then: takes up again what stood still because there was no memory for its timer. */
void outbox_go_on(struct outbox *outbox);

/* Into the batch, and from when that is committed (outbox_committed) into the queue. All texts are
 * copied. id at most 64 bytes. */
MUST_CHECK int outbox_put(struct outbox *outbox, struct store_batch *batch, const char *receiver,
                          const char *group_key, const char *id, const char *notification,
                          const char *state);
/* The batch of the puts since the last call is on disk (code OK), or is not. */
void outbox_committed(struct outbox *outbox, int code);
/* A dead letter is queued again. ERR_NOT_FOUND. */
MUST_CHECK int outbox_resend(struct outbox *outbox, int64_t seq);
/* All of them, as far as memory goes; *count: how many. */
MUST_CHECK int outbox_resend_all(struct outbox *outbox, size_t *count);

/* Whether something is being written, or should be on its way. What waits for its receiver's answer
 * or for its next attempt is not. */
bool outbox_busy(const struct outbox *outbox);

/* For `status`. */
struct outbox_status {
    const char *receiver;
    size_t queued;
    bool sending; /* one is on its way */
    bool sick;
    int64_t failing_since_ms; /* 0: it is well */
    const char *answer;       /* the last one; "" */
};
void outbox_each(const struct outbox *outbox,
                 void (*each)(void *data, const struct outbox_status *status), void *data);

#endif
