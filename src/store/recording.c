/* store/recording.c - the queue of rows and the thread that writes them.
 *
 *     recording_put() -> queue -> thread: write, then prune while nothing else is to do
 *                          |         |
 *                          |         +-- it fails: the queue is lost, the file closed; FAILED
 *                          +-- full: the row is lost
 *
 * What both threads see is behind one mutex; the file is the thread's alone once it runs. A thread
 * of its own and not libuv's workers: rows are compressed here, and the durable batches of the
 * store must not wait behind that. The log belongs to the loop, so failures are kept for whoever
 * asks (recording_status()). */
#include "moontide/store/recording.h"

#include "moontide/base/clock.h"
#include "recording_file.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { NS_PER_MS = 1000000 };

struct row {
    struct row *next;
    struct recording_row shown; /* its texts lie behind it */
    void *body;
    size_t len;
    char texts[];
};

struct recording {
    struct recording_options options;
    char *path;
    uv_thread_t thread;
    struct recording_file file; /* the thread's */
    bool opened;                /* the thread's */
    char *world;                /* the thread's: of the last row, and its time */
    int64_t at_ms;

    uv_mutex_t mutex;
    uv_cond_t wake;
    /* behind the mutex: */
    struct row *first, **last;
    size_t waiting, waiting_bytes;
    bool stop;
    uint64_t epoch, next_tick;
    int64_t retry_ns; /* while it has failed: not before */
    struct recording_status status;
};

static int64_t now_ns(void)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real);
}

/* ---- the file, on the thread ---- */

/* ERR_CORRUPT at any time: out of the way with it, and a new one. */
static int open_file(struct recording *r, struct fault *fault)
{
    char moved[FAULT_FILE_MAX] = "";
    struct fault damage;
    int code = recording_file_open(r->path, DATABASE_WRITER, &r->file, fault);
    if (code == ERR_CORRUPT) {
        damage = *fault;
        code = recording_file_move(r->path, moved, sizeof moved, fault);
        if (code == OK) code = recording_file_open(r->path, DATABASE_WRITER, &r->file, fault);
    }
    int64_t bytes = 0;
    if (code == OK) code = recording_file_bytes(&r->file, &bytes, fault);
    uv_mutex_lock(&r->mutex);
    if (moved[0]) {
        memcpy(r->status.moved_to, moved, sizeof moved);
        r->status.damages++;
        r->status.fault = damage;
    }
    if (code == OK && r->next_tick < r->file.first_tick) r->next_tick = r->file.first_tick;
    r->status.file_bytes = bytes;
    uv_mutex_unlock(&r->mutex);
    r->opened = code == OK;
    if (code < 0) recording_file_close(&r->file);
    return code;
}

static void free_rows(struct row *row)
{
    while (row) {
        struct row *next = row->next;
        free(row->body);
        free(row);
        row = next;
    }
}

/* Everything that waits is lost; it is tried again when retry_ms have passed. */
static void fail(struct recording *r, int code, const struct fault *fault, size_t lost)
{
    recording_file_close(&r->file);
    r->opened = false;
    uv_mutex_lock(&r->mutex);
    struct row *rows = r->first;
    r->first = NULL;
    r->last = &r->first;
    r->status.lost += lost + r->waiting;
    r->waiting = r->waiting_bytes = 0;
    r->epoch++;
    r->retry_ns = now_ns() + r->options.retry_ms * NS_PER_MS;
    if (!r->status.failed) r->status.failures++;
    r->status.failed = true;
    r->status.fault = *fault;
    r->status.fault.code = code;
    uv_mutex_unlock(&r->mutex);
    free_rows(rows);
}

static void written(struct recording *r, size_t stored)
{
    struct fault fault;
    int64_t bytes = 0;
    if (recording_file_bytes(&r->file, &bytes, &fault) < 0) bytes = 0;
    uv_mutex_lock(&r->mutex);
    r->status.written++;
    r->status.written_bytes += stored;
    if (bytes > 0) r->status.file_bytes = bytes;
    r->status.failed = false;
    uv_mutex_unlock(&r->mutex);
}

static void lose_one(struct recording *r)
{
    uv_mutex_lock(&r->mutex);
    r->status.lost++;
    r->epoch++;
    uv_mutex_unlock(&r->mutex);
}

