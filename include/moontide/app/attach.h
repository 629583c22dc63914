/* app/attach.h - `moontide repl --attach [SOCKET]`: the client of a console (app/console.h). */
#ifndef MOONTIDE_APP_ATTACH_H
#define MOONTIDE_APP_ATTACH_H

#include "moontide/app/options.h"

#include <stdbool.h>

/* Whether the arguments of `repl` have to do with a console: --attach, or what makes sense only
 * with it. */
bool attach_asked(const struct arguments *arguments);
/* The exit status. */
int attach_run(const struct arguments *arguments);

#endif
