/* stats/csv.h - one column of CSV, line by line.
 *
 * Source: RFC 4180. A field in quotes may have separators, line ends and doubled quotes within.
 * Beyond it: any separator, spaces around a field are no part of it, and quotes in the middle of an
 * unquoted field mean themselves. */
#ifndef MOONTIDE_STATS_CSV_H
#define MOONTIDE_STATS_CSV_H

#include <stdbool.h>
#include <stddef.h>

enum {
    CSV_FIELD_MAX = 1100,    /* kept of a field: NUMBER_TEXT_MAX */
    CSV_ROW_LINES_MAX = 100, /* a quote that is open for longer was never meant to be one */
};

struct csv {
    char separator;
    size_t wanted; /* column, from 0 */
    /* The row that is read, for this file's own use: */
    size_t column, lines;
    bool open; /* within quotes */
    /* What it gave: */
    bool found;
    size_t len; /* of the field; more than CSV_FIELD_MAX: it was longer */
    char field[CSV_FIELD_MAX];
};

enum csv_state {
    CSV_MORE, /* the row goes on in the next line */
    CSV_ROW,  /* it is complete: `found` says whether it has such a column */
    CSV_OPEN, /* a quote was not closed within CSV_ROW_LINES_MAX; the next line begins a row */
};

void csv_init(struct csv *csv, char separator, size_t wanted);
/* Takes the next line, without its end. */
enum csv_state csv_line(struct csv *csv, const char *line, size_t len);
/* The column that has this name in line, which must be a complete row; -1 when none has. */
long csv_find(const char *line, size_t len, char separator, const char *name);

#endif
