/* support/store_files.c - a directory with a store for a test. */
#include "support/store_files.h"

#include "moontide/base/fs.h"
#include "moontide/base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static struct strbuf text; /* what the read_*() functions return */

int store_files_setup(void **state)
{
    struct store_files *f = calloc(1, sizeof *f);
    if (!f) return -1;
    const char *tmp = getenv("TMPDIR");
    snprintf(f->dir, sizeof f->dir, "%.40s/moontide-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(f->dir) || loop_new(&f->loop) < 0) {
        free(f);
        return -1;
    }
    snprintf(f->path, sizeof f->path, "%s/moontide.db", f->dir);
    strbuf_init(&text, 1 << 20);
    *state = f;
    return 0;
}

void store_files_clear(struct store_files *files)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", files->path, suffixes[i]);
        unlink(name);
    }
}

int store_files_teardown(void **state)
{
    struct store_files *f = *state;
    int left = loop_free(f->loop);
    store_files_clear(f);
    int rc = rmdir(f->dir);
    free(f);
    strbuf_done(&text);
    return left || rc ? -1 : 0;
}

struct store *open_store(struct store_files *files)
{
    struct store *store = NULL;
    struct fault fault;
    if (store_open(files->loop, files->path, &store, &fault) < 0) fail_msg("%s", fault.text);
    return store;
}

struct store_batch *new_batch(const char *world, int64_t at_ms)
{
    struct store_batch *batch = NULL;
    assert_int_equal(store_batch_new(world, at_ms, &batch), OK);
    return batch;
}

static void keep_code(void *data, int code, const struct fault *fault)
{
    assert_int_equal(code < 0, fault != NULL);
    if (fault) assert_int_equal(fault->code, code);
    *(int *)data = code;
}

int commit(struct store_files *files, struct store *store, struct store_batch *take_batch)
{
    int told = 1;
    assert_int_equal(store_commit(store, take_batch, keep_code, &told), OK);
    assert_int_equal(told, 1);
    loop_run(files->loop);
    assert_true(told <= 0);
    return told;
}

static void add_memo(void *data, const char *policy, const char *target, const char *json)
{
    strbuf_addf(data, "%s/%s=%s;", policy, target, json);
}

void ignore_memo(void *data, const char *policy, const char *target, const char *json)
{
    (void)data;
    (void)policy;
    (void)target;
    (void)json;
}

const char *read_memo(struct store *store, const char *world)
{
    struct fault fault;
    strbuf_reset(&text);
    if (store_each_memo(store, world, add_memo, &text, &fault) < 0) fail_msg("%s", fault.text);
    return strbuf_cstr(&text);
}

static void add_alert(void *data, const struct alert_row *r)
{
    strbuf_addf(data, "%s/%s/%s/%s/%s/%d/%lld/%lld/%lld/%s/%s;", r->policy, r->target, r->type,
                r->key, r->state, r->severity, (long long)r->since_ms, (long long)r->raised_ms,
                (long long)r->gone_ms, r->description, r->recommendation);
}

const char *read_alerts(struct store *store, const char *world)
{
    struct fault fault;
    strbuf_reset(&text);
    if (store_each_alert(store, world, add_alert, &text, &fault) < 0) fail_msg("%s", fault.text);
    return strbuf_cstr(&text);
}

static void add_resource(void *data, const struct resource_row *r)
{
    strbuf_addf(data, "%s/%s/%s/%s=%s;", r->kind, r->resource, r->region, r->account, r->json);
}

const char *read_resources(struct store *store, const char *world)
{
    struct fault fault;
    strbuf_reset(&text);
    if (store_each_resource(store, world, add_resource, &text, &fault) < 0)
        fail_msg("%s", fault.text);
    return strbuf_cstr(&text);
}

static void add_intent(void *data, const struct intent_row *r)
{
    strbuf_addf(data, "%s@%lld=%s;", r->id, (long long)r->at_ms, r->json);
}

const char *read_intents(struct store *store, const char *world)
{
    struct fault fault;
    strbuf_reset(&text);
    if (store_each_intent(store, world, add_intent, &text, &fault) < 0) fail_msg("%s", fault.text);
    return strbuf_cstr(&text);
}

int prune_all(struct store_files *files, struct store *store,
              const struct store_retention *retention, int64_t now_ms)
{
    for (int steps = 1; steps < 10000; steps++) {
        int told = -1;
        assert_int_equal(store_prune(store, retention, now_ms, keep_code, &told), OK);
        loop_run(files->loop);
        assert_true(told == OK || told == 1);
        if (told == OK) return steps;
    }
    fail_msg("pruning does not end");
    return 0;
}

static const char *or_dash(const char *s)
{
    return s ? s : "-";
}

static bool add_row(void *data, const struct journal_row *r)
{
    const struct journal_entry *e = &r->entry;
    strbuf_addf(data, "%lld@%lld %s %s %s %s %s %s %s %s;", (long long)r->seq, (long long)r->at_ms,
                r->world, or_dash(e->id), e->what, or_dash(e->policy), or_dash(e->target),
                or_dash(e->resource), or_dash(e->policy_sha256), e->json);
    return true;
}

const char *read_journal(struct store *store, const struct journal_filter *filter)
{
    struct fault fault;
    strbuf_reset(&text);
    if (store_each_journal(store, filter, add_row, &text, &fault) < 0) fail_msg("%s", fault.text);
    return strbuf_cstr(&text);
}

static bool count_row(void *data, const struct journal_row *row)
{
    (void)row;
    ++*(int *)data;
    return true;
}

int count_journal(struct store *store)
{
    struct journal_filter all = {.limit = UINT32_MAX};
    struct fault fault;
    int count = 0;
    if (store_each_journal(store, &all, count_row, &count, &fault) < 0) fail_msg("%s", fault.text);
    return count;
}

void write_lock_file(struct store_files *files, const char *content)
{
    char name[128];
    snprintf(name, sizeof name, "%s.lock", files->path);
    if (content)
        assert_int_equal(fs_write_file(name, content, strlen(content), 0600, NULL), OK);
    else
        assert_int_equal(unlink(name), 0);
}

void close_pipe(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

/* ---- SQLite's allocations ---- */

static sqlite3_mem_methods sqlite_methods;
static atomic_uint left;
static atomic_bool failed;

static bool fails(void)
{
    unsigned now = left;
    while (now > 0 && !atomic_compare_exchange_weak(&left, &now, now - 1))
        ;
    if (now != 1) return false;
    failed = true;
    return true;
}

static void *failing_malloc(int size)
{
    return fails() ? NULL : sqlite_methods.xMalloc(size);
}

static void *failing_realloc(void *block, int size)
{
    return fails() ? NULL : sqlite_methods.xRealloc(block, size);
}

void sqlite_alloc_install(void)
{
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_methods);
    sqlite3_mem_methods methods = sqlite_methods;
    methods.xMalloc = failing_malloc;
    methods.xRealloc = failing_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

void sqlite_alloc_fail_at(unsigned n)
{
    failed = false;
    left = n;
}

bool sqlite_alloc_fail_done(void)
{
    left = 0;
    return failed;
}
