/* stats/broken_lines.c - what could not be read, for a person. */
#include "moontide/stats/broken_lines.h"

#include <stdbool.h>

void broken_lines_add(struct broken_lines *lines, size_t file, uint64_t line, const char *text,
                      size_t len, const char *why)
{
    if (lines->count++ >= BROKEN_SHOWN_MAX) return;
    struct broken_line *broken = &lines->first[lines->count - 1];
    *broken = (struct broken_line){.file = file, .line = line, .why = why};
    for (size_t i = 0; i < len && i < BROKEN_TEXT_MAX; i++) {
        bool printable = text[i] >= ' ' && text[i] <= '~';
        broken->text[i] = (char)(printable ? text[i] : '?');
    }
}

size_t broken_lines_shown(const struct broken_lines *lines)
{
    return lines->count < BROKEN_SHOWN_MAX ? (size_t)lines->count : BROKEN_SHOWN_MAX;
}
