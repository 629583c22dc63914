/* app/pager.h - a text that is higher than the screen, through $PAGER, or less -RFX without one. */
#ifndef MOONTIDE_APP_PAGER_H
#define MOONTIDE_APP_PAGER_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;

/* Whether it is higher than the terminal at fd, with the prompt below it; not when fd is none. */
bool pager_is_long(int fd, const char *text, size_t len);
/* Shows the text (copied): done(data) runs on the loop when the pager has ended. Where it cannot be
 * run, the text is written to standard output instead. ERR_NOT_FOUND: there is no pager (PAGER is
 * empty or "cat", less is not installed), ERR_NOMEM, ERR_IO: nothing is shown, done is not called.
 */
MUST_CHECK int pager_show(struct loop *loop, const char *text, size_t len, void (*done)(void *data),
                          void *data);

#endif
