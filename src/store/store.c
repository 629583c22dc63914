/* store/store.c - the queue of batches, and the one worker that writes them.
 *
 *   store_commit()        a write ended
 *        |                     |
 *        v    nothing written  v                     a worker thread takes it
 *      queue ---- start() --> WAITING --- work() ------------------------> WRITING
 *                                |                                             |
 *                                | store_close() takes it and writes it        | work() ends
 *                                v                                             v
 *                              TAKEN                                        WRITTEN -> ended()
 *
 * `struct writer` is what the worker thread and the loop share; the loop touches its batch and its
 * connection only in IDLE, TAKEN and WRITTEN. It is apart from the store because the loop still
 * reports a write whose store was closed meanwhile: ended() then only frees the writer. */
#include "moontide/store/store.h"

#include "moontide/io/loop.h"

#include "batch.h"
#include "lock.h"
#include "reader.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* Commits that come faster than there is time between them: the log may not grow for ever. */
enum { LOG_BYTES_BEHIND = 20 * LOG_BYTES_MAX };

enum writer_state { WRITER_IDLE, WRITER_WAITING, WRITER_WRITING, WRITER_WRITTEN, WRITER_TAKEN };

struct writer {
    atomic_int state;
    uv_sem_t written; /* posted once for each batch that a worker wrote */
    struct database *database;
    struct store_batch *batch;
    struct store *store; /* NULL: it was closed; ended() frees the writer */
};

struct store {
    struct loop *loop;
    struct lock lock;
    struct writer *writer;   /* NULL in a reader */
    struct database *reader; /* NULL until the first read */
    char *path;
    struct store_batch *first, *last; /* the queue; the batch being written is not in it */
};

/* ---- opening ---- */

static int writer_new(struct store *store, bool check, struct fault *fault)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer) return fault_set(fault, ERR_NOMEM, "%s: out of memory", store->path);
    int rc = uv_sem_init(&writer->written, 0);
    if (rc < 0) {
        free(writer);
        return fault_set(fault, err_from_uv(rc), "%s: %s", store->path, uv_strerror(rc));
    }
    atomic_init(&writer->state, WRITER_IDLE);
    writer->store = store;
    store->writer = writer;
    return database_open(store->path, DATABASE_WRITER, check, &writer->database, fault);
}

static void writer_free(struct writer *writer)
{
    uv_sem_destroy(&writer->written);
    free(writer);
}

static void store_free(struct store *store)
{
    free(store->path);
    free(store);
}

static struct store *store_new(struct loop *loop, const char *path, struct fault *fault)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store || !(store->path = strdup(path))) {
        fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
        free(store);
        return NULL;
    }
    store->loop = loop;
    store->lock = LOCK_INIT;
    return store;
}

int store_open(struct loop *loop, const char *path, struct store **out, struct fault *fault)
{
    bool orderly = false;
    struct store *store = store_new(loop, path, fault);
    if (!store) return ERR_NOMEM;
    int code = lock_take(path, &store->lock, &orderly, fault);
    if (code == OK) code = writer_new(store, !orderly, fault);
    if (code < 0) {
        /* Not an orderly end: what stopped us is checked again by the next open. */
        lock_release(&store->lock, false);
        if (store->writer) writer_free(store->writer);
        store_free(store);
        return code;
    }
    *out = store;
    return OK;
}

int store_open_reader(const char *path, struct store **out, struct fault *fault)
{
    struct store *store = store_new(NULL, path, fault);
    if (!store) return ERR_NOMEM;
    int code = database_open(path, DATABASE_READER, false, &store->reader, fault);
    if (code < 0) {
        store_free(store);
        return code;
    }
    *out = store;
    return OK;
}

int store_reader(struct store *store, struct database **out, struct fault *fault)
{
    if (!store->reader) {
        int code = database_open(store->path, DATABASE_READER, false, &store->reader, fault);
        if (code < 0) return code;
    }
    *out = store->reader;
    return OK;
}

/* ---- writing ---- */

static void queue_append(struct store *store, struct store_batch *batch)
{
    if (store->last)
        batch_link(store->last)->next = batch;
    else
        store->first = batch;
    store->last = batch;
}

static struct store_batch *queue_take(struct store *store)
{
    struct store_batch *batch = store->first;
    if (!batch) return NULL;
    store->first = batch_link(batch)->next;
    if (!store->first) store->last = NULL;
    batch_link(batch)->next = NULL;
    return batch;
}

static void write_batch(struct store_batch *batch, struct database *database)
{
    struct batch_link *link = batch_link(batch);
    switch (link->job) {
    case JOB_WRITE: link->code = batch_write(batch, database, &link->fault); break;
    case JOB_PRUNE:
        link->code = prune_step(database, &link->retention, link->now_ms, &link->fault);
        break;
    case JOB_CHECKPOINT: database_checkpoint(database); break;
    }
    if (database->log_bytes > LOG_BYTES_BEHIND) database_checkpoint(database);
}

