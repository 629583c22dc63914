/* store/store.h - what must survive: memo, alert states and the journal, in SQLite.
 *
 * WAL, synchronous FULL. Writes go through a batch: one batch is one transaction, written on a
 * worker thread, in the order of store_commit(); nothing else writes. Reads at start are
 * synchronous (the loop does not run yet); later reads use a connection of their own.
 *
 * Rule 1: an intent is on disk before its action is sent: commit, wait for done, then act.
 * Rule 2: journal entries never change; an outcome is a later entry.
 * Rule 3: memo, alerts and journal are keyed by world. */
#ifndef MOONTIDE_STORE_STORE_H
#define MOONTIDE_STORE_STORE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct store;
struct store_batch;

enum {
    STORE_SCHEMA_VERSION = 5,
    STORE_CHECK_BYTES_MAX = 8 * 1024 * 1024,
    STORE_BATCH_BYTES_MAX = 256 * 1024 * 1024, /* texts of one batch; more is ERR_LIMIT */
};

/* Makes the file (mode 0600) when missing; loop may be NULL when nothing is ever committed.
 *
 * What is checked: always the header, the length the header promises, whose file it is and its
 * schema version (microseconds). The pages (PRAGMA quick_check) only when the last owner did not
 * close it in order and the file is smaller than STORE_CHECK_BYTES_MAX (some ten milliseconds).
 * Damage beyond that comes out as ERR_CORRUPT of the read or commit that meets it.
 *
 * ERR_LOCKED: another process writes to it (an fcntl lock on <path>.lock says whose pid);
 * ERR_CORRUPT: not a database, or its check failed: says what to do (move it away; what would be
 * lost); ERR_VERSION: written by a newer moontide; ERR_FULL, ERR_DENIED, ERR_IO. The fault names
 * the path. */
MUST_CHECK int store_open(struct loop *loop, const char *path, struct store **out,
                          struct fault *fault);
/* Read-only and lock-free, beside a running daemon. */
MUST_CHECK int store_open_reader(const char *path, struct store **out, struct fault *fault);
/* Waits for the write under way, writes what is queued, closes. Call it with the loop stopped or
 * from it (also from a done callback), and before loop_free(). The done of a batch that was not
 * reported yet does not run any more. NULL is allowed. */
void store_close(struct store *store);

/* ---- read at start ---- */
/* Reads see what was committed and done by then, in order of the keys. Strings are borrowed for the
 * call. ERR_CORRUPT, ERR_IO, ERR_NOMEM. */
typedef void store_memo_fn(void *data, const char *policy, const char *target, const char *json);
MUST_CHECK int store_each_memo(struct store *store, const char *world, store_memo_fn *each,
                               void *data, struct fault *fault);

struct alert_row {
    const char *policy, *target, *type, *key;
    const char *state; /* "pending", "firing", "clearing", "resolved" */
    int severity;
    int64_t since_ms;       /* when it entered the state */
    int64_t raised_ms;      /* when it began to fire; 0 */
    int64_t gone_ms;        /* when the condition last went; 0 */
    int64_t keep_firing_ms; /* how long it stays after that, as last raised */
    int64_t flaps;          /* the tick's own: what flap damping remembers */
    const char *description, *recommendation;
};
typedef void store_alert_fn(void *data, const struct alert_row *row);
MUST_CHECK int store_each_alert(struct store *store, const char *world, store_alert_fn *each,
                                void *data, struct fault *fault);

/* What is known of one resource beyond what AWS says: what moontide wrote last, its history, a
 * freeze, verifications that are due. json is the tick's own. */
struct resource_row {
    const char *kind, *resource;
    const char *region, *account; /* "" for the configuration's */
    const char *json;
};
typedef void store_resource_fn(void *data, const struct resource_row *row);
MUST_CHECK int store_each_resource(struct store *store, const char *world, store_resource_fn *each,
                                   void *data, struct fault *fault);
/* The worlds that resources are known of, in order; false stops. */
MUST_CHECK int store_each_world(struct store *store, bool (*each)(void *data, const char *world),
                                void *data, struct fault *fault);
/* Intents whose outcome was never written: their process died. In the order they were written. */
struct intent_row {
    const char *id;
    int64_t at_ms;
    const char *json; /* the tick's own */
};
typedef void store_intent_fn(void *data, const struct intent_row *row);
MUST_CHECK int store_each_intent(struct store *store, const char *world, store_intent_fn *each,
                                 void *data, struct fault *fault);

/* What a receiver was told of a group of alerts last. json is the notifier's own. */
struct told_row {
    const char *group_key, *receiver;
    const char *json;
};
typedef void store_told_fn(void *data, const struct told_row *row);
MUST_CHECK int store_each_told(struct store *store, const char *world, store_told_fn *each,
                               void *data, struct fault *fault);