static void note_time(struct recording *r, const struct recording_row *row)
{
    r->at_ms = row->at_ms;
    if (r->world && strcmp(r->world, row->world) == 0) return;
    free(r->world);
    r->world = strdup(row->world);
}

static void write_row(struct recording *r, struct row *row)
{
    struct fault fault;
    size_t stored = 0;
    int code = r->opened ? OK : open_file(r, &fault);
    if (code == OK && row->shown.tick < r->file.first_tick) { /* numbered before the file opened */
        lose_one(r);
        return;
    }
    if (code == OK)
        code = recording_file_write(&r->file, &row->shown, row->body, row->len, &stored, &fault);
    if (code == ERR_CORRUPT) { /* once more, with a new file */
        recording_file_close(&r->file);
        code = open_file(r, &fault);
        if (code == OK)
            code = row->shown.whole ? recording_file_write(&r->file, &row->shown, row->body,
                                                           row->len, &stored, &fault)
                                    : ERR_NOT_FOUND;
    }
    if (code == ERR_NOT_FOUND && r->opened) { /* its segment is gone */
        lose_one(r);
    } else if (code < 0) {
        fail(r, code, &fault, 1);
    } else {
        note_time(r, &row->shown);
        written(r, stored);
    }
}

/* Answers whether there is more of it. */
static bool prune(struct recording *r)
{
    struct fault fault;
    if (!r->opened || !r->world) return false;
    int code = recording_prune(&r->file, &r->options, r->world, r->at_ms, &fault);
    if (code == ERR_CORRUPT) {
        recording_file_close(&r->file);
        r->opened = false; /* the next row moves it away */
    } else if (code < 0) {
        fail(r, code, &fault, 0);
    } else if (code ==
               PRUNE_NOTHING_ELSE) { /* the next rows begin segments, then this one may go */
        uv_mutex_lock(&r->mutex);
        r->epoch++;
        uv_mutex_unlock(&r->mutex);
    }
    return code == PRUNE_MORE;
}

/* ---- the thread ---- */

/* The next row; NULL: there is none, and with `wait` that it is to stop. */
static struct row *take(struct recording *r, bool wait, uint64_t *epoch)
{
    uv_mutex_lock(&r->mutex);
    while (wait && !r->first && !r->stop)
        uv_cond_wait(&r->wake, &r->mutex);
    struct row *row = r->first;
    if (row) {
        r->first = row->next;
        if (!r->first) r->last = &r->first;
        r->waiting--;
        r->waiting_bytes -= row->len;
    }
    *epoch = r->epoch;
    uv_mutex_unlock(&r->mutex);
    return row;
}

static bool stopping(struct recording *r)
{
    uv_mutex_lock(&r->mutex);
    bool stop = r->stop;
    uv_mutex_unlock(&r->mutex);
    return stop;
}

static void work(void *data)
{
    struct recording *r = data;
    bool more = false;
    for (;;) {
        uint64_t epoch;
        struct row *row = take(r, !more, &epoch);
        if (!row) {
            if (!more || stopping(r)) return; /* what is too old can wait for the next start */
            more = prune(r);
            continue;
        }
        if (!row->shown.whole && row->shown.epoch != epoch)
            lose_one(r); /* what it builds on is not there */
        else
            write_row(r, row);
        free(row->body);
        free(row);
        more = true; /* a write may have made something too old, or too much */
    }
}

/* ---- opening and closing ---- */

static void recording_free(struct recording *r)
{
    free(r->path);
    free(r->world);
    free(r);
}

