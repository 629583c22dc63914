/* stats/value_reader.h - the numbers in a file: separated by white space, or a column of CSV.
 *
 * Plain or gzip; see base/gz_reader.h. An empty line is passed over. A line that has anything else
 * than numbers is broken: none of its values is given, it is counted, and the next one is read.
 * NaN is no number here; infinities are. */
#ifndef MOONTIDE_STATS_VALUE_READER_H
#define MOONTIDE_STATS_VALUE_READER_H

#include "moontide/base/err.h"
#include "moontide/stats/broken_lines.h"

#include <stdbool.h>

struct value_options {
    bool csv;
    char separator;
    const char *column_name; /* of the header, which is the first line; NULL: by number */
    size_t column;           /* from 0; a first line without a number there is a header */
};

struct value_reader;

/* ERR_INVALID: no column has that name; else errors of gz_open(). On success the caller owns *out;
 * release with value_reader_close(). */
MUST_CHECK int value_reader_open(const char *path, const struct value_options *options,
                                 struct value_reader **out, struct fault *fault);
void value_reader_close(struct value_reader *reader); /* NULL is allowed */

/* 1: the next *count values at *values, until the next call; 0: the end. Errors of gz_next() come
 * after all values before them; ERR_NOMEM. */
MUST_CHECK int value_reader_next(struct value_reader *reader, const double **values, size_t *count,
                                 struct fault *fault);

uint64_t value_reader_lines(const struct value_reader *reader);
const struct broken_lines *value_reader_broken(const struct value_reader *reader);

#endif
