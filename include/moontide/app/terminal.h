/* app/terminal.h - what the output is: a terminal, in colour or not, and how wide. */
#ifndef MOONTIDE_APP_TERMINAL_H
#define MOONTIDE_APP_TERMINAL_H

#include <stdbool.h>

/* Whether fd is a terminal that shows colour; NO_COLOR (no-color.org) and TERM=dumb are respected.
 */
bool terminal_color(int fd);
int terminal_width(int fd); /* columns; 80 when it is no terminal */

#endif
