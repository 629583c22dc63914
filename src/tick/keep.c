/* tick/keep.c - from memory to disk: one batch takes what a tick found and what earlier ones could
 * not write.
 *
 * A batch that failed has nothing on disk, and its changes go back to engine->unsaved, under what
 * came since. The failure stands in the errors of every tick until a batch succeeds. */
#include "engine_private.h"
#include "moontide/base/log.h"
#include "moontide/store/store.h"

#include <stdlib.h>

struct keeping {
    struct engine *engine;
    struct changes *changes; /* what the batch holds */
    bool lost;               /* memory ended while it was noted */
    void (*done)(void *data, int code);
    void *data;
};

static void keep_failed(struct keeping *keeping, int code, const struct fault *fault)
{
    struct engine *engine = keeping->engine;
    if (fault && fault->code < 0)
        engine->store_fault = *fault;
    else
        fault_set(&engine->store_fault, code, "%s", err_text(code));
    engine->store_fault.code = code;
    /* What lies in unsaved came after this batch took everything there was. */
    changes_absorb(keeping->changes, engine->unsaved);
    struct changes *empty = engine->unsaved;
    engine->unsaved = keeping->changes;
    keeping->changes = empty;
    log_event(LOG_ERROR, "store.failed", LOG_S("error", engine->store_fault.text),
              LOG_S("code", err_name(code)), LOG_I("unsaved", changes_count(engine->unsaved)),
              LOG_I("lost", changes_dropped(engine->unsaved)));
}

static void keeping_free(struct keeping *keeping)
{
    changes_free(keeping->changes);
    free(keeping);
}

static void kept(void *data, int code, const struct fault *fault)
{
    struct keeping *keeping = data;
    struct engine *engine = keeping->engine;
    if (code < 0) {
        keep_failed(keeping, code, fault);
    } else if (engine->store_fault.code < 0) {
        engine->store_fault = (struct fault){.code = OK};
        log_event(LOG_INFO, "store.recovered", LOG_I("written", changes_count(keeping->changes)));
    }
    if (code >= 0 && keeping->lost) code = ERR_NOMEM;
    void (*done)(void *, int) = keeping->done;
    void *done_data = keeping->data;
    keeping_free(keeping);
    if (done) done(done_data, code);
    engine->keeping--; /* not before: the engine may be freed as soon as it has stopped */
    engine_check_stopped(engine);
}

/* The changes of `keeping` as a batch on its way. */
static int keep_start(struct keeping *keeping, int64_t at_ms)
{
    struct store_batch *batch = NULL;
    int rc = store_batch_new(keeping->engine->options.world->name, at_ms, &batch);
    if (rc < 0) return rc;
    if (changes_write(keeping->changes, batch) < 0) {
        keeping->lost = true;
        log_event(LOG_ERROR, "store.failed",
                  LOG_S("error", "no memory to note what this tick found"));
    }
    return store_commit(keeping->engine->options.store, batch, kept, keeping);
}

int engine_keep(struct engine *engine, struct changes *changes, int64_t at_ms,
                void (*done)(void *data, int code), void *data)
{
    if (!engine->unsaved) return OK;
    if (changes) changes_absorb(engine->unsaved, changes);
    if (changes_empty(engine->unsaved)) return OK;
    struct keeping *keeping = calloc(1, sizeof *keeping);
    int rc = keeping ? changes_new(&keeping->changes) : ERR_NOMEM;
    if (rc < 0) {
        free(keeping);
        return rc; /* it stays in unsaved */
    }
    keeping->engine = engine;
    keeping->done = done;
    keeping->data = data;
    struct changes *empty = keeping->changes;
    keeping->changes = engine->unsaved;
    engine->unsaved = empty;
    rc = keep_start(keeping, at_ms);
    if (rc >= 0) {
        engine->keeping++;
        return KEEP_UNDER_WAY;
    }
    keep_failed(keeping, rc, NULL);
    keeping_free(keeping);
    return rc;
}
