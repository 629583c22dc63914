/* bind/console.c - one console's Lua state, and the one command in it. */
#include "console_state.h"

#include "check.h"
#include "moontide/base/log.h"
#include "moontide/bind/config.h"
#include "moontide/bind/docs.h"
#include "moontide/bind/help.h"
#include "moontide/bind/pretty.h"
#include "moontide/io/loop.h"
#include "moontide/vm/convert.h"

#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_BYTES_MAX = 64 * 1024 };

int console_raise(lua_State *L, const char *format, ...)
{
    char text[FAULT_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    lua_pushstring(L, text);
    return lua_error(L);
}

/* ---- the state ---- */

/* print of the prelude replaces the host's; this one is for what prints in spite of that. */
static void print_line(void *owner, const char *line, size_t len)
{
    struct console *console = owner;
    console->options.calls->output(console->options.data, line, len);
    console->options.calls->output(console->options.data, "\n", 1);
}

static int width_of(const struct console *console)
{
    return console->options.width > 0 ? console->options.width : 80;
}

/* Of the client, which is where it is drawn. */
static int its_terminal(lua_State *L)
{
    const struct console *console = console_of(L);
    lua_pushinteger(L, width_of(console));
    lua_pushboolean(L, console->options.color);
    lua_pushboolean(L, console->options.utf8);
    return 3;
}

/* Of os what only tells the time, which pictures need. */
static int open_clocks(lua_State *L)
{
    static const char *const kept[] = {"clock", "date", "difftime", "time"};
    luaopen_os(L);
    lua_createtable(L, 0, COUNT_OF(kept));
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        lua_getfield(L, -2, kept[i]);
        lua_setfield(L, -2, kept[i]);
    }
    return 1;
}

static int open_its_plot(lua_State *L)
{
    plot_push(L, its_terminal);
    return 1;
}

/* core.pretty(value): as text */
static int pretty(lua_State *L)
{
    const struct console *console = console_of(L);
    const struct pretty_options options = {.width = width_of(console),
                                           .color = console->options.color};
    luaL_checkany(L, 1);
    struct strbuf *text = push_buffer(L, CONSOLE_ECHO_MAX);
    pretty_value(L, 1, &options, text);
    lua_pushlstring(L, strbuf_cstr(text), text->len);
    if (strbuf_status(text) < 0) lua_pushliteral(L, "...");
    return 1;
}

/* core.overview(): name, signature and doc of each global of a console */
static int overview(lua_State *L)
{
    int count = 0;
    lua_newtable(L);
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        if ((*at)->where != DOCS_CONSOLE) continue;
        for (const struct vm_function *f = (*at)->functions; f->name; f++) {
            lua_createtable(L, 3, 0);
            lua_pushfstring(L, "%s%s%s", (*at)->name ? (*at)->name : "", (*at)->name ? "." : "",
                            f->name);
            lua_rawseti(L, -2, 1);
            lua_pushstring(L, f->signature);
            lua_rawseti(L, -2, 2);
            lua_pushstring(L, f->doc);
            lua_rawseti(L, -2, 3);
            lua_rawseti(L, -2, ++count);
        }
    }
    return 1;
}

static void open_modules(lua_State *L)
{
    static const struct {
        const char *name;
        lua_CFunction open;
    } modules[] = {
        {"json", open_json},
        {"stats", open_stats},
        {"log", open_log},
        {"time", open_time},
    };
    for (size_t i = 0; i < COUNT_OF(modules); i++)
        vm_module(L, modules[i].name, modules[i].open);
    vm_module(L, "os", open_clocks);
    vm_module(L, "plot", open_its_plot);
}

static void push_config(lua_State *L, const struct config *config)
{
    struct fault fault;
    if (!config || !config->json)
        lua_newtable(L);
    else if (convert_from_json(L, config->json, strlen(config->json), &fault) != OK)
        luaL_error(L, "config: %s", fault.text);
}

/* __index of the globals; upvalues: the live ones, and what was asked before them. */
static int global_index(lua_State *L)
{
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
        lua_call(L, 0, 1);
        return 1;
    }
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, 2, 1);
    return 1;
}

