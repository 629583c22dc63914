/* base/terminal.c - what the output is: a terminal, in colour or not, and how wide; and how
 * it is given back. */
#include "moontide/base/terminal.h"

#include "moontide/base/compiler.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { SIZE_MAX_SAID = 1000 };

bool terminal_color(int fd)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no_color && no_color[0]) return false; /* no-color.org */
    return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

/* What a variable of the environment says; 0: nothing. */
static int said(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;
    long value = text ? strtol(text, &end, 10) : 0;
    return value >= 1 && value <= SIZE_MAX_SAID && *end == '\0' ? (int)value : 0;
}

int terminal_width(int fd)
{
    struct winsize size;
    int width = said("COLUMNS");
    if (width) return width;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

int terminal_height(int fd)
{
    struct winsize size;
    int height = said("LINES");
    if (height) return height;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

bool terminal_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *term = getenv("TERM"), *locale = NULL;
    if (term && strcmp(term, "dumb") == 0) return false;
    for (size_t i = 0; i < COUNT_OF(names) && (!locale || !*locale); i++)
        locale = getenv(names[i]);
    return locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
}

/* What a signal handler may reach: a handler has no argument of ours. */
static struct {
    int fd;
    struct termios mode;
} kept;

/* tcsetattr(), sigaction() and raise() are async-signal-safe (signal-safety(7)). */
static void give_back(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    tcsetattr(kept.fd, TCSANOW, &kept.mode);
    sigaction(number, &action, NULL);
    raise(number);
}

void terminal_keep(int fd)
{
    static const int numbers[] = {SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = give_back};
    kept.fd = fd;
    if (tcgetattr(fd, &kept.mode) < 0) return;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        sigaction(numbers[i], &action, NULL);
}