/* A notification and what became of it. */
struct outbox_row {
    int64_t seq; /* given by the outbox, ascending; names the row within its world */
    const char *receiver, *group_key;
    const char *id;     /* the idempotency key */
    const char *state;  /* "queued", "sent", "dead" */
    const char *json;   /* the notification */
    const char *group;  /* what an earlier one of its group left with the receiver; "" */
    const char *answer; /* of the last attempt, one line; "" */
    int64_t put_ms;
    int64_t ended_ms; /* when it was sent or given up; 0 */
    int64_t attempts;
};
typedef bool store_outbox_fn(void *data, const struct outbox_row *row); /* false stops */
/* state NULL: any. newest: the latest first, else in the order of seq. */
MUST_CHECK int store_each_outbox(struct store *store, const char *world, const char *state,
                                 bool newest, store_outbox_fn *each, void *data,
                                 struct fault *fault);

/* ---- write ---- */
/* A batch copies what it is given. Errors stick and come out of store_commit(): ERR_NOMEM,
 * ERR_LIMIT, ERR_INVALID (a NULL that may not be one). at_ms dates all of it. */
MUST_CHECK int store_batch_new(const char *world, int64_t at_ms, struct store_batch **out);
void store_batch_free(struct store_batch *batch); /* one that was not committed */
bool store_batch_empty(const struct store_batch *batch);

void store_batch_memo(struct store_batch *batch, const char *policy, const char *target,
                      const char *json); /* NULL deletes it */
void store_batch_alert(struct store_batch *batch, const struct alert_row *row);
void store_batch_alert_end(struct store_batch *batch, const char *policy, const char *target,
                           const char *type, const char *key);

/* json NULL: nothing is known of it any more. */
void store_batch_resource(struct store_batch *batch, const struct resource_row *row);
/* An intent is open until its end is written; both belong in the batch of their journal entries. */
void store_batch_intent(struct store_batch *batch, const char *id, const char *json);
void store_batch_intent_end(struct store_batch *batch, const char *id);

/* json NULL: it was told of nothing that is left. */
void store_batch_told(struct store_batch *batch, const struct told_row *row);
/* Put, or replaced by its seq. */
void store_batch_outbox(struct store_batch *batch, const struct outbox_row *row);
/* Its state, group, answer, ended_ms and attempts; the rest of the row is not looked at. */
void store_batch_outbox_state(struct store_batch *batch, const struct outbox_row *row);

struct journal_entry {
    const char *id;                         /* ties the entries of one chain together; NULL: none */
    const char *what;                       /* "decision", "issue", "outcome", "policy", ... */
    const char *policy, *target, *resource; /* may be NULL */
    const char *policy_sha256;              /* may be NULL */
    const char *json;                       /* the rest, one JSON object; NULL: {} */
};
void store_batch_journal(struct store_batch *batch, const struct journal_entry *entry);

/* Takes the batch, also when it fails; done runs only when it returned OK. done(data, code, fault)
 * runs on the loop, never before return, in the order of the commits; fault is NULL when code is
 * OK. Nothing of a failed batch is on disk (ERR_FULL, ERR_IO, ERR_LOCKED, ERR_CORRUPT, ERR_NOMEM),
 * and the next one may well succeed. done may be NULL. ERR_INVALID: a reader, or opened without
 * loop. */
MUST_CHECK int store_commit(struct store *store, struct store_batch *take_batch,
                            void (*done)(void *data, int code, const struct fault *fault),
                            void *data);

/* ---- retention ---- */
enum { STORE_PRUNE_ROWS = 2000 /* of one transaction, so that no tick waits for long */ };
struct store_retention {
    int64_t keep_ms;   /* journal entries older than this go, and notifications that ended before
                          it; 0: none by age */
    int64_t max_bytes; /* of the database file: the oldest go; 0: none by size */
};
/* Queues one step of pruning on the worker, as store_commit() does; done (may be NULL) tells
 * whether there is more to do (code 1) or not (OK). Entries of open intents stay. The space is
 * given back to later entries, and to the file system as far as it lies at the end of the file. */
MUST_CHECK int store_prune(struct store *store, const struct store_retention *retention,
                           int64_t now_ms,
                           void (*done)(void *data, int code, const struct fault *fault),
                           void *data);

/* ---- the journal, newest first ---- */
struct journal_row {
    int64_t seq, at_ms;
    const char *world;
    struct journal_entry entry;
};
struct journal_filter {
    const char *world, *policy, *target, *resource, *id, *what; /* NULL: any */
    int64_t since_ms;
    uint32_t limit; /* 0: 1,000 */
};
/* each returns false to stop. since_ms 0: from the beginning. */
typedef bool store_journal_fn(void *data, const struct journal_row *row);
MUST_CHECK int store_each_journal(struct store *store, const struct journal_filter *filter,
                                  store_journal_fn *each, void *data, struct fault *fault);
/* The resources that the journal knows, then its targets, each in order and once; false stops. */
typedef bool store_name_fn(void *data, const char *name);
MUST_CHECK int store_each_name(struct store *store, store_name_fn *each, void *data,
                               struct fault *fault);

#endif