/* The table of live globals is on top. */
static void open_globals(lua_State *L)
{
    int live = lua_gettop(L);
    lua_pushglobaltable(L);
    lua_getmetatable(L, -1); /* sandbox.c made one */
    lua_pushvalue(L, live);
    lua_getfield(L, -2, "__index");
    lua_pushcclosure(L, global_index, 2);
    lua_setfield(L, -2, "__index");
    lua_settop(L, live);
}

/* prelude/console.lua gets `core` and answers two things: see console_state.h. */
static int open_all(lua_State *L)
{
    struct console *console = console_of(L);
    open_modules(L);
    push_config(L, console->binding.host->config);
    lua_setglobal(L, "config");
    console_open_series(L);
    lua_newtable(L);
    console_add_live(L);
    console_add_series(L);
    console_add_acts(L);
    lua_pushboolean(L, console->options.write);
    lua_setfield(L, -2, "write_allowed");
    lua_pushcfunction(L, pretty);
    lua_setfield(L, -2, "pretty");
    lua_pushcfunction(L, overview);
    lua_setfield(L, -2, "overview");
    lua_getfield(L, -1, "write");
    help_push(L, &console->screen);
    lua_setfield(L, -2, "help");
    lua_pushboolean(L, console->options.color);
    lua_setfield(L, -2, "color");
    vm_prelude(L, "console", 1, 2);
    open_globals(L);
    console->names_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    console->run_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

int console_new(const struct console_options *options, struct console **out)
{
    struct console *console = calloc(1, sizeof *console);
    if (!console) return ERR_NOMEM;
    console->options = *options;
    console->binding.host = options->host;
    console->run_ref = console->names_ref = LUA_NOREF;
    console->screen = (struct help_screen){width_of(console), options->color};
    struct vm_options vm_options = {.sandboxed = true,
                                    .memory_limit_bytes = CONSOLE_MEMORY_BYTES,
                                    .loop = options->host->loop,
                                    .gate = options->gate,
                                    .owner = console,
                                    .print = print_line};
    int code = vm_new(&vm_options, &console->vm);
    if (code == OK) {
        lua_pushcfunction(vm_lua(console->vm), open_all);
        struct fault fault;
        code = vm_call(console->vm, vm_lua(console->vm), 0, 0, &fault, NULL);
        if (code == ERR_LUA) log_event(LOG_ERROR, "console.failed", LOG_S("error", fault.text));
    }
    if (code != OK) {
        console_free(console);
        return code;
    }
    *out = console;
    return OK;
}

void console_free(struct console *console)
{
    if (!console) return;
    console->running = false; /* nobody is told any more */
    console->done = NULL;
    loop_timer_cancel(console->limit);
    vm_free(console->vm);
    console_end_trace(console);
    console_wait_done(&console->wait);
    free(console);
}

/* ---- a command ---- */

static void on_limit(void *data)
{
    struct console *console = data;
    console->limit = NULL;
    if (console->task)
        task_cancel(console->task, ERR_TIMEOUT, "the command took longer than 1m in all");
}

int console_limit(struct console *console, bool on)
{
    loop_timer_cancel(console->limit);
    console->limit = NULL;
    if (!on) return OK;
    return loop_timer_start(console->options.host->loop, CONSOLE_WALL_MS, on_limit, console,
                            &console->limit);
}

/* The command is over; `done` may run the next one. */
static void report(struct console *console, const char *error)
{
    console_done_fn *done = console->done;
    (void)console_limit(console, false);
    console_end_trace(console);
    console_wait_done(&console->wait);
    console->task = NULL;
    console->running = false;
    if (done) done(console->data, error);
}

/* The lines of a traceback that are of the command's own functions: what is left without those of
 * C, of the prelude and of the command itself. */
static void add_traceback(struct strbuf *text, const char *traceback)
{
    static const char *const others[] = {"[C]:", "moontide/", "(...tail calls...)",
                                         "in local 'chunk'", "stack traceback:"};
    for (const char *at = traceback; *at;) {
        size_t len = strcspn(at, "\n");
        bool own = true;
        for (size_t i = 0; i < COUNT_OF(others); i++)
            own = own && !memmem(at, len, others[i], strlen(others[i]));
        if (own) {
            strbuf_addc(text, '\n');
            strbuf_add(text, at, len);
        }
        at += len + (at[len] == '\n');
    }
}

static void report_fault(struct console *console, const struct fault *fault, const char *traceback)
{
    char message[FAULT_TEXT_MAX + FAULT_FILE_MAX + 64];
    struct strbuf text;
    strbuf_init(&text, ERROR_BYTES_MAX);
    fault_print(fault, message, sizeof message);
    strbuf_adds(&text, message);
    if (traceback) add_traceback(&text, traceback);
    report(console, strbuf_status(&text) == OK ? strbuf_cstr(&text) : message);
    strbuf_done(&text);
}

static void on_end(void *data, int code, lua_State *L, int nresults, const struct fault *fault,
                   const char *traceback)
{
    struct console *console = data;
    (void)L;
    (void)nresults;
    if (!console->running) return;
    if (code == OK)
        report(console, NULL);
    else
        report_fault(console, fault, code == ERR_LUA ? traceback : NULL);
}

static bool ends_early(const struct fault *fault)
{
    static const char mark[] = "<eof>";
    size_t len = strlen(fault->text);
    return len >= sizeof mark - 1 && strcmp(fault->text + len - (sizeof mark - 1), mark) == 0;
}

/* Compiles "return <text>", else <text>, as lua.c does. *incomplete: either reading only lacks its
 * end. */
static int load_text(struct console *console, const char *text, size_t len, bool *incomplete,
                     struct fault *fault)
{
    static const char prefix[] = "return ";
    struct strbuf expression;
    strbuf_init(&expression, VM_SOURCE_MAX + sizeof prefix);
    strbuf_adds(&expression, prefix);
    strbuf_add(&expression, text, len);
    int code = strbuf_status(&expression);
    if (code == OK)
        code = vm_load(console->vm, strbuf_cstr(&expression), expression.len, "=console", fault);
    strbuf_done(&expression);
    if (code != ERR_LUA) return code;
    *incomplete = ends_early(fault);
    code = vm_load(console->vm, text, len, "=console", fault);
    *incomplete = code == ERR_LUA && (*incomplete || ends_early(fault));
    return code;
}

/* The same, but "?x" is short for help(x). */
static int load_line(struct console *console, const char *text, size_t len, bool *incomplete,
                     struct fault *fault)
{
    struct strbuf asked;
    strbuf_init(&asked, VM_SOURCE_MAX);
    bool is_short = help_shorthand(text, len, &asked);
    int code = strbuf_status(&asked);
    if (code < 0)
        fault_set(fault, code, "%s", err_text(code));
    else if (is_short)
        code = load_text(console, strbuf_cstr(&asked), asked.len, incomplete, fault);
    else
        code = load_text(console, text, len, incomplete, fault);
    strbuf_done(&asked);
    return code;
}

/* The chunk is on the main stack. */
static int start(struct console *console)
{
    static const struct task_options options = {.budget = {.instructions = CONSOLE_INSTRUCTIONS,
                                                           .wall_ms = CONSOLE_RUN_MS,
                                                           .slice_ms = CONSOLE_SLICE_MS,
                                                           .hold_ms = CONSOLE_HOLD_MS,
                                                           .what = "the command"}};
    lua_State *L = vm_lua(console->vm);
    lua_rawgeti(L, LUA_REGISTRYINDEX, console->run_ref);
    lua_insert(L, -2);
    int code = console_limit(console, true);
    if (code < 0) {
        lua_settop(L, 0);
        return code;
    }
    console->printed = 0;
    console->running = true;
    code = task_start(console->vm, 1, &options, on_end, console, &console->task);
    if (code < 0) console->running = false;
    return code;
}

int console_run(struct console *console, const char *text, size_t len, bool *incomplete,
                console_done_fn *done, void *data)
{
    struct fault fault;
    *incomplete = false;
    if (console->running) return ERR_BUSY;
    console->done = done;
    console->data = data;
    int code = load_line(console, text, len, incomplete, &fault);
    if (*incomplete) return ERR_PARSE;
    if (code == OK) return start(console);
    report_fault(console, &fault, NULL);
    return OK;
}

void console_interrupt(struct console *console)
{
    if (console->task) task_cancel(console->task, ERR_CANCELED, "interrupted!");
}
