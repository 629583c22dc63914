/* base/number.h - decimal text as the nearest double, quickly.
 *
 * The result is always the double nearest to the text, ties to even (IEEE 754), as strtod's and
 * Python's float(). Up to 19 significant digits with an exponent of ten within +-19 are converted
 * by exact integers; the rest is left to strtod. */
#ifndef MOONTIDE_BASE_NUMBER_H
#define MOONTIDE_BASE_NUMBER_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

enum { NUMBER_TEXT_MAX = 1100 /* longer than the longest exact double: 767 digits */ };

/* Whether all of text[len] is one number: [+-] digits [. digits] [e [+-] digits], or inf, infinity,
 * nan in any case. Neither spaces nor hexadecimal nor a text beyond NUMBER_TEXT_MAX. */
MUST_CHECK bool number_parse(const char *text, size_t len, double *out);

#endif
