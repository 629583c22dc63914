/* bind/ptest.c - runs the tests of a file, step by step (prelude/test.lua says which), and tells
 * what became of each. */
#include "moontide/bind/ptest.h"

#include "lib_load.h"
#include "moontide/base/fs.h"
#include "moontide/bind/kinds.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "moontide/vm/chunks.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/task.h"
#include "ptest_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SOURCE_LINE_MAX = 400 };

/* ---- the state of a file ---- */

static void print_line(void *owner, const char *line, size_t len)
{
    struct ptest_run *run = owner;
    if (run->output.len + len + 1 > PTEST_OUTPUT_MAX) return;
    strbuf_add(&run->output, line, len);
    strbuf_addc(&run->output, '\n');
}

static int read_module(const char *dir, const char *relative, char **source, size_t *len,
                       char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    char *path = fs_join(dir, relative);
    if (!path) return fault_set(fault, ERR_NOMEM, "out of memory");
    int code = fs_read_file(path, VM_SOURCE_MAX, source, len, fault);
    snprintf(chunkname, FAULT_FILE_MAX, "@%s", strncmp(path, "./", 2) == 0 ? path + 2 : path);
    free(path);
    return code;
}

/* Of the test's own directory, of policies, of the project. */
static int load_module(void *data, const char *name, char **source, size_t *len,
                       char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    const struct ptest_run *run = data;
    const struct config *config = run->ptest->options.config;
    const char *dirs[] = {run->dir, config->policies_dir, config->dir};
    char relative[FAULT_FILE_MAX];
    if (strncmp(name, "moontide.", 9) == 0)
        return lib_load(config, name, source, len, chunkname, fault);
    snprintf(relative, sizeof relative, "%.200s", name);
    for (char *at = relative; *at; at++)
        if (*at == '.') *at = '/';
    strcat(relative, ".lua");
    int code = ERR_NOT_FOUND;
    for (size_t i = 0; i < COUNT_OF(dirs) && code == ERR_NOT_FOUND; i++)
        code = read_module(dirs[i], relative, source, len, chunkname, fault);
    if (code == OK && run->ptest->cover && strncmp(name, "lib.", 4) == 0)
        cover_source(run->ptest->cover, chunkname, *source, *len);
    return code;
}

static int open_state(lua_State *L)
{
    static const struct {
        const char *name;
        lua_CFunction open;
    } modules[] = {{"json", open_json},
                   {"stats", open_stats},
                   {"log", open_log},
                   {"time", open_time},
                   {"plot", open_plot}};
    static const char *const files[] = {"test_diff", "test_spy", "test_expect", "test_run"};
    static const char *const steps[STEP_COUNT] = {"load", "count", "test",  "enter", "before",
                                                  "body", "after", "leave", "cut",   "snapshots"};
    struct ptest_run *run = lua_touserdata(L, 1);
    const struct config *config = run->ptest->options.config;
    struct fault fault;
    for (size_t i = 0; i < COUNT_OF(modules); i++)
        vm_module(L, modules[i].name, modules[i].open);
    if (convert_from_json(L, config->json, strlen(config->json), &fault) < 0)
        return luaL_error(L, "config: %s", fault.text);
    lua_setglobal(L, "config");
    lua_settop(L, 0);
    ptest_push_core(L, run);
    lua_pushnil(L); /* where diff will be */
    lua_pushvalue(L, 1);
    lua_pushglobaltable(L);
    vm_prelude(L, "test", 2, 1);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        lua_pushvalue(L, 1);
        if (i > 0) {
            lua_pushglobaltable(L);
            lua_pushvalue(L, 2);
        }
        vm_prelude(L, files[i], i > 0 ? 3 : 1, i > 0 ? 0 : 1);
        if (i == 0) lua_replace(L, 2);
    }
    for (int i = 0; i < STEP_COUNT; i++) {
        lua_getfield(L, 3, steps[i]);
        run->refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return 0;
}