/* On a worker thread. */
static void work(void *data)
{
    struct writer *writer = data;
    int expected = WRITER_WAITING;
    if (!atomic_compare_exchange_strong(&writer->state, &expected, WRITER_WRITING)) return;
    write_batch(writer->batch, writer->database);
    atomic_store(&writer->state, WRITER_WRITTEN);
    uv_sem_post(&writer->written);
}

static void ended(void *data, int status);

/* Hands the batch to a worker. On failure the caller still has it. */
static int start(struct store *store, struct store_batch *batch)
{
    struct writer *writer = store->writer;
    writer->batch = batch;
    atomic_store(&writer->state, WRITER_WAITING);
    int code = loop_work(store->loop, work, ended, writer);
    if (code < 0) {
        atomic_store(&writer->state, WRITER_IDLE);
        writer->batch = NULL;
    }
    return code;
}

/* Reports a batch and frees it. The store may be gone when this returns. */
static void report(struct store_batch *batch)
{
    struct batch_link *link = batch_link(batch);
    if (link->done) link->done(link->data, link->code, link->code < 0 ? &link->fault : NULL);
    store_batch_free(batch);
}

/* With nothing to write, and much in the log: copies it. No memory for that: the next time. */
static void checkpoint_when_idle(struct store *store)
{
    struct store_batch *batch;
    if (atomic_load(&store->writer->state) != WRITER_IDLE) return;
    if (store->writer->database->log_bytes < LOG_BYTES_MAX) return;
    if (store_batch_new("", 0, &batch) < 0) return;
    batch_link(batch)->job = JOB_CHECKPOINT;
    if (start(store, batch) < 0) store_batch_free(batch);
}

static void ended(void *data, int status)
{
    struct writer *writer = data;
    struct store *store = writer->store;
    struct store_batch *batch = writer->batch, *failed = NULL, **tail = &failed;
    if (!store) {
        writer_free(writer);
        return;
    }
    if (status < 0) {
        /* The loop is being freed before the store: store_close() will write it. */
        batch_link(batch)->next = store->first;
        store->first = batch;
        if (!store->last) store->last = batch;
        writer->batch = NULL;
        atomic_store(&writer->state, WRITER_IDLE);
        return;
    }
    uv_sem_wait(&writer->written); /* posted already: keeps the count at the batches under way */
    writer->batch = NULL;
    atomic_store(&writer->state, WRITER_IDLE);
    /* The next one first: the callbacks below may commit more, or close the store. */
    for (struct store_batch *next; (next = queue_take(store));) {
        int code = start(store, next);
        if (code == OK) break;
        struct batch_link *link = batch_link(next);
        link->code = fault_set(&link->fault, code, "%s: %s", store->path, err_text(code));
        *tail = next;
        tail = &link->next;
    }
    checkpoint_when_idle(store);
    report(batch);
    while ((batch = failed)) {
        failed = batch_link(batch)->next;
        report(batch);
    }
}

int store_prune(struct store *store, const struct store_retention *retention, int64_t now_ms,
                store_done_fn *done, void *data)
{
    struct store_batch *batch;
    int code = store_batch_new("", now_ms, &batch);
    if (code < 0) return code;
    struct batch_link *link = batch_link(batch);
    link->job = JOB_PRUNE;
    link->retention = *retention;
    link->now_ms = now_ms;
    return store_commit(store, batch, done, data);
}

int store_commit(struct store *store, struct store_batch *take_batch, store_done_fn *done,
                 void *data)
{
    int code = batch_status(take_batch);
    if (code == OK && (!store->writer || !store->loop)) code = ERR_INVALID;
    if (code < 0) goto leave;
    struct batch_link *link = batch_link(take_batch);
    link->done = done;
    link->data = data;
    if (store->first || atomic_load(&store->writer->state) != WRITER_IDLE) {
        queue_append(store, take_batch);
        return OK;
    }
    code = start(store, take_batch);
    if (code == OK) return OK;
leave:
    store_batch_free(take_batch);
    return code;
}

/* ---- closing ---- */

/* Ends the write under way; returns whether the loop still holds the writer. */
static bool finish_current(struct writer *writer)
{
    int expected = WRITER_WAITING;
    if (atomic_load(&writer->state) == WRITER_IDLE) return false;
    if (atomic_compare_exchange_strong(&writer->state, &expected, WRITER_TAKEN))
        write_batch(writer->batch, writer->database);
    else
        uv_sem_wait(&writer->written);
    store_batch_free(writer->batch);
    writer->batch = NULL;
    return true;
}

void store_close(struct store *store)
{
    if (!store) return;
    struct writer *writer = store->writer;
    bool orderly = true;
    database_close(store->reader);
    if (writer) {
        bool held = finish_current(writer);
        for (struct store_batch *batch; (batch = queue_take(store));) {
            if (batch_link(batch)->job == JOB_WRITE) write_batch(batch, writer->database);
            store_batch_free(batch); /* old entries can wait for the next start */
        }
        orderly = database_close(writer->database);
        writer->database = NULL;
        writer->store = NULL;
        if (!held) writer_free(writer);
    }
    lock_release(&store->lock, orderly);
    store_free(store);
}
