/* store/batch.h - the writes of one transaction, and the queue link of a batch that was committed.
 */
#ifndef MOONTIDE_STORE_BATCH_H
#define MOONTIDE_STORE_BATCH_H

#include "moontide/store/store.h"

#include "database.h"

typedef void store_done_fn(void *data, int code, const struct fault *fault);

/* Filled by store_commit(); owned by the store's queue from then on. */
struct batch_link {
    struct store_batch *next;
    enum { JOB_WRITE, JOB_PRUNE, JOB_CHECKPOINT } job; /* the batch of the others is empty */
    struct store_retention retention;
    int64_t now_ms;
    store_done_fn *done;
    void *data;
    int code;
    struct fault fault;
};

struct batch_link *batch_link(struct store_batch *batch);
int batch_status(const struct store_batch *batch);

/* Writes the batch as one transaction: all of it, or nothing and a negative code. An empty batch
 * touches no disk. */
MUST_CHECK int batch_write(struct store_batch *batch, struct database *database,
                           struct fault *fault);

/* prune.c: one step of retention. 1: there is more to do. */
MUST_CHECK int prune_step(struct database *database, const struct store_retention *retention,
                          int64_t now_ms, struct fault *fault);

#endif
