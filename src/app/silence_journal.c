/* app/silence_journal.c - a journal entry of a silence: by the daemon, or where none runs. */
#include "moontide/app/silences.h"

#include "moontide/base/fs.h"
#include "moontide/io/loop.h"

#include <stdlib.h>
#include <unistd.h>

int silence_journal(struct store *store, const char *world, int64_t at_ms, const char *json,
                    void (*done)(void *data, int code, const struct fault *fault), void *data)
{
    struct store_batch *batch = NULL;
    int code = store_batch_new(world, at_ms, &batch);
    if (code < 0) return code;
    store_batch_journal(batch, &(struct journal_entry){.what = "silence", .json = json});
    return store_commit(store, batch, done, data);
}

struct written {
    int code;
    struct fault *fault;
};

static void note(void *data, int code, const struct fault *fault)
{
    struct written *written = data;
    written->code = code;
    if (fault) *written->fault = *fault;
}

static int write_alone(const char *path, int64_t at_ms, const char *json, struct fault *fault)
{
    struct loop *loop;
    struct store *store;
    struct written written = {.code = ERR_IO, .fault = fault};
    int code = loop_new(&loop);
    if (code < 0) return fault_set(fault, code, "no event loop: %s", err_text(code));
    code = store_open(loop, path, &store, fault);
    if (code == OK) {
        code = silence_journal(store, "aws", at_ms, json, note, &written);
        if (code < 0)
            fault_set(fault, code, "%s", err_text(code));
        else
            loop_run(loop);
        if (code == OK) code = written.code;
        store_close(store);
    }
    loop_free(loop);
    return code;
}

int silence_journal_alone(const char *state_dir, int64_t at_ms, const char *json,
                          struct fault *fault)
{
    char *path = fs_join(state_dir, "moontide.db");
    int code = path ? OK : fault_set(fault, ERR_NOMEM, "out of memory");
    if (code == OK && access(path, F_OK) == 0) code = write_alone(path, at_ms, json, fault);
    free(path);
    return code;
}
