/* notify/outbox.c - the queues of the outbox: what waits, for whom, in which order. */
#include "moontide/notify/outbox.h"

#include "moontide/base/log.h"
#include "moontide/store/store.h"

#include "outbox_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* All that waits is in memory; beyond this the oldest are given up, and say so. */
static const size_t OUTBOX_MEMORY_MAX = (size_t)64 << 20;

/* ---- letters ---- */

static size_t letter_bytes(const struct letter *letter)
{
    return sizeof *letter + strlen(letter->json) + (letter->state ? strlen(letter->state) : 0);
}

static void letter_drop(struct letter *letter)
{
    if (!letter) return;
    free(letter->receiver);
    free(letter->id);
    free(letter->group_key);
    free(letter->json);
    free(letter->state);
    free(letter);
}

void letter_free(struct outbox *outbox, struct letter *letter)
{
    outbox->bytes -= letter_bytes(letter);
    letter_drop(letter);
}

static struct letter *letter_new(struct outbox *outbox, const struct outbox_row *row)
{
    struct letter *letter = calloc(1, sizeof *letter);
    if (!letter) return NULL;
    letter->seq = row->seq;
    letter->put_ms = row->put_ms;
    letter->attempts = row->attempts;
    letter->receiver = strdup(row->receiver);
    letter->id = strdup(row->id);
    letter->group_key = strdup(row->group_key);
    letter->json = strdup(row->json);
    bool has_state = row->group && row->group[0];
    if (has_state) letter->state = strdup(row->group);
    if (!letter->receiver || !letter->id || !letter->group_key || !letter->json ||
        (has_state && !letter->state)) {
        letter_drop(letter);
        return NULL;
    }
    outbox->bytes += letter_bytes(letter);
    return letter;
}

/* ---- queues ---- */

static struct queue *queue_find(const struct outbox *outbox, const char *receiver)
{
    struct queue *queue = outbox->queues;
    while (queue && strcmp(queue->receiver, receiver) != 0)
        queue = queue->next;
    return queue;
}

static struct queue *queue_get(struct outbox *outbox, const char *receiver)
{
    struct queue *queue = queue_find(outbox, receiver);
    if (queue) return queue;
    queue = calloc(1, sizeof *queue);
    if (!queue || !(queue->receiver = strdup(receiver))) {
        free(queue);
        return NULL;
    }
    queue->outbox = outbox;
    if (outbox->settings) queue->settings = notify_receiver(outbox->settings, receiver);
    queue->next = outbox->queues;
    outbox->queues = queue;
    return queue;
}

void queue_remove(struct queue *queue, struct letter *letter)
{
    rows_remove(&queue->rows, letter);
    queue->count--;
}

/* The oldest that is not being sent; NULL: none. */
static struct letter *queue_oldest(const struct queue *queue)
{
    struct letter *oldest = NULL;
    for (size_t i = 0; i < queue->rows.count; i++) {
        struct letter *first = queue->rows.heap[i];
        if (first != queue->sending && (!oldest || first->seq < oldest->seq)) oldest = first;
    }
    return oldest;
}

/* Makes room: by letters of this queue, then by memory of whichever is longest. */
static void make_room(struct outbox *outbox, struct queue *queue)
{
    while (queue->count > OUTBOX_QUEUE_MAX) {
        struct letter *oldest = queue_oldest(queue);
        if (!oldest) break;
        queue_bury(queue, oldest, "the queue is full");
    }
    while (outbox->bytes > OUTBOX_MEMORY_MAX) {
        struct queue *longest = outbox->queues;
        for (struct queue *at = longest; at; at = at->next)
            if (at->count > longest->count) longest = at;
        struct letter *oldest = longest ? queue_oldest(longest) : NULL;
        if (!oldest) break;
        queue_bury(longest, oldest, "the queues hold more than 64 MiB");
    }
}

