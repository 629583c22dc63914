/* app/sheet.c - aligned columns. */
#include "moontide/app/sheet.h"

#include "moontide/base/timetext.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_BYTES_MAX = 1024 };

void sheet_init(struct sheet *sheet, const char *const *heads)
{
    *sheet = (struct sheet){0};
    while (heads[sheet->columns])
        sheet->columns++;
    for (size_t i = 0; i < sheet->columns; i++)
        sheet_add(sheet, "\033[1m", heads[i]);
}

void sheet_done(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->count; i++)
        free(sheet->cells[i].text);
    free(sheet->cells);
    *sheet = (struct sheet){0};
}

void sheet_add(struct sheet *sheet, const char *paint, const char *text)
{
    if (sheet->count == sheet->cap) {
        size_t cap = sheet->cap ? sheet->cap * 2 : 64;
        struct sheet_cell *cells = realloc(sheet->cells, cap * sizeof *cells);
        if (!cells) return;
        sheet->cells = cells;
        sheet->cap = cap;
    }
    char *copy = strdup(text);
    for (char *at = copy; at && *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = ' ';
    sheet->cells[sheet->count++] = (struct sheet_cell){copy, paint};
}

void sheet_addf(struct sheet *sheet, const char *paint, const char *format, ...)
{
    char text[CELL_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sheet_add(sheet, paint, text);
}

void sheet_add_time(struct sheet *sheet, int64_t at_ms)
{
    char text[TIME_TEXT_MAX] = "-";
    if (at_ms) time_format(at_ms / 1000 * 1000, text);
    sheet_add(sheet, NULL, text);
}

size_t sheet_rows(const struct sheet *sheet)
{
    return sheet->count < sheet->columns ? 0 : sheet->count / sheet->columns - 1;
}

/* Characters, not bytes: those that continue one are not counted. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; text && *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void sheet_print(const struct sheet *sheet, FILE *out, bool color)
{
    size_t widths[SHEET_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < sheet->count; i++) {
        size_t width = width_of(sheet->cells[i].text);
        if (width > widths[i % sheet->columns]) widths[i % sheet->columns] = width;
    }
    for (size_t i = 0; i < sheet->count; i++) {
        const struct sheet_cell *cell = &sheet->cells[i];
        bool last = i % sheet->columns == sheet->columns - 1;
        const char *paint = color && cell->paint ? cell->paint : "";
        fprintf(out, "%s%s%s", paint, cell->text ? cell->text : "?", paint[0] ? "\033[0m" : "");
        if (last)
            fputc('\n', out);
        else
            fprintf(out, "%*s", (int)(widths[i % sheet->columns] - width_of(cell->text) + 2), "");
    }
}
