/* notify/outbox_send.c - one queue at work: what is sent next, and what becomes of it.
 *
 *   queue_pump --> waits (timer) --> attempt --taken--> record "sent" --> queue_pump
 *                    ^                 |
 *                    |                 +--failed--> the message waits, and the queue with it
 *                    |                 +--permanent, or a day old--> record "dead" --> queue_pump
 *                    +---------------------------------------------------------------+
 *
 * The next message is the first of its group that may be tried, the least tried first, then the
 * oldest. The queue itself also waits after a failure, so that a receiver that is down is not asked
 * once a message. The end of a message is on disk before the next one is sent. */
#include "moontide/base/log.h"
#include "moontide/io/backoff.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"

#include "outbox_private.h"

#include <stdlib.h>
#include <string.h>

static const struct backoff_policy backoff = {.base_ms = 2 * OUTBOX_BACKOFF_BASE_MS,
                                              .cap_ms = OUTBOX_BACKOFF_CAP_MS};

static void pump_timer(void *data)
{
    struct queue *queue = data;
    queue->timer = NULL;
    queue_pump(queue);
}

/* ---- recording ---- */

struct recording {
    struct outbox *outbox;
    struct queue *queue; /* NULL: nobody waits */
};

static void recorded(void *data, int code, const struct fault *fault)
{
    struct recording *recording = data;
    struct outbox *outbox = recording->outbox;
    struct queue *queue = recording->queue;
    free(recording);
    outbox->writes--;
    if (code < 0) /* it is sent again after a restart, under the same id */
        log_event(LOG_ERROR, "alert.not_recorded", LOG_S("error", fault->text));
    if (queue) {
        queue->recording = false;
        queue_pump(queue);
    }
    if (outbox->stopping && outbox->writes == 0 && outbox->stopped)
        outbox->stopped(outbox->stopped_data);
}

void queue_record(struct queue *queue, const struct letter *letter, const char *state,
                  const char *answer, bool waits)
{
    struct outbox *outbox = queue->outbox;
    struct store_batch *batch = NULL;
    struct recording *recording = malloc(sizeof *recording);
    int code = recording ? store_batch_new(outbox->options.world, outbox_now_ms(outbox), &batch)
                         : ERR_NOMEM;
    if (code == OK) {
        *recording = (struct recording){outbox, waits ? queue : NULL};
        bool over = strcmp(state, "queued") != 0;
        store_batch_outbox_state(batch,
                                 &(struct outbox_row){.seq = letter->seq,
                                                      .state = state,
                                                      .group = letter->state,
                                                      .answer = answer,
                                                      .ended_ms = over ? outbox_now_ms(outbox) : 0,
                                                      .attempts = letter->attempts});
        code = store_commit(outbox->options.store, batch, recorded, recording);
    }
    if (code < 0) {
        free(recording);
        log_event(LOG_ERROR, "alert.not_recorded", LOG_S("error", err_text(code)));
        return;
    }
    outbox->writes++;
    if (waits) queue->recording = true;
}

void outbox_write(struct outbox *outbox, const struct outbox_row *row)
{
    struct store_batch *batch = NULL;
    struct recording *recording = malloc(sizeof *recording);
    int code = recording ? store_batch_new(outbox->options.world, outbox_now_ms(outbox), &batch)
                         : ERR_NOMEM;
    if (code == OK) {
        *recording = (struct recording){outbox, NULL};
        store_batch_outbox(batch, row);
        code = store_commit(outbox->options.store, batch, recorded, recording);
    }
    if (code == OK) {
        outbox->writes++;
        return;
    }
    free(recording);
    log_event(LOG_ERROR, "alert.not_recorded", LOG_S("error", err_text(code)));
}

/* ---- how the receiver is ---- */

static void keep_answer(struct queue *queue, const char *answer)
{
    char *copy = answer ? strdup(answer) : NULL;
    free(queue->answer);
    queue->answer = copy;
}

/* Permanent failures count as well: a webhook that was revoked is no less dead. */
static void note_failure(struct queue *queue)
{
    struct outbox *outbox = queue->outbox;
    int64_t now_ms = outbox_now_ms(outbox);
    if (queue->failing_since_ms == 0) queue->failing_since_ms = now_ms;
    if (queue->sick || now_ms - queue->failing_since_ms < OUTBOX_SICK_MS) return;
    queue->sick = true;
    log_event(LOG_ERROR, "alert.receiver_sick", LOG_S("receiver", queue->receiver),
              LOG_S("answer", queue->answer), LOG_I("queued", queue->count));
    if (outbox->options.sick)
        outbox->options.sick(outbox->options.data, queue->receiver, true,
                             queue->answer ? queue->answer : "");
}

