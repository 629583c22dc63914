/* app/code.h - an instance without policies, and a script state in it: what `eval`, `script` and
 * `repl` share. */
#ifndef MOONTIDE_APP_CODE_H
#define MOONTIDE_APP_CODE_H

#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/time_travel.h"
#include "moontide/bind/script.h"

struct code {
    struct instance instance;
    struct script *script;
    struct time_travel *travel;   /* --tick; NULL: the script is in the present */
    struct uv_async_s *interrupt; /* tells the loop of a SIGINT */
    int exit_status;
    bool over; /* the code that was started has ended */
};

/* Reads --dir, --world and --speed, opens both. 0, or 1 after saying what is wrong. */
MUST_CHECK int code_open(struct code *code, const struct arguments *arguments);
/* The same; options say where the state's output goes: host, width and color are set here. */
MUST_CHECK int code_open_with(struct code *code, const struct arguments *arguments,
                              const struct script_options *options);
void code_close(struct code *code);

/* A script_done_fn for code that runs by itself (data is the struct code): says an error, notes the
 * exit status, ends the loop. */
void code_done(void *data, const struct script_result *result);

/* Whether SIGINT interrupts the code that runs or waits; else it ends the program as usual. One
 * code at a time. */
void code_interrupt_on_sigint(struct code *code, bool on);

#endif
