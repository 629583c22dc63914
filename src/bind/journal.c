/* bind/journal.c - the Lua module `journal`: what was decided, and what came of it, newest first.
 *
 *   for _, entry in ipairs(journal.entries { since = "1h", target = "environment=prod" }) do ...
 * end
 *
 * The database is read on a worker thread. The job outlives a canceled call: whoever comes last,
 * the worker's end or the box's, frees it. */
#include "check.h"

#include "moontide/base/json.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/task.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 10000, ENTRIES_DEFAULT = 100, JSON_BYTES_MAX = 32 * 1024 * 1024 };

enum text {
    TEXT_PATH,
    TEXT_WORLD,
    TEXT_POLICY,
    TEXT_TARGET,
    TEXT_RESOURCE,
    TEXT_ID,
    TEXT_WHAT,
    TEXTS
};

struct journal_job {
    char *texts[TEXTS]; /* NULL: any */
    struct journal_filter filter;
    /* the worker's until done */
    struct strbuf json;
    int code;
    struct fault fault;
    /* the loop's */
    struct vm *vm; /* NULL: nobody waits any more */
    uint64_t wait_id;
    bool done;
};

static const char BOX_TYPE[] = "moontide.journal";

static void job_free(struct journal_job *job)
{
    if (!job) return;
    for (int i = 0; i < TEXTS; i++)
        free(job->texts[i]);
    strbuf_done(&job->json);
    free(job);
}

static bool write_row(void *data, const struct journal_row *row)
{
    struct json_writer *w = data;
    json_object(w);
    json_key(w, "seq");
    json_int(w, row->seq);
    json_key(w, "at");
    json_double(w, (double)row->at_ms / 1000);
    json_put_given(w, "world", row->world);
    json_put_given(w, "id", row->entry.id);
    json_put_given(w, "what", row->entry.what);
    json_put_given(w, "policy", row->entry.policy);
    json_put_given(w, "target", row->entry.target);
    json_put_given(w, "resource", row->entry.resource);
    json_put_given(w, "policy_sha256", row->entry.policy_sha256);
    if (row->entry.json && *row->entry.json) {
        json_key(w, "detail");
        json_raw(w, row->entry.json, strlen(row->entry.json));
    }
    json_object_end(w);
    return strbuf_status(w->out) == OK;
}

static void job_read(void *data)
{
    struct journal_job *job = data;
    struct store *store = NULL;
    struct json_writer w;
    json_writer_init(&w, &job->json);
    json_array(&w);
    job->code = store_open_reader(job->texts[TEXT_PATH], &store, &job->fault);
    if (job->code == OK) {
        job->code = store_each_journal(store, &job->filter, write_row, &w, &job->fault);
        store_close(store);
    } else if (job->code == ERR_NOT_FOUND) {
        job->code = OK; /* nothing was ever written */
    }
    json_array_end(&w);
    if (job->code == OK && strbuf_status(&job->json) != OK)
        job->code = fault_set(&job->fault, strbuf_status(&job->json),
                              "the entries take more than 32 MiB: ask for fewer");
}

static void job_done(void *data, int status)
{
    struct journal_job *job = data;
    if (!job->vm) {
        job_free(job);
        return;
    }
    job->done = true;
    if (status != OK && job->code == OK)
        job->code = fault_set(&job->fault, status, "%s", err_text(status));
    task_wake(job->vm, job->wait_id);
}

static int box_close(lua_State *L)
{
    struct journal_job **box = luaL_checkudata(L, 1, BOX_TYPE);
    struct journal_job *job = *box;
    *box = NULL;
    if (!job) return 0;
    if (job->vm && !job->done)
        job->vm = NULL; /* job_done frees it */
    else
        job_free(job);
    return 0;
}

static struct journal_job **box_new(lua_State *L)
{
    struct journal_job **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    task_box(L, BOX_TYPE, box_close);
    return box;
}

static int finish(lua_State *L, int status, lua_KContext box_idx)
{
    (void)status;
    struct journal_job **box = luaL_checkudata(L, (int)box_idx, BOX_TYPE);
    struct journal_job *job = *box;
    struct fault fault;
    if (job->code != OK) return raise_fault(L, "journal.entries", &job->fault);
    if (convert_from_json(L, strbuf_cstr(&job->json), job->json.len, &fault) != OK)
        return raise_fault(L, "journal.entries", &fault);
    return 1;
}

static const struct vm_field filter_fields[] = {
    {"since", "moment?", "From when on."},
    {"policy", "string?", "The policy's name."},
    {"target", "string?", "The target's id."},
    {"resource", "string?", "The resource's name."},
    {"id", "string?", "One decision or action."},
    {"what", "string?", "What happened."},
    {"world", "string?", "Of which world; else the one of this run."},
    {"limit", "integer?", "At most so many: 1 to 10,000; 100."},
    {NULL, NULL, NULL}};