static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static int run_open(struct ptest_run *run, struct fault *fault)
{
    struct vm_options options = {.memory_limit_bytes = PTEST_MEMORY_BYTES,
                                 .chunks = run->ptest->base.chunks,
                                 .owner = run,
                                 .print = print_line};
    run->dir = dir_of(run->path);
    strbuf_init(&run->output, PTEST_OUTPUT_MAX);
    int code = run->dir ? vm_new(&options, &run->vm) : ERR_NOMEM;
    if (code < 0) return fault_set(fault, code, "no Lua state: %s", err_text(code));
    if (run->ptest->cover) cover_watch(run->ptest->cover, run->vm);
    vm_set_loader(run->vm, load_module, run);
    lua_State *L = vm_lua(run->vm);
    lua_pushcfunction(L, open_state);
    lua_pushlightuserdata(L, run);
    return vm_call(run->vm, L, 1, 0, fault, NULL);
}

static void run_close(struct ptest_run *run)
{
    ptest_end_houses(run, 0);
    free(run->houses);
    vm_free(run->vm);
    free(run->dir);
    strbuf_done(&run->output);
}

/* ---- steps ---- */

/* What a step came to; failed when `message` is set. */
struct failure {
    char *message, *file, *traceback;
    int line;
    bool pending;
};

static void failure_done(struct failure *failure)
{
    free(failure->message);
    free(failure->file);
    free(failure->traceback);
    *failure = (struct failure){0};
}

static char *copy_field(lua_State *L, int idx, const char *field)
{
    lua_pushstring(L, field);
    const char *text = lua_rawget(L, idx) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    char *copy = text ? strdup(text) : NULL;
    lua_pop(L, 1);
    return copy;
}

/* The failure at idx; the first one of several stays. */
static void take_failure(lua_State *L, int idx, struct failure *out)
{
    if (out->message || lua_isnoneornil(L, idx)) return;
    if (!lua_istable(L, idx)) { /* test.lua answers tables */
        out->message = strdup("the test did not end as it should");
        return;
    }
    out->message = copy_field(L, idx, "message");
    if (!out->message) out->message = strdup("it failed");
    out->file = copy_field(L, idx, "file");
    out->traceback = copy_field(L, idx, "trace");
    lua_pushliteral(L, "line");
    lua_rawget(L, idx);
    out->line = (int)lua_tointeger(L, -1);
    lua_pushliteral(L, "pending");
    lua_rawget(L, idx);
    out->pending = lua_toboolean(L, -1);
    lua_pop(L, 2);
}

static void take_fault(const struct fault *fault, struct failure *out)
{
    char text[FAULT_TEXT_MAX + 128];
    if (out->message) return;
    snprintf(text, sizeof text, "%s%s", fault->text,
             fault->code == ERR_BUDGET ? ": it was cut off (does it loop?)" : "");
    out->message = strdup(text);
    out->file = strdup(fault->file);
    out->line = fault->line;
}

static int step(struct ptest_run *run, enum ptest_step name, lua_Integer argument, const char *what,
                int results, struct fault *fault)
{
    struct vm_budget budget = {
        .instructions = PTEST_INSTRUCTIONS, .wall_ms = PTEST_WALL_MS, .what = what};
    lua_State *L = vm_lua(run->vm);
    if (!lua_checkstack(L, 8)) return fault_set(fault, ERR_NOMEM, "out of memory");
    vm_budget(run->vm, &budget);
    lua_rawgeti(L, LUA_REGISTRYINDEX, run->refs[name]);
    lua_pushinteger(L, argument);
    return vm_call(run->vm, L, 1, results, fault, NULL);
}

/* A step whose answer is a failure or nothing. */
static int guarded_step(struct ptest_run *run, enum ptest_step name, lua_Integer argument,
                        const char *what, struct failure *out)
{
    struct fault fault;
    lua_State *L = vm_lua(run->vm);
    int code = step(run, name, argument, what, 1, &fault);
    if (code < 0)
        take_fault(&fault, out);
    else
        take_failure(L, lua_gettop(L), out);
    lua_settop(L, 0);
    return code;
}