static void queue_failed(struct queue *queue, int64_t retry_after_ms)
{
    struct outbox *outbox = queue->outbox;
    queue->failures++;
    /* Half of it is certain: with full jitter a receiver in trouble could be asked at once. */
    int64_t wait_ms =
        backoff_ms(&backoff, queue->failures, 0.5 + backoff_random(&outbox->random) / 2);
    if (retry_after_ms > OUTBOX_DEAD_MS) retry_after_ms = OUTBOX_DEAD_MS;
    if (wait_ms < retry_after_ms) wait_ms = retry_after_ms;
    queue->not_before_ms = outbox_now_ms(outbox) + wait_ms;
    note_failure(queue);
}

/* As fast as the receiver is to be asked at most. */
static void queue_pace(struct queue *queue)
{
    double rate =
        queue->settings && queue->settings->rate_per_s > 0 ? queue->settings->rate_per_s : 1;
    queue->not_before_ms = outbox_now_ms(queue->outbox) + (int64_t)(1000 / rate);
}

/* It answers: what waited for its sake need not wait. */
static void queue_well(struct queue *queue)
{
    struct outbox *outbox = queue->outbox;
    if (queue->failures > 0) rows_wake(&queue->rows);
    queue->failures = 0;
    queue->failing_since_ms = 0;
    queue_pace(queue);
    if (!queue->sick) return;
    queue->sick = false;
    log_event(LOG_INFO, "alert.receiver_well", LOG_S("receiver", queue->receiver));
    if (outbox->options.sick)
        outbox->options.sick(outbox->options.data, queue->receiver, false, "");
}

/* ---- the end of an attempt ---- */

void queue_bury(struct queue *queue, struct letter *letter, const char *why)
{
    log_event(LOG_ERROR, "alert.dead", LOG_S("receiver", queue->receiver), LOG_S("id", letter->id),
              LOG_S("reason", why), LOG_I("attempts", letter->attempts));
    queue_record(queue, letter, "dead", why, false);
    queue_remove(queue, letter);
    letter_free(queue->outbox, letter);
}

/* Those of its group that wait build on what it left. */
static void take_state(struct outbox *outbox, struct letter *letter, const char *state)
{
    char *copy = strdup(state);
    if (!copy) return; /* then the next message begins anew */
    outbox->bytes += strlen(copy);
    if (letter->state) outbox->bytes -= strlen(letter->state);
    free(letter->state);
    letter->state = copy;
}

static void taken(struct queue *queue, struct letter *letter, const struct delivery *delivery)
{
    struct outbox *outbox = queue->outbox;
    if (delivery->state)
        for (struct letter *each = letter; each; each = each->next)
            take_state(outbox, each, delivery->state);
    log_event(LOG_INFO, "alert.sent", LOG_S("receiver", queue->receiver), LOG_S("id", letter->id),
              LOG_I("attempts", letter->attempts), LOG_S("answer", delivery->answer),
              LOG_S("warning", delivery->warning));
    queue_well(queue);
    queue_record(queue, letter, "sent", delivery->warning ? delivery->warning : delivery->answer,
                 true);
    if (outbox->options.sent)
        outbox->options.sent(outbox->options.data, queue->receiver, letter->group_key, letter->id,
                             letter->state);
    queue_remove(queue, letter);
    letter_free(outbox, letter);
}

static void failed(struct queue *queue, struct letter *letter, const struct delivery *delivery)
{
    struct outbox *outbox = queue->outbox;
    int64_t now_ms = outbox_now_ms(outbox);
    const char *answer = delivery->answer ? delivery->answer : err_text(delivery->code);
    if (delivery->state) take_state(outbox, letter, delivery->state);
    if (delivery->permanent) {
        queue_pace(queue);
        note_failure(queue);
        queue_bury(queue, letter, answer);
        return;
    }
    if (now_ms - letter->put_ms >= OUTBOX_DEAD_MS) {
        queue_failed(queue, delivery->retry_after_ms);
        queue_bury(queue, letter, answer);
        return;
    }
    queue_failed(queue, delivery->retry_after_ms);
    rows_postpone(&queue->rows, letter,
                  now_ms + backoff_ms(&backoff, (int)letter->attempts,
                                      0.5 + backoff_random(&outbox->random) / 2));
    log_event(LOG_WARN, "alert.retry", LOG_S("receiver", queue->receiver), LOG_S("id", letter->id),
              LOG_I("attempts", letter->attempts), LOG_S("answer", answer));
    queue_record(queue, letter, "queued", answer, false);
}

