/* bind/console.h - the Lua of one console into a running daemon: a sandboxed state of its own, in
 * which commands see what the engine has.
 *
 *            console_run            returned, threw, interrupted, out of budget
 *   idle --------------------> running -------------------> idle, then done(error or NULL)
 *                                 | print, echo: output(); reload, tick, pause: ask(), and
 *                                 | console_answer() wakes it
 *
 * Rule 1: a command has CONSOLE_INSTRUCTIONS, CONSOLE_RUN_MS of running and CONSOLE_WALL_MS in all
 *         (a trace excepted), and the console CONSOLE_MEMORY_BYTES.
 * Rule 2: the loop gets its turn back each CONSOLE_SLICE_MS, and consoles that share a gate take
 *         turns; what cannot give it back (a comparator
 *         of table.sort, a callback of gsub) is cut off after CONSOLE_HOLD_MS.
 * Rule 3: nothing of the engine is kept from one turn of the loop to the next: what Lua holds are
 *         copies.
 * Rule 4: without `write`, what changes something is refused before anybody is asked. */
#ifndef MOONTIDE_BIND_CONSOLE_H
#define MOONTIDE_BIND_CONSOLE_H

#include "moontide/base/compiler.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/host.h"
#include "moontide/tick/evaluator.h"

#include <stdbool.h>

struct console;
struct engine;
struct target_report;

enum {
    CONSOLE_MEMORY_BYTES = 16 * 1024 * 1024,
    CONSOLE_INSTRUCTIONS = 50 * 1000 * 1000,
    CONSOLE_RUN_MS = 2000,
    CONSOLE_WALL_MS = 60 * 1000,
    CONSOLE_SLICE_MS = 1,
    CONSOLE_HOLD_MS = 20,
};

enum console_act { CONSOLE_RELOAD, CONSOLE_TICK, CONSOLE_PAUSE, CONSOLE_RESUME };

/* What the daemon does for a console; all run on the loop, most of them inside console_run(). */
struct console_calls {
    void (*output)(void *data, const char *text, size_t len);
    /* The reader is behind: a command that prints waits until console_go_on(). */
    bool (*behind)(void *data);
    /* Append one JSON value. */
    void (*status)(void *data, struct strbuf *json);
    void (*decisions)(void *data, struct strbuf *json);
    /* Begins what changes something; console_answer(ticket) follows, never before return. what and
     * reason may be NULL. After a failure it does not. */
    int (*act)(void *data, enum console_act act, const char *what, const char *reason,
               uint64_t ticket, struct fault *fault);
    /* From now on console_trace() for each evaluation of the policy; NULL: no more. ERR_NOT_FOUND:
     * there is no such policy. */
    int (*trace)(void *data, const char *policy);
};

struct console_options {
    const struct host *host;
    struct engine *engine;
    struct vm_gate *gate; /* that all consoles share; NULL: none */
    bool write, color, utf8;
    int width; /* columns; 0: 80 */
    const struct console_calls *calls;
    void *data;
};

MUST_CHECK int console_new(const struct console_options *options, struct console **out);
void console_free(
    struct console *console); /* ends what runs without calling back; NULL is allowed */

/* error: NULL, or the message with its traceback, borrowed for the call, in which the next command
 * may be run, but the console not be freed. */
typedef void console_done_fn(void *data, const char *error);

/* Runs one chunk; an expression is echoed by the pretty printer. ERR_PARSE with *incomplete: more
 * lines are needed, and done is not called. Other compile errors come through done, perhaps before
 * return. ERR_BUSY: a command runs. */
MUST_CHECK int console_run(struct console *console, const char *text, size_t len, bool *incomplete,
                           console_done_fn *done, void *data);
void console_interrupt(struct console *console);

/* As script_complete(), and names of policies and targets inside a call's quotes. */
void console_complete(struct console *console, const char *line, size_t len, size_t *from,
                      struct strbuf *out);

/* What act() began has ended: json is a value, or NULL and error says why. A ticket nobody waits
 * for any more is no error. */
void console_answer(struct console *console, uint64_t ticket, const char *json, const char *error);
void console_go_on(struct console *console);
/* One evaluation of a policy that is traced, while the command `trace` waits. */
void console_trace(struct console *console, const struct evaluation_trace *trace);
/* What became of the target's decisions, which is known later. */
void console_trace_report(struct console *console, const struct target_report *report);

#endif