/* A setup that was cut off is the failure of all its tests. */
static void enter_cut(struct ptest_run *run, const struct failure *failure)
{
    lua_State *L = vm_lua(run->vm);
    struct fault fault;
    lua_rawgeti(L, LUA_REGISTRYINDEX, run->refs[STEP_CUT]);
    lua_pushstring(L, failure->message);
    if (vm_call(run->vm, L, 1, 0, &fault, NULL) < 0)
        print_line(run, fault.text, strlen(fault.text));
    lua_settop(L, 0);
}

/* Blocks are left and entered; a failure of one that was left is told on its own. */
static void enter(struct ptest_run *run, lua_Integer test, struct failure *own,
                  struct failure *left)
{
    struct fault fault;
    lua_State *L = vm_lua(run->vm);
    int code = step(run, STEP_ENTER, test, "setup", 2, &fault);
    if (code < 0) {
        take_fault(&fault, own);
        lua_settop(L, 0);
        enter_cut(run, own);
        return;
    }
    take_failure(L, 1, own);
    take_failure(L, 2, left);
    lua_settop(L, 0);
    run->kept = run->house_count; /* worlds of a setup last longer than a test */
}

/* ---- telling ---- */

struct told {
    char *name;
    int line;
    char *pending; /* NULL: it is to be run */
    bool wanted;
};

static void told_done(struct told *told)
{
    free(told->name);
    free(told->pending);
}

static int ask_test(struct ptest_run *run, lua_Integer i, struct told *out, struct fault *fault)
{
    lua_State *L = vm_lua(run->vm);
    *out = (struct told){0};
    int code = step(run, STEP_TEST, i, "test", 4, fault);
    if (code < 0) return code;
    out->name = strdup(lua_tostring(L, 1) ? lua_tostring(L, 1) : "");
    out->line = (int)lua_tointeger(L, 2);
    out->pending = lua_isstring(L, 3) ? strdup(lua_tostring(L, 3)) : NULL;
    out->wanted = lua_toboolean(L, 4);
    lua_settop(L, 0);
    return out->name ? OK : fault_set(fault, ERR_NOMEM, "out of memory");
}

/* Line `number` of a file, without the space in front. */
static void source_line(const char *path, int number, char out[SOURCE_LINE_MAX])
{
    char *text = NULL;
    size_t len = 0;
    out[0] = '\0';
    if (number <= 0 || fs_read_file(path, VM_SOURCE_MAX, &text, &len, NULL) < 0) return;
    const char *at = text;
    for (int line = 1; at && line < number; line++) {
        at = strchr(at, '\n');
        if (at) at++;
    }
    if (at) {
        at += strspn(at, " \t");
        snprintf(out, SOURCE_LINE_MAX, "%.*s", (int)strcspn(at, "\r\n"), at);
    }
    free(text);
}

static void tell(struct ptest_run *run, const struct told *told, const struct failure *failure,
                 int64_t elapsed_us)
{
    char source[SOURCE_LINE_MAX] = "";
    const struct ptest_options *options = &run->ptest->options;
    bool failed = failure->message && !failure->pending;
    const char *file = failure->file ? failure->file : "";
    bool same = strcmp(file, run->shown) == 0;
    if (failed) source_line(same ? run->path : file, failure->line, source);
    struct ptest_result result = {.file = run->shown,
                                  .name = told->name,
                                  .line = told->line,
                                  .status = failed                              ? PTEST_FAILED
                                            : failure->message || told->pending ? PTEST_PENDING
                                                                                : PTEST_PASSED,
                                  .message = failure->message ? failure->message
                                             : told->pending  ? told->pending
                                                              : "",
                                  .at_file = file,
                                  .at_line = failure->line,
                                  .source = source,
                                  .traceback =
                                      failed && failure->traceback ? failure->traceback : "",
                                  .output = strbuf_cstr(&run->output),
                                  .elapsed_us = elapsed_us};
    options->result(options->data, &result);
    strbuf_reset(&run->output);
}

