/* app/completion.h - what could stand next on a command line, for the shells' completion.
 *
 * The scripts of packaging/completion know nothing of moontide: at each TAB they ask `moontide
 * completion words WORD...`, of which the last word is the one that is being typed, and get one
 * candidate a line, "TEXT<tab>DESCRIPTION", or ":files" or ":directories" where the shell lists
 * those itself. So what is offered is always what this binary takes. */
#ifndef MOONTIDE_APP_COMPLETION_H
#define MOONTIDE_APP_COMPLETION_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

enum { CANDIDATES_MAX = 2000 };

/* The candidates found so far: those that begin with what is typed, each once. */
struct candidates {
    const char *typed; /* borrowed: the whole word that is being typed */
    size_t cut;        /* bytes of it that the shell keeps for itself (bash: up to "=" or ":") */
    char **items;      /* "TEXT<tab>DESCRIPTION", as they are printed */
    size_t count;
};
/* Copies the texts; what does not begin with `typed`, or does not fit any more, is left out.
 * `before` is put in front of the text ("--world="); description may be NULL. */
void candidates_add(struct candidates *candidates, const char *before, const char *text,
                    const char *description);
void candidates_done(struct candidates *candidates);

/* Names of the project in dir (its files and its database; nothing of it is changed, and what is
 * wrong with it is no news here). */
enum project_names {
    NAMES_POLICIES,
    NAMES_TARGETS,
    NAMES_RECEIVERS,
    NAMES_JOURNAL, /* resources and targets of which something was journaled */
    NAMES_PAUSED,
    NAMES_SILENCES,
};
void project_names_add(const char *dir, enum project_names what, struct candidates *candidates,
                       const char *before);

#endif