static void delivered(void *data, const struct delivery *delivery)
{
    struct queue *queue = data;
    struct letter *letter = queue->sending;
    queue->sending = NULL;
    queue->call = NULL;
    loop_timer_cancel(queue->deadline);
    queue->deadline = NULL;
    letter->attempts++;
    keep_answer(queue, delivery->answer ? delivery->answer : err_text(delivery->code));
    if (delivery->code == OK)
        taken(queue, letter, delivery);
    else
        failed(queue, letter, delivery);
    queue_pump(queue);
}

static void deadline_passed(void *data)
{
    struct queue *queue = data;
    struct courier *courier = queue->outbox->options.courier;
    queue->deadline = NULL;
    courier->vtable->cancel(courier, queue->call);
    delivered(queue, &(struct delivery){.code = ERR_TIMEOUT, .answer = "no answer within 60 s"});
}

/* ---- the next attempt ---- */

static int attempt(struct queue *queue, struct letter *letter)
{
    struct outbox *outbox = queue->outbox;
    struct courier *courier = outbox->options.courier;
    int code = loop_timer_start(outbox->options.loop, OUTBOX_SEND_MS, deadline_passed, queue,
                                &queue->deadline);
    if (code == OK)
        code = courier->vtable->send(courier, queue->settings, letter->json, letter->state,
                                     delivered, queue, &queue->call);
    if (code == OK) {
        queue->sending = letter;
        return OK;
    }
    loop_timer_cancel(queue->deadline);
    queue->deadline = NULL;
    return code;
}

static void wait_until(struct queue *queue, int64_t due_ms)
{
    struct outbox *outbox = queue->outbox;
    int64_t wait_ms = clock_real_ms_until(outbox->options.clock, due_ms);
    int code = loop_timer_start(outbox->options.loop, wait_ms, pump_timer, queue, &queue->timer);
    if (code < 0) log_event(LOG_ERROR, "alert.failed", LOG_S("error", err_text(code)));
}

/* When it is tried, if nothing else is in the way; the clock may have gone back. */
static int64_t due_of(const struct queue *queue, const struct letter *letter, int64_t now_ms)
{
    int64_t due_ms = letter->not_before_ms;
    if (due_ms < queue->not_before_ms) due_ms = queue->not_before_ms;
    return due_ms > now_ms + OUTBOX_DEAD_MS ? now_ms : due_ms;
}

bool queue_due(const struct queue *queue)
{
    int64_t now_ms = outbox_now_ms(queue->outbox);
    return queue->settings && queue->rows.count && !queue->sending &&
           due_of(queue, rows_next(&queue->rows), now_ms) <= now_ms;
}

/* It could not even begin: a failure like others, so that it ages and the receiver is sick. */
static void attempt_failed(struct queue *queue, struct letter *letter, int code)
{
    letter->attempts++;
    keep_answer(queue, err_text(code));
    failed(queue, letter, &(struct delivery){.code = code});
    if (!queue->rows.count || queue->timer) return;
    wait_until(queue, queue->not_before_ms);
}

void queue_pump(struct queue *queue)
{
    loop_timer_cancel(queue->timer);
    queue->timer = NULL;
    while (!queue->settings && queue->outbox->settings && queue->rows.count && !queue->sending)
        queue_bury(queue, rows_next(&queue->rows), "there is no such receiver any more");
    if (!queue->settings || !queue->rows.count || queue->sending || queue->recording ||
        queue->outbox->stopping)
        return;
    struct letter *letter = rows_next(&queue->rows);
    int64_t now_ms = outbox_now_ms(queue->outbox), due_ms = due_of(queue, letter, now_ms);
    if (due_ms > now_ms) {
        wait_until(queue, due_ms);
        return;
    }
    int code = attempt(queue, letter);
    if (code < 0) attempt_failed(queue, letter, code);
}

void queue_stop(struct queue *queue)
{
    struct courier *courier = queue->outbox->options.courier;
    loop_timer_cancel(queue->timer);
    loop_timer_cancel(queue->deadline);
    queue->timer = queue->deadline = NULL;
    if (queue->sending) courier->vtable->cancel(courier, queue->call);
    queue->sending = NULL;
}
