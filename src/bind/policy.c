/* bind/policy.c - a policy file becomes an evaluator: its state is built, its file runs once, and
 * what policy{} was given is kept. Everything that can go wrong is a fault with its place; nothing
 * of a faulty file stays behind. */
#include "policy_state.h"

#include "lexer.h"
#include "moontide/base/fs.h"
#include "moontide/base/hash.h"
#include "moontide/base/log.h"
#include "moontide/bind/cover.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/syntax.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the files of a generation ---- */

static int remember_file(struct policy *policy, const char *path)
{
    char **files = realloc(policy->files, (policy->file_count + 2) * sizeof *files);
    if (!files) return ERR_NOMEM;
    policy->files = files;
    char resolved[PATH_MAX];
    files[policy->file_count] = strdup(path);
    if (!files[policy->file_count]) return ERR_NOMEM;
    policy->file_count++;
    if (!realpath(path, resolved) || strcmp(resolved, path) == 0) return OK;
    files[policy->file_count] = strdup(resolved);
    if (!files[policy->file_count]) return ERR_NOMEM;
    policy->file_count++;
    return OK;
}

static int remember_source(struct policy *policy, const char *chunk, const char *text, size_t len)
{
    struct binding *b = &policy->binding;
    struct source **sources = realloc(b->sources, (b->source_count + 1) * sizeof *sources);
    if (!sources) return ERR_NOMEM;
    b->sources = sources;
    if (b->host->cover) cover_source(b->host->cover, chunk, text, len);
    int code = source_new(chunk, text, len, &sources[b->source_count]);
    if (code == OK) b->source_count++;
    return code;
}

static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static bool file_named(const struct policy *policy, const char *path)
{
    for (size_t i = 0; i < policy->file_count; i++)
        if (strcmp(policy->files[i], path) == 0) return true;
    return false;
}

static bool uses_file(const struct evaluator *evaluator, const char *path)
{
    const struct policy *policy = (const struct policy *)evaluator;
    char resolved[PATH_MAX];
    if (file_named(policy, path)) return true;
    return realpath(path, resolved) && file_named(policy, resolved);
}

/* require "lib.x": lib/x.lua beside the policy, else in the project's policies. */
static int load_module(void *data, const char *name, char **source, size_t *len,
                       char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    struct policy *policy = data;
    const struct config *config = policy->binding.host->config;
    char relative[128];
    size_t name_len = strlen(name);
    if (strncmp(name, "lib.", 4) != 0)
        return fault_set(fault, ERR_NOT_FOUND,
                         "a policy's own modules are in lib: require \"lib.%s\"", name);
    if (name_len + sizeof ".lua" > sizeof relative)
        return fault_set(fault, ERR_LIMIT, "the module's name is too long");
    snprintf(relative, sizeof relative, "%s.lua", name);
    for (size_t i = 0; i < name_len; i++)
        if (relative[i] == '.') relative[i] = '/';

    const char *dirs[] = {policy->dir, config ? config->policies_dir : NULL};
    const char *shown[] = {policy->shown_dir, config ? config->policies_dir : NULL};
    size_t limit = config ? config->source_bytes : VM_SOURCE_MAX;
    int code = ERR_NOT_FOUND;
    for (size_t i = 0; i < COUNT_OF(dirs) && code == ERR_NOT_FOUND; i++) {
        char *path = dirs[i] ? fs_join(dirs[i], relative) : NULL;
        if (!path) continue;
        code = fs_read_file(path, limit, source, len, fault);
        if (code == OK) {
            if (strcmp(shown[i], ".") == 0)
                snprintf(chunkname, FAULT_FILE_MAX, "@%s", relative);
            else
                snprintf(chunkname, FAULT_FILE_MAX, "@%.100s/%s", shown[i], relative);
            code = remember_file(policy, path);
            if (code == OK) code = remember_source(policy, chunkname, *source, *len);
        }
        free(path);
    }
    if (code == ERR_NOT_FOUND) fault_set(fault, code, "there is no %s/%s", shown[0], relative);
    return code;
}

/* ---- kinds of the operator's own ---- */

/* The kind counts among the files of the policy, whether it is there already or not: a save of it
 * loads the policy anew. */
