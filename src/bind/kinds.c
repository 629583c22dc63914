/* bind/kinds.c - the list of decision kinds, and the one Lua state that they live in.
 *
 * The state is made with the first kind that is asked for. A kind of an operator is its file as it
 * was when a policy that uses it was loaded; the next load reads it again. */
#include "kinds_state.h"

#include "fields.h"
#include "lib_load.h"
#include "moontide/base/fs.h"
#include "moontide/base/hash.h"
#include "moontide/base/log.h"
#include "moontide/bind/config.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/prelude.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KINDS_INSTRUCTIONS = 5000000, /* as of a policy's evaluation */
    KINDS_WALL_MS = 1000,
    KINDS_SLICE_MS = 5,
};

static const char PREFIX[] = "kind_"; /* of files, in prelude and lib */

struct vm_budget kinds_budget(const char *what)
{
    return (struct vm_budget){.instructions = KINDS_INSTRUCTIONS,
                              .wall_ms = KINDS_WALL_MS,
                              .slice_ms = KINDS_SLICE_MS,
                              .what = what};
}

bool kind_is_built_in(const char *name)
{
    char file[KIND_NAME_MAX + sizeof PREFIX];
    snprintf(file, sizeof file, "%s%s", PREFIX, name);
    return strlen(name) < KIND_NAME_MAX && prelude_find(file);
}

char *kind_path(const char *dir, const char *name)
{
    char file[KIND_NAME_MAX + 32];
    snprintf(file, sizeof file, "lib/%s%.*s.lua", PREFIX, KIND_NAME_MAX, name);
    return fs_join(dir, file);
}

/* ---- the state ---- */

/* allowed(name): whether the configuration's `allow` names "service:Operation". */
static int bind_allowed(lua_State *L)
{
    const struct kinds *kinds = lua_touserdata(L, lua_upvalueindex(1));
    const struct config *config = kinds->host.config;
    const char *name = luaL_checkstring(L, 1);
    bool found = false;
    for (size_t i = 0; config && i < config->allow_count && !found; i++)
        found = strcmp(config->allow[i], name) == 0;
    lua_pushboolean(L, found);
    return 1;
}

/* nearest(name, table): " (did you mean 'x'?)", x one of the table's keys; or "". */
static int bind_nearest(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
        count += lua_type(L, -2) == LUA_TSTRING;
    const char **names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
    count = 0;
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING) names[count++] = lua_tostring(L, -2);
    names[count] = NULL;
    lua_pushstring(L, fields_hint(name, names).text);
    return 1;
}

static int bind_decode(lua_State *L)
{
    size_t len;
    const char *json = luaL_checklstring(L, 1, &len);
    struct fault fault;
    if (convert_from_json(L, json, len, &fault) < 0) return luaL_error(L, "%s", fault.text);
    return 1;
}

