/* base/terminal.h - what the output is: a terminal, in colour or not, and how wide; and how
 * it is given back. */
#ifndef MOONTIDE_BASE_TERMINAL_H
#define MOONTIDE_BASE_TERMINAL_H

#include <stdbool.h>

/* Whether fd is a terminal that shows colour; NO_COLOR (no-color.org) and TERM=dumb are respected.
 */
bool terminal_color(int fd);
/* Columns: what COLUMNS says (1 to 1000; it is how a person or a test overrides), else what the
 * terminal has; 80 when it is none. */
int terminal_width(int fd);
/* Rows, the same way by LINES; 24 when it is no terminal. */
int terminal_height(int fd);
/* Whether text may hold more than ASCII: by LC_ALL, LC_CTYPE, LANG (the first that is set: POSIX
 * XBD 8.2), and not with TERM=dumb. */
bool terminal_utf8(void);

/* From now on a SIGTERM, SIGHUP or SIGQUIT that ends the program first gives the terminal the mode
 * that it has now. Once a process. */
void terminal_keep(int fd);

#endif
