/* notify/outbox_private.h - what the files of the outbox share: its queues.
 *
 *     outbox.c        the queues: put, settings, status
 *     outbox_send.c   what is sent next, and what becomes of it
 *     rows.c          the letters of a queue, by group and by turn
 *
 * Each receiver has a queue, each group of a queue its own row of letters, so that the order holds
 * within a group while one message that its receiver chokes on holds up only its group. */
#ifndef MOONTIDE_NOTIFY_OUTBOX_PRIVATE_H
#define MOONTIDE_NOTIFY_OUTBOX_PRIVATE_H

#include "moontide/base/clock.h"
#include "moontide/notify/outbox.h"

#include "rows.h"

struct loop_timer;
struct outbox_row;

struct queue {
    struct queue *next;
    struct outbox *outbox;
    char *receiver;
    const struct receiver_settings *settings; /* NULL: there is no such receiver any more */
    struct rows rows;
    size_t count;           /* of letters */
    struct letter *sending; /* still in its row; NULL: none */
    struct courier_call *call;
    struct loop_timer *timer;    /* the next pump */
    struct loop_timer *deadline; /* of the attempt under way */
    bool recording;              /* the end of one is on its way to disk */
    int failures;                /* in a row, of whatever message */
    int64_t not_before_ms, failing_since_ms;
    bool sick;
    char *answer; /* the last one; NULL: none */
};

struct outbox {
    struct outbox_options options;
    const struct notify_settings *settings;
    struct queue *queues;
    struct letter *putting; /* of the batch that is not on disk yet, the newest first */
    size_t putting_count;
    size_t bytes; /* of all letters */
    int64_t last_seq;
    uint64_t random;
    uint32_t writes; /* batches of the outbox's own that are under way */
    bool stopping;
    void (*stopped)(void *data);
    void *stopped_data;
};

static inline int64_t outbox_now_ms(const struct outbox *outbox)
{
    return clock_now_ms(outbox->options.clock);
}

/* outbox.c */
void letter_free(struct outbox *outbox, struct letter *letter);
/* Takes the first letter of its group out of the queue. */
void queue_remove(struct queue *queue, struct letter *letter);

/* outbox_send.c */
/* Sends what is due, or sets the timer for it. */
void queue_pump(struct queue *queue);
bool queue_due(const struct queue *queue);
/* Ends an letter of the queue as "dead", for this reason. */
void queue_bury(struct queue *queue, struct letter *letter, const char *why);
/* Writes what became of an letter; `waits`: the queue goes on when that is on disk. */
void queue_record(struct queue *queue, const struct letter *letter, const char *state,
                  const char *answer, bool waits);
/* Writes all of a row; nobody waits for it. */
void outbox_write(struct outbox *outbox, const struct outbox_row *row);
void queue_stop(struct queue *queue);

#endif
