/* bind/script.h - the state of scripts, `eval` and the REPL: Lua's whole standard library and all
 * modules.
 *
 * One piece of code runs at a time, as a task, so that it may wait. os.exit() ends that code, never
 * the process. */
#ifndef MOONTIDE_BIND_SCRIPT_H
#define MOONTIDE_BIND_SCRIPT_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/host.h"

struct script;

struct script_options {
    const struct host *host;
    /* Where echoed values and `print` go; NULL: standard output. */
    void (*print)(void *data, const char *text, size_t len);
    /* Where texts go that are whole, as echoed values and help are, unless Lua's pager(false) says
     * otherwise; NULL: as what is printed. */
    void (*show)(void *data, const char *text, size_t len);
    /* Told before the code runs on after a wait, and when it waits again; NULL: nobody. */
    void (*turn)(void *data, bool runs);
    void *data;
    int width; /* of the terminal, for the pretty printer; 0: 80 */
    bool color;
    bool draws; /* an echoed series is drawn as well */
};

/* host->config may be NULL: then there is no project, and `config` is empty. */
MUST_CHECK int script_new(const struct script_options *options, struct script **out);
void script_free(struct script *script);
/* Its state, to look at between two runs. */
struct vm *script_vm(const struct script *script);

/* code: OK, ERR_LUA ..., ERR_CANCELED (interrupted). exit_status is that of os.exit(), or -1. The
 * text of an error with its traceback is in `error`. */
struct script_result {
    int code;
    int exit_status;
    const char *error;
};
/* Runs exactly once a run, perhaps before script_run_*() returns; it may start the next run, or
 * free the script. The result is borrowed for the call. */
typedef void script_done_fn(void *data, const struct script_result *result);

/* Runs a file; a first line that starts with "#" is skipped; args become `...` and `arg`. ERR_BUSY
 * while other code runs; after a failure done is not called. */
MUST_CHECK int script_run_file(struct script *script, const char *path, char *const *args,
                               size_t arg_count, script_done_fn *done, void *data,
                               struct fault *fault);
/* Runs one chunk (the REPL's line, `eval`'s argument): an expression is echoed by the pretty
 * printer. ERR_PARSE with *incomplete: more lines are needed. Other compile errors come through
 * done. ERR_BUSY as above. */
MUST_CHECK int script_run_text(struct script *script, const char *text, size_t len,
                               const char *chunkname, bool echo, bool *incomplete,
                               script_done_fn *done, void *data);
/* The name of the call that the code waits for, or waited for last ("ecs:describe_services"; ""
 * when there was none), and how many of that name came in a row. NULL: nothing runs. */
const char *script_waits_for(const struct script *script, unsigned *count);
/* The terminal has another width. */
void script_resize(struct script *script, int width);
/* Whether that text only lacks its end. */
bool script_incomplete(struct script *script, const char *text, size_t len);
/* Both end the code with ERR_CANCELED, whatever pcall it is in. script_interrupt(): from the loop,
 * a waiting call. script_signal(): async-signal-safe, running Lua; nothing happens when none runs.
 */
void script_interrupt(struct script *script);
void script_signal(struct script *script);

/* Completion of the last word of `line`: candidates separated by '\n' into out; *from is where the
 * word begins. Globals, fields (through __index tables), methods after ':'. Runs no Lua code. */
void script_complete(struct script *script, const char *line, size_t len, size_t *from,
                     struct strbuf *out);

#endif
