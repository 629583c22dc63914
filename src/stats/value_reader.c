/* stats/value_reader.c - lines to numbers, some thousand at a time. */
#include "moontide/stats/value_reader.h"

#include "moontide/base/line_reader.h"
#include "moontide/base/number.h"
#include "moontide/stats/csv.h"
#include "moontide/stats/vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 4096 };

struct value_reader {
    struct line_reader *lines;
    struct vector values;
    bool is_csv;
    bool first; /* the next row may be a header */
    struct csv csv;
    uint64_t row_line; /* where the row began */
    char row_text[BROKEN_TEXT_MAX];
    size_t row_text_len;
    struct broken_lines broken;
    int failed;
    struct fault fault;
};

static void skip_byte_order_mark(const char **line, size_t *len)
{
    if (*len < 3 || memcmp(*line, "\xef\xbb\xbf", 3) != 0) return;
    *line += 3;
    *len -= 3;
}

/* Reads the header and finds the column in it. */
static int read_header(struct value_reader *reader, const struct value_options *options,
                       const char *path, struct fault *fault)
{
    const char *line;
    size_t len = 0;
    int found = line_next(reader->lines, &line, &len, fault);
    if (found < 0) return found;
    if (found == LINE_WHOLE) skip_byte_order_mark(&line, &len);
    long column =
        found == LINE_WHOLE ? csv_find(line, len, options->separator, options->column_name) : -1;
    if (column < 0)
        return fault_set(fault, ERR_INVALID, "%s: no column '%s' in the first line: %.*s", path,
                         options->column_name, (int)(len < 200 ? len : 200), len ? line : "");
    csv_init(&reader->csv, options->separator, (size_t)column);
    return OK;
}

int value_reader_open(const char *path, const struct value_options *options,
                      struct value_reader **out, struct fault *fault)
{
    struct value_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
    vector_init(&reader->values);
    reader->is_csv = options->csv;
    csv_init(&reader->csv, options->separator, options->column);
    reader->first = true;
    int code = line_reader_open(path, &reader->lines, fault);
    if (code == OK && options->csv && options->column_name) {
        reader->first = false;
        code = read_header(reader, options, path, fault);
    }
    if (code < 0) {
        value_reader_close(reader);
        return code;
    }
    *out = reader;
    return OK;
}

void value_reader_close(struct value_reader *reader)
{
    if (!reader) return;
    line_reader_close(reader->lines);
    vector_done(&reader->values);
    free(reader);
}

static const char *read_number(const char *text, size_t len, double *value)
{
    if (!number_parse(text, len, value)) return "not a number";
    return isnan(*value) ? "NaN is no value" : NULL;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* All numbers of a line, or why it is broken, and then none. */
static const char *take_numbers(struct value_reader *reader, const char *line, size_t len,
                                int *code)
{
    size_t before = reader->values.count;
    const char *at = line, *end = line + len, *why = NULL;
    while (!why) {
        while (at < end && is_space(*at))
            at++;
        if (at == end) return NULL;
        const char *from = at;
        while (at < end && !is_space(*at))
            at++;
        double value;
        why = read_number(from, (size_t)(at - from), &value);
        if (!why && (*code = vector_append(&reader->values, &value, 1)) < 0) return NULL;
    }
    reader->values.count = before;
    return why;
}

/* The same for a line of CSV. NULL also when the row goes on in the next line. */
static const char *take_row(struct value_reader *reader, const char *line, size_t len, int *code)
{
    struct csv *csv = &reader->csv;
    if (!csv->open) {
        reader->row_line = line_reader_number(reader->lines);
        reader->row_text_len = len < BROKEN_TEXT_MAX ? len : BROKEN_TEXT_MAX;
        memcpy(reader->row_text, line, reader->row_text_len);
    }
    enum csv_state state = csv_line(csv, line, len);
    if (state == CSV_MORE) return NULL;
    if (state == CSV_OPEN) return "a quote is not closed within 100 lines";
    bool first = reader->first;
    reader->first = false;
    if (!csv->found) return "too few columns";
    if (csv->len == 0) return "the field is empty";
    double value;
    const char *why = csv->len > CSV_FIELD_MAX ? "the field is too long"
                                               : read_number(csv->field, csv->len, &value);
    if (why) return first ? NULL : why; /* a header */
    *code = vector_append(&reader->values, &value, 1);
    return NULL;
}

static void note_broken(struct value_reader *reader, const char *line, size_t len, const char *why)
{
    if (reader->is_csv && reader->row_line)
        broken_lines_add(&reader->broken, 0, reader->row_line, reader->row_text,
                         reader->row_text_len, why);
    else
        broken_lines_add(&reader->broken, 0, line_reader_number(reader->lines), line, len, why);
}

/* 1: a line was taken; 0: the end; or an error. */
static int take_line(struct value_reader *reader, struct fault *fault)
{
    const char *line, *why = NULL;
    size_t len;
    int code = OK;
    int found = line_next(reader->lines, &line, &len, fault);
    if (found < 0) return found;
    if (found == LINE_END) {
        if (!reader->csv.open) return 0;
        reader->csv.open = false;
        note_broken(reader, line, 0, "the file ends within a quote");
        return 0;
    }
    if (line_reader_number(reader->lines) == 1) skip_byte_order_mark(&line, &len);
    if (found == LINE_TOO_LONG) {
        reader->csv.open = false;
        reader->row_line = 0;
        why = "longer than 1 MiB";
    } else if (len > 0 || reader->csv.open) {
        why = (reader->is_csv ? take_row : take_numbers)(reader, line, len, &code);
    }
    if (why) note_broken(reader, line, len, why);
    return code < 0 ? fault_set(fault, code, "%s", err_text(code)) : 1;
}

int value_reader_next(struct value_reader *reader, const double **values, size_t *count,
                      struct fault *fault)
{
    reader->values.count = 0;
    int code = reader->failed;
    while (code >= 0 && reader->values.count < BATCH &&
           (code = take_line(reader, &reader->fault)) > 0)
        ;
    reader->failed = code < 0 ? code : 0;
    *values = reader->values.at;
    *count = reader->values.count;
    if (*count > 0) return 1;
    if (code < 0 && fault) *fault = reader->fault;
    return code < 0 ? code : 0;
}

uint64_t value_reader_lines(const struct value_reader *reader)
{
    return line_reader_number(reader->lines);
}

const struct broken_lines *value_reader_broken(const struct value_reader *reader)
{
    return &reader->broken;
}
