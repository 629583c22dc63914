/* app/sheet.h - rows of cells in aligned columns, with colour on a terminal. */
#ifndef MOONTIDE_APP_SHEET_H
#define MOONTIDE_APP_SHEET_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SHEET_COLUMNS_MAX = 12 };

struct sheet {
    size_t columns;
    struct sheet_cell {
        char *text; /* NULL: there was no memory for it */
        const char *paint;
    } * cells; /* shape: [count], row by row */
    size_t count, cap;
};

/* heads: NULL-terminated, at most SHEET_COLUMNS_MAX; they are the first row. */
void sheet_init(struct sheet *sheet, const char *const *heads);
void sheet_done(struct sheet *sheet);
/* The next cell; paint is an ANSI sequence, or NULL. Control characters become spaces. */
void sheet_add(struct sheet *sheet, const char *paint, const char *text);
void sheet_addf(struct sheet *sheet, const char *paint, const char *format, ...) PRINTF_LIKE(3, 4);
/* An epoch time in ms; "-" for 0. */
void sheet_add_time(struct sheet *sheet, int64_t at_ms);
size_t sheet_rows(const struct sheet *sheet); /* without the heads */
void sheet_print(const struct sheet *sheet, FILE *out, bool color);

#endif
