/* stats/broken_lines.h - how many lines of a file could not be read, and the first few with why. */
#ifndef MOONTIDE_STATS_BROKEN_LINES_H
#define MOONTIDE_STATS_BROKEN_LINES_H

#include <stddef.h>
#include <stdint.h>

enum { BROKEN_SHOWN_MAX = 10, BROKEN_TEXT_MAX = 80 };

struct broken_line {
    size_t file;                    /* index of the file that it is of */
    uint64_t line;                  /* from 1 */
    const char *why;                /* text that lives for ever */
    char text[BROKEN_TEXT_MAX + 1]; /* how it begins; what is not printable ASCII is ? */
};

struct broken_lines {
    uint64_t count;
    struct broken_line first[BROKEN_SHOWN_MAX]; /* shape: [least of count and the maximum] */
};

void broken_lines_add(struct broken_lines *lines, size_t file, uint64_t line, const char *text,
                      size_t len, const char *why);
size_t broken_lines_shown(const struct broken_lines *lines);

#endif
