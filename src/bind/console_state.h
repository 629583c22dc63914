/* bind/console_state.h - what the files of a console share: the inside of struct console.
 *
 *   console.c         life, commands
 *   console_complete.c  completion
 *   console_live.c    what commands see of the engine, as copies
 *   console_series.c  handles of series, as copies that work like those of an evaluation
 *   console_act.c     what waits: output to a slow reader, what changes something, traces
 *   console_trace.c   an evaluation that was traced, as text
 *   prelude/console.lua   the functions that commands call, made of these */
#ifndef MOONTIDE_BIND_CONSOLE_STATE_H
#define MOONTIDE_BIND_CONSOLE_STATE_H

#include "moontide/bind/console.h"
#include "moontide/bind/help.h"
#include "moontide/vm/task.h"

struct loop_timer;

enum {
    CONSOLE_PAGE = 100,                    /* targets of one step: some 0.1 ms */
    CONSOLE_JSON_MAX = 4 * 1024 * 1024,    /* of what one step copies from the engine */
    CONSOLE_ECHO_MAX = 256 * 1024,         /* of one echoed value */
    CONSOLE_PRINT_MAX = 1024 * 1024,       /* one text; as JSON it still fits a line of the wire */
    CONSOLE_OUTPUT_MAX = 64 * 1024 * 1024, /* that one command may print */
};

/* What waits for console_answer(), console_go_on() or the end of a trace: one at a time. */
struct console_wait {
    uint64_t id;     /* of the task; 0: nothing waits */
    uint64_t ticket; /* of what was begun */
    char *json, *error;
};

struct console {
    struct binding binding; /* first: vm_owner() */
    struct console_options options;
    struct vm *vm;
    struct help_screen screen;
    int run_ref, names_ref; /* of prelude/console.lua: runs a chunk; the live globals, by name */

    bool running;
    struct task *task;
    struct loop_timer *limit; /* of the command's time in all */
    console_done_fn *done;
    void *data;
    size_t printed; /* bytes of this command */

    struct console_wait wait;
    uint64_t tickets;
    bool tracing;
    char *trace_policy, *trace_target; /* target NULL: all */
    size_t trace_lost;                 /* evaluations that were not shown to a slow reader */
    size_t trace_left;                 /* until it ends by itself; 0: it does not */
};

static inline struct console *console_of(lua_State *L)
{
    return vm_owner(vm_of(L));
}

/* Each adds its functions to the table on top: what prelude/console.lua gets as `core`. */
void console_add_live(lua_State *L);
void console_add_series(lua_State *L);
void console_add_acts(lua_State *L);

void console_open_series(lua_State *L); /* the handles' metatable, with a `plot` method */
void console_wait_done(struct console_wait *wait);
void console_end_trace(struct console *console);
/* The command's time in all begins, or no longer counts. */
int console_limit(struct console *console, bool on);
/* Throws a message without a place: the line would be one of prelude/console.lua. */
int console_raise(lua_State *L, const char *format, ...) PRINTF_LIKE(2, 3);

/* console_trace.c: append lines. */
void trace_text(const struct evaluation_trace *trace, bool color, struct strbuf *out);
void trace_outcomes(const struct target_report *report, bool color, struct strbuf *out);
/* Throws: which name is meant, perhaps. */
int console_no_policy(lua_State *L, const struct console *console, const char *name);

#endif