/* Takes a text field of the filter at index 1 into the job. */
static void check_filter_text(lua_State *L, struct journal_job *job, enum text at, const char *key)
{
    if (lua_getfield(L, 1, key) != LUA_TNIL) {
        job->texts[at] = strdup(check_text(L, -1, key));
        if (!job->texts[at]) luaL_error(L, "out of memory");
    }
    lua_pop(L, 1);
}

static void check_filter(lua_State *L, struct journal_job *job, const struct host *host)
{
    check_filter_text(L, job, TEXT_WORLD, "world");
    check_filter_text(L, job, TEXT_POLICY, "policy");
    check_filter_text(L, job, TEXT_TARGET, "target");
    check_filter_text(L, job, TEXT_RESOURCE, "resource");
    check_filter_text(L, job, TEXT_ID, "id");
    check_filter_text(L, job, TEXT_WHAT, "what");
    if (!job->texts[TEXT_WORLD] && host->world_name)
        job->texts[TEXT_WORLD] = strdup(host->world_name);
    job->texts[TEXT_PATH] = strdup(host->database);
    if (!job->texts[TEXT_PATH] || (host->world_name && !job->texts[TEXT_WORLD]))
        luaL_error(L, "out of memory");
    if (lua_getfield(L, 1, "since") != LUA_TNIL)
        job->filter.since_ms = check_time_ms(L, -1, "journal.entries: since");
    lua_Integer limit = ENTRIES_DEFAULT;
    if (lua_getfield(L, 1, "limit") != LUA_TNIL) limit = luaL_checkinteger(L, -1);
    if (limit < 1 || limit > ENTRIES_MAX)
        luaL_error(L, "journal.entries: limit must be between 1 and %d", ENTRIES_MAX);
    lua_pop(L, 2);
    job->filter.limit = (uint32_t)limit;
    job->filter.world = job->texts[TEXT_WORLD];
    job->filter.policy = job->texts[TEXT_POLICY];
    job->filter.target = job->texts[TEXT_TARGET];
    job->filter.resource = job->texts[TEXT_RESOURCE];
    job->filter.id = job->texts[TEXT_ID];
    job->filter.what = job->texts[TEXT_WHAT];
}

static int journal_entries(lua_State *L)
{
    const struct host *host = binding_of(L)->host;
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    vm_check_fields(L, 1, "journal.entries", filter_fields);
    if (!host->database) return luaL_error(L, "journal.entries: there is no database here");
    uint64_t wait_id = task_wait_id(L, "journal.entries");

    struct journal_job **box = box_new(L), *job = calloc(1, sizeof *job);
    int box_idx = lua_gettop(L);
    if (!job) return luaL_error(L, "out of memory");
    *box = job;
    strbuf_init(&job->json, JSON_BYTES_MAX);
    lua_toclose(L, box_idx);
    check_filter(L, job, host);
    int code = loop_work(host->loop, job_read, job_done, job);
    if (code != OK) {
        fault_set(&job->fault, code, "%s", err_text(code));
        return raise_fault(L, "journal.entries", &job->fault);
    }
    job->wait_id = wait_id;
    job->vm = vm_of(L); /* from now on the worker has a share in it */
    return task_wait(L, box_idx, finish);
}

static const struct vm_function functions[] = {
    {"entries", journal_entries, "(filter?: journal.filter): journal.entry[]",
     "Entries of the journal that fit, the newest first; it waits. An error object when the "
     "database cannot be read, or the entries take more than 32 MiB."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field entry_fields[] = {
    {"seq", "integer", "Their order; never used again."},
    {"at", "number", "When, in seconds since the epoch."},
    {"world", "string", "The world that it happened in."},
    {"id", "string?", "The decision or action that it belongs to."},
    {"what", "string",
     "What happened: \"decision\", \"intent\", \"outcome\", \"issue\", \"drift\", ..."},
    {"policy", "string?", "Whose decision."},
    {"target", "string?", "Of which target."},
    {"resource", "string?", "What it was about: \"service/shop/api\"."},
    {"policy_sha256", "string?", "The policy's source, by its SHA-256."},
    {"detail", "table?", "More of it, by what it is."},
    {NULL, NULL, NULL}};

const struct vm_docs journal_docs = {DOCS_MODULE, "journal",
                                     DOCS_SCRIPT, "What moontide did and why, from its database.",
                                     functions,   NULL};
const struct vm_docs journal_filter_docs = {
    DOCS_CLASS, "journal.filter", DOCS_SCRIPT, "Which entries; those that fit all that is said.",
    NULL,       filter_fields};
const struct vm_docs journal_entry_docs = {
    DOCS_CLASS, "journal.entry", DOCS_SCRIPT, "One entry; they never change.", NULL, entry_fields};

int open_journal(lua_State *L)
{
    vm_new_library(L, functions);
    return 1;
}