/* A teardown that failed is a failure that no test has. */
static void tell_left(struct ptest_run *run, struct failure *left)
{
    struct told told = {.name = (char *)"teardown"};
    if (left->message) tell(run, &told, left, 0);
    failure_done(left);
}

/* ---- a file ---- */

static int64_t now_us(void)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real) / 1000;
}

static void run_test(struct ptest_run *run, lua_Integer i, const struct told *told)
{
    struct failure failure = {0}, left = {0};
    enter(run, i, &failure, &left);
    tell_left(run, &left);
    int64_t begun_us = now_us();
    if (!failure.message) {
        guarded_step(run, STEP_BEFORE, i, "before_each", &failure);
        if (!failure.message) guarded_step(run, STEP_BODY, i, "the test", &failure);
        guarded_step(run, STEP_AFTER, i, "after_each", &failure);
    }
    ptest_end_houses(run, run->kept);
    tell(run, told, &failure, now_us() - begun_us);
    failure_done(&failure);
}

static int run_tests(struct ptest_run *run, struct ptest_file *out, struct fault *fault)
{
    const struct ptest_options *options = &run->ptest->options;
    lua_State *L = vm_lua(run->vm);
    int code = step(run, STEP_COUNT_TESTS, 0, "test", 2, fault);
    if (code < 0) return code;
    out->tests = (size_t)lua_tointeger(L, 1);
    out->focused = lua_toboolean(L, 2);
    lua_settop(L, 0);
    bool whole = !out->focused;
    for (size_t i = 1; i <= out->tests && code == OK; i++) {
        struct told told;
        const struct failure none = {0};
        code = ask_test(run, (lua_Integer)i, &told, fault);
        bool wanted = code == OK && told.wanted &&
                      (!options->wanted || options->wanted(options->data, told.name));
        whole = whole && wanted;
        if (wanted && told.pending)
            tell(run, &told, &none, 0);
        else if (wanted)
            run_test(run, (lua_Integer)i, &told);
        told_done(&told);
    }
    struct failure left = {0};
    if (code == OK) guarded_step(run, STEP_LEAVE, 0, "teardown", &left);
    if (code == OK) guarded_step(run, STEP_SNAPSHOTS, whole, "snapshots", &left);
    tell_left(run, &left);
    return code;
}

static int load_file(struct ptest_run *run, struct ptest_file *out, struct fault *fault)
{
    char *source = NULL, chunk[FAULT_FILE_MAX];
    size_t len = 0;
    struct failure failure = {0};
    int code = fs_read_file(run->path, VM_SOURCE_MAX, &source, &len, fault);
    if (code < 0) return code;
    struct vm_budget budget = {
        .instructions = PTEST_INSTRUCTIONS, .wall_ms = PTEST_WALL_MS, .what = "the test file"};
    snprintf(chunk, sizeof chunk, "@%s", run->shown);
    lua_State *L = vm_lua(run->vm);
    lua_rawgeti(L, LUA_REGISTRYINDEX, run->refs[STEP_LOAD]);
    code = vm_load(run->vm, source, len, chunk, fault);
    free(source);
    if (code < 0) return code;
    vm_budget(run->vm, &budget);
    code = vm_call(run->vm, L, 1, 1, fault, &out->traceback);
    if (code == OK) take_failure(L, lua_gettop(L), &failure);
    lua_settop(L, 0);
    if (failure.message) {
        code = fault_set(fault, ERR_LUA, "%s", failure.message);
        fault_at(fault, failure.file ? failure.file : run->shown, failure.line, 0);
        free(out->traceback);
        out->traceback = failure.traceback;
        failure.traceback = NULL;
    }
    failure_done(&failure);
    run->kept = run->house_count;
    return code;
}

