/* app/findings.h - everything that `check` found, in the order of the files and their lines, and
 * the texts that it was found in. */
#ifndef MOONTIDE_APP_FINDINGS_H
#define MOONTIDE_APP_FINDINGS_H

#include "moontide/base/compiler.h"
#include "moontide/base/faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct findings_file {
    char *name; /* as it is shown */
    char *text; /* NULL: it cannot be read */
    size_t len;
    bool own; /* findings_take_own(): its findings come before those of modules */
};

struct findings {
    struct fault *items; /* shape: [count] */
    size_t *files;       /* shape: [count]: index of the file of each */
    size_t count, cap;
    struct findings_file *texts; /* shape: [text_count]; in the order in which they were named */
    size_t text_count, text_cap;
    bool more; /* memory ended: the rest is not there */
};

void findings_init(struct findings *findings);
void findings_done(struct findings *findings);

/* Takes what is in the list, and leaves it empty. What is there already is not taken twice. */
void findings_take(struct findings *findings, struct faults *faults);
/* The same of a file of which every finding is here, but for those in its modules: without the
 * warnings that its comments allow. unused: comments that allow nothing are told. */
void findings_take_own(struct findings *findings, const char *file, const char *text, size_t len,
                       bool unused, struct faults *faults);
/* Leaves out what the comments of modules allow, and puts all in order. */
void findings_settle(struct findings *findings);

size_t findings_errors(const struct findings *findings);
size_t findings_warnings(const struct findings *findings);
/* The message of a finding without the " (did you mean ...)" that its hint says. */
size_t findings_message_len(const struct fault *fault);

/* For people: each with its line of the text, underlined, and what helps. */
void findings_print(const struct findings *findings, FILE *out, bool color);
/* One line each, as gcc writes them: "file:line:column: warning: text (hint) [code]". */
void findings_print_lines(const struct findings *findings, FILE *out);

#endif
