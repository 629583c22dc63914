/* bind/console_act.c - what a console's commands wait for: a reader that is behind, the daemon that
 * carries something out, and the evaluations of a policy that is traced. */
#include "console_state.h"

#include "check.h"
#include "moontide/tick/engine.h"
#include "moontide/vm/convert.h"

#include <stdlib.h>
#include <string.h>

void console_wait_done(struct console_wait *wait)
{
    free(wait->json);
    free(wait->error);
    *wait = (struct console_wait){0};
}

static void wake(struct console *console)
{
    uint64_t id = console->wait.id;
    console->wait.id = 0;
    task_wake(console->vm, id);
}

/* ---- output ---- */

static int nothing_more(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 0;
}

/* core.turn(): goes on when it is this console's turn, also with its first instruction */
static int act_turn(lua_State *L)
{
    uint64_t id = task_wait_id(L, "a command");
    task_wake(console_of(L)->vm, id); /* before the yield: it is remembered */
    return task_wait(L, 0, nothing_more);
}

/* core.write(text): waits while the reader is behind, where waiting is possible */
static int act_write(lua_State *L)
{
    struct console *console = console_of(L);
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    if (len > CONSOLE_PRINT_MAX)
        return console_raise(L, "a text of %zu bytes: at most %d MiB are shown at once", len,
                             CONSOLE_PRINT_MAX >> 20);
    console->printed += len;
    if (console->printed > CONSOLE_OUTPUT_MAX)
        return console_raise(L, "a command prints at most %d MiB", CONSOLE_OUTPUT_MAX >> 20);
    vm_charge(L, len / 16);
    console->options.calls->output(console->options.data, text, len);
    if (!console->options.calls->behind(console->options.data) || !task_may_wait(L)) return 0;
    console->wait.id = task_wait_id(L, "print");
    return task_wait(L, 0, nothing_more);
}

void console_go_on(struct console *console)
{
    if (console->wait.id && !console->tracing && !console->wait.ticket) wake(console);
}

/* ---- what changes something ---- */

static const char *const act_names[] = {"reload", "tick", "pause", "resume", NULL};

static int acted(lua_State *L, int status, lua_KContext context)
{
    struct console *console = console_of(L);
    struct fault fault;
    (void)status;
    (void)context;
    if (console_limit(console, true) < 0) return console_raise(L, "out of memory");
    console->wait.ticket = 0;
    if (console->wait.error) return console_raise(L, "%s", console->wait.error);
    const char *json = console->wait.json ? console->wait.json : "null";
    int code = convert_from_json(L, json, strlen(json), &fault);
    console_wait_done(&console->wait);
    return code < 0 ? console_raise(L, "%s", fault.text) : 1;
}

/* core.act(name, what, reason): waits for what it answers; it throws why it cannot be */
static int act_act(lua_State *L)
{
    struct console *console = console_of(L);
    enum console_act act = (enum console_act)luaL_checkoption(L, 1, NULL, act_names);
    const char *what = luaL_optstring(L, 2, NULL), *reason = luaL_optstring(L, 3, NULL);
    struct fault fault;
    if (!console->options.write)
        return console_raise(
            L,
            "READ_ONLY: %s changes the daemon, and this console only reads; attach "
            "with --write to let it",
            act_names[act]);
    uint64_t id = task_wait_id(L, act_names[act]), ticket = ++console->tickets;
    console_wait_done(&console->wait);
    int code =
        console->options.calls->act(console->options.data, act, what, reason, ticket, &fault);
    if (code < 0) return console_raise(L, "%s", fault.text);
    (void)console_limit(console, false); /* it has bounds of its own */
    console->wait.id = id;
    console->wait.ticket = ticket;
    return task_wait(L, 0, acted);
}

void console_answer(struct console *console, uint64_t ticket, const char *json, const char *error)
{
    if (!console->wait.ticket || console->wait.ticket != ticket) return;
    console->wait.json = json ? strdup(json) : NULL;
    console->wait.error = error ? strdup(error) : NULL;
    if ((json && !console->wait.json) || (error && !console->wait.error))
        console->wait.error = strdup("out of memory");
    wake(console);
}

/* ---- trace ---- */

void console_end_trace(struct console *console)
{
    if (console->tracing) (void)console->options.calls->trace(console->options.data, NULL);
    console->tracing = false;
    free(console->trace_policy);
    free(console->trace_target);
    console->trace_policy = console->trace_target = NULL;
}

static int traced(lua_State *L, int status, lua_KContext context)
{
    struct console *console = console_of(L);
    (void)status;
    (void)context;
    console_end_trace(console);
    return console_limit(console, true) < 0 ? console_raise(L, "out of memory") : 0;
}

/* core.trace(policy, target, count): target nil is all of them, count nil without an end */
static int act_trace(lua_State *L)
{
    struct console *console = console_of(L);
    const char *policy = check_text(L, 1, "a policy"), *target = luaL_optstring(L, 2, NULL);
    lua_Integer count = luaL_optinteger(L, 3, 0);
    luaL_argcheck(L, count >= 0, 3, "from 1");
    uint64_t id = task_wait_id(L, "trace");
    console_end_trace(console);
    int code = console->options.calls->trace(console->options.data, policy);
    if (code == ERR_NOT_FOUND) return console_no_policy(L, console, policy);
    if (code < 0) return console_raise(L, "trace: %s", err_text(code));
    console->tracing = true;
    console->trace_lost = 0;
    console->trace_left = (size_t)count;
    console->trace_policy = strdup(policy);
    console->trace_target = target ? strdup(target) : NULL;
    if (!console->trace_policy || (target && !console->trace_target)) {
        console_end_trace(console);
        return console_raise(L, "out of memory");
    }
    (void)console_limit(console, false);
    console_wait_done(&console->wait);
    console->wait.id = id;
    return task_wait(L, 0, traced);
}

void console_trace(struct console *console, const struct evaluation_trace *trace)
{
    if (!console->tracing || strcmp(trace->policy, console->trace_policy) != 0) return;
    if (console->trace_target && strcmp(trace->target, console->trace_target) != 0) return;
    if (!console->wait.id) return; /* it has ended, and the command is about to */
    if (console->options.calls->behind(console->options.data)) {
        console->trace_lost++;
        return;
    }
    struct strbuf text;
    strbuf_init(&text, CONSOLE_ECHO_MAX);
    if (console->trace_lost)
        strbuf_addf(&text, "(%zu evaluations are not shown: the reader was behind)\n",
                    console->trace_lost);
    console->trace_lost = 0;
    trace_text(trace, console->options.color, &text);
    if (strbuf_status(&text) < 0) strbuf_adds(&text, "...\n");
    console->options.calls->output(console->options.data, strbuf_cstr(&text), text.len);
    strbuf_done(&text);
    if (console->trace_left && --console->trace_left == 0) wake(console);
}

void console_trace_report(struct console *console, const struct target_report *report)
{
    if (!console->tracing || strcmp(report->policy, console->trace_policy) != 0) return;
    if (console->trace_target && strcmp(report->target, console->trace_target) != 0) return;
    if (report->decision_count == 0 || console->options.calls->behind(console->options.data))
        return;
    struct strbuf text;
    strbuf_init(&text, CONSOLE_ECHO_MAX);
    trace_outcomes(report, console->options.color, &text);
    console->options.calls->output(console->options.data, strbuf_cstr(&text), text.len);
    strbuf_done(&text);
}

void console_add_acts(lua_State *L)
{
    static const luaL_Reg functions[] = {{"write", act_write},
                                         {"act", act_act},
                                         {"trace", act_trace},
                                         {"turn", act_turn},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