/* The queue, with room for one more and for those that wait for their batch; NULL: no memory. */
static struct queue *queue_with_room(struct outbox *outbox, const char *receiver)
{
    struct queue *queue = queue_get(outbox, receiver);
    if (!queue || rows_reserve(&queue->rows, outbox->putting_count + 1) < 0) return NULL;
    return queue;
}

static void enqueue(struct queue *queue, struct letter *letter)
{
    rows_add(&queue->rows, letter);
    queue->count++;
}

/* A letter that is on disk. */
static int enqueue_row(struct outbox *outbox, const struct outbox_row *row)
{
    struct queue *queue = queue_with_room(outbox, row->receiver);
    struct letter *letter = queue ? letter_new(outbox, row) : NULL;
    if (!letter) return ERR_NOMEM;
    enqueue(queue, letter);
    return OK;
}

/* ---- begin and end ---- */

struct loading {
    struct outbox *outbox;
    int code;
};

static bool load_row(void *data, const struct outbox_row *row)
{
    struct loading *loading = data;
    loading->code = enqueue_row(loading->outbox, row);
    return loading->code == OK;
}

static bool take_seq(void *data, const struct outbox_row *row)
{
    ((struct outbox *)data)->last_seq = row->seq;
    return false;
}

int outbox_new(const struct outbox_options *options, struct outbox **out, struct fault *fault)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (!outbox) return fault_set(fault, ERR_NOMEM, "out of memory");
    outbox->options = *options;
    outbox->random = options->seed ? options->seed : (uint64_t)clock_mono_ns(options->clock);
    struct loading loading = {.outbox = outbox};
    int code = store_each_outbox(options->store, options->world, "queued", false, load_row,
                                 &loading, fault);
    if (code == OK && loading.code < 0) code = fault_set(fault, ERR_NOMEM, "out of memory");
    if (code == OK)
        code =
            store_each_outbox(options->store, options->world, NULL, true, take_seq, outbox, fault);
    if (code < 0) {
        outbox_free(outbox);
        return code;
    }
    *out = outbox;
    return OK;
}

static void queue_free(struct outbox *outbox, struct queue *queue)
{
    struct letter *letter;
    while ((letter = rows_next(&queue->rows))) {
        queue_remove(queue, letter);
        letter_free(outbox, letter);
    }
    rows_done(&queue->rows);
    free(queue->receiver);
    free(queue->answer);
    free(queue);
}

void outbox_stop(struct outbox *outbox, void (*done)(void *data), void *data)
{
    outbox->stopping = true;
    outbox->stopped = done;
    outbox->stopped_data = data;
    for (struct queue *queue = outbox->queues; queue; queue = queue->next)
        queue_stop(queue);
    if (outbox->writes == 0) done(data);
}

void outbox_free(struct outbox *outbox)
{
    if (!outbox) return;
    assert(outbox->writes == 0);
    outbox_committed(outbox, ERR_CANCELED);
    while (outbox->queues) {
        struct queue *queue = outbox->queues;
        outbox->queues = queue->next;
        queue_free(outbox, queue);
    }
    free(outbox);
}

void outbox_settings(struct outbox *outbox, const struct notify_settings *settings)
{
    outbox->settings = settings;
    for (struct queue *queue = outbox->queues; queue; queue = queue->next) {
        queue->settings = notify_receiver(settings, queue->receiver);
        queue_pump(queue);
    }
}

void outbox_go_on(struct outbox *outbox)
{
    for (struct queue *queue = outbox->queues; queue; queue = queue->next)
        if (!queue->timer) queue_pump(queue);
}

/* ---- putting ---- */

int outbox_put(struct outbox *outbox, struct store_batch *batch, const char *receiver,
               const char *group_key, const char *id, const char *notification, const char *state)
{
    if (strlen(notification) > OUTBOX_BYTES_MAX) return ERR_LIMIT;
    struct outbox_row row = {.seq = outbox->last_seq + 1,
                             .receiver = receiver,
                             .group_key = group_key,
                             .id = id,
                             .state = "queued",
                             .json = notification,
                             .group = state,
                             .put_ms = outbox_now_ms(outbox)};
    struct letter *letter = queue_with_room(outbox, receiver) ? letter_new(outbox, &row) : NULL;
    if (!letter) return ERR_NOMEM;
    outbox->last_seq++;
    store_batch_outbox(batch, &row);
    letter->next = outbox->putting;
    outbox->putting = letter;
    outbox->putting_count++;
    return OK;
}

