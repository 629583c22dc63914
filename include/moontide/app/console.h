/* app/console.h - the consoles into a running daemon: connections of the control socket that go on
 * as consoles, each with a Lua state of its own (bind/console.h).
 *
 *   control: {"command":"console",...} -> consoles_accept -> hello
 *      client: {"id":n,"run":"text"}               -> output..., then done, or incomplete
 *              {"id":n,"complete":"line","cursor":n} -> {"id":n,"from":n,"candidates":[...]}
 *              {"id":n,"interrupt":true}           ends the command that runs
 *      daemon: {"event":"hello"|"reloaded"|"stopping","text":...}
 *
 * A console that hangs up, sends what is no line of these, or does not read, ends; nothing else
 * does. */
#ifndef MOONTIDE_APP_CONSOLE_H
#define MOONTIDE_APP_CONSOLE_H

#include "moontide/app/control.h"
#include "moontide/app/instance.h"
#include "moontide/app/policy_dir.h"
#include "moontide/base/compiler.h"

enum {
    CONSOLES_MAX = 8,
    CONSOLE_QUEUE_MAX = 8 * 1024 * 1024, /* bytes that wait for one reader; then it is cut off */
    CONSOLE_QUEUE_HIGH = 256 * 1024,     /* from here on commands wait for the reader */
    CONSOLE_STALL_MS = 10 * 1000,        /* a reader that takes nothing for so long is cut off */
};

struct consoles;

struct consoles_options {
    struct instance *instance; /* borrowed, as is what follows */
    int64_t started_ms;
    void *data;
    /* Begins a reload, of which consoles_reloaded() tells. ERR_BUSY: one is under way. */
    int (*reload)(void *data);
};

MUST_CHECK int consoles_new(const struct consoles_options *options, struct consoles **out);
/* Says goodbye to all. Before the engine is freed. NULL is allowed. */
void consoles_free(struct consoles *consoles);

/* Answers the request, or makes a console of it. hello is the whole request. */
void consoles_accept(struct consoles *consoles, const char *hello, struct control_request *request);

/* What happens in the daemon; consoles may be NULL. */
void consoles_target(struct consoles *consoles, const struct target_report *report);
void consoles_tick(struct consoles *consoles); /* one has ended */
void consoles_reloaded(struct consoles *consoles, const struct scan_result *result);
void consoles_stopping(struct consoles *consoles, const char *why);

#endif
