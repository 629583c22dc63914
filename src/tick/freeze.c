/* tick/freeze.c - what ends the freeze of a resource: a person, by a running daemon or without. */
#include "moontide/tick/freeze.h"

#include "moontide/base/strbuf.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "moontide/tick/changes.h"

#include "act.h"

#include <string.h>

enum { WORLDS_BYTES_MAX = 1024 * 1024 };

static bool is_frozen(const struct resource *resource)
{
    return resource->frozen || resource->failed;
}

/* ---- one resource ---- */

struct resumed {
    const struct resource *resource;
    const char *by;
    int64_t at_ms;
};

static void resumed_members(struct json_writer *w, const void *data)
{
    const struct resumed *resumed = data;
    const struct resource *resource = resumed->resource;
    json_key(w, "at");
    json_int(w, resumed->at_ms);
    note_key(w, "kind", resource->kind);
    note_key(w, "region", resource->region);
    note_key(w, "account", resource->account);
    note_key(w, "by", resumed->by);
    note_key(w, "text", resource->frozen ? "its freeze is ended" : "its failure is forgotten");
    note_key(w, "reason", resource->frozen ? resource->frozen : resource->failed);
}

bool resource_unfreeze(struct resources *resources, struct resource *resource, const char *by,
                       int64_t at_ms, struct changes *changes)
{
    if (!is_frozen(resource)) return false;
    struct note note = {.what = "resume", .resource = resource->resource};
    struct resumed resumed = {resource, by, at_ms};
    note_entry(changes, &note, resumed_members, &resumed);
    text_set(&resource->frozen, NULL);
    text_set(&resource->failed, NULL);
    back_done(&resource->back);
    resources_keep(resources, resource, changes);
    return true;
}

/* ---- all of a name, in the store ---- */

struct written {
    int code;
    struct fault *fault;
};

static void note_written(void *data, int code, const struct fault *fault)
{
    struct written *written = data;
    written->code = code;
    if (fault) *written->fault = *fault;
}

static int write_changes(struct loop *loop, struct store *store, const char *world, int64_t at_ms,
                         struct changes *changes, struct fault *fault)
{
    struct store_batch *batch;
    struct written written = {.code = ERR_IO, .fault = fault};
    int code = store_batch_new(world, at_ms, &batch);
    if (code < 0) return fault_set(fault, code, "%s", err_text(code));
    code = changes_write(changes, batch);
    if (code < 0)
        store_batch_free(batch); /* half of it would be worse than none */
    else
        code = store_commit(store, batch, note_written, &written);
    if (code < 0) return fault_set(fault, code, "%s", err_text(code));
    fault_set(fault, ERR_IO, "the write was not reported");
    loop_run(loop);
    return written.code;
}

/* Those of one world; end NULL: they are only counted. */
static int look_at(struct loop *loop, struct store *store, const char *world, const char *name,
                   const struct freeze_end *end, size_t *count, struct fault *fault)
{
    struct resources resources = {0};
    struct changes *changes = NULL;
    size_t found = 0;
    int code = resources_load(&resources, store, world, fault);
    if (code == OK && (code = changes_new(&changes)) < 0)
        fault_set(fault, code, "%s", err_text(code));
    for (size_t i = 0; code == OK && i < resources.table.cap; i++) {
        struct resource *resource = (struct resource *)resources.table.slots[i];
        if (!resource || strcmp(resource->resource, name) != 0 || !is_frozen(resource)) continue;
        if (end) resource_unfreeze(&resources, resource, end->by, end->now_ms, changes);
        found++;
    }
    if (code == OK && end && found > 0)
        code = write_changes(loop, store, world, end->now_ms, changes, fault);
    if (code == OK) *count += found;
    changes_free(changes);
    resources_done(&resources);
    return code;
}

static bool add_world(void *data, const char *name)
{
    strbuf_add(data, name, strlen(name) + 1);
    return true;
}

static int each_world(struct loop *loop, struct store *store, const char *name,
                      const struct freeze_end *end, size_t *count, struct fault *fault)
{
    struct strbuf worlds; /* each NUL-terminated */
    *count = 0;
    strbuf_init(&worlds, WORLDS_BYTES_MAX);
    int code = store_each_world(store, add_world, &worlds, fault);
    if (code == OK && (code = strbuf_status(&worlds)) < 0)
        fault_set(fault, code, "%s", err_text(code));
    for (size_t at = 0; code == OK && at < worlds.len; at += strlen(worlds.data + at) + 1)
        code = look_at(loop, store, worlds.data + at, name, end, count, fault);
    strbuf_done(&worlds);
    return code;
}

int freeze_count(struct store *store, const char *resource, size_t *count, struct fault *fault)
{
    return each_world(NULL, store, resource, NULL, count, fault);
}

int freeze_end(struct loop *loop, struct store *store, const struct freeze_end *end, size_t *count,
               struct fault *fault)
{
    return each_world(loop, store, end->resource, end, count, fault);
}
