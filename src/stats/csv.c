/* stats/csv.c - fields of a row, which may go over several lines. */
#include "moontide/stats/csv.h"

#include <string.h>

void csv_init(struct csv *csv, char separator, size_t wanted)
{
    memset(csv, 0, sizeof *csv);
    csv->separator = separator;
    csv->wanted = wanted;
}

static bool is_space(char c, char separator)
{
    return (c == ' ' || c == '\t') && c != separator;
}

/* One field, or the part of it that is in this line. */
struct part {
    const char *at;
    size_t len;
    bool open; /* its quote is not closed in this line */
};

/* The quote that ends a field: not one of two. NULL when there is none. */
static const char *closing_quote(const char *at, const char *end)
{
    while (at < end && (at = memchr(at, '"', (size_t)(end - at))) != NULL) {
        if (at + 1 == end || at[1] != '"') return at;
        at += 2;
    }
    return NULL;
}

/* Reads the part at *at and moves behind its separator; *at is NULL behind the last field. */
static struct part next_part(const char **at, const char *end, char separator, bool in_quotes)
{
    const char *from = *at;
    while (!in_quotes && from < end && is_space(*from, separator))
        from++;
    bool quoted = in_quotes || (from < end && *from == '"');
    if (quoted && !in_quotes) from++;
    const char *close = quoted ? closing_quote(from, end) : from;
    if (!close) {
        *at = NULL;
        return (struct part){from, (size_t)(end - from), true};
    }
    const char *stop = close < end ? memchr(close, separator, (size_t)(end - close)) : NULL;
    *at = stop ? stop + 1 : NULL;
    const char *last = quoted ? close : stop ? stop : end;
    while (!quoted && last > from && is_space(last[-1], separator))
        last--;
    return (struct part){from, (size_t)(last - from), false};
}

static void keep(struct csv *csv, struct part part)
{
    size_t room = csv->len < CSV_FIELD_MAX ? CSV_FIELD_MAX - csv->len : 0;
    memcpy(csv->field + (room ? csv->len : 0), part.at, part.len < room ? part.len : room);
    csv->len += part.len + part.open; /* the line's end belongs to it */
    csv->found = true;
}

static void begin_row(struct csv *csv)
{
    csv->column = csv->lines = csv->len = 0;
    csv->found = false;
}

enum csv_state csv_line(struct csv *csv, const char *line, size_t len)
{
    const char *at = line, *end = line + len;
    if (!csv->open) begin_row(csv);
    do {
        struct part part = next_part(&at, end, csv->separator, csv->open);
        if (csv->column == csv->wanted) keep(csv, part);
        csv->open = part.open;
        csv->column += !part.open;
    } while (at);
    if (!csv->open) return CSV_ROW;
    if (++csv->lines < CSV_ROW_LINES_MAX) return CSV_MORE;
    csv->open = false;
    return CSV_OPEN;
}

long csv_find(const char *line, size_t len, char separator, const char *name)
{
    const char *at = line, *end = line + len;
    size_t name_len = strlen(name);
    for (long column = 0; at; column++) {
        struct part part = next_part(&at, end, separator, false);
        if (part.len == name_len && memcmp(part.at, name, name_len) == 0) return column;
    }
    return -1;
}