int recording_open(const struct recording_options *options, struct recording **out,
                   struct fault *fault)
{
    struct fault why;
    struct recording *r = calloc(1, sizeof *r);
    if (!r || !(r->path = strdup(options->path))) {
        free(r);
        return fault_set(fault, ERR_NOMEM, "no memory to record");
    }
    r->options = *options;
    r->options.path = r->path;
    if (r->options.queue_bytes == 0) r->options.queue_bytes = RECORDING_QUEUE_BYTES;
    if (r->options.retry_ms == 0) r->options.retry_ms = RECORDING_RETRY_MS;
    r->last = &r->first;
    r->next_tick = 1;
    r->epoch = 1;
    int rc = uv_mutex_init(&r->mutex);
    if (rc < 0) goto no_mutex;
    if ((rc = uv_cond_init(&r->wake)) < 0) goto no_cond;
    int code = open_file(r, &why);
    if (code < 0) fail(r, code, &why, 0);
    if ((rc = uv_thread_create(&r->thread, work, r)) < 0) goto no_thread;
    *out = r;
    return OK;
no_thread:
    recording_file_close(&r->file);
    uv_cond_destroy(&r->wake);
no_cond:
    uv_mutex_destroy(&r->mutex);
no_mutex:
    recording_free(r);
    return fault_set(fault, err_from_uv(rc), "no thread to record: %s", uv_strerror(rc));
}

void recording_close(struct recording *r, struct recording_status *last)
{
    if (!r) return;
    uv_mutex_lock(&r->mutex);
    r->stop = true;
    uv_cond_signal(&r->wake);
    uv_mutex_unlock(&r->mutex);
    uv_thread_join(&r->thread);
    if (last) *last = r->status;
    recording_file_close(&r->file);
    free_rows(r->first);
    uv_cond_destroy(&r->wake);
    uv_mutex_destroy(&r->mutex);
    recording_free(r);
}

/* ---- the loop's side ---- */

uint64_t recording_next_tick(struct recording *r)
{
    uv_mutex_lock(&r->mutex);
    uint64_t tick = r->next_tick++;
    uv_mutex_unlock(&r->mutex);
    return tick;
}

static bool is_ready(const struct recording *r)
{
    return !r->status.failed || now_ns() >= r->retry_ns;
}

bool recording_ready(struct recording *r, uint64_t *epoch)
{
    uv_mutex_lock(&r->mutex);
    bool ready = is_ready(r);
    *epoch = r->epoch;
    uv_mutex_unlock(&r->mutex);
    return ready;
}

static const char *keep_text(char **at, const char *text, size_t len)
{
    char *to = *at;
    if (!text) return NULL;
    memcpy(to, text, len);
    to[len] = '\0';
    *at += len + 1;
    return to;
}

static struct row *row_new(const struct recording_row *given, void *body, size_t len)
{
    size_t world = strlen(given->world), policy = strlen(given->policy);
    size_t sha256 = strlen(given->sha256), source = given->source ? given->source_len : 0;
    struct row *row = malloc(sizeof *row + world + policy + sha256 + source + 4);
    if (!row) return NULL;
    char *at = row->texts;
    row->next = NULL;
    row->shown = *given;
    row->shown.world = keep_text(&at, given->world, world);
    row->shown.policy = keep_text(&at, given->policy, policy);
    row->shown.sha256 = keep_text(&at, given->sha256, sha256);
    row->shown.source = keep_text(&at, given->source, source);
    row->body = body;
    row->len = len;
    return row;
}

int recording_put(struct recording *r, const struct recording_row *given, void *take_body,
                  size_t len)
{
    struct row *row = len <= RECORDING_BODY_MAX ? row_new(given, take_body, len) : NULL;
    int code = row ? OK : len > RECORDING_BODY_MAX ? ERR_LIMIT : ERR_NOMEM;
    uv_mutex_lock(&r->mutex);
    if (code == OK && !is_ready(r)) code = ERR_CLOSED;
    if (code == OK && r->waiting > 0 &&
        (r->waiting >= RECORDING_QUEUE_ROWS || r->waiting_bytes + len > r->options.queue_bytes))
        code = ERR_FULL;
    if (code == OK) {
        *r->last = row;
        r->last = &row->next;
        r->waiting++;
        r->waiting_bytes += len;
        uv_cond_signal(&r->wake);
    } else {
        r->status.lost++;
        r->epoch++;
    }
    uv_mutex_unlock(&r->mutex);
    if (code == OK) return OK;
    free(row);
    free(take_body);
    return code;
}

void recording_lose(struct recording *r)
{
    lose_one(r);
}

void recording_status(struct recording *r, struct recording_status *out)
{
    uv_mutex_lock(&r->mutex);
    *out = r->status;
    out->waiting = r->waiting;
    uv_mutex_unlock(&r->mutex);
}
