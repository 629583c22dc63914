/* app/check_explain.h - what a code of a finding means: its section of docs/check.md, which is in
 * the binary. */
#ifndef MOONTIDE_APP_CHECK_EXPLAIN_H
#define MOONTIDE_APP_CHECK_EXPLAIN_H

/* Prints it ("all": the list of codes). The exit status: 1, with the nearest code on standard
 * error, when there is none of that name. */
int check_explain(const char *id);

#endif