static int use_kind(struct policy *policy, const char *name, struct fault *fault)
{
    const struct config *config = policy->binding.host->config;
    const char *dirs[] = {policy->dir, config ? config->policies_dir : NULL};
    struct kind *kind = NULL;
    if (kind_is_built_in(name)) return OK; /* made when it is asked for */
    for (size_t i = 0; i < COUNT_OF(dirs); i++) {
        char *path = dirs[i] ? kind_path(dirs[i], name) : NULL;
        int code = path ? remember_file(policy, path) : OK;
        free(path);
        if (code < 0) return fault_set(fault, code, "out of memory");
    }
    int code = policy_take_kind(policy, name, &kind, fault);
    return code == ERR_NOT_FOUND ? OK : code; /* decide.<name> says it with its line */
}

/* Loads the kinds that a source names as decide.<name>, so that a fault in one is found with the
 * policy. */
static int use_kinds(struct policy *policy, const char *text, size_t len, struct fault *fault)
{
    struct lexer lexer;
    if (!memmem(text, len, "decide", strlen("decide"))) return OK; /* most of them */
    lexer_init(&lexer, text, len);
    struct token token = lexer_next(&lexer);
    while (token.kind != TOKEN_END) {
        bool decides = token_is(&token, "decide");
        token = lexer_next(&lexer);
        if (!decides || token.kind != '.') continue;
        token = lexer_next(&lexer);
        if (token.kind != TOKEN_NAME || token.len >= KIND_NAME_MAX) continue;
        char name[KIND_NAME_MAX];
        snprintf(name, sizeof name, "%.*s", (int)token.len, token.text);
        int code = use_kind(policy, name, fault);
        if (code < 0) return code;
    }
    return OK;
}

/* ---- life ---- */

static void policy_stop(struct evaluator *evaluator)
{
    struct policy *policy = (struct policy *)evaluator;
    discovery_stop(policy);
    gatherings_stop(policy);
    evaluate_stop(policy);
}

static void policy_free(struct evaluator *evaluator)
{
    struct policy *policy = (struct policy *)evaluator;
    if (policy->vm) {
        policy_stop(evaluator);
        target_set_done(policy, &policy->targets);
        layouts_sweep(policy);
    }
    vm_free(policy->vm);
    for (size_t i = 0; i < policy->kind_count; i++)
        kind_release(policy->kinds[i]);
    free(policy->kinds);
    for (size_t i = 0; policy->depends_on && policy->depends_on[i]; i++)
        free(policy->depends_on[i]);
    free(policy->depends_on);
    free(policy->rails);
    for (size_t i = 0; i < policy->binding.source_count; i++)
        source_free(policy->binding.sources[i]);
    free(policy->binding.sources);
    for (size_t i = 0; i < policy->file_count; i++)
        free(policy->files[i]);
    free(policy->files);
    free(policy->name);
    free(policy->doc);
    free(policy->shown);
    free(policy->path);
    free(policy->dir);
    free(policy->shown_dir);
    free(policy);
}

static const struct policy_info *policy_info_of(const struct evaluator *evaluator)
{
    return &((const struct policy *)evaluator)->info;
}

static size_t target_count(const struct evaluator *evaluator)
{
    return ((const struct policy *)evaluator)->targets.count;
}

static const struct target *target_at(const struct evaluator *evaluator, size_t index)
{
    return &((const struct policy *)evaluator)->targets.items[index].shown;
}

static size_t memory_bytes(const struct evaluator *evaluator)
{
    const struct policy *policy = (const struct policy *)evaluator;
    size_t bytes = sizeof *policy + vm_memory_bytes(policy->vm);
    for (size_t i = 0; i < policy->targets.count; i++)
        bytes += sizeof policy->targets.items[i] +
                 policy->targets.items[i].shown.use_count * sizeof(struct metric_use);
    return bytes;
}

static const struct evaluator_vtable policy_vtable = {
    .free = policy_free,
    .info = policy_info_of,
    .uses_file = uses_file,
    .discover = policy_discover,
    .target_count = target_count,
    .target = target_at,
    .collect = policy_collect,
    .evaluate = policy_evaluate,
    .check = policy_verify,
    .stop = policy_stop,
    .memory_bytes = memory_bytes,
};

