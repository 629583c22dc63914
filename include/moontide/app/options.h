/* app/options.h - the command line: one table of commands and their options, which parses,
 * documents and refuses. */
#ifndef MOONTIDE_APP_OPTIONS_H
#define MOONTIDE_APP_OPTIONS_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { OPTIONS_MAX = 16, REPEATS_MAX = 32 };

struct option_spec {
    const char *name;  /* without the dashes; one letter is written "-v"; NULL ends the list */
    const char *value; /* what its value is called; NULL: a flag; "NAME..." : it may be given more
                          than once, one such option a command */
    const char *help;  /* never NULL: an option without words does not pass the checks */
};

struct arguments {
    const struct command *command;
    const char *values[OPTIONS_MAX]; /* by index in command->options; a flag that was given is "" */
    const char *repeated[REPEATS_MAX]; /* shape: [repeated_count]: all of an option that repeats */
    size_t repeated_count;
    char **operands; /* shape: [operand_count], borrowed from argv */
    size_t operand_count;
};

struct command {
    const char *name;     /* one word, or two: "alerts list" */
    const char *operands; /* as usage shows them: "FILE [ARG...]"; "" when none */
    const char *summary;
    size_t min_operands, max_operands;
    bool rest_is_operands; /* after the first operand nothing is an option any more */
    const struct option_spec *options;
    int (*run)(const struct arguments *arguments); /* the exit status */
};

/* "--" or, before a name of one letter, "-". */
const char *option_dashes(const struct option_spec *option);

/* Parses argv[0..argc), the words after the command. 0, or 1 after saying what is wrong, with the
 * command's usage, on standard error. "--name value" and "--name=value", "-j 4" and "-j4"; "--"
 * ends the options; -h and --help print the usage on standard output and answer 2. */
MUST_CHECK int arguments_parse(const struct command *command, int argc, char **argv,
                               struct arguments *out);
const char *arguments_value(const struct arguments *arguments,
                            const char *name); /* NULL: not given */
bool arguments_flag(const struct arguments *arguments, const char *name);
void command_usage(const struct command *command, FILE *out);

/* All commands, ending with a NULL name. */
extern const struct command commands[];

/* One a file, named after the command; those of alerts and silence are in alerts_*.c and silence.c.
 */
int command_alerts_dead(const struct arguments *arguments);
int command_alerts_history(const struct arguments *arguments);
int command_alerts_list(const struct arguments *arguments);
int command_alerts_route(const struct arguments *arguments);
int command_alerts_test(const struct arguments *arguments);
int command_check(const struct arguments *arguments);
int command_completion(const struct arguments *arguments);
int command_eval(const struct arguments *arguments);
int command_init(const struct arguments *arguments);
int command_journal(const struct arguments *arguments);
int command_journal_export(const struct arguments *arguments);
int command_journal_ticks(const struct arguments *arguments);
int command_pause(const struct arguments *arguments);
int command_plan(const struct arguments *arguments);
int command_reload(const struct arguments *arguments);
int command_repl(const struct arguments *arguments);
int command_resume(const struct arguments *arguments);
int command_run(const struct arguments *arguments);
int command_silence_add(const struct arguments *arguments);
int command_silence_expire(const struct arguments *arguments);
int command_silence_list(const struct arguments *arguments);
int command_script(const struct arguments *arguments);
int command_status(const struct arguments *arguments);
int command_test(const struct arguments *arguments);
int command_version(const struct arguments *arguments);
int command_why(const struct arguments *arguments);

#endif