int ptest_run(struct ptest *ptest, const char *path, const char *shown, struct ptest_file *out,
              struct fault *fault)
{
    struct ptest_run run = {
        .binding = {.host = &ptest->host}, .ptest = ptest, .path = path, .shown = shown};
    *out = (struct ptest_file){0};
    ptest->base.print = print_line;
    ptest->base.print_data = &run;
    *fault = (struct fault){.code = OK};
    int code = run_open(&run, fault);
    if (code == OK) code = load_file(&run, out, fault);
    if (code == OK) code = run_tests(&run, out, fault);
    if (code < 0 && !fault->file[0]) fault_at(fault, shown, 0, 0);
    run_close(&run);
    return code;
}

/* ---- what all files share ---- */

/* In memory where there is such a place: nothing of it is to last. */
static int make_state_dir(struct ptest *ptest, struct fault *fault)
{
    const char *temporary = getenv("TMPDIR");
    const char *places[] = {"/dev/shm", temporary ? temporary : "/tmp"};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        char *path = fs_join(places[i], "moontide-test-XXXXXX");
        if (path && mkdtemp(path)) {
            ptest->state_dir = path;
            ptest->database = fs_join(path, "tests.db");
            return ptest->database ? OK : fault_set(fault, ERR_NOMEM, "out of memory");
        }
        free(path);
    }
    return fault_set(fault, ERR_IO, "no directory for the tests' state can be made in %s",
                     places[1]);
}

static void remove_state(const struct ptest *ptest)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    char path[4096];
    for (size_t i = 0; ptest->database && i < COUNT_OF(suffixes); i++) {
        snprintf(path, sizeof path, "%s%s", ptest->database, suffixes[i]);
        unlink(path);
    }
    if (ptest->state_dir) rmdir(ptest->state_dir);
}

static int open_base(struct ptest *ptest, struct fault *fault)
{
    struct ptest_base *base = &ptest->base;
    int code = make_state_dir(ptest, fault);
    if (code < 0) return code;
    *base = (struct ptest_base){.config = ptest->options.config, .clock = &ptest->clock};
    if ((code = loop_new(&base->loop)) < 0)
        return fault_set(fault, code, "no event loop: %s", err_text(code));
    code = store_open(base->loop, ptest->database, &base->store, fault);
    if (code < 0) return code;
    ptest->host = (struct host){.loop = base->loop,
                                .clock = &ptest->clock,
                                .config = ptest->options.config,
                                .world_name = "test"};
    if (kinds_new(&ptest->host, &base->kinds) < 0 || chunks_new(&base->chunks) < 0 ||
        (ptest->options.coverage && cover_new(&ptest->cover) < 0))
        return fault_set(fault, ERR_NOMEM, "out of memory");
    ptest->host.kinds = base->kinds;
    base->cover = ptest->cover;
    return OK;
}

int ptest_new(const struct ptest_options *options, struct ptest **out, struct fault *fault)
{
    struct ptest *ptest = calloc(1, sizeof *ptest);
    if (!ptest) return fault_set(fault, ERR_NOMEM, "out of memory");
    ptest->options = *options;
    clock_init_real(&ptest->clock);
    int code = open_base(ptest, fault);
    if (code < 0) {
        ptest_free(ptest);
        return code;
    }
    *out = ptest;
    return OK;
}

void ptest_free(struct ptest *ptest)
{
    if (!ptest) return;
    kinds_free(ptest->base.kinds);
    store_close(ptest->base.store);
    loop_free(ptest->base.loop);
    chunks_free(ptest->base.chunks);
    cover_free(ptest->cover);
    remove_state(ptest);
    free(ptest->state_dir);
    free(ptest->database);
    free(ptest);
}

struct cover *ptest_cover(struct ptest *ptest)
{
    return ptest->cover;
}