void outbox_committed(struct outbox *outbox, int code)
{
    struct letter *in_order = NULL;
    outbox->putting_count = 0;
    while (outbox->putting) {
        struct letter *letter = outbox->putting;
        outbox->putting = letter->next;
        letter->next = in_order;
        in_order = letter;
    }
    while (in_order) {
        struct letter *letter = in_order;
        in_order = letter->next;
        if (code < 0)
            letter_free(outbox, letter);
        else
            enqueue(queue_find(outbox, letter->receiver), letter);
    }
    if (code < 0) return;
    for (struct queue *queue = outbox->queues; queue; queue = queue->next) {
        make_room(outbox, queue);
        queue_pump(queue);
    }
}

struct resending {
    struct outbox *outbox;
    int64_t seq; /* 0: all */
    size_t count;
    int code;
};

static bool is_queued(const struct outbox *outbox, int64_t seq)
{
    for (const struct queue *queue = outbox->queues; queue; queue = queue->next)
        for (size_t i = 0; i < queue->rows.count; i++)
            for (const struct letter *at = queue->rows.heap[i]; at; at = at->next)
                if (at->seq == seq) return true;
    return false;
}

/* Young again, also on disk: it would not outlive its first failure otherwise. */
static bool resend_row(void *data, const struct outbox_row *row)
{
    struct resending *resending = data;
    if (resending->seq && row->seq != resending->seq) return true;
    if (is_queued(resending->outbox, row->seq)) { /* its record is on the way to disk */
        resending->code = OK;
        return resending->seq == 0;
    }
    struct outbox_row again = *row;
    again.state = "queued";
    again.answer = "";
    again.attempts = again.ended_ms = 0;
    again.put_ms = outbox_now_ms(resending->outbox);
    resending->code = enqueue_row(resending->outbox, &again);
    if (resending->code < 0) return false;
    outbox_write(resending->outbox, &again);
    resending->count++;
    return resending->seq == 0;
}

int outbox_resend(struct outbox *outbox, int64_t seq)
{
    struct resending resending = {.outbox = outbox, .seq = seq, .code = ERR_NOT_FOUND};
    struct fault fault;
    int code = store_each_outbox(outbox->options.store, outbox->options.world, "dead", false,
                                 resend_row, &resending, &fault);
    if (code == OK) code = resending.code;
    if (code < 0) return code;
    for (struct queue *queue = outbox->queues; queue; queue = queue->next)
        queue_pump(queue);
    return OK;
}

int outbox_resend_all(struct outbox *outbox, size_t *count)
{
    struct resending resending = {.outbox = outbox};
    struct fault fault;
    int code = store_each_outbox(outbox->options.store, outbox->options.world, "dead", false,
                                 resend_row, &resending, &fault);
    *count = resending.count;
    for (struct queue *queue = outbox->queues; queue; queue = queue->next)
        queue_pump(queue);
    return code < 0 ? code : resending.code;
}

bool outbox_busy(const struct outbox *outbox)
{
    bool busy = outbox->writes > 0;
    for (const struct queue *queue = outbox->queues; queue && !busy; queue = queue->next)
        busy = queue_due(queue);
    return busy;
}

void outbox_each(const struct outbox *outbox,
                 void (*each)(void *data, const struct outbox_status *status), void *data)
{
    for (const struct queue *queue = outbox->queues; queue; queue = queue->next)
        each(data, &(struct outbox_status){.receiver = queue->receiver,
                                           .queued = queue->count,
                                           .sending = queue->sending != NULL,
                                           .sick = queue->sick,
                                           .failing_since_ms = queue->failing_since_ms,
                                           .answer = queue->answer ? queue->answer : ""});
}