/* ---- loading ---- */

static void print_line(void *owner, const char *line, size_t len)
{
    const struct binding *binding = owner;
    if (binding->host->print) {
        binding->host->print(binding->host->print_data, line, len);
        return;
    }
    log_event(LOG_INFO, "policy.print", LOG_S("policy", binding->policy), LOG_S("text", line));
}

static int refuse_sleep(lua_State *L)
{
    return luaL_error(L, "async.sleep: there is no network here, and nothing to wait for");
}

/* What waits for no answer would wait in real time. */
static void refuse_waits(lua_State *L)
{
    lua_getglobal(L, "async");
    lua_pushcfunction(L, refuse_sleep);
    lua_setfield(L, -2, "sleep");
    lua_pop(L, 1);
}

static int open_modules(lua_State *L)
{
    struct policy *policy = lua_touserdata(L, 1);
    lua_settop(L, 0);
    vm_module(L, "json", open_json);
    vm_module(L, "stats", open_stats);
    vm_module(L, "log", open_log);
    vm_module(L, "time", open_time);
    vm_module(L, "http", open_http);
    vm_module(L, "async", open_async);
    if (policy->binding.host->offline) refuse_waits(L);
    vm_module(L, "aws", open_aws);
    vm_module(L, "cloudwatch", open_cloudwatch);
    policy_open_fields(L, policy);
    policy_open_findings(L, policy);
    policy_open_series(L);
    policy_open_decide(L, policy);
    policy_open_settings(L, policy);
    policy_open_strict(L, policy);
    return 0;
}

static int new_state(struct policy *policy, struct fault *fault)
{
    const struct host *host = policy->binding.host;
    struct vm_options options = {
        .sandboxed = true,
        .memory_limit_bytes = host->config ? host->config->policy_memory_bytes : 0,
        .loop = host->loop,
        .chunks = host->chunks,
        .owner = &policy->binding,
        .print = print_line,
    };
    int code = vm_new(&options, &policy->vm);
    if (code < 0) return fault_set(fault, code, "no Lua state: %s", err_text(code));
    if (host->cover) cover_watch(host->cover, policy->vm);
    vm_set_loader(policy->vm, load_module, policy);
    lua_State *L = vm_lua(policy->vm);
    lua_pushcfunction(L, open_modules);
    lua_pushlightuserdata(L, policy);
    return vm_call(policy->vm, L, 1, 0, fault, NULL);
}

static int new_policy(const struct host *host, const char *path, const char *shown,
                      struct policy **out)
{
    struct policy *policy = calloc(1, sizeof *policy);
    if (!policy) return ERR_NOMEM;
    *out = policy;
    policy->evaluator.vtable = &policy_vtable;
    policy->binding.host = host;
    policy->spec_ref = policy->targets_ref = policy->metrics_ref = LUA_NOREF;
    policy->collect_ref = policy->evaluate_ref = policy->checks_ref = LUA_NOREF;
    policy->blank_ref = LUA_NOREF;
    policy->shown = strdup(shown);
    policy->path = strdup(path);
    policy->dir = dir_of(path);
    policy->shown_dir = dir_of(shown);
    if (!policy->shown || !policy->path || !policy->dir || !policy->shown_dir) return ERR_NOMEM;
    return remember_file(policy, path);
}

/* Lua tells the line at which it gave up, this parser the column. */
static void syntax_fault(const char *source, size_t len, struct fault *fault)
{
    struct syntax *syntax = NULL;
    struct span where;
    int code = syntax_read(source, len, &syntax, &where);
    syntax_free(syntax);
    fault->id = "E-syntax";
    if (code != ERR_PARSE || where.line != fault->line) return;
    fault->column = where.column;
    fault->end_column = where.column + (int)(where.end - where.begin);
}