static const struct vm_function own_functions[] = {
    {"kind", kind_declare, "(fields: kind.fields): kind.fields", "What a kind's file returns."},
    {"nearest", bind_nearest, "(name: string, known: table): string",
     "\" (did you mean 'x'?)\", x the nearest of the table's keys; or \"\"."},
    {"same", NULL, "(a: any, b: any): boolean", "Whether two values are equal, tables by content."},
    {"each_batch", NULL,
     "(list: kind.item[], size: integer, key: (fun(item: kind.item): string)?, f: fun(batch: "
     "kind.item[]))",
     "Calls f with lists of at most `size` items of one key(item), four at a time; what it throws "
     "is the failure of these items alone. Items with missing or failed are left out; waits."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function asking_functions[] = {
    {"allowed", bind_allowed, "(operation: string): boolean",
     "Whether the configuration's `allow` names it: \"sqs:SetQueueAttributes\"."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function place_methods[] = {
    {"client", NULL, "(service: string, options?: { retries: integer }): aws.client",
     "A client of this region and account, shared with other decisions."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field place_fields[] = {
    {"region", "string?", "Where; nil: the configuration's."},
    {"account", "string?", "A name of the configuration's accounts."},
    {"resource", "string?", "What it is about; nil in read."},
    {NULL, NULL, NULL}};
static const struct vm_field item_fields[] = {
    {"resource", "string", "Its name."},
    {"wanted", "table", "What decisions state of it."},
    {"current", "table?", "Set by read: how it is. It is shown and stored: no secrets."},
    {"missing", "string?", "Set by read: why there is none."},
    {"failed", "any?", "Set when a batch threw: its error."},
    {NULL, NULL, NULL}};
static const struct vm_field change_fields[] = {
    {"field", "string", "Its name, or a path: \"parameters.timeout\"."},
    {"from", "any?", "What it is; nil: not there."},
    {"to", "any?", "What is wanted."},
    {NULL, NULL, NULL}};
static const struct vm_field verdict_fields[] = {
    {"infeasible", "string?", "It cannot be done as asked, and why."},
    {"busy", "string?", "An earlier change is under way."},
    {"notes", "string[]?", "The cost of being wrong: downtime, reboots, whom it reaches."},
    {NULL, NULL, NULL}};

const struct vm_docs kinds_docs = {DOCS_GLOBALS, NULL, DOCS_KIND, NULL, own_functions, NULL};
const struct vm_docs kinds_asking_docs = {DOCS_GLOBALS,     NULL, DOCS_KIND, NULL,
                                          asking_functions, NULL};
const struct vm_docs kind_place_docs = {DOCS_CLASS,    "kind.place",
                                        DOCS_KIND,     "Where a decision is carried out.",
                                        place_methods, place_fields};
const struct vm_docs kind_item_docs = {
    DOCS_CLASS, "kind.item", DOCS_KIND, "A resource that is read.", NULL, item_fields};
const struct vm_docs kind_change_docs = {DOCS_CLASS,        "kind.change", DOCS_KIND,
                                         "One difference.", NULL,          change_fields};
const struct vm_docs kind_verdict_docs = {
    DOCS_CLASS, "kind.verdict", DOCS_KIND, "What check answers.", NULL, verdict_fields};

static void open_globals(lua_State *L, struct kinds *kinds)
{
    vm_module(L, "json", open_json);
    vm_module(L, "stats", open_stats);
    vm_module(L, "log", open_log);
    vm_module(L, "time", open_time);
    vm_module(L, "async", open_async);
    vm_module(L, "aws", open_aws);
    lua_pushglobaltable(L);
    vm_set_functions(L, own_functions);
    lua_pushlightuserdata(L, kinds);
    vm_set_closures(L, asking_functions, 1);
    lua_pop(L, 1);
}

static int open_state(lua_State *L)
{
    static const luaL_Reg core[] = {
        {"answer", kinds_answer}, {"decode", bind_decode}, {NULL, NULL}};
    static const char *const functions[HOST_COUNT] = {
        [HOST_READ] = "read",   [HOST_COMPARE] = "compare",   [HOST_CHECK] = "check",
        [HOST_APPLY] = "apply", [HOST_SIMULATE] = "simulate",
    };
    struct kinds *kinds = lua_touserdata(L, 1);
    open_globals(L, kinds);
    luaL_newlib(L, core);
    vm_prelude(L, "kinds", 1, 1);
    for (int i = 0; i < HOST_COUNT; i++) {
        lua_getfield(L, -1, functions[i]);
        kinds->host_refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return 0;
}

static void print_line(void *owner, const char *line, size_t len)
{
    (void)owner;
    (void)len;
    log_event(LOG_INFO, "kind.print", LOG_S("text", line));
}

static int load_module(void *data, const char *name, char **source, size_t *len,
                       char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    const struct kinds *kinds = data;
    return lib_load(kinds->host.config, name, source, len, chunkname, fault);
}

static int make_state(struct kinds *kinds, struct fault *fault)
{
    if (kinds->vm) return OK;
    struct vm_options options = {
        .sandboxed = true,
        .memory_limit_bytes = kinds->host.config ? kinds->host.config->policy_memory_bytes : 0,
        .loop = kinds->host.loop,
        .owner = &kinds->binding,
        .print = print_line};
    struct vm *vm = NULL;
    int code = vm_new(&options, &vm);
    if (code < 0) return fault_set(fault, code, "no Lua state: %s", err_text(code));
    vm_set_loader(vm, load_module, kinds);
    lua_State *L = vm_lua(vm);
    lua_pushcfunction(L, open_state);
    lua_pushlightuserdata(L, kinds);
    code = vm_call(vm, L, 1, 0, fault, NULL);
    if (code < 0)
        vm_free(vm);
    else
        kinds->vm = vm;
    return code;
}

void kinds_push_host(struct kinds *kinds, enum host_function function)
{
    lua_rawgeti(vm_lua(kinds->vm), LUA_REGISTRYINDEX, kinds->host_refs[function]);
}

void kind_push(const struct kind *kind)
{
    lua_rawgeti(vm_lua(kind->kinds->vm), LUA_REGISTRYINDEX, kind->table_ref);
}

/* ---- one kind ---- */

void kind_release(struct kind *kind)
{
    if (!kind || --kind->refs > 0) return;
    if (kind->kinds && kind->kinds->vm)
        luaL_unref(vm_lua(kind->kinds->vm), LUA_REGISTRYINDEX, kind->table_ref);
    kind_free_fields(kind);
    free(kind);
}

/* Arguments: what the file returned, the kind to fill. */
static int read_kind(lua_State *L)
{
    struct kind *kind = lua_touserdata(L, 2);
    lua_settop(L, 1);
    if (!lua_istable(L, 1)) return luaL_error(L, "the file does not return a kind { ... }");
    kind_read_table(L, 1, kind);
    kind->table_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int run_source(struct kinds *kinds, const char *source, size_t len, const char *chunk,
                      struct kind *kind, struct fault *fault)
{
    struct vm_budget budget = kinds_budget("load");
    lua_State *L = vm_lua(kinds->vm);
    budget.slice_ms = 0;
    vm_budget(kinds->vm, &budget);
    int code = vm_load(kinds->vm, source, len, chunk, fault);
    if (code == OK) code = vm_call(kinds->vm, L, 0, 1, fault, NULL);
    if (code < 0) return code;
    lua_pushcfunction(L, read_kind);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, kind);
    return vm_call(kinds->vm, L, 2, 0, fault, NULL);
}

static int kind_new(struct kinds *kinds, const char *name, const char *source, size_t len,
                    const char *shown, struct kind **out, struct fault *fault)
{
    char chunk[FAULT_FILE_MAX];
    snprintf(chunk, sizeof chunk, "@%.*s", FAULT_FILE_MAX - 2, shown);
    int code = make_state(kinds, fault);
    if (code < 0) return code;
    struct kind *kind = calloc(1, sizeof *kind);
    if (!kind) return fault_set(fault, ERR_NOMEM, "out of memory");
    kind->kinds = kinds;
    kind->refs = 1;
    kind->table_ref = LUA_NOREF;
    kind->generation = ++kinds->generations;
    kind->file = strdup(strncmp(shown, "moontide/", 9) == 0 ? "" : shown);
    code = kind->file ? run_source(kinds, source, len, chunk, kind, fault)
                      : fault_set(fault, ERR_NOMEM, "out of memory");
    if (code == OK && strcmp(kind->info.name, name) != 0)
        code = fault_set(fault, ERR_INVALID, "the kind is named '%s', its file kind_%s.lua",
                         kind->info.name, name);
    if (code < 0) {
        if (!fault->file[0]) fault_at(fault, shown, 0, 0);
        kind_release(kind);
        return code;
    }
    *out = kind;
    return OK;
}

/* ---- the list ---- */

static struct entry *entry_of(struct kinds *kinds, const char *name)
{
    for (size_t i = 0; i < kinds->entry_count; i++)
        if (strcmp(kinds->entries[i].name, name) == 0) return &kinds->entries[i];
    return NULL;
}

static int unknown_kind(const struct kinds *kinds, const char *name, struct fault *fault)
{
    const char *names[KINDS_MAX + 1];
    size_t count = 0;
    for (const struct prelude_file *file = prelude_files; file->name && count < KINDS_MAX; file++)
        if (strncmp(file->name, PREFIX, sizeof PREFIX - 1) == 0)
            names[count++] = file->name + sizeof PREFIX - 1;
    for (size_t i = 0; i < kinds->entry_count && count < KINDS_MAX; i++)
        if (kinds->entries[i].kind) names[count++] = kinds->entries[i].name;
    names[count] = NULL;
    return fault_set(fault, ERR_NOT_FOUND, "there is no decision kind '%.64s'%s", name,
                     fields_hint(name, names).text);
}

static int entry_add(struct kinds *kinds, const char *name, struct entry **out)
{
    if (kinds->entry_count == KINDS_MAX) return ERR_LIMIT;
    struct entry *entries = realloc(kinds->entries, (kinds->entry_count + 1) * sizeof *entries);
    if (!entries) return ERR_NOMEM;
    kinds->entries = entries;
    struct entry *entry = &entries[kinds->entry_count];
    *entry = (struct entry){.name = strdup(name), .path = strdup("")};
    if (!entry->name || !entry->path) {
        free(entry->name);
        free(entry->path);
        return ERR_NOMEM;
    }
    kinds->entry_count++;
    *out = entry;
    return OK;
}

/* Puts the source's kind in the list, unless it is there already. */
static int install(struct kinds *kinds, const char *name, const char *path, const char *shown,
                   const char *source, size_t len, struct fault *fault)
{
    struct kind *kind = NULL;
    struct entry *entry = entry_of(kinds, name);
    uint64_t hash = hash64(source, len, hash64(path, strlen(path), 0));
    if (entry && entry->kind && entry->hash == hash) return OK;
    int code = kind_new(kinds, name, source, len, shown, &kind, fault);
    if (code < 0) return code;
    char *copy = strdup(path);
    code = !copy ? ERR_NOMEM : entry ? OK : entry_add(kinds, name, &entry);
    if (code < 0) {
        free(copy);
        kind_release(kind);
        return fault_set(fault, code, "kind %s: %s", name, err_text(code));
    }
    free(entry->path);
    entry->path = copy;
    entry->hash = hash;
    kind_release(entry->kind);
    entry->kind = kind;
    return OK;
}

static int install_built_in(struct kinds *kinds, const char *name, struct fault *fault)
{
    const struct entry *known = entry_of(kinds, name);
    if (known && known->kind) return OK;
    char file[KIND_NAME_MAX + sizeof PREFIX], shown[KIND_NAME_MAX + 32];
    snprintf(file, sizeof file, "%s%s", PREFIX, name);
    snprintf(shown, sizeof shown, "moontide/%s.lua", file);
    const struct prelude_file *found = prelude_find(file);
    return install(kinds, name, "", shown, found->source, found->len, fault);
}

static int install_from(struct kinds *kinds, const char *dir, const char *name, struct fault *fault)
{
    char *path = kind_path(dir, name), *source = NULL;
    size_t len = 0;
    if (!path) return fault_set(fault, ERR_NOMEM, "out of memory");
    const char *shown = strncmp(path, "./", 2) == 0 ? path + 2 : path;
    int code = fs_read_file(path, VM_SOURCE_MAX, &source, &len, fault);
    if (code == OK) code = install(kinds, name, path, shown, source, len, fault);
    if (code < 0 && code != ERR_NOT_FOUND && !fault->file[0]) fault_at(fault, shown, 0, 0);
    free(source);
    free(path);
    return code;
}

static int refresh(struct kinds *kinds, const char *name, const char *dir, struct fault *fault)
{
    const struct config *config = kinds->host.config;
    bool valid = *name && strlen(name) < KIND_NAME_MAX &&
                 strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
                     strlen(name);
    if (!valid) return unknown_kind(kinds, name, fault);
    if (kind_is_built_in(name)) return install_built_in(kinds, name, fault);
    int code = dir ? install_from(kinds, dir, name, fault) : ERR_NOT_FOUND;
    if (code == ERR_NOT_FOUND && config)
        code = install_from(kinds, config->policies_dir, name, fault);
    return code == ERR_NOT_FOUND ? unknown_kind(kinds, name, fault) : code;
}

int kinds_get(struct kinds *kinds, const char *name, const char *dir, struct kind **out,
              struct fault *fault)
{
    int code = refresh(kinds, name, dir, fault);
    if (code < 0) return code;
    *out = entry_of(kinds, name)->kind;
    (*out)->refs++;
    return OK;
}

struct kind *kinds_find(struct kinds *kinds, const char *name, struct fault *fault)
{
    const struct entry *entry = entry_of(kinds, name);
    if (entry && entry->kind) return entry->kind;
    if (refresh(kinds, name, NULL, fault) < 0) return NULL;
    return entry_of(kinds, name)->kind;
}

/* ---- life ---- */

static const struct kind_info *kind_info(struct actor *actor, const char *name)
{
    struct fault fault;
    const struct kind *kind = kinds_find(kinds_of(actor), name, &fault);
    return kind ? &kind->info : NULL;
}

static void free_actor(struct actor *actor)
{
    kinds_free(kinds_of(actor));
}

static const struct actor_vtable kinds_vtable = {
    .free = free_actor,
    .kind = kind_info,
    .read = kinds_read,
    .compare = kinds_compare,
    .check = kinds_check,
    .apply = kinds_apply,
    .simulate = kinds_simulate,
    .cancel = kinds_cancel,
};

int kinds_new(const struct host *host, struct kinds **out)
{
    struct kinds *kinds = calloc(1, sizeof *kinds);
    if (!kinds) return ERR_NOMEM;
    kinds->actor.vtable = &kinds_vtable;
    kinds->host = *host;
    kinds->host.kinds = kinds;
    kinds->binding = (struct binding){.host = &kinds->host, .on_call = kinds_on_call};
    *out = kinds;
    return OK;
}

void kinds_free(struct kinds *kinds)
{
    if (!kinds) return;
    while (kinds->calls)
        kinds_cancel(&kinds->actor, kinds->calls);
    for (size_t i = 0; i < kinds->entry_count; i++) {
        kind_release(kinds->entries[i].kind);
        free(kinds->entries[i].name);
        free(kinds->entries[i].path);
    }
    vm_free(kinds->vm);
    free(kinds->entries);
    free(kinds->equals);
    free(kinds);
}

struct actor *kinds_actor(struct kinds *kinds)
{
    return &kinds->actor;
}
