/* app/terminal.h - what the output is: a terminal, in colour or not, and how wide; and how
 * it is given back. */
#ifndef MOONTIDE_APP_TERMINAL_H
#define MOONTIDE_APP_TERMINAL_H

#include <stdbool.h>

/* Whether fd is a terminal that shows colour; NO_COLOR (no-color.org) and TERM=dumb are respected.
 */
bool terminal_color(int fd);
int terminal_width(int fd); /* columns; 80 when it is no terminal */

/* From now on a SIGTERM, SIGHUP or SIGQUIT that ends the program first gives the terminal the mode
 * that it has now. Once a process. */
void terminal_keep(int fd);

#endif
