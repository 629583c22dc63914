/* app/unfreeze.c - `moontide resume RESOURCE` where no daemon answers: the store's row is changed
 * by this process, as the store's one writer.
 *
 *   nothing frozen ----------------------------> nothing is done, and no lock taken
 *   frozen, and the lock is free --------------> the freeze is ended
 *   frozen, and a process holds the lock ------> it stays, and that is said: what that process has
 *                                                in memory would be written over this */
#include "moontide/app/pauses.h"
#include "moontide/base/clock.h"
#include "moontide/base/fs.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "moontide/tick/freeze.h"

#include <stdio.h>
#include <stdlib.h>

/* Beside whoever writes. No file: nothing is frozen. An older file: only a writer can tell. */
static int look(const char *path, const char *resource, bool *frozen, struct fault *fault)
{
    struct store *reader;
    size_t count = 0;
    *frozen = false;
    int code = store_open_reader(path, &reader, fault);
    if (code == ERR_NOT_FOUND) return OK;
    *frozen = code == ERR_VERSION;
    if (code == ERR_VERSION) return OK;
    if (code < 0) return code;
    code = freeze_count(reader, resource, &count, fault);
    store_close(reader);
    *frozen = count > 0;
    return code;
}

static int end_freeze(const char *path, const struct freeze_end *end, size_t *count,
                      struct fault *fault)
{
    struct loop *loop;
    struct store *store;
    int code = loop_new(&loop);
    if (code < 0) return fault_set(fault, code, "no event loop: %s", err_text(code));
    code = store_open(loop, path, &store, fault);
    if (code == OK) {
        code = freeze_end(loop, store, end, count, fault);
        store_close(store);
    }
    loop_free(loop);
    return code;
}

int pauses_unfreeze(const char *state_dir, const char *resource, const char *by, size_t *count,
                    struct fault *fault)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    struct freeze_end end = {.resource = resource, .by = by, .now_ms = clock_now_ms(&real)};
    bool frozen = false;
    *count = 0;
    char *path = fs_join(state_dir, "moontide.db");
    int code =
        path ? look(path, resource, &frozen, fault) : fault_set(fault, ERR_NOMEM, "out of memory");
    if (code == OK && frozen) code = end_freeze(path, &end, count, fault);
    if (code == ERR_LOCKED) {
        struct fault locked = *fault;
        fault_set(fault, code,
                  "whatever froze %s still holds: %s, and its control socket does not answer. Ask "
                  "again once it answers or has ended",
                  resource, locked.text);
    }
    free(path);
    return code;
}
