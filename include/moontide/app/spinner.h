/* app/spinner.h - a sign on standard error that something is waited for: what, and for how long.
 *
 * It is drawn behind the cursor, which stays where it is, and taken away before anything else is
 * written: spinner_hide() before code runs that may write, spinner_show() when it waits again. */
#ifndef MOONTIDE_APP_SPINNER_H
#define MOONTIDE_APP_SPINNER_H

#include "moontide/base/compiler.h"

#include <stdbool.h>

struct loop;
struct spinner;

enum { SPINNER_AFTER_MS = 300 /* so that what is quick shows none */ };

/* what(data, &count): what is waited for (NULL or "": nothing), the count-th time in a row. Nothing
 * is ever drawn when standard error is no terminal, or a dumb one. */
MUST_CHECK int spinner_new(struct loop *loop, const char *(*what)(void *data, unsigned *count),
                           void *data, struct spinner **out);
void spinner_free(struct spinner *spinner); /* NULL is allowed */

void spinner_start(struct spinner *spinner);
void spinner_stop(struct spinner *spinner);
void spinner_hide(struct spinner *spinner);
void spinner_show(struct spinner *spinner);

#endif
