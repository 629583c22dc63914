/* bind/script.c - one Lua state for scripts, `eval` and the REPL, and the one piece of code in it.
 *
 *            script_run_*            returned, threw, canceled
 *   idle --------------------> running -------------------> idle, then done(result)
 *                                 |  os.exit: parks the code for good; a timer cancels it
 *                                 +--> exiting -------------^
 *
 * os.exit never calls exit(): it ends the code, and the status goes into the result. */
#include "moontide/bind/script.h"

#include "check.h"
#include "interactive.h"
#include "moontide/base/fs.h"
#include "moontide/bind/complete.h"
#include "moontide/bind/config.h"
#include "moontide/bind/pretty.h"
#include "moontide/io/loop.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/task.h"
#include "script_chunks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ECHO_BYTES_MAX = 1024 * 1024, ERROR_BYTES_MAX = 64 * 1024, ARGS_MAX = 10000 };

struct script {
    struct binding binding; /* first: vm_owner() */
    struct script_options options;
    struct vm *vm;
    struct interactive interactive;
    struct chunks chunks;
    char *script_dir; /* of the file that runs: `require` looks there first */

    bool running;
    struct task *task; /* that of the code; NULL when idle */
    bool echo;
    script_done_fn *done;
    void *data;

    bool exiting;
    int exit_status;
    struct loop_timer *exit_timer;
};

static void write_out(struct script *script, const char *text, size_t len)
{
    if (script->options.print) {
        script->options.print(script->options.data, text, len);
        return;
    }
    fwrite(text, 1, len, stdout);
    fflush(stdout);
}

static void print_line(void *owner, const char *line, size_t len)
{
    write_out(owner, line, len);
    write_out(owner, "\n", 1);
}

/* A text that is whole, so that it may go through a pager. */
static void show(void *data, const char *text, size_t len)
{
    struct script *script = data;
    if (script->options.show && script->interactive.paged)
        script->options.show(script->options.data, text, len);
    else
        write_out(script, text, len);
}

static void turn(void *owner, bool runs)
{
    struct script *script = owner;
    if (script->options.turn) script->options.turn(script->options.data, runs);
}

static const char *entered_line(void *data, int first, int last, int line, size_t *len)
{
    struct script *script = data;
    return chunks_line(&script->chunks, first, last, line, len);
}

/* ---- os.exit ---- */

static void exit_now(void *data)
{
    struct script *script = data;
    script->exit_timer = NULL;
    if (script->task) task_cancel(script->task, ERR_CANCELED, "os.exit");
}

static int never(lua_State *L, int status, lua_KContext unused)
{
    (void)status;
    (void)unused;
    return luaL_error(L, "os.exit");
}

/* os.exit([status]): true and nothing mean 0, false means 1. The timer ends the task as a whole,
 * also when this is one of several calls of async.all. */
static int script_exit(lua_State *L)
{
    struct script *script = vm_owner(vm_of(L));
    int status = lua_isboolean(L, 1) ? !lua_toboolean(L, 1) : (int)luaL_optinteger(L, 1, 0);
    if (!script->task) return luaL_error(L, "os.exit: nothing runs");
    if (!script->exiting) script->exit_status = status & 0xff;
    script->exiting = true;
    bool timed = script->exit_timer != NULL;
    if (!timed)
        timed = loop_timer_start(script->binding.host->loop, 0, exit_now, script,
                                 &script->exit_timer) == OK;
    if (timed && task_may_wait(L)) {
        task_wait_id(L, "os.exit");
        return task_wait(L, 0, never);
    }
    task_cancel(script->task, ERR_CANCELED, "os.exit"); /* no pcall stops what it throws */
    return luaL_error(L, "os.exit");
}

/* ---- the state ---- */

static int load_module(void *data, const char *name, char **source, size_t *len,
                       char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    struct script *script = data;
    const struct config *config = script->binding.host->config;
    const char *const dirs[] = {script->script_dir, config ? config->policies_dir : NULL,
                                config ? config->dir : NULL};
    char relative[FAULT_FILE_MAX], looked[FAULT_TEXT_MAX / 2] = "";
    size_t at = 0;
    for (; name[at] && at < sizeof relative - sizeof ".lua"; at++)
        relative[at] = name[at] == '.' ? '/' : name[at];
    snprintf(relative + at, sizeof relative - at, ".lua");
    for (size_t i = 0; i < COUNT_OF(dirs); i++) {
        if (!dirs[i]) continue;
        char *path = fs_join(dirs[i], relative);
        if (!path) return fault_set(fault, ERR_NOMEM, "out of memory");
        int code = fs_read_file(path, VM_SOURCE_MAX, source, len, fault);
        snprintf(chunkname, FAULT_FILE_MAX, "@%s", path);
        size_t used = strlen(looked);
        snprintf(looked + used, sizeof looked - used, "%s%s", used ? ", " : "", path);
        free(path);
        if (code != ERR_NOT_FOUND) return code;
    }
    return fault_set(fault, ERR_NOT_FOUND, "module '%s' was not found (looked for %s)", name,
                     *looked ? looked : "nothing: there is no project here");
}

