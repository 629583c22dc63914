/* bind/command.c - the Lua module `command`, for receivers alone: runs a program of the operator's.
 *
 *   local result = command.run { argv = { "/usr/local/bin/tell", "-v" }, input = "...",
 *                                environment = { MOONTIDE_STATUS = "firing" }, timeout = "30s" }
 *   result.status, result.signal, result.timed_out, result.output, result.complaint
 *
 * There is no shell, and of moontide's own environment, which may hold secrets, only PATH. */
#include "check.h"

#include "moontide/io/process.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 128, TIMEOUT_MS = 30000 };

/* Owns one run; the result is kept here until the task goes on. */
struct command_box {
    struct vm *vm;
    uint64_t wait_id;
    struct process *process; /* NULL: not under way */
    bool timed_out, lost;
    int status, signal;
    char *output, *complaint;
};

static const char BOX_TYPE[] = "moontide.command";
static const char PATH_DEFAULT[] = "PATH=/usr/local/bin:/usr/bin:/bin";

static int box_close(lua_State *L)
{
    struct command_box *box = luaL_checkudata(L, 1, BOX_TYPE);
    process_cancel(box->process);
    free(box->output);
    free(box->complaint);
    box->process = NULL;
    box->output = box->complaint = NULL;
    return 0;
}

static struct command_box *box_new(lua_State *L)
{
    struct command_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (struct command_box){.vm = vm_of(L)};
    task_box(L, BOX_TYPE, box_close);
    return box;
}

static void on_end(void *data, const struct process_result *result)
{
    struct command_box *box = data;
    box->process = NULL;
    box->timed_out = result->timed_out;
    box->status = result->status;
    box->signal = result->signal;
    box->output = strndup(result->output, result->output_len);
    box->complaint = strndup(result->complaint, result->complaint_len);
    box->lost = !box->output || !box->complaint;
    task_wake(box->vm, box->wait_id);
}

static int finish(lua_State *L, int status, lua_KContext box_idx)
{
    (void)status;
    const struct command_box *box = luaL_checkudata(L, (int)box_idx, BOX_TYPE);
    if (box->lost) return luaL_error(L, "command.run: out of memory");
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, box->status);
    lua_setfield(L, -2, "status");
    lua_pushinteger(L, box->signal);
    lua_setfield(L, -2, "signal");
    lua_pushboolean(L, box->timed_out);
    lua_setfield(L, -2, "timed_out");
    lua_pushstring(L, box->output);
    lua_setfield(L, -2, "output");
    lua_pushstring(L, box->complaint);
    lua_setfield(L, -2, "complaint");
    return 1;
}

/* The texts of the list at idx; the array is pushed. What it points to lives in the table. */
static char **check_argv(lua_State *L, int idx)
{
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_Unsigned count = lua_rawlen(L, idx);
    if (count == 0 || count >= WORDS_MAX)
        luaL_error(L, "command.run: argv has 1 to %d words", WORDS_MAX - 1);
    char **argv = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *argv, 0);
    for (lua_Unsigned i = 1; i <= count; i++) {
        lua_rawgeti(L, idx, (lua_Integer)i);
        argv[i - 1] = (char *)(uintptr_t)check_text(L, -1, "command.run: a word of argv");
        lua_pop(L, 1);
    }
    argv[count] = NULL;
    return argv;
}

/* "NAME=value" of each pair of the table at idx, after PATH; texts and array stay on the stack. */
static char **check_environment(lua_State *L, int idx)
{
    const char *path = getenv("PATH");
    size_t count = 0;
    char **list = lua_newuserdatauv(L, WORDS_MAX * sizeof *list, 0);
    luaL_checkstack(L, WORDS_MAX + 8, "environment");
    list[count++] = (char *)(uintptr_t)(path ? lua_pushfstring(L, "PATH=%s", path) : PATH_DEFAULT);
    if (!lua_istable(L, idx)) {
        list[count] = NULL;
        return list;
    }
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        if (lua_type(L, -2) != LUA_TSTRING || count == WORDS_MAX - 1)
            luaL_error(L, "command.run: environment is a table of at most %d texts by name",
                       WORDS_MAX - 2);
        const char *value = check_text(L, -1, lua_tostring(L, -2));
        list[count++] = (char *)(uintptr_t)lua_pushfstring(L, "%s=%s", lua_tostring(L, -2), value);
        lua_remove(L, -2); /* the value; the pair's text stays, below the key */
        lua_insert(L, -2);
    }
    list[count] = NULL;
    return list;
}

static const struct vm_field run_fields[] = {
    {"argv", "string[]",
     "The program and its arguments, 1 to 127 words; a program without a slash is looked for in "
     "PATH."},
    {"input", "string?", "What it reads from its standard input; else nothing."},
    {"environment", "table<string, string>?", "Its environment, beside PATH; at most 126."},
    {"timeout", "duration?", "When it is stopped; 30 s."},
    {NULL, NULL, NULL}};
static const struct vm_field result_fields[] = {
    {"status", "integer", "Its exit status."},
    {"signal", "integer", "The signal that ended it, or 0."},
    {"timed_out", "boolean", "Whether it was stopped because its time was over."},
    {"output", "string", "What it wrote to standard output, up to a bound."},
    {"complaint", "string", "What it wrote to standard error, up to a bound."},
    {NULL, NULL, NULL}};

static int command_run(lua_State *L)
{
    struct process_options options = {.timeout_ms = TIMEOUT_MS};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    vm_check_fields(L, 1, "command.run", run_fields);
    lua_getfield(L, 1, "argv");
    options.argv = check_argv(L, 2);
    if (lua_getfield(L, 1, "input") != LUA_TNIL)
        options.input = luaL_checklstring(L, -1, &options.input_len);
    if (lua_getfield(L, 1, "timeout") != LUA_TNIL)
        options.timeout_ms = convert_duration_ms(L, -1, "command.run: timeout");
    lua_getfield(L, 1, "environment");
    options.environment = check_environment(L, lua_gettop(L));

    uint64_t wait_id = task_wait_id(L, "command.run");
    struct command_box *box = box_new(L);
    struct fault fault = {0};
    int box_idx = lua_gettop(L);
    box->wait_id = wait_id;
    lua_toclose(L, box_idx);
    int code = process_run(vm_loop(box->vm), &options, on_end, box, &box->process, &fault);
    if (code < 0) return raise_fault(L, "command.run", &fault);
    return task_wait(L, box_idx, finish);
}

static const struct vm_function functions[] = {
    {"run", command_run, "(fields: command.run.fields): command.result",
     "Runs a program of the operator's and waits for its end. There is no shell, and of moontide's "
     "own environment only PATH. An error object when it cannot be started."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs command_docs = {
    DOCS_MODULE, "command", DOCS_RECEIVER, "Programs, for receivers alone.", functions, NULL};
const struct vm_docs command_run_docs = {
    DOCS_CLASS, "command.run.fields", DOCS_RECEIVER, "What command.run starts.", NULL, run_fields};
const struct vm_docs command_result_docs = {
    DOCS_CLASS, "command.result", DOCS_RECEIVER, "How a program ended.", NULL, result_fields};

int open_command(lua_State *L)
{
    vm_new_library(L, functions);
    return 1;
}
