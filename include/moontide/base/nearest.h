/* base/nearest.h - the nearest known name to a mistyped one, for "did you mean". */
#ifndef MOONTIDE_BASE_NEAREST_H
#define MOONTIDE_BASE_NEAREST_H

#include <stddef.h>

/* The candidate with the smallest Damerau-Levenshtein distance (optimal string alignment, case
 * ignored), or NULL when none is within max(1, length/3) edits. candidates ends with NULL. */
const char *nearest_name(const char *name, const char *const *candidates);

#endif