static const struct vm_function os_functions[] = {
    {"exit", script_exit, "(status?: boolean|integer)",
     "Ends the script with this exit status: true and nothing mean 0, false 1. The REPL and its "
     "state go on; no finalizer is skipped."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field globals[] = {
    {"arg", "string[]?",
     "The arguments of a script file, its path at 0; they are its ... too. nil elsewhere."},
    {NULL, NULL, NULL}};
const struct vm_docs script_os_docs = {
    DOCS_MODULE, "os", DOCS_SCRIPT | DOCS_TEST | DOCS_STANDARD, NULL, os_functions, NULL};
const struct vm_docs script_docs = {DOCS_GLOBALS, NULL, DOCS_SCRIPT | DOCS_TEST | DOCS_STANDARD,
                                    NULL,         NULL, globals};

static int open_all(lua_State *L)
{
    static const struct {
        const char *name;
        lua_CFunction open;
    } modules[] = {
        {"json", open_json}, {"async", open_async},     {"stats", open_stats},
        {"http", open_http}, {"log", open_log},         {"time", open_time},
        {"plot", open_plot}, {"journal", open_journal}, {"cloudwatch", open_cloudwatch},
        {"aws", open_aws},
    };
    const struct config *config = binding_of(L)->host->config;
    for (size_t i = 0; i < COUNT_OF(modules); i++)
        vm_module(L, modules[i].name, modules[i].open);
    lua_getglobal(L, "os");
    vm_set_functions(L, os_functions);
    struct fault fault;
    if (!config || !config->json)
        lua_newtable(L);
    else if (convert_from_json(L, config->json, strlen(config->json), &fault) != OK)
        return luaL_error(L, "config: %s", fault.text);
    lua_setglobal(L, "config");
    interactive_open(L, &((struct script *)binding_of(L))->interactive);
    return 0;
}

int script_new(const struct script_options *options, struct script **out)
{
    struct script *script = calloc(1, sizeof *script);
    if (!script) return ERR_NOMEM;
    script->options = *options;
    script->binding.host = options->host;
    script->exit_status = -1;
    script->interactive =
        (struct interactive){.screen = {.width = options->width, .color = options->color},
                             .paged = true,
                             .show = show,
                             .source = entered_line,
                             .data = script};
    struct vm_options vm_options = {
        .loop = options->host->loop, .owner = script, .print = print_line, .turn = turn};
    struct fault fault;
    int code = vm_new(&vm_options, &script->vm);
    if (code == OK) {
        vm_set_loader(script->vm, load_module, script);
        lua_pushcfunction(vm_lua(script->vm), open_all);
        code = vm_call(script->vm, vm_lua(script->vm), 0, 0, &fault, NULL);
    }
    if (code != OK) {
        script_free(script);
        return code;
    }
    *out = script;
    return OK;
}

void script_free(struct script *script)
{
    if (!script) return;
    script->running = false; /* nobody is told any more */
    script->done = NULL;
    loop_timer_cancel(script->exit_timer);
    vm_free(script->vm);
    chunks_done(&script->chunks);
    free(script->script_dir);
    free(script);
}

struct vm *script_vm(const struct script *script)
{
    return script->vm;
}

/* ---- the end of a run ---- */

struct echo {
    const struct script *script;
    struct strbuf text;
};

/* Upvalue-free; arguments: the echo, then the values. */
static int format_values(lua_State *L)
{
    struct echo *echo = lua_touserdata(L, 1);
    const struct help_screen *screen = &echo->script->interactive.screen;
    struct pretty_options options = {.width = screen->width, .color = screen->color};
    int count = lua_gettop(L);
    for (int i = 2; i <= count; i++) {
        if (i > 2) strbuf_addc(&echo->text, '\t');
        pretty_value(L, i, &options, &echo->text);
    }
    strbuf_addc(&echo->text, '\n');
    if (count == 2 && echo->script->options.draws) interactive_draw(L, 2, &echo->text);
    return 0;
}

/* The results on top of L, to the output. Returns the code of a failure. */
static int echo_results(struct script *script, lua_State *L, int nresults, struct fault *fault)
{
    struct echo echo = {.script = script};
    strbuf_init(&echo.text, ECHO_BYTES_MAX);
    if (!lua_checkstack(L, nresults + 4)) return fault_set(fault, ERR_LIMIT, "too many results");
    int first = lua_gettop(L) - nresults + 1;
    lua_pushcfunction(L, format_values);
    lua_pushlightuserdata(L, &echo);
    for (int i = 0; i < nresults; i++)
        lua_pushvalue(L, first + i);
    int code = vm_call(script->vm, L, nresults + 1, 0, fault, NULL);
    if (code == OK && strbuf_status(&echo.text) != OK) write_out(script, "...\n", 4);
    if (code == OK && echo.text.len) show(script, strbuf_cstr(&echo.text), echo.text.len);
    strbuf_done(&echo.text);
    return code;
}

static void add_error(struct strbuf *text, const struct fault *fault, const char *traceback)
{
    char message[FAULT_TEXT_MAX + FAULT_FILE_MAX + 64];
    fault_print(fault, message, sizeof message);
    strbuf_adds(text, message);
    if (traceback && *traceback) strbuf_addf(text, "\n%s", traceback);
}

static void report(struct script *script, int code, const struct fault *fault,
                   const char *traceback)
{
    script_done_fn *done = script->done;
    void *data = script->data;
    struct strbuf text;
    strbuf_init(&text, ERROR_BYTES_MAX);
    struct script_result result = {.code = code, .exit_status = -1};
    if (script->exiting) {
        result.code = OK;
        result.exit_status = script->exit_status;
    } else if (code != OK) {
        add_error(&text, fault, code == ERR_CANCELED ? NULL : traceback);
        result.error = strbuf_cstr(&text);
    }
    loop_timer_cancel(script->exit_timer);
    script->exit_timer = NULL;
    script->task = NULL;
    script->running = false;
    script->exiting = false;
    if (done) done(data, &result);
    strbuf_done(&text);
}

static void on_end(void *data, int code, lua_State *L, int nresults, const struct fault *fault,
                   const char *traceback)
{
    struct script *script = data;
    struct fault own;
    if (!script->running) return;
    if (code == OK && script->echo && nresults > 0 && !script->exiting) {
        code = echo_results(script, L, nresults, &own);
        fault = &own;
        traceback = NULL;
    }
    report(script, code, fault, traceback);
}

/* ---- runs ---- */

/* The function and its arguments are on the main stack. */
static int run(struct script *script, int nargs, bool echo, script_done_fn *done, void *data)
{
    static const struct task_options options = {.budget = {.what = "script"}};
    script->echo = echo;
    script->done = done;
    script->data = data;
    script->running = true;
    int code = task_start(script->vm, nargs, &options, on_end, script, &script->task);
    if (code != OK) script->running = false; /* else `done` may have freed the script */
    return code;
}

/* Compile errors are told like those of a run. */
static int tell_compile_error(struct script *script, script_done_fn *done, void *data,
                              const struct fault *fault)
{
    script->done = done;
    script->data = data;
    report(script, fault->code, fault, NULL);
    return OK;
}

/* Pushes the arguments and sets `arg`. */
static int push_args(struct script *script, const char *path, char *const *args, size_t count)
{
    lua_State *L = vm_lua(script->vm);
    if (count > ARGS_MAX || !lua_checkstack(L, (int)count + 8)) return ERR_LIMIT;
    lua_createtable(L, (int)count, 1);
    lua_pushstring(L, path);
    lua_rawseti(L, -2, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushstring(L, args[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setglobal(L, "arg");
    for (size_t i = 0; i < count; i++)
        lua_pushstring(L, args[i]);
    return OK;
}

static int keep_dir(struct script *script, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!dir) return ERR_NOMEM;
    free(script->script_dir);
    script->script_dir = dir;
    return OK;
}

int script_run_file(struct script *script, const char *path, char *const *args, size_t arg_count,
                    script_done_fn *done, void *data, struct fault *fault)
{
    char *source = NULL, chunkname[FAULT_FILE_MAX];
    size_t len = 0;
    if (script->running) return fault_set(fault, ERR_BUSY, "other code is running");
    int code = fs_read_file(path, VM_SOURCE_MAX, &source, &len, fault);
    if (code != OK) return code;
    snprintf(chunkname, sizeof chunkname, "@%s", path);
    struct fault compile;
    code = vm_load(script->vm, source, len, chunkname, &compile);
    free(source);
    if (code != OK) return tell_compile_error(script, done, data, &compile);
    code = keep_dir(script, path);
    if (code == OK) code = push_args(script, path, args, arg_count);
    if (code != OK) {
        lua_settop(vm_lua(script->vm), 0);
        return fault_set(fault, code, "%s: %s", path, err_text(code));
    }
    code = run(script, (int)arg_count, false, done, data);
    return code == OK ? OK : fault_set(fault, code, "%s: %s", path, err_text(code));
}

static bool ends_early(const struct fault *fault)
{
    static const char mark[] = "<eof>";
    size_t len = strlen(fault->text);
    return len >= sizeof mark - 1 && strcmp(fault->text + len - (sizeof mark - 1), mark) == 0;
}

/* Compiles "return <text>", else <text>, as lua.c does. *incomplete: either reading only lacks its
 * end. */
static int load_text(struct script *script, const char *text, size_t len, const char *chunkname,
                     bool *incomplete, struct fault *fault)
{
    static const char prefix[] = "return ";
    struct strbuf expression;
    *incomplete = false;
    if (len > VM_SOURCE_MAX) return fault_set(fault, ERR_LIMIT, "the text is longer than 1 MiB");
    strbuf_init(&expression, VM_SOURCE_MAX + sizeof prefix);
    strbuf_adds(&expression, prefix);
    strbuf_add(&expression, text, len);
    int code = strbuf_status(&expression);
    if (code == OK)
        code = vm_load(script->vm, strbuf_cstr(&expression), expression.len, chunkname, fault);
    strbuf_done(&expression);
    if (code == OK || code == ERR_NOMEM) return code;
    bool unfinished_expression = ends_early(fault);
    if (len > 0 && text[0] == '#') { /* vm_load() would take it for a shebang line */
        *incomplete = unfinished_expression;
        return code;
    }
    code = vm_load(script->vm, text, len, chunkname, fault);
    if (code != OK) *incomplete = unfinished_expression || ends_early(fault);
    return code;
}

bool script_incomplete(struct script *script, const char *text, size_t len)
{
    struct fault fault;
    bool incomplete = false;
    if (load_text(script, text, len, "=stdin", &incomplete, &fault) == OK)
        lua_pop(vm_lua(script->vm), 1);
    return incomplete;
}

int script_run_text(struct script *script, const char *text, size_t len, const char *chunkname,
                    bool echo, bool *incomplete, script_done_fn *done, void *data)
{
    struct fault fault;
    bool unfinished = false;
    if (incomplete) *incomplete = false;
    if (script->running) return ERR_BUSY;
    int code = load_text(script, text, len, chunkname, &unfinished, &fault);
    if (code == ERR_NOMEM) return code;
    if (unfinished && incomplete) {
        *incomplete = true;
        return ERR_PARSE;
    }
    if (code != OK) return tell_compile_error(script, done, data, &fault);
    chunks_add(&script->chunks, text, len);
    return run(script, 0, echo, done, data);
}

const char *script_waits_for(const struct script *script, unsigned *count)
{
    return script->task ? vm_waits_for(script->vm, count) : NULL;
}

void script_resize(struct script *script, int width)
{
    script->interactive.screen.width = width;
}

void script_interrupt(struct script *script)
{
    if (script->task) task_cancel(script->task, ERR_CANCELED, "interrupted!");
}

void script_signal(struct script *script)
{
    vm_interrupt(script->vm);
}

/* ---- completion ---- */

struct completion {
    const char *line;
    size_t len, from;
    struct strbuf *out;
};

static int complete_protected(lua_State *L)
{
    struct completion *completion = lua_touserdata(L, 1);
    complete_names(L, completion->line, completion->len, &completion->from, completion->out);
    return 0;
}

void script_complete(struct script *script, const char *line, size_t len, size_t *from,
                     struct strbuf *out)
{
    struct completion completion = {.line = line, .len = len, .from = len, .out = out};
    lua_State *L = vm_lua(script->vm);
    if (lua_checkstack(L, 4)) {
        lua_pushcfunction(L, complete_protected);
        lua_pushlightuserdata(L, &completion);
        /* Out of memory: no candidates, which is what an empty answer says. */
        if (vm_call(script->vm, L, 1, 0, NULL, NULL) != OK) strbuf_reset(out);
    }
    *from = completion.from;
}