/* Runs the file. What policy{} found is in faults already; an error ends the load there. */
static int run_file(struct policy *policy, const char *source, size_t len, struct fault *fault)
{
    char chunk[FAULT_FILE_MAX];
    snprintf(chunk, sizeof chunk, "@%s", policy->shown);
    int code = vm_load(policy->vm, source, len, chunk, fault);
    if (code == ERR_LUA || code == ERR_PARSE) syntax_fault(source, len, fault);
    if (code < 0) return code;
    if (remember_source(policy, chunk, source, len) < 0)
        return fault_set(fault, ERR_NOMEM, "out of memory");
    struct vm_budget budget = policy_budget(policy, "load");
    lua_State *L = vm_lua(policy->vm);
    vm_budget(policy->vm, &budget);
    policy->loading = true;
    code = vm_call(policy->vm, L, 0, 1, fault, NULL);
    policy->loading = false;
    if (code < 0) return code;
    bool returned = false;
    if (policy->given) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->spec_ref);
        returned = lua_rawequal(L, -1, -2);
    }
    lua_settop(L, 0);
    for (size_t i = 0; returned && i < policy->binding.source_count; i++) {
        const char *text = source_text(policy->binding.sources[i]);
        code = use_kinds(policy, text, strlen(text), fault);
        if (code < 0) return code;
    }
    if (!returned) {
        fault_set(fault, ERR_INVALID, "the file does not return a policy { ... }");
        fault_at(fault, policy->shown, 0, 0);
        return ERR_INVALID;
    }
    return OK;
}

static void fill_info(struct policy *policy, const char *source, size_t len)
{
    unsigned char digest[SHA256_BYTES];
    sha256(source, len, digest);
    hex_encode(digest, sizeof digest, policy->info.sha256);
    const char *kept = source_text(policy->binding.sources[0]); /* remembered before it ran */
    if (strlen(kept) == len) {
        policy->info.source = kept;
        policy->info.source_len = len;
    }
    policy->info.name = policy->name;
    policy->info.doc = policy->doc;
    policy->info.file = policy->shown;
    policy->info.rails = policy->rails;
    policy->info.depends_on = (const char *const *)policy->depends_on;
    policy->binding.policy = policy->name;
}

int policy_build(const struct host *host, const char *path, const char *shown, const char *source,
                 size_t len, struct policy **out, struct faults *faults, struct faults *warnings)
{
    struct policy *policy = NULL;
    struct faults found;
    struct fault fault;
    size_t limit = host->config ? host->config->source_bytes : VM_SOURCE_MAX;
    faults_init(&found);
    int code = new_policy(host, path, shown, &policy);
    if (code < 0) fault_set(&fault, code, "%s", err_text(code));
    if (code == OK && len > limit)
        code = fault_set(&fault, ERR_LIMIT, "the file has %zu bytes; the limit is %zu", len, limit);
    if (code == OK) code = new_state(policy, &fault);
    if (code == OK) {
        policy->binding.faults = &found;
        policy->binding.warnings = warnings;
        code = run_file(policy, source, len, &fault);
        policy->binding.faults = policy->binding.warnings = NULL;
    }
    if (code < 0) {
        if (!fault.file[0]) fault_at(&fault, shown, 0, 0);
        faults_add(&found, &fault);
    }
    for (size_t i = 0; i < found.count; i++)
        faults_add(faults, &found.items[i]);
    if (code < 0) {
        if (policy) policy_free(&policy->evaluator);
    } else {
        fill_info(policy, source, len);
        *out = policy;
        if (found.count > 0) code = found.items[0].code;
    }
    faults_done(&found);
    return code;
}

int policy_load_text(const struct host *host, const char *path, const char *shown,
                     const char *source, size_t len, struct evaluator **out, struct faults *faults)
{
    struct policy *policy = NULL;
    int code = policy_build(host, path, shown, source, len, &policy, faults, NULL);
    if (code < 0) {
        if (policy) policy_free(&policy->evaluator);
        return code;
    }
    *out = &policy->evaluator;
    return OK;
}

int policy_load(const struct host *host, const char *path, const char *shown,
                struct evaluator **out, struct faults *faults)
{
    char *source = NULL;
    size_t len = 0;
    struct fault fault;
    size_t limit = host->config ? host->config->source_bytes : VM_SOURCE_MAX;
    int code = fs_read_file(path, limit, &source, &len, &fault);
    if (code < 0) {
        fault_at(&fault, shown, 0, 0);
        return faults_add(faults, &fault);
    }
    code = policy_load_text(host, path, shown, source, len, out, faults);
    free(source);
    return code;
}
